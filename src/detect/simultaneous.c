// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both ends did the same at the same time: RFC 9293 3.5 (open) and 3.6 (close, case 3). */
#include "detect.h"

int ct_detect_simultaneous(struct ct_conn *conn, const struct ct_update *update)
{
	if (update->kind != CT_UPDATE_STATE)
		return 0;

	const struct ct_evidence evidence[] = {
		{"in_state_before_ns", NULL, update->state.in_state_ns},
	};
	size_t n = update->state.in_state_ns == CT_NS_UNKNOWN ? 0 : 1;

	if (update->state.to == CT_STATE_CLOSING)
		return ct_conn_raise(conn, CT_FLAG_SIMULTANEOUS_CLOSE, update->ts_ns, evidence, n);
	if (update->state.from == CT_STATE_SYN_SENT && update->state.to == CT_STATE_SYN_RECV)
		return ct_conn_raise(conn, CT_FLAG_SIMULTANEOUS_OPEN, update->ts_ns, evidence, n);
	return 0;
}
