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

/*
 * Our FIN went out, and the application may still read: sk_shutdown tells shutdown(SHUT_WR). Many
 * close() right behind it; then nothing was half closed. The flag waits for the end of FIN_WAIT1.
 * Where events are missing a close() may be among them: the table forgets the shutdown() then.
 */
int ct_detect_half_close_local(struct ct_conn *conn, const struct ct_update *update)
{
	static const struct ct_evidence call = {"call", "shutdown(SHUT_WR)", 0};
	const struct ct_event *event = update->event;

	if (update->kind == CT_UPDATE_FOUND && conn->half_closed &&
	    update->found.state == CT_STATE_FIN_WAIT2)
		return ct_conn_raise(conn, CT_FLAG_HALF_CLOSE_LOCAL, update->ts_ns, &call, 1);
	if (!event || event->kind != CT_EVENT_STATE)
		return 0;
	if (event->state == CT_STATE_FIN_WAIT1) {
		conn->half_closed = event->to.shutdown == CT_SHUTDOWN_SEND;
		return 0;
	}
	if (event->to.old_state != CT_STATE_FIN_WAIT1 || !conn->half_closed)
		return 0;
	/* a close() that resets does not pass through FIN_WAIT1 again */
	if (event->state == CT_STATE_CLOSE && event->context == CT_CONTEXT_PROCESS)
		return 0;

	const struct ct_evidence evidence[] = {
		call,
		{"fin_wait1_ns", NULL, update->state.in_state_ns},
	};

	return ct_conn_raise(conn, CT_FLAG_HALF_CLOSE_LOCAL, update->ts_ns, evidence,
			     update->state.in_state_ns == CT_NS_UNKNOWN ? 1 : 2);
}

/* Their FIN came; we queued data after it, or have left our direction open for long. */
int ct_detect_half_close_remote(struct ct_conn *conn, const struct ct_update *update)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	uint64_t since_ns;
	bool exact;

	if (is_transition(update) && update->state.from == CT_STATE_CLOSE_WAIT) {
		uint32_t bytes = update->event->to.write_seq - conn->write_seq_at_fin;

		/* not known when the FIN came: nor what was sent after it */
		if (!bytes || update->state.in_state_ns == CT_NS_UNKNOWN)
			return 0;

		const struct ct_evidence sent[] = {
			{"bytes_sent_after_fin", NULL, bytes},
			{"close_wait_ns", NULL, update->state.in_state_ns},
		};

		return ct_conn_raise(conn, CT_FLAG_HALF_CLOSE_REMOTE, update->ts_ns, sent,
				     CT_COUNT(sent));
	}
	since_ns = ct_detect_since(conn, &exact);
	if (since_ns == CT_NS_UNKNOWN || last->state != CT_STATE_CLOSE_WAIT ||
	    conn->phase != CT_PHASE_LIVE)
		return 0;
	if (update->ts_ns < since_ns + CLOSE_WAIT_THRESHOLD_NS) {
		ct_detect_at(conn, since_ns + CLOSE_WAIT_THRESHOLD_NS);
		return 0;
	}

	/* what has been sent by now, only the next transition will tell */
	const struct ct_evidence lasted = {exact ? "close_wait_ns" : "close_wait_at_least_ns", NULL,
					   update->ts_ns - since_ns};

	return ct_conn_raise(conn, CT_FLAG_HALF_CLOSE_REMOTE, update->ts_ns, &lasted, 1);
}
