// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an end was, by what is known of it; beside each the one that looks most like it. */
#include "conntrace/verdict.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define RECEIVED(cause_)                                                             \
	{                                                                            \
		.direction = CT_DIRECTION_RECEIVED, .cause = CT_RESET_CAUSE_##cause_ \
	}
#define SENT                                   \
	{                                      \
		.direction = CT_DIRECTION_SENT \
	}

/// What is known of a connection, which is closed if it does not say otherwise, and the end of it.
static const struct {
	const char *what;
	uint8_t last;
	struct ct_conn conn;
	enum ct_end end;
	enum ct_closed_by closed_by;
} ends[] = {
	{"live", CT_STATE_ESTABLISHED, {.phase = CT_PHASE_LIVE}, CT_END_OPEN, 0},
	{"both FINs, acknowledged",
	 CT_STATE_LAST_ACK,
	 {.fin_sent = true, .fin_received = true, .closed_by = CT_CLOSED_BY_REMOTE},
	 CT_END_FIN,
	 CT_CLOSED_BY_REMOTE},
	{"TIME_WAIT that stands",
	 CT_STATE_TIME_WAIT,
	 {.phase = CT_PHASE_MINI,
	  .fin_sent = true,
	  .fin_received = true,
	  .closed_by = CT_CLOSED_BY_LOCAL},
	 CT_END_FIN,
	 CT_CLOSED_BY_LOCAL},
	{"FIN_WAIT2 mini that stands",
	 CT_STATE_FIN_WAIT2,
	 {.phase = CT_PHASE_MINI, .fin_sent = true, .closed_by = CT_CLOSED_BY_LOCAL},
	 CT_END_OPEN,
	 CT_CLOSED_BY_LOCAL},
	{"reset received",
	 CT_STATE_ESTABLISHED,
	 {.reset = RECEIVED(PEER)},
	 CT_END_RST_RECEIVED,
	 CT_CLOSED_BY_REMOTE},
	{"refused",
	 CT_STATE_SYN_SENT,
	 {.reset = RECEIVED(REFUSED)},
	 CT_END_REFUSED,
	 CT_CLOSED_BY_REMOTE},
	{"reset sent", CT_STATE_ESTABLISHED, {.reset = SENT}, CT_END_RST_SENT, CT_CLOSED_BY_LOCAL},
	{"reset after our FIN",
	 CT_STATE_FIN_WAIT1,
	 {.reset = RECEIVED(PEER), .fin_sent = true, .closed_by = CT_CLOSED_BY_LOCAL},
	 CT_END_RST_RECEIVED,
	 CT_CLOSED_BY_LOCAL},
	{"killed, with the reset that this sends",
	 CT_STATE_ESTABLISHED,
	 {.killed = true, .reset = SENT},
	 CT_END_KILLED,
	 CT_CLOSED_BY_LOCAL},
	{"timed out", CT_STATE_SYN_SENT, {.sk_err = ETIMEDOUT}, CT_END_TIMEOUT, 0},
	{"unreachable", CT_STATE_SYN_SENT, {.sk_err = ENETUNREACH}, CT_END_UNREACHABLE, 0},
	{"unreachable before our FIN is acknowledged",
	 CT_STATE_LAST_ACK,
	 {.fin_sent = true, .fin_received = true, .sk_err = EHOSTUNREACH},
	 CT_END_UNREACHABLE,
	 0},
	{"another error", CT_STATE_ESTABLISHED, {.sk_err = EPIPE}, CT_END_UNKNOWN, 0},
	/* who gave up */
	{"TCP_USER_TIMEOUT, which sends no reset",
	 CT_STATE_ESTABLISHED,
	 {.sk_err = ETIMEDOUT, .closed_context = CT_CONTEXT_RETRANSMIT},
	 CT_END_TIMEOUT,
	 0},
	{"zero window for too long",
	 CT_STATE_ESTABLISHED,
	 {.sk_err = ETIMEDOUT, .closed_context = CT_CONTEXT_WINDOW},
	 CT_END_TIMEOUT,
	 0},
	{"out of memory for an orphan, with the reset that this sends",
	 CT_STATE_FIN_WAIT1,
	 {.reset = SENT,
	  .fin_sent = true,
	  .closed_by = CT_CLOSED_BY_LOCAL,
	  .closed_context = CT_CONTEXT_RETRANSMIT},
	 CT_END_RST_SENT,
	 CT_CLOSED_BY_LOCAL},
	{"our last FIN, given up by a timer without an error",
	 CT_STATE_LAST_ACK,
	 {.fin_sent = true,
	  .fin_received = true,
	  .closed_by = CT_CLOSED_BY_REMOTE,
	  .closed_context = CT_CONTEXT_RETRANSMIT},
	 CT_END_UNKNOWN,
	 CT_CLOSED_BY_REMOTE},
	{"our last FIN, never acknowledged",
	 CT_STATE_LAST_ACK,
	 {.fin_sent = true,
	  .fin_received = true,
	  .sk_err = ETIMEDOUT,
	  .closed_by = CT_CLOSED_BY_REMOTE,
	  .closed_context = CT_CONTEXT_RETRANSMIT},
	 CT_END_TIMEOUT,
	 CT_CLOSED_BY_REMOTE},
	{"our last FIN, acknowledged while the process still held the lock",
	 CT_STATE_LAST_ACK,
	 {.fin_sent = true,
	  .fin_received = true,
	  .closed_by = CT_CLOSED_BY_REMOTE,
	  .closed_context = CT_CONTEXT_PROCESS},
	 CT_END_FIN,
	 CT_CLOSED_BY_REMOTE},
	{"our last FIN, and a reset that is missing",
	 CT_STATE_LAST_ACK,
	 {.fin_sent = true,
	  .fin_received = true,
	  .sk_err = ECONNRESET,
	  .closed_by = CT_CLOSED_BY_REMOTE},
	 CT_END_UNKNOWN,
	 CT_CLOSED_BY_REMOTE},
	/* who said no */
	{"port unreachable", CT_STATE_SYN_SENT, {.sk_err = ECONNREFUSED}, CT_END_UNREACHABLE, 0},
	{"the same, or a reset that was lost",
	 CT_STATE_SYN_SENT,
	 {.sk_err = ECONNREFUSED, .gaps = 1},
	 CT_END_UNKNOWN,
	 0},
	{"administratively prohibited, ICMPv6",
	 CT_STATE_SYN_SENT,
	 {.sk_err = EACCES},
	 CT_END_UNREACHABLE,
	 0},
	{"retransmitted in vain after ICMP had said why",
	 CT_STATE_ESTABLISHED,
	 {.sk_err = EHOSTUNREACH, .closed_context = CT_CONTEXT_RETRANSMIT},
	 CT_END_UNREACHABLE,
	 0},
	{"connect() that the application gave up",
	 CT_STATE_SYN_SENT,
	 {.closed_by = CT_CLOSED_BY_LOCAL, .closed_how = CT_HOW_CLOSE},
	 CT_END_UNKNOWN,
	 CT_CLOSED_BY_LOCAL},
	/* FIN_WAIT2 without a process */
	{"mini-socket that waited for a FIN in vain",
	 CT_STATE_FIN_WAIT2,
	 {.fin_sent = true, .closed_by = CT_CLOSED_BY_LOCAL, .left_by = CT_LEFT_BY_EXPIRED},
	 CT_END_TIMEOUT,
	 CT_CLOSED_BY_LOCAL},
	{"orphan whose tcp_fin_timeout has passed, with the reset that this sends",
	 CT_STATE_FIN_WAIT2,
	 {.reset = SENT,
	  .fin_sent = true,
	  .closed_by = CT_CLOSED_BY_LOCAL,
	  .sock_flags = CT_SOCK_ORPHAN,
	  .closed_context = CT_CONTEXT_KEEPALIVE},
	 CT_END_TIMEOUT,
	 CT_CLOSED_BY_LOCAL},
	{"orphan for which there was no room for a mini-socket",
	 CT_STATE_FIN_WAIT2,
	 {.fin_sent = true,
	  .closed_by = CT_CLOSED_BY_LOCAL,
	  .sock_flags = CT_SOCK_ORPHAN,
	  .closed_context = CT_CONTEXT_KEEPALIVE},
	 CT_END_UNKNOWN,
	 CT_CLOSED_BY_LOCAL},
	{"orphan that data came for",
	 CT_STATE_FIN_WAIT2,
	 {.reset = SENT,
	  .fin_sent = true,
	  .closed_by = CT_CLOSED_BY_LOCAL,
	  .sock_flags = CT_SOCK_ORPHAN},
	 CT_END_RST_SENT,
	 CT_CLOSED_BY_LOCAL},
	{"half closed, and its keepalive got no answer",
	 CT_STATE_FIN_WAIT2,
	 {.reset = SENT,
	  .keepalive_dead = true,
	  .fin_sent = true,
	  .sk_err = ETIMEDOUT,
	  .closed_by = CT_CLOSED_BY_LOCAL,
	  .closed_context = CT_CONTEXT_KEEPALIVE},
	 CT_END_KEEPALIVE_DEAD,
	 CT_CLOSED_BY_LOCAL},
	/* killed */
	{"FIN_WAIT2 mini-socket that was killed",
	 CT_STATE_FIN_WAIT2,
	 {.fin_sent = true, .closed_by = CT_CLOSED_BY_LOCAL, .left_by = CT_LEFT_BY_KILLED},
	 CT_END_KILLED,
	 CT_CLOSED_BY_LOCAL},
	{"TIME_WAIT that was killed had ended before",
	 CT_STATE_TIME_WAIT,
	 {.fin_sent = true,
	  .fin_received = true,
	  .closed_by = CT_CLOSED_BY_LOCAL,
	  .left_by = CT_LEFT_BY_KILLED},
	 CT_END_FIN,
	 CT_CLOSED_BY_LOCAL},
	{"FIN_WAIT2 mini-socket whose namespace went",
	 CT_STATE_FIN_WAIT2,
	 {.fin_sent = true, .closed_by = CT_CLOSED_BY_LOCAL, .left_by = CT_LEFT_BY_NETNS},
	 CT_END_UNKNOWN,
	 CT_CLOSED_BY_LOCAL},
	/* handshakes */
	{"SYN-ACK that nobody answered",
	 CT_STATE_SYN_RECV,
	 {.left_by = CT_LEFT_BY_EXPIRED},
	 CT_END_TIMEOUT,
	 0},
	{"handshake that somebody killed",
	 CT_STATE_SYN_RECV,
	 {.killed = true, .left_by = CT_LEFT_BY_KILLED},
	 CT_END_KILLED,
	 CT_CLOSED_BY_LOCAL},
	{"handshake whose listener is gone",
	 CT_STATE_SYN_RECV,
	 {.closed_by = CT_CLOSED_BY_LOCAL},
	 CT_END_UNKNOWN,
	 CT_CLOSED_BY_LOCAL},
	{"handshake that stands, whatever was answered meanwhile",
	 CT_STATE_SYN_RECV,
	 {.phase = CT_PHASE_REQUEST, .reset = SENT},
	 CT_END_OPEN,
	 0},
	{"keepalive dead",
	 CT_STATE_ESTABLISHED,
	 {.keepalive_dead = true, .reset = SENT, .sk_err = ETIMEDOUT},
	 CT_END_KEEPALIVE_DEAD,
	 0},
};

static void end_follows_from_what_is_known(void **state)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct ct_step step = {.state = ends[i].last};
		struct ct_conn conn = ends[i].conn;

		conn.history = (struct ct_history){.steps = &step, .n_steps = 1};
		if (ends[i].end != CT_END_OPEN && conn.phase == CT_PHASE_LIVE)
			conn.phase = CT_PHASE_CLOSED;
		ct_verdict_end(&conn);
		if (conn.end != ends[i].end || conn.closed_by != ends[i].closed_by)
			fail_msg("%s: end %u, closed by %u", ends[i].what, conn.end,
				 conn.closed_by);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_follows_from_what_is_known),
	};

	return cmocka_run_group_tests_name("verdict_end", tests, NULL, NULL);
}
