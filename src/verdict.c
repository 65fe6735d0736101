// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/verdict.h"

#include <errno.h>

#include "conntrace/count.h"

/// What is told of one segment comes within this, also where the programs are translated first.
#define NEAR_NS 10000000

/* One rule: when it applies, who did it and why. The first that applies decides. */
struct reset_rule {
	bool (*applies)(const struct ct_event *event);
	enum ct_reset_by by;
	enum ct_reset_cause cause;
};

static bool has_reason(const struct ct_event *event, enum ct_reset_reason reason)
{
	return event->reset.reason == reason;
}

static bool is_process(const struct ct_event *event)
{
	return event->context == CT_CONTEXT_PROCESS;
}

/* No socket answers for it, the packet was a SYN: RFC 9293 3.10.7.1 */
static bool is_refusal(const struct ct_event *event)
{
	return !event->cookie && event->state != CT_STATE_LISTEN &&
	       (event->reset.packet & (CT_PACKET_SYN | CT_PACKET_ACK)) == CT_PACKET_SYN;
}

static bool is_for_nobody(const struct ct_event *event)
{
	return !event->cookie && event->state != CT_STATE_LISTEN && event->reset.answered;
}

static bool is_to_time_wait(const struct ct_event *event)
{
	return event->reset.mini && event->state == CT_STATE_TIME_WAIT;
}

static bool is_to_fin_wait2_mini(const struct ct_event *event)
{
	return event->reset.mini && event->state == CT_STATE_FIN_WAIT2;
}

/* Its process is gone and nobody will read what comes: RFC 1122 4.2.2.13, tcp_rcv_state_process().
 */
static bool is_data_to_orphan(const struct ct_event *event)
{
	if (has_reason(event, CT_RESET_REASON_TCP_ABORT_ON_DATA))
		return true;
	return event->reset.answered && event->sock_flags & CT_SOCK_ORPHAN &&
	       event->reset.reason == CT_RESET_REASON_NONE;
}

/* The final ACK found the accept queue full, and net.ipv4.tcp_abort_on_overflow is set. */
static bool is_overflow(const struct ct_event *event)
{
	return event->state == CT_STATE_LISTEN && event->reset.answered &&
	       (event->reset.packet & (CT_PACKET_SYN | CT_PACKET_ACK)) == CT_PACKET_ACK &&
	       has_reason(event, CT_RESET_REASON_INVALID_SYN);
}

/* Only a listener is left at that port: a bare ACK may be a handshake's, data and FINs are not. */
static bool is_for_former_child(const struct ct_event *event)
{
	return event->state == CT_STATE_LISTEN && event->reset.answered &&
	       !(event->reset.packet & CT_PACKET_SYN) &&
	       event->reset.packet & (CT_PACKET_PSH | CT_PACKET_FIN);
}

/*
 * tcp_abort(): `ss -K`, or a BPF program. It sends the reset before it closes the socket; a close()
 * or a disconnect does so behind it. MPTCP's own resets give their own reasons.
 */
static bool is_kill(const struct ct_event *event)
{
	if (event->reset.answered)
		return false;
	return event->reset.sk_err == ECONNABORTED ||
	       (is_process(event) && event->state != CT_STATE_CLOSE &&
		(has_reason(event, CT_RESET_REASON_NONE) ||
		 has_reason(event, CT_RESET_REASON_NOT_SPECIFIED) ||
		 has_reason(event, CT_RESET_REASON_TCP_STATE)));
}

static bool is_keepalive(const struct ct_event *event)
{
	if (has_reason(event, CT_RESET_REASON_TCP_KEEPALIVE_TIMEOUT))
		return true;
	return event->context == CT_CONTEXT_KEEPALIVE &&
	       event->reset.reason == CT_RESET_REASON_NONE && !(event->sock_flags & CT_SOCK_ORPHAN);
}

/* tcp_close() looks for unread data before it looks at SO_LINGER: RFC 2525 2.17 */
static bool is_unread(const struct ct_event *event)
{
	if (has_reason(event, CT_RESET_REASON_TCP_ABORT_ON_CLOSE))
		return true;
	return event->reset.reason == CT_RESET_REASON_NONE && is_process(event) &&
	       !event->reset.answered && event->reset.unread && event->reset.how != CT_HOW_CONNECT;
}

