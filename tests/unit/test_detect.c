// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each flag on a life that earns it, and on the most similar one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "detect_fixture.h"

/// How long a CLOSE_WAIT may last before it counts as held open.
#define STUCK	  (60 * S)
#define THRESHOLD (3 * S)

static struct ct_event with_shutdown(struct ct_event event, uint8_t shutdown)
{
	event.to.shutdown = shutdown;
	return event;
}

static struct ct_event with_write_seq(struct ct_event event, uint32_t write_seq)
{
	event.to.write_seq = write_seq;
	return event;
}

static void shutdown_of_our_direction_is_half_close_local(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world,
	     with_shutdown(does(&life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1), CT_SHUTDOWN_SEND));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	assert_string_equal(evidence_of(world, CT_FLAG_HALF_CLOSE_LOCAL, "call")->text,
			    "shutdown(SHUT_WR)");
	assert_told(&world->told, "ESTABLISHED>FIN_WAIT1 1ms by shutdown()",
		    "FIN_WAIT1>FIN_WAIT2 1ms +half-close-local");
}

/// Many servers do it for each request: nothing is read in between.
static void close_right_behind_shutdown_is_not_half_close_local(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event again;

	establish(world, &life);
	take(world,
	     with_shutdown(does(&life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1), CT_SHUTDOWN_SEND));
	again = with_shutdown(does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1),
			      CT_SHUTDOWN_SEND | CT_SHUTDOWN_RCV);
	take(world, again);
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	assert_told(&world->told, "ESTABLISHED>FIN_WAIT1 1ms by shutdown()",
		    "FIN_WAIT1>FIN_WAIT2 2ms");
}

static void close_that_resets_behind_shutdown_is_not_half_close_local(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world,
	     with_shutdown(does(&life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1), CT_SHUTDOWN_SEND));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_CLOSE));
	assert_false(world->conn->flags & (1U << CT_FLAG_HALF_CLOSE_LOCAL));
}

static void close_and_shutdown_of_both_are_not_half_close_local(void **state)
{
	struct world *world = *state;
	struct life closed = a_client(), shut = a_server();

	establish(world, &closed);
	establish(world, &shut);
	take(world, with_shutdown(does(&closed, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1),
				  CT_SHUTDOWN_SEND | CT_SHUTDOWN_RCV));
	take(world, with_shutdown(does(&shut, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1),
				  CT_SHUTDOWN_SEND | CT_SHUTDOWN_RCV));
	assert_told(&world->told, "ESTABLISHED>FIN_WAIT1 1ms by close()",
		    "ESTABLISHED>FIN_WAIT1 1ms by shutdown()");
}

static void shutdown_in_answer_to_their_fin_is_not_half_close_local(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world,
	     with_shutdown(does(&life, CT_HOW_SHUTDOWN, CT_STATE_LAST_ACK), CT_SHUTDOWN_SEND));
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 1ms",
		    "CLOSE_WAIT>LAST_ACK 1ms by shutdown()");
}

static void data_sent_after_their_fin_is_half_close_remote(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, with_write_seq(to(&life, CT_STATE_CLOSE_WAIT), UINT32_MAX - 9));
	take(world, with_write_seq(does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK), 999990));
	assert_int_equal(
		evidence_of(world, CT_FLAG_HALF_CLOSE_REMOTE, "bytes_sent_after_fin")->number,
		1000000);
	assert_int_equal(evidence_of(world, CT_FLAG_HALF_CLOSE_REMOTE, "close_wait_ns")->number,
			 MS);
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 1ms",
		    "CLOSE_WAIT>LAST_ACK 1ms by close() +half-close-remote");
}

static void plain_passive_close_is_not_half_close_remote(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, with_write_seq(to(&life, CT_STATE_CLOSE_WAIT), 7000));
	life.core.ts_ns += THRESHOLD - 2 * MS;
	take(world, with_write_seq(does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK), 7000));
	take(world, tick(life.core.ts_ns + THRESHOLD));
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 1ms",
		    "CLOSE_WAIT>LAST_ACK 2999ms by close()");
}

