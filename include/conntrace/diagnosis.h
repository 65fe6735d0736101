/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is wrong with all connections together. The sink behind `conntrace doctor` prints nothing
 * else; a report has it beside the connections.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/finding.h"
#include "conntrace/session.h"
#include "conntrace/sink.h"
#include "conntrace/update.h"

/// What was looked at, and what could not be.
struct ct_diagnosis_totals {
	uint64_t connections; /// judged
	uint64_t with_gaps;   /// not judged: events of them are missing
	uint64_t lost;	      /// events
	uint64_t unreadable;  /// events that were recorded, and cannot be read or understood
	uint64_t left_out;    /// connections of cases that there was no room for
	uint64_t unshown;     /// findings, each of less than those that are shown
	uint64_t end_ns;      /// CLOCK_MONOTONIC of the last of what was seen
	uint64_t observed_ns; /// ct_session_span_ns(), known behind ct_diagnosis_conclude()
};

struct ct_diagnosis;

/// NULL: there is no memory. Freed by ct_diagnosis_free().
struct ct_diagnosis *ct_diagnosis_new(void);

/// Before the first update: how long a connection has to have been silent to be a symptom; two
/// minutes if nobody says.
void ct_diagnosis_set_idle(struct ct_diagnosis *diagnosis, uint64_t idle_ns);

/**
 * Looks at an update: judges the summary of a connection, and lets the other kinds pass. One of
 * which events are missing speaks for nothing; how many those were is said.
 *
 * @return 0; -ENOMEM.
 */
int ct_diagnosis_observe(struct ct_diagnosis *diagnosis, const struct ct_update *update);

/**
 * Concludes from all that was observed; once, behind the last of it.
 *
 * @options how durations are written in the sentences.
 * @return 0; -ENOMEM.
 */
int ct_diagnosis_conclude(struct ct_diagnosis *diagnosis, const struct ct_output_options *options,
			  const struct ct_session *session);

/// The findings, the worst first: *ret_n of them. They go with the diagnosis.
const struct ct_finding *ct_diagnosis_findings(const struct ct_diagnosis *diagnosis, size_t *ret_n);
const struct ct_diagnosis_totals *ct_diagnosis_totals(const struct ct_diagnosis *diagnosis);

/**
 * The next kind of finding that there is none of and that may take longer to show than what was
 * observed lasted: that is no all-clear. Behind ct_diagnosis_conclude().
 *
 * @at where to go on, 0 at first; moved behind it.
 * @ret_takes_ns how long at most, as far as that is bounded.
 * @return its id, static storage; NULL: there are no more, *ret_takes_ns is unchanged.
 */
const char *ct_diagnosis_next_slow(const struct ct_diagnosis *diagnosis, size_t *at,
				   uint64_t *ret_takes_ns);

/**
 * Calls VISIT with each connection that may become an example of a finding, by what was observed up
 * to now. Of that no other one will be.
 *
 * @return 0; what VISIT returned, if that was not 0: no other is visited then.
 */
int ct_diagnosis_each_example(const struct ct_diagnosis *diagnosis,
			      int (*visit)(void *context, const struct ct_conn_id *id),
			      void *context);

/// What was looked at and what could not be, in words, a line each.
void ct_diagnosis_put_totals(const struct ct_output_options *options, struct ct_buf *buf,
			     const struct ct_diagnosis *diagnosis);

/// For what the time may have been too short, a line; nothing if for nothing.
void ct_diagnosis_put_slow(const struct ct_output_options *options, struct ct_buf *buf,
			   const struct ct_diagnosis *diagnosis);

/// A finding of it: one JSON object and a newline.
void ct_diagnosis_put_json(struct ct_buf *buf, const struct ct_session *session,
			   const struct ct_diagnosis *diagnosis, const struct ct_finding *finding);

/// Frees it and nulls the pointer; NULL is fine.
void ct_diagnosis_free(struct ct_diagnosis **diagnosis);
