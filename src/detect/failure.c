// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* It ended because the other side said no, or said nothing: by the verdict at its end. */
#include <errno.h>

#include "conntrace/names.h"
#include "detect.h"

/* The last probe says so itself, just before. Where no probe is seen, the reset behind it does. */
static int raise_keepalive_dead(struct ct_conn *conn, const struct ct_update *update)
{
	const struct ct_evidence evidence = {"cause", ct_reset_cause_name(conn->reset.cause), 0};

	return ct_conn_raise(conn, CT_FLAG_KEEPALIVE_DEAD, update->ts_ns, &evidence, 1);
}

static int raise_flag(struct ct_conn *conn, const struct ct_update *update, enum ct_flag flag)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	if (!last)
		return 0;

	/* of a handshake that was there before its SYN-ACKs are counted since then */
	const char *again = ct_conn_was_met_late(conn) && !conn->counted ? "retransmits_at_least"
									 : "retransmits";
	const struct ct_evidence evidence[] = {
		{"state", ct_state_name(last->state) ?: "unknown", 0},
		{again, NULL, conn->counted ? conn->counters.retransmits : conn->retransmits},
	};

	return ct_conn_raise(conn, flag, update->ts_ns, evidence, CT_COUNT(evidence));
}

int ct_detect_failure(struct ct_conn *conn, const struct ct_update *update)
{
	/* the end is not decided before: a summary may come without a → CLOSE, which was lost */
	if (conn->phase != CT_PHASE_CLOSED && update->kind != CT_UPDATE_CLOSE)
		return 0;
	switch (conn->end) {
	case CT_END_KEEPALIVE_DEAD:
		return raise_keepalive_dead(conn, update);
	case CT_END_REFUSED:
		if (conn->gaps) /* between the SYN and the reset it may have been accepted */
			return 0;
		return raise_flag(conn, update, CT_FLAG_REFUSED);
	case CT_END_TIMEOUT:
		/* silence is a cause once nothing else has come: a reset is traced late, or lost */
		if (conn->sk_err != ETIMEDOUT &&
		    (update->kind != CT_UPDATE_CLOSE || conn->doubtful))
			return 0;
		return raise_flag(conn, update, CT_FLAG_TIMEOUT);
	default:
		return 0;
	}
}