static void close_wait_held_open_is_half_close_remote_at_the_threshold(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	uint64_t fin_ns;

	establish(world, &life);
	fin_ns = life.core.ts_ns;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_int_equal(ct_conn_table_deadline_ns(world->table), fin_ns + THRESHOLD);
	take(world, tick(fin_ns + THRESHOLD - 1));
	assert_int_equal(world->conn->flags, 0);
	take(world, tick(fin_ns + THRESHOLD));
	assert_int_equal(mark_of(world, CT_FLAG_HALF_CLOSE_REMOTE)->at_ns, fin_ns + THRESHOLD);
	/* the next thing to be noticed is that it is stuck */
	assert_int_equal(ct_conn_table_deadline_ns(world->table), fin_ns + STUCK);
}

static void what_time_alone_raises_has_a_line_of_its_own(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, tick(life.core.ts_ns + THRESHOLD));
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 1ms",
		    "in CLOSE_WAIT for 3000ms +half-close-remote");
	life.core.ts_ns += 2 * THRESHOLD;
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "CLOSE_WAIT>LAST_ACK 6001ms by close()", "LAST_ACK>CLOSE 1ms",
		    "fin by remote: SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK [half-close-remote]");
}

static void close_wait_of_a_minute_is_stuck_and_not_before(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	uint64_t fin_ns;

	establish(world, &life);
	fin_ns = life.core.ts_ns;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, tick(fin_ns + STUCK - 1));
	assert_false(world->conn->flags & (1U << CT_FLAG_CLOSE_WAIT_STUCK));
	told_forget(&world->told);
	take(world, tick(fin_ns + STUCK));
	assert_told(&world->told, "in CLOSE_WAIT for 60000ms +close-wait-stuck");
	assert_true(ct_conn_table_deadline_ns(world->table) == CT_NS_UNKNOWN);
}

static void close_wait_that_ends_within_the_minute_is_not_stuck(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	life.core.ts_ns += STUCK - 2 * MS;
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, tick(life.core.ts_ns + STUCK));
	assert_false(world->conn->flags & (1U << CT_FLAG_CLOSE_WAIT_STUCK));
}

static void fin_wait2_of_a_minute_is_stuck(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	uint64_t since_ns;

	establish(world, &life);
	take(world, does(&life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1));
	since_ns = life.core.ts_ns;
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, tick(since_ns + STUCK - 1));
	assert_false(world->conn->flags & (1U << CT_FLAG_FIN_WAIT2_STUCK));
	take(world, tick(since_ns + STUCK));
	assert_true(world->conn->flags & (1U << CT_FLAG_FIN_WAIT2_STUCK));
}

/// Nobody knows what had been sent when the FIN came.
static void close_wait_that_was_found_is_not_half_close_remote(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	life.core.state = CT_STATE_CLOSE_WAIT;
	take(world, with_write_seq(does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK), 123456));
	assert_told(&world->told, "CLOSE_WAIT>LAST_ACK ? by close()");
}

static void both_sides_at_once_are_simultaneous(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, to(&life, CT_STATE_SYN_SENT));
	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	take(world, to(&life, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_CLOSING));
	assert_told(&world->told, "CLOSE>SYN_SENT ?", "SYN_SENT>SYN_RECV 1ms +simultaneous-open",
		    "SYN_RECV>ESTABLISHED 1ms", "ESTABLISHED>FIN_WAIT1 1ms",
		    "FIN_WAIT1>CLOSING 1ms +simultaneous-close");
}

