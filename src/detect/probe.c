// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keepalive, RFC 9293 3.8.4, and the zero window, RFC 9293 3.8.6.1. */
#include "detect.h"

static const char *direction_of(const struct ct_update *update)
{
	return update->probe.outcome == CT_PROBE_RECEIVED ? "received" : "sent";
}

int ct_detect_probe(struct ct_conn *conn, const struct ct_update *update)
{
	if (update->kind != CT_UPDATE_PROBE)
		return 0;

	const struct ct_evidence evidence[] = {
		{"direction", direction_of(update), 0},
		{"unanswered", NULL, update->probe.unanswered},
	};
	enum ct_flag flag = update->probe.type == CT_PROBE_KEEPALIVE ? CT_FLAG_KEEPALIVE_PROBE
								     : CT_FLAG_ZERO_WINDOW;
	int r = ct_conn_raise(conn, flag, update->ts_ns, evidence, CT_COUNT(evidence));

	if (r == 0 && update->probe.outcome == CT_PROBE_DEAD &&
	    update->probe.type == CT_PROBE_KEEPALIVE)
		r = ct_conn_raise(conn, CT_FLAG_KEEPALIVE_DEAD, update->ts_ns, evidence + 1, 1);
	return r;
}
