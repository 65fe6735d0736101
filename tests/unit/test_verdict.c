// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/verdict.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/build_event.h"

#define APP   CT_RESET_BY_APP
#define STACK CT_RESET_BY_STACK
#define PEER  CT_RESET_BY_PEER

#define CAUSE(x)  CT_RESET_CAUSE_##x
#define REASON(x) CT_RESET_REASON_##x

/// What a row changes in a reset that a socket has sent of its own accord: in ESTABLISHED, or, when
/// its process did it, behind its → CLOSE, as close() and disconnect do.
struct facts {
	bool no_socket, mini, answered;
	uint8_t state, packet, context, how, sock_flags, reason;
	uint16_t sk_err;
	uint32_t actor_pid; /// 0: the owner, if it is a process
	uint32_t unread;
};

struct row {
	const char *what;
	struct facts facts;
	enum ct_reset_by by;
	enum ct_reset_cause cause;
};

static struct ct_event event_of(const struct facts *facts)
{
	struct life life = a_client();
	struct ct_event event;

	life.core.state = facts->context == CT_CONTEXT_PROCESS ? CT_STATE_CLOSE
							       : CT_STATE_ESTABLISHED;
	if (facts->state)
		life.core.state = facts->state;
	event = reset(&life, CT_DIRECTION_SENT, facts->reason);
	if (facts->no_socket)
		event.cookie = 0;
	if (facts->no_socket && !facts->state)
		event.state = CT_STATE_NONE;
	event.context = facts->context;
	event.sock_flags |= facts->sock_flags;
	event.reset.mini = facts->mini;
	event.reset.answered = facts->answered;
	event.reset.packet = facts->packet;
	event.reset.how = facts->how;
	event.reset.sk_err = facts->sk_err;
	event.reset.unread = facts->unread;
	if (facts->context == CT_CONTEXT_PROCESS)
		event.reset.actor_pid = facts->actor_pid ?: event.pid;
	return event;
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ct_event event = event_of(&rows[i].facts);
		struct ct_reset judged;