static void their_fin_with_the_ack_of_ours_is_not_simultaneous(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	take(world, to(&life, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	assert_int_equal(world->conn->flags, 0);
}

static void reset_raises_the_flag_of_its_direction_with_what_was_lost(void **state)
{
	struct world *world = *state;
	struct life sender = a_client(), receiver = a_server();
	struct ct_event event;

	establish(world, &sender);
	establish(world, &receiver);
	event = reset(&sender, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_ABORT_ON_CLOSE);
	event.reset.unread = 3;
	take(world, event);
	assert_string_equal(evidence_of(world, CT_FLAG_RST_SENT, "cause")->text, "unread-data");
	assert_string_equal(evidence_of(world, CT_FLAG_RST_SENT, "state")->text, "ESTABLISHED");
	assert_int_equal(evidence_of(world, CT_FLAG_RST_SENT, "unread_bytes")->number, 3);
	take(world, reset(&receiver, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	assert_told(&world->told, "rst sent app unread-data in ESTABLISHED +rst-sent",
		    "rst received peer peer in ESTABLISHED +rst-received");
}

static void flag_is_raised_once(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, retransmitted(&life, CT_RETRANSMIT_TLP, CT_SEGMENT_DATA, 1));
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 2));
	assert_string_equal(evidence_of(world, CT_FLAG_RETRANSMIT, "kind")->text, "tlp");
	assert_told(&world->told, "retransmit tlp data 1 +retransmit", "retransmit rto data 2");
}

static void keepalive_that_is_answered_is_a_probe_and_no_death(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1));
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_ANSWERED, 0));
	assert_told(&world->told, "probe keepalive sent 1 +keepalive-probe",
		    "probe keepalive answered 0");
}

static void last_keepalive_without_an_answer_is_a_death(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 3));
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_DEAD, 3));
	assert_int_equal(evidence_of(world, CT_FLAG_KEEPALIVE_DEAD, "unanswered")->number, 3);
	assert_told(&world->told, "probe keepalive sent 3 +keepalive-probe",
		    "probe keepalive dead 3 +keepalive-dead");
}

static void probe_of_the_peer_says_so(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_RECEIVED, 0));
	assert_string_equal(evidence_of(world, CT_FLAG_KEEPALIVE_PROBE, "direction")->text,
			    "received");
}

static void window_probe_is_no_keepalive_not_even_dead(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_WINDOW, CT_PROBE_SENT, 1));
	take(world, probe(&life, CT_PROBE_WINDOW, CT_PROBE_DEAD, 1));
	assert_told(&world->told, "probe window sent 1 +zero-window", "probe window dead 1");
}

static void plain_life_raises_nothing(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, owned(&life, 4242, "curl", CT_OWNER_CONNECT));
	establish(world, &life);
	take(world, with_shutdown(does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1), 3));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	take(world, counted(&life, 5, 7, 0));
	take(world, to(&life, CT_STATE_CLOSE));
	life.core.ts_ns += 60 * S;
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told,
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

#define test(name) cmocka_unit_test_setup_teardown(name, detect_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(shutdown_of_our_direction_is_half_close_local),
		test(close_right_behind_shutdown_is_not_half_close_local),
		test(close_that_resets_behind_shutdown_is_not_half_close_local),
		test(close_and_shutdown_of_both_are_not_half_close_local),
		test(shutdown_in_answer_to_their_fin_is_not_half_close_local),
		test(data_sent_after_their_fin_is_half_close_remote),
		test(plain_passive_close_is_not_half_close_remote),
		test(close_wait_held_open_is_half_close_remote_at_the_threshold),
		test(what_time_alone_raises_has_a_line_of_its_own),
		test(close_wait_that_was_found_is_not_half_close_remote),
		test(close_wait_of_a_minute_is_stuck_and_not_before),
		test(close_wait_that_ends_within_the_minute_is_not_stuck),
		test(fin_wait2_of_a_minute_is_stuck),
		test(both_sides_at_once_are_simultaneous),
		test(their_fin_with_the_ack_of_ours_is_not_simultaneous),
		test(reset_raises_the_flag_of_its_direction_with_what_was_lost),
		test(flag_is_raised_once),
		test(keepalive_that_is_answered_is_a_probe_and_no_death),
		test(last_keepalive_without_an_answer_is_a_death),
		test(probe_of_the_peer_says_so),
		test(window_probe_is_no_keepalive_not_even_dead),
		test(plain_life_raises_nothing),
	};

	return cmocka_run_group_tests_name("detect", tests, NULL, NULL);
}
