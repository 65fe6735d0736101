// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who closed a connection, by which call, and what looks like it. */
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct ct_event with_error(struct ct_event event, uint16_t sk_err, enum ct_context context)
{
	event.to.sk_err = sk_err;
	event.context = (__u8)context;
	return event;
}

static void call_that_closed_it_is_kept(void **state)
{
	static const struct {
		enum ct_how how;
		enum ct_state from, to;
	} rows[] = {
		{CT_HOW_CLOSE, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1},
		{CT_HOW_SHUTDOWN, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1},
		{CT_HOW_EXIT, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1},
		{CT_HOW_EXIT, CT_STATE_CLOSE_WAIT, CT_STATE_LAST_ACK},
		{CT_HOW_CLOSE, CT_STATE_ESTABLISHED, CT_STATE_CLOSE},
		{CT_HOW_EXIT, CT_STATE_CLOSE_WAIT, CT_STATE_CLOSE},
		{CT_HOW_CONNECT, CT_STATE_ESTABLISHED, CT_STATE_CLOSE},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life life = a_client();

		life.core.cookie += i;
		life.core.state = (__u8)rows[i].from;
		take(world, does(&life, rows[i].how, rows[i].to));
		assert_int_equal(world->conn->closed_how, rows[i].how);
	}
}

/// The FIN went out by the first: the second only lets go.
static void close_behind_shutdown_is_not_what_closed_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, does(&life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	assert_int_equal(world->conn->closed_how, CT_HOW_SHUTDOWN);
}

/// A segment that is sent again and again was not acknowledged in between.
static void timeouts_of_one_segment_are_counted_in_a_row(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event first, last;

	establish(world, &life);
	take(world, timed_out(&life, 100));
	first = timed_out(&life, 200);
	take(world, first);
	take(world, retransmitted(&life, CT_RETRANSMIT_TLP, CT_SEGMENT_DATA, 0));
	take(world, timed_out(&life, 200));
	last = timed_out(&life, 200);
	take(world, last);
	assert_int_equal(world->conn->retransmits, 5);
	assert_int_equal(world->conn->rto_streak, 3);
	assert_int_equal(world->conn->rto_since_ns, first.ts_ns);
	assert_int_equal(world->conn->rto_last_ns, last.ts_ns);
}

/// What a packet does while the process is in some call is not done by the call.
static void packet_closes_by_no_call(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, does(&life, CT_HOW_OTHER, CT_STATE_CLOSE_WAIT));
	assert_int_equal(world->conn->closed_how, CT_HOW_UNKNOWN);
	take(world,
	     with_error(does(&life, CT_HOW_CLOSE, CT_STATE_CLOSE), ECONNRESET, CT_CONTEXT_PROCESS));
	assert_int_equal(world->conn->closed_how, CT_HOW_UNKNOWN);
}

static void call_that_opened_it_did_not_close_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	assert_int_equal(world->conn->closed_how, CT_HOW_UNKNOWN);
}

static void dying_process_closes_it_itself(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, does(&life, CT_HOW_EXIT, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "ESTABLISHED>FIN_WAIT1 1ms by exit", "FIN_WAIT1>FIN_WAIT2 1ms",
		    "open by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

static void connect_that_is_given_up_is_closed_by_the_application(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_CLOSE));
	assert_int_equal(world->conn->closed_how, CT_HOW_CLOSE);
	assert_true(ct_conn_was_given_up(world->conn));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "unknown by local: SYN_SENT");
}

/// Linger 0, shutdown(), connect(AF_UNSPEC): no reset goes out for a SYN that has had no answer.
static void connect_that_is_aborted_is_given_up_though_it_has_an_error(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_SYN, 1));
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_CLOSE));
	told_forget(&world->told);
	take(world, failed(&life, ECONNRESET));
	assert_true(ct_conn_was_given_up(world->conn));
	let_go(world, &life);
	assert_told(&world->told, "error ECONNRESET of own abort", "unknown by local: SYN_SENT");
}

/// EADDRNOTAVAIL: what ends it is the call that began it.
static void connect_that_finds_no_port_is_not_given_up(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_CLOSE));
	assert_int_equal(world->conn->end, CT_END_UNKNOWN);
	assert_int_equal(world->conn->closed_by, CT_CLOSED_BY_LOCAL);
	assert_false(ct_conn_was_given_up(world->conn));
}

/// Both have ECONNRESET in the end; who was reset by the other side had it when it went to CLOSE.
static void error_of_who_aborts_is_told_from_that_of_who_is_reset(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	told_forget(&world->told);
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_CLOSE));
	take(world, failed(&life, ECONNRESET));
	assert_told(&world->told, "ESTABLISHED>CLOSE 1ms by close()",
		    "error ECONNRESET of own abort");
	reborn(&life);
	establish(world, &life);
	take(world, with_error(to(&life, CT_STATE_CLOSE), ECONNRESET, CT_CONTEXT_NONE));
	told_forget(&world->told);
	take(world, failed(&life, ECONNRESET));
	assert_told(&world->told, "error ECONNRESET");
}

static void connect_that_times_out_is_closed_by_nobody(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, with_error(to(&life, CT_STATE_CLOSE), ETIMEDOUT, CT_CONTEXT_RETRANSMIT));
	assert_int_equal(world->conn->closed_how, CT_HOW_UNKNOWN);
	assert_false(ct_conn_was_given_up(world->conn));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "timeout by ?: SYN_SENT");
}

static void connect_that_ss_destroys_is_killed_without_a_reset(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, with_error(does(&life, CT_HOW_OTHER, CT_STATE_CLOSE), ECONNABORTED,
			       CT_CONTEXT_PROCESS));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "killed by local: SYN_SENT");
}

/// tcp_out_of_resources(): no error, and nobody has acknowledged our FIN.
static void last_fin_that_a_timer_gives_up_is_no_end_by_fin(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, with_error(to(&life, CT_STATE_CLOSE), 0, CT_CONTEXT_RETRANSMIT));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "unknown by remote: SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK");
}

static void orphan_that_waits_for_a_fin_too_long_is_a_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	life.core.sock_flags |= CT_SOCK_ORPHAN;
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	told_forget(&world->told);
	event = reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_STATE);
	event.context = CT_CONTEXT_KEEPALIVE;
	take(world, event);
	take(world, with_error(to(&life, CT_STATE_CLOSE), 0, CT_CONTEXT_KEEPALIVE));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "timeout by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(call_that_closed_it_is_kept),
		test(close_behind_shutdown_is_not_what_closed_it),
		test(timeouts_of_one_segment_are_counted_in_a_row),
		test(packet_closes_by_no_call),
		test(call_that_opened_it_did_not_close_it),
		test(dying_process_closes_it_itself),
		test(connect_that_is_given_up_is_closed_by_the_application),
		test(connect_that_is_aborted_is_given_up_though_it_has_an_error),
		test(connect_that_finds_no_port_is_not_given_up),
		test(error_of_who_aborts_is_told_from_that_of_who_is_reset),
		test(connect_that_times_out_is_closed_by_nobody),
		test(connect_that_ss_destroys_is_killed_without_a_reset),
		test(last_fin_that_a_timer_gives_up_is_no_end_by_fin),
		test(orphan_that_waits_for_a_fin_too_long_is_a_timeout),
	};

	return cmocka_run_group_tests_name("conn_table_cause", tests, NULL, NULL);
}
