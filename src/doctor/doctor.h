/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of the doctor: findings, and how they are written. */
#pragma once

#include "conntrace/session.h"
#include "conntrace/sink.h"
#include "finding.h"

/// What is said beside the findings.
struct ct_doctor_totals {
	uint64_t connections; /// judged
	uint64_t with_gaps;   /// not judged: events of them are missing
	uint64_t lost;	      /// events
	uint64_t left_out;    /// connections of cases that there was no room for
	uint64_t unshown;     /// findings, each of less than those that are shown
	uint64_t end_ns;      /// CLOCK_MONOTONIC of the last of what was seen
	uint64_t observed_ns;
};

/// One JSON object and a newline.
void ct_doctor_put_json(struct ct_buf *buf, const struct ct_session *session,
			const struct ct_doctor_totals *totals, const struct ct_finding *finding);

/// A paragraph: the sentence, its evidence, examples, how to confirm it and what to do.
void ct_doctor_put_text(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_finding *finding);

/// What was looked at, and what could not be.
void ct_doctor_put_totals(const struct ct_output_options *options, struct ct_buf *buf,
			  const struct ct_doctor_totals *totals, size_t n_findings);