static bool is_linger0(const struct ct_event *event)
{
	return is_process(event) && !event->reset.answered && event->sock_flags & CT_SOCK_LINGER0 &&
	       event->reset.how != CT_HOW_CONNECT;
}

/*
 * A child that was never accepted, and its listener was closed: inet_child_forget() is who
 * disconnects a socket that nobody holds. It is closed before it is reset; a timer, or tcp_abort(),
 * resets it first.
 */
static bool is_forgotten(const struct ct_event *event)
{
	return has_reason(event, CT_RESET_REASON_NONE) && event->context == CT_CONTEXT_NONE &&
	       event->state == CT_STATE_CLOSE && event->cookie;
}

/* tcp_keepalive_timer(): no process waits for the peer's FIN, and tcp_fin_timeout has passed. */
static bool is_end_of_fin_wait2(const struct ct_event *event)
{
	return !is_process(event) && event->state == CT_STATE_FIN_WAIT2 &&
	       event->sock_flags & CT_SOCK_ORPHAN;
}

/* connect(AF_UNSPEC); or a child that was never accepted */
static bool is_abort(const struct ct_event *event)
{
	if (event->reset.answered)
		return false;
	return is_process(event) || is_forgotten(event) ||
	       (has_reason(event, CT_RESET_REASON_TCP_STATE) && !is_end_of_fin_wait2(event)) ||
	       has_reason(event, CT_RESET_REASON_TCP_DISCONNECT_WITH_DATA);
}

static bool is_out_of_memory(const struct ct_event *event)
{
	return has_reason(event, CT_RESET_REASON_TCP_ABORT_ON_MEMORY);
}

static bool is_any(const struct ct_event *event)
{
	(void)event;
	return true;
}

static const struct reset_rule sent_rules[] = {
	{is_to_time_wait, CT_RESET_BY_STACK, CT_RESET_CAUSE_DATA_TO_TIME_WAIT},
	{is_to_fin_wait2_mini, CT_RESET_BY_STACK, CT_RESET_CAUSE_DATA_TO_CLOSED},
	{is_refusal, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED},
	{is_for_nobody, CT_RESET_BY_STACK, CT_RESET_CAUSE_DATA_TO_CLOSED},
	{is_overflow, CT_RESET_BY_STACK, CT_RESET_CAUSE_BACKLOG_OVERFLOW},
	{is_for_former_child, CT_RESET_BY_STACK, CT_RESET_CAUSE_DATA_TO_CLOSED},
	{is_kill, CT_RESET_BY_STACK, CT_RESET_CAUSE_KILLED},
	{is_keepalive, CT_RESET_BY_STACK, CT_RESET_CAUSE_KEEPALIVE_TIMEOUT},
	{is_data_to_orphan, CT_RESET_BY_STACK, CT_RESET_CAUSE_DATA_TO_CLOSED},
	{is_unread, CT_RESET_BY_APP, CT_RESET_CAUSE_UNREAD_DATA},
	{is_linger0, CT_RESET_BY_APP, CT_RESET_CAUSE_LINGER0},
	{is_out_of_memory, CT_RESET_BY_STACK, CT_RESET_CAUSE_ABORT},
	{is_abort, CT_RESET_BY_APP, CT_RESET_CAUSE_ABORT},
	{is_any, CT_RESET_BY_STACK, CT_RESET_CAUSE_UNKNOWN},
};

/* Where the kernel gives no reason, it is told just before that there was no room for the ACK. */
static bool is_told_overflow(const struct ct_conn *conn, const struct ct_event *event)
{
	return conn && conn->request.no_room_ns && event->reset.answered &&
	       has_reason(event, CT_RESET_REASON_NONE) && event->state == CT_STATE_LISTEN &&
	       event->ts_ns - conn->request.no_room_ns < NEAR_NS;
}