		ct_verdict_reset(NULL, &event, &judged);
		if (judged.by != rows[i].by || judged.cause != rows[i].cause)
			fail_msg("%s: by %u, cause %u", rows[i].what, judged.by, judged.cause);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

#define BY_PROCESS .context = CT_CONTEXT_PROCESS

static void what_no_socket_answers_for(void **state)
{
	static const struct row rows[] = {
		{"SYN to a closed port",
		 {.no_socket = true,
		  .answered = true,
		  .packet = CT_PACKET_SYN,
		  .reason = REASON(NO_SOCKET)},
		 STACK,
		 CAUSE(REFUSED)},
		{"the same on a kernel without reasons",
		 {.no_socket = true, .answered = true, .packet = CT_PACKET_SYN},
		 STACK,
		 CAUSE(REFUSED)},
		{"SYN-ACK that nobody asked for",
		 {.no_socket = true, .answered = true, .packet = CT_PACKET_SYN | CT_PACKET_ACK},
		 STACK,
		 CAUSE(DATA_TO_CLOSED)},
		{"data to a connection that is gone",
		 {.no_socket = true,
		  .answered = true,
		  .packet = CT_PACKET_ACK | CT_PACKET_PSH,
		  .reason = REASON(NO_SOCKET)},
		 STACK,
		 CAUSE(DATA_TO_CLOSED)},
	};

	CHECK(rows);
}

static void what_listeners_and_minis_answer(void **state)
{
	static const struct row rows[] = {
		{"data to TIME_WAIT",
		 {.mini = true,
		  .answered = true,
		  .state = CT_STATE_TIME_WAIT,
		  .reason = REASON(TCP_TIMEWAIT_SOCKET)},
		 STACK,
		 CAUSE(DATA_TO_TIME_WAIT)},
		{"data to a FIN_WAIT2 mini-socket",
		 {.mini = true, .answered = true, .state = CT_STATE_FIN_WAIT2},
		 STACK,
		 CAUSE(DATA_TO_CLOSED)},
		{"last ACK of a handshake, accept queue full",
		 {.no_socket = true,
		  .answered = true,
		  .state = CT_STATE_LISTEN,
		  .packet = CT_PACKET_ACK,
		  .reason = REASON(INVALID_SYN)},
		 STACK,
		 CAUSE(BACKLOG_OVERFLOW)},
		{"data to a listener, of a connection that is gone",
		 {.no_socket = true,
		  .answered = true,
		  .state = CT_STATE_LISTEN,
		  .packet = CT_PACKET_ACK | CT_PACKET_PSH,
		  .reason = REASON(TCP_FLAGS)},
		 STACK,
		 CAUSE(DATA_TO_CLOSED)},
		{"stray ACK to a listener",
		 {.no_socket = true,
		  .answered = true,
		  .state = CT_STATE_LISTEN,
		  .packet = CT_PACKET_ACK,
		  .reason = REASON(TCP_FLAGS)},
		 STACK,
		 CAUSE(UNKNOWN)},
		{"SYN that a listener does not take",
		 {.no_socket = true,
		  .answered = true,
		  .state = CT_STATE_LISTEN,
		  .packet = CT_PACKET_SYN,
		  .reason = REASON(INVALID_SYN)},
		 STACK,
		 CAUSE(UNKNOWN)},
	};

	CHECK(rows);
}

static void what_the_stack_sends_by_itself(void **state)
{
	static const struct row rows[] = {
		{"keepalive given up",
		 {.context = CT_CONTEXT_KEEPALIVE, .reason = REASON(TCP_KEEPALIVE_TIMEOUT)},
		 STACK,
		 CAUSE(KEEPALIVE_TIMEOUT)},
		{"the same on a kernel without reasons",
		 {.context = CT_CONTEXT_KEEPALIVE},
		 STACK,
		 CAUSE(KEEPALIVE_TIMEOUT)},
		{"orphan whose FIN_WAIT2 is over: its timer is the keepalive's, too",
		 {.context = CT_CONTEXT_KEEPALIVE,
		  .state = CT_STATE_FIN_WAIT2,
		  .sock_flags = CT_SOCK_ORPHAN},
		 STACK,
		 CAUSE(UNKNOWN)},
		{"the same with its reason, and where the timer is not seen",
		 {.state = CT_STATE_FIN_WAIT2,
		  .sock_flags = CT_SOCK_ORPHAN,
		  .reason = REASON(TCP_STATE)},
		 STACK,
		 CAUSE(UNKNOWN)},
		{"data for an orphan",
		 {.answered = true,
		  .state = CT_STATE_FIN_WAIT1,
		  .sock_flags = CT_SOCK_ORPHAN,
		  .packet = CT_PACKET_ACK | CT_PACKET_PSH,
		  .reason = REASON(TCP_ABORT_ON_DATA)},
		 STACK,
		 CAUSE(DATA_TO_CLOSED)},
		{"the same on a kernel without reasons",
		 {.answered = true,
		  .state = CT_STATE_FIN_WAIT1,
		  .sock_flags = CT_SOCK_ORPHAN,
		  .packet = CT_PACKET_ACK},
		 STACK,
		 CAUSE(DATA_TO_CLOSED)},
		{"bad ACK in SYN_SENT, of a socket that is held",
		 {.answered = true,
		  .state = CT_STATE_SYN_SENT,
		  .packet = CT_PACKET_ACK,
		  .reason = REASON(TCP_INVALID_ACK_SEQUENCE)},
		 STACK,
		 CAUSE(UNKNOWN)},
		{"out of memory for orphans",
		 {.context = CT_CONTEXT_RETRANSMIT,
		  .sock_flags = CT_SOCK_ORPHAN,
		  .reason = REASON(TCP_ABORT_ON_MEMORY)},
		 STACK,
		 CAUSE(ABORT)},
		{"listener closed over a child that nobody accepted",
		 {.reason = REASON(TCP_STATE)},
		 APP,
		 CAUSE(ABORT)},
	};

	CHECK(rows);
}

static void what_a_process_does(void **state)
{
	static const struct row rows[] = {
		{"close() with unread data",
		 {BY_PROCESS, .how = CT_HOW_CLOSE, .reason = REASON(TCP_ABORT_ON_CLOSE)},
		 APP,
		 CAUSE(UNREAD_DATA)},
		{"the same on a kernel without reasons",
		 {BY_PROCESS, .how = CT_HOW_CLOSE, .unread = 3},
		 APP,
		 CAUSE(UNREAD_DATA)},
		{"unread data comes before linger 0",
		 {BY_PROCESS, .how = CT_HOW_CLOSE, .sock_flags = CT_SOCK_LINGER | CT_SOCK_LINGER0,
		  .reason = REASON(TCP_ABORT_ON_CLOSE)},
		 APP,
		 CAUSE(UNREAD_DATA)},
		{"close() with linger 0, which the kernel calls TCP_STATE",
		 {BY_PROCESS, .how = CT_HOW_CLOSE, .sock_flags = CT_SOCK_LINGER | CT_SOCK_LINGER0,
		  .reason = REASON(TCP_STATE)},
		 APP,
		 CAUSE(LINGER0)},
		{"exit with linger 0",
		 {BY_PROCESS, .how = CT_HOW_EXIT, .sock_flags = CT_SOCK_LINGER | CT_SOCK_LINGER0},
		 APP,
		 CAUSE(LINGER0)},
		{"close() with linger of some seconds",
		 {BY_PROCESS, .how = CT_HOW_CLOSE, .sock_flags = CT_SOCK_LINGER,
		  .reason = REASON(TCP_STATE)},
		 APP,
		 CAUSE(ABORT)},
		{"connect() to AF_UNSPEC, whatever linger and queue say",
		 {BY_PROCESS, .how = CT_HOW_CONNECT, .sock_flags = CT_SOCK_LINGER | CT_SOCK_LINGER0,
		  .unread = 3},
		 APP,
		 CAUSE(ABORT)},
		{"close() of a listener, with a child that nobody has accepted",
		 {.state = CT_STATE_CLOSE, .reason = REASON(TCP_STATE)},
		 APP,
		 CAUSE(ABORT)},
		{"the same on a kernel without reasons",
		 {.state = CT_STATE_CLOSE},
		 APP,
		 CAUSE(ABORT)},
		{"a reset that nobody holds and that is not closed is somebody else's",
		 {.state = CT_STATE_ESTABLISHED},
		 STACK,
		 CAUSE(UNKNOWN)},
		{"connect() to AF_UNSPEC with data unsent",
		 {BY_PROCESS, .how = CT_HOW_CONNECT, .reason = REASON(TCP_DISCONNECT_WITH_DATA)},
		 APP,
		 CAUSE(ABORT)},
	};

	CHECK(rows);
}

static void what_a_killer_does(void **state)
{
	static const struct row rows[] = {
		{"ss -K, sk_err set before the reset",
		 {BY_PROCESS, .how = CT_HOW_OTHER, .actor_pid = 999, .sk_err = ECONNABORTED},
		 STACK,
		 CAUSE(KILLED)},
		{"ss -K, sk_err set after it",
		 {BY_PROCESS, .state = CT_STATE_ESTABLISHED, .how = CT_HOW_OTHER, .actor_pid = 999,
		  .reason = REASON(TCP_STATE)},
		 STACK,
		 CAUSE(KILLED)},
		{"a child process that closes what it inherited is no killer",
		 {BY_PROCESS, .how = CT_HOW_CLOSE, .actor_pid = 999, .reason = REASON(TCP_STATE)},
		 APP,
		 CAUSE(ABORT)},
		{"the owner by another call is none either",
		 {BY_PROCESS, .how = CT_HOW_OTHER, .reason = REASON(TCP_STATE)},
		 APP,
		 CAUSE(ABORT)},
		{"an answer to a packet is never a kill",
		 {.answered = true, .packet = CT_PACKET_ACK, .sk_err = ECONNABORTED},
		 STACK,
		 CAUSE(UNKNOWN)},
	};

	CHECK(rows);
}

static void reset_of_the_peer_refuses_in_syn_sent_alone(void **state)
{
	for (unsigned int s = CT_STATE_ESTABLISHED; s < _CT_STATE_MAX; s++) {
		struct life life = a_client();
		struct ct_event event;
		struct ct_reset judged;

		life.core.state = (__u8)s;
		event = reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE);
		ct_verdict_reset(NULL, &event, &judged);
		assert_int_equal(judged.by, PEER);
		assert_int_equal(judged.cause,
				 s == CT_STATE_SYN_SENT ? CAUSE(REFUSED) : CAUSE(PEER));
	}
}

