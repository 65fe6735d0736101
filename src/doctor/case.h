/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connections of one culprit that speak for the same finding, added up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/conn.h"
#include "conntrace/finding.h"
#include "conntrace/hash.h"

/// By what connections belong together, those of one network namespace: a command sees no more, and
/// an address of another one is somebody else's.
enum ct_case_by {
	CT_CASE_BY_OWNER = 0, /// their process; where that is not known, as BY_SERVICE
	CT_CASE_BY_SERVICE,   /// whom they asked, or the port at which they were asked
	CT_CASE_BY_ROUTE,     /// from this address to that service: they share its ports
	_CT_CASE_BY_MAX,
};

#define CT_SYMPTOM_VALUES 8

/// What one connection has to say, by its finder's own meaning.
struct ct_symptom {
	uint64_t weight; /// the heaviest become examples
	uint64_t values[CT_SYMPTOM_VALUES];
};

struct ct_sum {
	uint64_t sum;
	uint64_t min;
	uint64_t max;
};

/// Compared as bytes: no padding.
struct ct_case_key {
	uint8_t laddr[16];
	uint8_t raddr[16];
	uint32_t netns;
	uint32_t pid;
	uint16_t lport;
	uint16_t rport;
	uint32_t family;
	char comm[CT_COMM_LEN]; /// beside a pid that another process may have had before
};

struct ct_example {
	uint64_t weight;
	struct ct_conn_id id;
	bool is_let_go;	 /// ct_is_let_go()
	bool has_exited; /// its process let go of it by its end
};

struct ct_sample {
	uint64_t values[2];
};

struct ct_case {
	struct ct_case_key key;
	enum ct_case_by by; /// what the key is made of
	uint64_t count;
	struct ct_sum values[CT_SYMPTOM_VALUES];
	struct ct_example examples[CT_EXAMPLES_MAX]; /// the heaviest first
	size_t n_examples;
	struct ct_culprits culprits;
	struct ct_culprits readers; /// who has the other ends of n_readers of them: readers.h
	uint64_t n_readers;
	struct ct_sample *samples; /// owned; n of them are there, in the order in which they came
	size_t n_samples;
	size_t max_samples;
	UT_hash_handle hh;
};

/// No process has a descriptor of it any more: ss shows it without one.
static inline bool ct_is_let_go(const struct ct_conn *conn)
{
	return conn->sock_flags & CT_SOCK_ORPHAN || conn->closed_how == CT_HOW_CLOSE ||
	       conn->closed_how == CT_HOW_EXIT;
}

/**
 * Adds a symptom of CONN to the case that it belongs to.
 *
 * @cases uthash of them, each owned; freed by ct_cases_free().
 * @return 0; -ENOSPC: there are too many cases for another one; -ENOMEM. Nothing has changed then.
 */
int ct_cases_add(struct ct_case **cases, enum ct_case_by by, bool keeps_samples,
		 const struct ct_conn *conn, const struct ct_symptom *symptom);

/// The one that CONN belongs to; NULL: there is none.
struct ct_case *ct_cases_find(struct ct_case *cases, enum ct_case_by by,
			      const struct ct_conn *conn);

void ct_cases_free(struct ct_case **cases);