/* The state that it was in: its socket may be closed by the time the reset is traced. */
static uint8_t state_before(const struct ct_conn *conn, const struct ct_event *event)
{
	const struct ct_step *last = conn ? ct_history_last(&conn->history) : NULL;

	if (last && (conn->phase == CT_PHASE_CLOSED || event->state == CT_STATE_CLOSE))
		return last->state;
	if (last && !event->cookie) /* a listener took the packet for its request */
		return last->state;
	return event->state;
}

void ct_verdict_reset(const struct ct_conn *conn, const struct ct_event *event,
		      struct ct_reset *ret)
{
	*ret = (struct ct_reset){
		.direction = event->reset.direction,
		.reason = event->reset.reason,
		.state = conn || event->cookie ? state_before(conn, event) : CT_STATE_NONE,
		.unread = event->reset.unread,
		.unacked = event->reset.unacked,
	};
	if (conn && event->state == CT_STATE_CLOSE) {
		ret->unread = conn->unread;
		ret->unacked = conn->unacked;
	}
	if (event->reset.direction == CT_DIRECTION_RECEIVED) {
		ret->by = CT_RESET_BY_PEER;
		ret->cause = ret->state == CT_STATE_SYN_SENT ? CT_RESET_CAUSE_REFUSED
							     : CT_RESET_CAUSE_PEER;
		return;
	}
	if (is_told_overflow(conn, event)) {
		ret->by = CT_RESET_BY_STACK;
		ret->cause = CT_RESET_CAUSE_BACKLOG_OVERFLOW;
		return;
	}
	for (size_t i = 0; i < CT_COUNT(sent_rules); i++) {
		if (sent_rules[i].applies(event)) {
			ret->by = (uint8_t)sent_rules[i].by;
			ret->cause = (uint8_t)sent_rules[i].cause;
			return;
		}
	}
}

/* One rule of the end: LAST is the state that it was in last. The first that applies decides. */
struct end_rule {
	bool (*applies)(const struct ct_conn *conn, uint8_t last);
	enum ct_end end;
};

/* `ss -K`. Who stands in TIME_WAIT has had an end before. */
static bool was_killed(const struct ct_conn *conn, uint8_t last)
{
	return conn->killed || (conn->left_by == CT_LEFT_BY_KILLED && last != CT_STATE_TIME_WAIT);
}

/* A reset that it has survived is not its end. */
static bool is_half_open(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->phase == CT_PHASE_REQUEST;
}

static bool is_keepalive_dead(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->keepalive_dead || (conn->reset.direction == CT_DIRECTION_SENT &&
					conn->reset.cause == CT_RESET_CAUSE_KEEPALIVE_TIMEOUT);
}

/* Decided: what a segment that comes later is answered with changes nothing. */
static bool was_in_time_wait(const struct ct_conn *conn, uint8_t last)
{
	(void)conn;
	return last == CT_STATE_TIME_WAIT;
}

/*
 * Our FIN was acknowledged, theirs never came, and no process waits for it: tcp_fin_timeout has
 * passed. The mini-socket's time is over, or tcp_keepalive_timer() has reset the full socket.
 */
static bool has_waited_for_fin(const struct ct_conn *conn, uint8_t last)
{
	if (last != CT_STATE_FIN_WAIT2 || conn->phase != CT_PHASE_CLOSED)
		return false;
	if (conn->left_by == CT_LEFT_BY_EXPIRED)
		return conn->reset.direction == CT_DIRECTION_NONE;
	return conn->closed_context == CT_CONTEXT_KEEPALIVE && conn->sock_flags & CT_SOCK_ORPHAN &&
	       !conn->sk_err && conn->reset.direction == CT_DIRECTION_SENT;
}

static bool was_refused(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->reset.direction == CT_DIRECTION_RECEIVED &&
	       conn->reset.cause == CT_RESET_CAUSE_REFUSED;
}

static bool has_received_reset(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->reset.direction == CT_DIRECTION_RECEIVED;
}

static bool has_sent_reset(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->reset.direction == CT_DIRECTION_SENT;
}

static bool is_open(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->phase != CT_PHASE_CLOSED;
}

