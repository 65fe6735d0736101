/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the doctor says of one case: for whom, how sure, on what grounds, what to do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/session.h"
#include "conntrace/sink.h"

enum ct_severity {
	CT_SEVERITY_NOTE = 0, /// it costs time, or may become worse
	CT_SEVERITY_WARN,     /// something goes wrong, or data is lost
	CT_SEVERITY_CRIT,     /// it fails now, or soon will
	_CT_SEVERITY_MAX,
};

const char *ct_severity_name(unsigned int value); /// "note" …; NULL out of range
/// 0; -EINVAL, *ret unchanged.
int ct_severity_from_name(const char *name, uint8_t *ret);

enum ct_confidence {
	CT_CONFIDENCE_LOW = 0,
	CT_CONFIDENCE_MEDIUM, /// something else would look the same, and is rarer
	CT_CONFIDENCE_HIGH,   /// nothing else is known that would look the same
	_CT_CONFIDENCE_MAX,
};

const char *ct_confidence_name(unsigned int value); /// "low" …; NULL out of range

#define CT_EXAMPLES_MAX		3
#define CT_FINDING_EVIDENCE_MAX 8
#define CT_CULPRITS_MAX		4

/// A process that has connections which speak for a finding.
struct ct_culprit {
	uint64_t count;	      /// of them
	uint64_t cgroup;      /// cgroup v2 id of their sockets; 0 unknown
	uint32_t pid;	      /// 0 unknown
	uint8_t owner;	      /// enum ct_owner, the least certain of theirs
	bool is_there;	      /// one of them was when it was judged
	bool has_other_names; /// execve(2), PR_SET_NAME; comm is what it was called first
	char comm[CT_COMM_LEN + 1];
};

/// All that have some. Each connection was compared with the first, so that nothing differs is true
/// of those as well that are no more than counted.
struct ct_culprits {
	struct ct_culprit first[CT_CULPRITS_MAX]; /// as they came
	uint32_t n;
	uint8_t owner; /// enum ct_owner, the least certain of all
	bool pids_differ;
	bool comms_differ;
	bool cgroups_differ;
	uint64_t others;    /// connections of further ones
	uint64_t inherited; /// connections that are known by their listener's process alone
};

struct ct_finding {
	const char *id;		   /// "close-wait-leak" …; static storage
	uint8_t severity;	   /// enum ct_severity
	uint8_t confidence;	   /// enum ct_confidence
	bool is_of_owner;	   /// culprit's process is whom it is about
	struct ct_conn_id culprit; /// the worst example: its service, and if it is of an owner its
				   /// process
	struct ct_culprits culprits;
	uint64_t count;				     /// of connections
	struct ct_conn_id examples[CT_EXAMPLES_MAX]; /// the worst first
	size_t n_examples;
	struct ct_evidence evidence[CT_FINDING_EVIDENCE_MAX];
	size_t n_evidence;
	struct ct_buf summary; /// owned, like the two behind it: one sentence each
	struct ct_buf confirm; /// a command
	bool confirms_next;    /// it shows what comes, and not what was: that is over
	struct ct_buf remedy;
};

void ct_finding_fini(struct ct_finding *finding);

/// One more number that it rests on; @key static storage, with its unit: "oldest_ns".
void ct_finding_number(struct ct_finding *finding, const char *key, uint64_t number);

/**
 * Whose connections they are, a line at a time: "nginx[12], cgroup 7: 3 connections"; how many only
 * where there is more than one line. Of processes that are only counted the last has what they have
 * in common with all.
 *
 * @return false: there is no line @at, nothing was put.
 */
bool ct_finding_put_process(const struct ct_output_options *options, struct ct_buf *buf,
			    const struct ct_finding *finding, size_t at);

/// A paragraph: the sentence, whose connections they are, its evidence, examples, how to confirm it
/// and what to do; an empty line before it.
void ct_finding_put_text(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_finding *finding);
