/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text reports printed into memory, and lives for them. */
#pragma once

#include "unit/sink_fixture.h"

#include "conntrace/cleanup.h"
#include "conntrace/report.h"

static const struct ct_output_options in_utf8 = {.utf8 = true, .utc = true};

#define HEAD_OF(from)                                            \
	"Recorded on web1, Linux 6.18.0 x86_64, from " from "\n" \
	"by: conntrace record -w x.ctr (conntrace 0.1.0)\n"
#define HEAD HEAD_OF("2023-11-14T22:13:20.000000000Z (times of day: UTC)")

static inline void print_report(struct printed *printed, const struct ct_output_options *options,
				const struct ct_update *updates, size_t n)
{
	struct ct_sink *sink = NULL;

	printed_init(printed);
	assert_int_equal(ct_sink_report_new(options, &printed->session, printed->file, &sink, NULL),
			 0);
	print_all(printed, sink, updates, n);
}

/// 51 ms after the session began.
static inline struct ct_mark a_mark(enum ct_flag flag, const struct ct_evidence *evidence,
				    uint8_t n)
{
	struct ct_mark mark = {.flag = flag, .at_ns = BEGAN + 51 * MS, .n_evidence = n};

	for (uint8_t i = 0; i < n; i++)
		mark.evidence[i] = evidence[i];
	return mark;
}

/// A plain life, one worth a look and one in trouble, in this order, and a loss.
struct three_lives {
	struct ct_mark noted;
	struct ct_mark bad;
	struct ct_conn plain;
	struct ct_conn retransmitted;
	struct ct_conn reset;
	struct ct_update updates[4];
};

static inline void three_lives_init(struct three_lives *lives)
{
	static const struct ct_evidence retransmit_evidence[] = {{.key = "count", .number = 2}};
	static const struct ct_evidence rst_evidence[] = {
		{.key = "cause", .text = "linger0"},
		{.key = "unread_bytes", .number = 1200},
		{.key = "idle_ns", .number = 15 * MS},
	};

	lives->noted = a_mark(CT_FLAG_RETRANSMIT, retransmit_evidence, 1);
	lives->bad = a_mark(CT_FLAG_RST_SENT, rst_evidence, 3);
	lives->plain = lives->retransmitted = lives->reset = a_conn();
	lives->retransmitted.marks = &lives->noted;
	lives->retransmitted.flags = 1U << lives->noted.flag;
	lives->retransmitted.id.role = CT_ROLE_PASSIVE;
	lives->retransmitted.id.owner = CT_OWNER_INHERITED;
	lives->reset.marks = &lives->bad;
	lives->reset.flags = 1U << lives->bad.flag;
	lives->reset.end = CT_END_RST_SENT;
	lives->updates[0] = a_close(&lives->plain);
	lives->updates[1] = a_close(&lives->retransmitted);
	lives->updates[2] = a_close(&lives->reset);
	lives->updates[3] = a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN);
}

/// A handshake of 63 s that was given up.
struct half_open {
	struct ct_mark mark;
	struct ct_step step;
	struct ct_conn conn;
	struct ct_update update;
};

static inline void half_open_init(struct half_open *life)
{
	static const struct ct_evidence evidence[] = {
		{.key = "for_ns", .number = 63 * S},
		{.key = "synack_timeouts", .number = 5},
		{.key = "final_ack", .text = "never came"},
	};
	struct ct_conn *conn = &life->conn;

	life->mark = a_mark(CT_FLAG_HALF_OPEN, evidence, 3);
	life->step = (struct ct_step){.at_ns = BEGAN, .for_ns = 63 * S, .state = CT_STATE_SYN_RECV};
	*conn = a_conn();
	conn->id.cookie = 0;
	conn->id.role = CT_ROLE_PASSIVE;
	conn->id.owner = CT_OWNER_INHERITED;
	conn->id.uid_known = false;
	conn->history = (struct ct_history){.steps = &life->step, .n_steps = 1, .capacity = 1};
	conn->closed_ns = BEGAN + 63 * S;
	conn->established_ns = CT_NS_UNKNOWN;
	conn->end = CT_END_TIMEOUT;
	conn->closed_by = CT_CLOSED_BY_UNKNOWN;
	conn->counted = conn->options_known = false;
	conn->marks = &life->mark;
	conn->flags = 1U << CT_FLAG_HALF_OPEN;
	life->update = a_close(conn);
}
