// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A state that only somebody's negligence makes last: CLOSE_WAIT ends when our application closes,
 * FIN_WAIT2 when theirs does. RFC 9293 3.6 knows no time-out for either.
 */
#include "detect.h"

#define SECOND_NS 1000000000ULL

/* The kernel gives an orphan in FIN_WAIT2 a minute too, net.ipv4.tcp_fin_timeout. */
static const struct {
	uint8_t state; /* enum ct_state */
	uint8_t flag;  /* enum ct_flag */
	uint64_t threshold_ns;
	const char *waits_for;
} stuck[] = {
	{CT_STATE_CLOSE_WAIT, CT_FLAG_CLOSE_WAIT_STUCK, 60 * SECOND_NS, "our close()"},
	{CT_STATE_FIN_WAIT2, CT_FLAG_FIN_WAIT2_STUCK, 60 * SECOND_NS, "the peer's FIN"},
};

static int look(struct ct_conn *conn, size_t i, uint64_t since_ns, bool exact, uint64_t now_ns)
{
	const struct ct_evidence evidence[] = {
		{"waits_for", stuck[i].waits_for, 0},
		{exact ? "in_state_ns" : "in_state_at_least_ns", NULL, now_ns - since_ns},
		{exact ? "unread_bytes_at_entry" : "unread_bytes_when_found", NULL, conn->unread},
	};

	if (now_ns >= since_ns + stuck[i].threshold_ns)
		return ct_conn_raise(conn, (enum ct_flag)stuck[i].flag, now_ns, evidence,
				     CT_COUNT(evidence));
	ct_detect_at(conn, since_ns + stuck[i].threshold_ns);
	return 0;
}

int ct_detect_stuck(struct ct_conn *conn, const struct ct_update *update)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	bool exact;
	uint64_t since_ns = ct_detect_since(conn, &exact);

	if (since_ns == CT_NS_UNKNOWN || conn->phase != CT_PHASE_LIVE)
		return 0;
	for (size_t i = 0; i < CT_COUNT(stuck); i++)
		if (last->state == stuck[i].state && !(conn->flags & (1U << stuck[i].flag)))
			return look(conn, i, since_ns, exact, update->ts_ns);
	return 0;
}
