// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A TIME_WAIT that was cut short from outside, by a reset (RFC 1337) or by `ss -K`. A new
 * connection that takes its place does what RFC 9293 3.6.1 allows: that is none.
 */
#include "conntrace/names.h"
#include "detect.h"

int ct_detect_time_wait_killed(struct ct_conn *conn, const struct ct_update *update)
{
	if (update->kind != CT_UPDATE_STATE || update->state.from != CT_STATE_TIME_WAIT ||
	    (update->state.left_by != CT_LEFT_BY_RST && update->state.left_by != CT_LEFT_BY_KILLED))
		return 0;
	/* its timer may have been armed again between its cancelling and the reset */
	if (update->state.left_by == CT_LEFT_BY_RST && conn->doubtful)
		return 0;

	struct ct_evidence evidence[3] = {
		{"by", ct_left_by_name(update->state.left_by), 0},
	};
	size_t n = 1;

	if (update->state.in_state_ns != CT_NS_UNKNOWN)
		evidence[n++] = (struct ct_evidence){"time_wait_ns", NULL,
						     update->state.in_state_ns};
	if (update->state.by_pid)
		evidence[n++] = (struct ct_evidence){"by_pid", NULL, update->state.by_pid};
	return ct_conn_raise(conn, CT_FLAG_TIME_WAIT_KILLED, update->ts_ns, evidence, n);
}
