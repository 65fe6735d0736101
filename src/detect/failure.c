// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* It ended because the other side said no, or said nothing: by the verdict at its end. */
#include <errno.h>

#include "conntrace/names.h"
#include "detect.h"

int ct_detect_failure(struct ct_conn *conn, const struct ct_update *update)
{
	static const uint8_t flags[_CT_END_MAX] = {
		[CT_END_REFUSED] = CT_FLAG_REFUSED,
		[CT_END_TIMEOUT] = CT_FLAG_TIMEOUT,
	};
	const struct ct_step *last = ct_history_last(&conn->history);
	uint8_t flag = flags[conn->end];

	if (!flag || conn->phase != CT_PHASE_CLOSED || !last)
		return 0;
	/* silence is a cause only once nothing else has turned up: a reset is traced late */
	if (conn->end == CT_END_TIMEOUT && conn->sk_err != ETIMEDOUT &&
	    update->kind != CT_UPDATE_CLOSE)
		return 0;

	const struct ct_evidence evidence[] = {
		{"state", ct_state_name(last->state) ?: "unknown", 0},
		{"retransmits", NULL,
		 conn->counted ? conn->counters.retransmits : conn->retransmits},
	};

	return ct_conn_raise(conn, (enum ct_flag)flag, update->ts_ns, evidence, CT_COUNT(evidence));
}