/* Retransmissions or window probes without an answer, TCP_USER_TIMEOUT: tcp_write_err(). */
static bool has_timed_out(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	return conn->sk_err == ETIMEDOUT;
}

/* Nobody has answered its SYN-ACK. */
static bool was_half_open(const struct ct_conn *conn, uint8_t last)
{
	return last == CT_STATE_SYN_RECV && conn->left_by == CT_LEFT_BY_EXPIRED;
}

/* What ICMP and ICMPv6 make of their codes: icmp_err_convert[], icmpv6_err_convert(). */
static bool is_unreachable(const struct ct_conn *conn, uint8_t last)
{
	(void)last;
	switch (conn->sk_err) {
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case EACCES:
		return true;
	case ECONNREFUSED: /* a port that ICMP calls so; unless it was a reset that is missing */
		return !conn->gaps && !(conn->blind & CT_BLIND_RESETS_RECEIVED);
	default:
		return false;
	}
}

/* A segment and a timer that is not seen as one look alike. */
static bool may_be_by_timer(const struct ct_conn *conn)
{
	switch (conn->closed_context) {
	case CT_CONTEXT_KEEPALIVE:
	case CT_CONTEXT_RETRANSMIT:
	case CT_CONTEXT_WINDOW:
	case CT_CONTEXT_TLP:
		return true;
	case CT_CONTEXT_NONE:
		return conn->blind & CT_BLIND_TIMERS;
	default:
		return false;
	}
}

/*
 * An orphan is given up without an error: tcp_out_of_resources(). Where the sequence numbers are
 * not told, it was a segment that acknowledged our FIN if it was no timer that closed it.
 */
static bool is_own_fin_acked(const struct ct_conn *conn, uint8_t last)
{
	if (conn->own_fin != CT_FIN_UNKNOWN)
		return conn->own_fin == CT_FIN_ACKED;
	return last == CT_STATE_FIN_WAIT2 || !may_be_by_timer(conn);
}

static bool has_exchanged_fins(const struct ct_conn *conn, uint8_t last)
{
	return conn->fin_sent && conn->fin_received && !conn->sk_err &&
	       is_own_fin_acked(conn, last);
}

static bool is_any_end(const struct ct_conn *conn, uint8_t last)
{
	(void)conn;
	(void)last;
	return true;
}

static const struct end_rule end_rules[] = {
	{is_half_open, CT_END_OPEN},
	{was_killed, CT_END_KILLED},
	{is_keepalive_dead, CT_END_KEEPALIVE_DEAD},
	{was_in_time_wait, CT_END_FIN},
	{has_waited_for_fin, CT_END_TIMEOUT},
	{was_refused, CT_END_REFUSED},
	{has_received_reset, CT_END_RST_RECEIVED},
	{has_sent_reset, CT_END_RST_SENT},
	{is_open, CT_END_OPEN},
	{has_timed_out, CT_END_TIMEOUT},
	{was_half_open, CT_END_TIMEOUT},
	{is_unreachable, CT_END_UNREACHABLE},
	{has_exchanged_fins, CT_END_FIN},
	{is_any_end, CT_END_UNKNOWN},
};

static enum ct_end end_of(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	size_t i = 0;

	while (!end_rules[i].applies(conn, last ? last->state : CT_STATE_NONE))
		i++;
	return end_rules[i].end;
}

/* Whoever sent the first FIN has closed it; without one, whoever reset it. */
static enum ct_closed_by closer_of(const struct ct_conn *conn)
{
	if (conn->closed_by != CT_CLOSED_BY_UNKNOWN)
		return conn->closed_by;
	switch (conn->end) {
	case CT_END_RST_RECEIVED:
	case CT_END_REFUSED:
		return CT_CLOSED_BY_REMOTE;
	case CT_END_RST_SENT:
	case CT_END_KILLED:
		return CT_CLOSED_BY_LOCAL;
	default:
		return CT_CLOSED_BY_UNKNOWN;
	}
}

void ct_verdict_end(struct ct_conn *conn)
{
	conn->end = (uint8_t)end_of(conn);
	conn->closed_by = (uint8_t)closer_of(conn);
}
