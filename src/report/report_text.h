/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pieces of the text report. Each appends to the buffer; a failure stays there (buf->error). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/session.h"
#include "conntrace/sink.h"
#include "conntrace/update.h"

/// What a report has counted at its end.
struct ct_report_totals {
	uint64_t connections; /// listeners left out
	uint64_t listeners;
	uint64_t flagged;
	uint64_t uncounted; /// connections whose socket did not tell what it had counted
	uint64_t gaps;
	uint64_t strays; /// resets of no socket: ct_report_is_stray()
	uint64_t ends[_CT_END_MAX];
	uint64_t flags[_CT_FLAG_MAX]; /// connections that have the flag
	uint64_t lost[_CT_LOST_MAX];  /// events
};

/// What a piece of text needs beside its connection.
struct ct_report_context {
	const struct ct_output_options *options;
	const struct ct_session *session;
	uint64_t now_ns; /// when the summary was made, CLOCK_MONOTONIC
};

/// Where, when and by what was recorded; how many connections; what was lost.
void ct_report_head(const struct ct_output_options *options, const struct ct_session *session,
		    const struct ct_report_totals *totals, struct ct_buf *buf);

/// Whether it is a reset that the stack sent without a socket: no life has it.
bool ct_report_is_stray(const struct ct_update *update);

/// "12 resets were sent where there was no socket, …"; of none nothing. The connection that one of
/// them answered or ended may be there all the same.
void ct_report_strays(struct ct_buf *buf, uint64_t resets);

/// The heads of ct_report_row()'s columns.
void ct_report_row_head(const struct ct_output_options *options, struct ct_buf *buf);

/// A connection in two lines: who and how it ended, the states it lived in.
void ct_report_row(const struct ct_report_context *context, const struct ct_conn *conn,
		   struct ct_buf *buf);

/// A connection with all that is known of it, each flag beside its evidence; an empty line behind.
void ct_report_block(const struct ct_report_context *context, const struct ct_conn *conn,
		     struct ct_buf *buf);

/// "10.0.0.2:80", "[2001:db8::1]:80"; a port that is not known is `-`.
void ct_report_endpoint(struct ct_buf *buf, uint8_t family, const uint8_t addr[16], uint16_t port);

/// The first line of a block: whose connection, from where to where, since when.
void ct_report_title(const struct ct_report_context *context, const struct ct_conn *conn,
		     struct ct_buf *buf);

/// What there is to say of a step beside its time, " (inferred, expired)", or nothing; IS_LAST: how
/// the connection left it as well.
void ct_report_remarks(struct ct_buf *buf, const struct ct_conn *conn, const struct ct_step *step,
		       bool is_last);

/// What a flag rests on, two blanks before it; nothing if it rests on nothing.
void ct_report_evidence(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_mark *mark);

/// Blanks until what was appended since the buffer was START long is WIDTH wide.
void ct_report_pad(struct ct_buf *buf, size_t start, size_t width);

/// The same, but the blanks come before it.
void ct_report_align_right(struct ct_buf *buf, size_t start, size_t width);

/// Tables of ends and flags, and the last line. 0; -ENOMEM.
int ct_report_totals_put(const struct ct_report_totals *totals, struct ct_buf *buf);
