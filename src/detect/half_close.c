// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One direction is closed and the other is still used, RFC 9293 3.6. */
#include "detect.h"

/* A process that closes at once on reading the end of file needs no longer than this. */
#define CLOSE_WAIT_THRESHOLD_NS 3000000000ULL

static bool is_transition(const struct ct_update *update)
{
	return update->kind == CT_UPDATE_STATE && update->event &&
	       update->event->kind == CT_EVENT_STATE;
}

/* Our FIN went out, and the application may still read: sk_shutdown tells shutdown(SHUT_WR). */
int ct_detect_half_close_local(struct ct_conn *conn, const struct ct_update *update)
{
	if (!is_transition(update) || update->state.to != CT_STATE_FIN_WAIT1 ||
	    update->event->to.shutdown != CT_SHUTDOWN_SEND)
		return 0;

	const struct ct_evidence evidence[] = {
		{"call", "shutdown(SHUT_WR)", 0},
		{"unacked_bytes", NULL, update->event->to.unacked},
	};

	return ct_conn_raise(conn, CT_FLAG_HALF_CLOSE_LOCAL, update->ts_ns, evidence,
			     CT_COUNT(evidence));
}

static int raise_remote(struct ct_conn *conn, uint64_t at_ns, uint32_t bytes, uint64_t open_ns)
{
	const struct ct_evidence evidence[] = {
		{"bytes_sent_after_fin", NULL, bytes},
		{"close_wait_ns", NULL, open_ns},
	};

	return ct_conn_raise(conn, CT_FLAG_HALF_CLOSE_REMOTE, at_ns, evidence, CT_COUNT(evidence));
}

/* Their FIN came; we queued data after it, or have left our direction open for long. */
int ct_detect_half_close_remote(struct ct_conn *conn, const struct ct_update *update)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	uint64_t threshold;

	if (is_transition(update) && update->state.from == CT_STATE_CLOSE_WAIT) {
		uint32_t bytes = update->event->to.write_seq - conn->write_seq_at_fin;

		/* not known when the FIN came: nor what was sent after it */
		if (!bytes || update->state.in_state_ns == CT_NS_UNKNOWN)
			return 0;
		return raise_remote(conn, update->ts_ns, bytes, update->state.in_state_ns);
	}
	if (!last || last->state != CT_STATE_CLOSE_WAIT || last->at_ns == CT_NS_UNKNOWN ||
	    conn->phase != CT_PHASE_LIVE)
		return 0;
	threshold = last->at_ns + CLOSE_WAIT_THRESHOLD_NS;
	if (update->ts_ns >= threshold)
		return raise_remote(conn, update->ts_ns, conn->write_seq - conn->write_seq_at_fin,
				    update->ts_ns - last->at_ns);
	ct_detect_at(conn, threshold);
	return 0;
}
