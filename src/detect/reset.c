// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A reset was sent or received: by whom, why, and what was lost with it. */
#include "conntrace/names.h"
#include "detect.h"

int ct_detect_reset(struct ct_conn *conn, const struct ct_update *update)
{
	if (update->kind != CT_UPDATE_RESET)
		return 0;

	const struct ct_reset *reset = &update->reset;
	const struct ct_evidence evidence[] = {
		{"cause", ct_reset_cause_name(reset->cause), 0},
		{"by", ct_reset_by_name(reset->by) ?: "unknown", 0},
		{"state", ct_state_name(reset->state) ?: "unknown", 0},
		{"unread_bytes", NULL, reset->unread},
		{"unacked_bytes", NULL, reset->unacked},
	};
	enum ct_flag flag = reset->direction == CT_DIRECTION_SENT ? CT_FLAG_RST_SENT
								  : CT_FLAG_RST_RECEIVED;

	return ct_conn_raise(conn, flag, update->ts_ns, evidence, CT_COUNT(evidence));
}