/// A connection with this one state behind it.
static struct ct_conn conn_in(struct ct_step *step, enum ct_state s, enum ct_phase phase)
{
	*step = (struct ct_step){.state = (uint8_t)s};
	return (struct ct_conn){.history = {.steps = step, .n_steps = 1}, .phase = (uint8_t)phase};
}

static void reset_of_a_closed_socket_is_told_in_the_state_before(void **state)
{
	struct ct_step step;
	struct ct_conn conn = conn_in(&step, CT_STATE_CLOSE_WAIT, CT_PHASE_CLOSED);
	struct life life = a_client();
	struct ct_event event = reset(&life, CT_DIRECTION_SENT, REASON(TCP_ABORT_ON_CLOSE));
	struct ct_reset judged;

	conn.unread = 3;
	conn.unacked = 5;
	ct_verdict_reset(&conn, &event, &judged);
	assert_int_equal(judged.state, CT_STATE_CLOSE_WAIT);
	assert_int_equal(judged.unread, 3);
	assert_int_equal(judged.unacked, 5);
}

static void reset_of_nobody_has_no_state(void **state)
{
	struct ct_event event = event_of(
		&(struct facts){.no_socket = true, .answered = true, .state = CT_STATE_LISTEN});
	struct ct_reset judged;

	ct_verdict_reset(NULL, &event, &judged);
	assert_int_equal(judged.state, CT_STATE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_socket_answers_for),
		cmocka_unit_test(what_listeners_and_minis_answer),
		cmocka_unit_test(what_the_stack_sends_by_itself),
		cmocka_unit_test(what_a_process_does),
		cmocka_unit_test(what_a_killer_does),
		cmocka_unit_test(reset_of_the_peer_refuses_in_syn_sent_alone),
		cmocka_unit_test(reset_of_a_closed_socket_is_told_in_the_state_before),
		cmocka_unit_test(reset_of_nobody_has_no_state),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
