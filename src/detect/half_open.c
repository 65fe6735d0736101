// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A handshake that is not completed: RFC 9293 3.10.7.4, SYN-RECEIVED without the final ACK. Either
 * nobody answers our SYN-ACK, or the answer finds the accept queue full, or the listener waits for
 * data.
 */
#include "detect.h"

/* The second, three seconds behind the SYN: a second's delay may still be the way's. */
#define TIMEOUTS 2

/* RFC 9293 3.10.7.4 knows one way for the final ACK; Linux has two more. */
static const char *const final_acks[_CT_ACKED_MAX] = {
	[CT_ACKED_NOT] = "never came",
	[CT_ACKED_DROPPED] = "came, not taken: TCP_DEFER_ACCEPT or accept queue full",
	[CT_ACKED_NO_ROOM] = "came, accept queue full",
};

static uint8_t acked(const struct ct_conn *conn)
{
	if (conn->reset.direction == CT_DIRECTION_SENT &&
	    conn->reset.cause == CT_RESET_CAUSE_BACKLOG_OVERFLOW)
		return CT_ACKED_NO_ROOM;
	return conn->request.acked;
}

static int raise_flag(struct ct_conn *conn, const struct ct_update *update, uint64_t for_ns,
		      bool exact)
{
	const struct ct_request *request = &conn->request;
	struct ct_evidence evidence[CT_EVIDENCE_MAX] = {
		{exact ? "for_ns" : "for_at_least_ns", NULL, for_ns},
	};
	size_t n = for_ns == CT_NS_UNKNOWN ? 0 : 1;

	/* while it waits for data its timer runs, and no SYN-ACK is sent: syn_ack_recalc() */
	if ((request->known || request->timeouts) && acked(conn) != CT_ACKED_DROPPED)
		evidence[n++] = (struct ct_evidence){"synack_timeouts", NULL, request->timeouts};
	if (request->backlog_max) {
		evidence[n++] = (struct ct_evidence){"backlog", NULL, request->backlog};
		evidence[n++] = (struct ct_evidence){"backlog_max", NULL, request->backlog_max};
	}
	if (request->known)
		evidence[n++] = (struct ct_evidence){"final_ack", final_acks[acked(conn)], 0};
	return ct_conn_raise(conn, CT_FLAG_HALF_OPEN, update->ts_ns, evidence, n);
}

/* It is gone, and never was ESTABLISHED. */
static bool is_over(const struct ct_conn *conn, const struct ct_update *update)
{
	return update->kind == CT_UPDATE_STATE && update->state.from == CT_STATE_SYN_RECV &&
	       update->state.to == CT_STATE_CLOSE && conn->id.role == CT_ROLE_PASSIVE;
}

/*
 * What is not printed leaves it to what is: a time-out is followed by the SYN-ACK that it causes.
 * The line of its beginning comes late, and is of the time of the SYN.
 */
static bool is_moment(const struct ct_update *update)
{
	if (update->kind == CT_UPDATE_STATE && update->state.to == CT_STATE_SYN_RECV)
		return false;
	return update->kind != CT_UPDATE_SILENT ||
	       (update->event && update->event->kind == CT_EVENT_TICK);
}

static int look_at_end(struct ct_conn *conn, const struct ct_update *update)
{
	uint64_t for_ns = update->state.in_state_ns;
	bool exact = for_ns != CT_NS_UNKNOWN;

	if (!exact && conn->found_ns != CT_NS_UNKNOWN && update->ts_ns > conn->found_ns)
		for_ns = update->ts_ns - conn->found_ns;
	return raise_flag(conn, update, for_ns, exact);
}

static int look_at_request(struct ct_conn *conn, const struct ct_update *update)
{
	bool exact, is_long = false;
	uint64_t since_ns = ct_detect_since(conn, &exact), for_ns = CT_NS_UNKNOWN;

	if (since_ns != CT_NS_UNKNOWN && update->ts_ns >= since_ns) {
		for_ns = update->ts_ns - since_ns;
		is_long = for_ns >= CT_HALF_OPEN_NS;
	}
	if (since_ns != CT_NS_UNKNOWN && !(is_moment(update) && is_long))
		ct_detect_at(conn, since_ns + CT_HALF_OPEN_NS);
	/* when its timer's time is over, whether it stands is about to be known */
	if (is_moment(update) &&
	    (conn->request.timeouts >= TIMEOUTS || (is_long && update->ts_ns <= conn->expires_ns)))
		return raise_flag(conn, update, for_ns, exact);
	return 0;
}

int ct_detect_half_open(struct ct_conn *conn, const struct ct_update *update)
{
	/* the child may be among what is missing */
	if (conn->flags & (1U << CT_FLAG_HALF_OPEN) || conn->doubtful)
		return 0;
	if (is_over(conn, update))
		return look_at_end(conn, update);
	return conn->phase == CT_PHASE_REQUEST ? look_at_request(conn, update) : 0;
}
