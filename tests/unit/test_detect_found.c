// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was found in a state, TIME_WAIT that is cut short, and the options in force at a flag. */
#include "detect_fixture.h"

#define STUCK	  (60 * S)
#define THRESHOLD (3 * S)

static void close_wait_that_was_found_is_stuck_a_minute_later(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event = found(&life, CT_STATE_CLOSE_WAIT);

	event.found.unread = 17;
	take(world, event);
	take(world, tick(BEGAN + THRESHOLD));
	assert_told(&world->told, "found CLOSE_WAIT", "in CLOSE_WAIT for ? +half-close-remote");
	assert_int_equal(
		evidence_of(world, CT_FLAG_HALF_CLOSE_REMOTE, "close_wait_at_least_ns")->number,
		THRESHOLD);
	take(world, tick(BEGAN + STUCK - 1));
	assert_false(is_raised(world, CT_FLAG_CLOSE_WAIT_STUCK));
	take(world, tick(BEGAN + STUCK));
	assert_told(&world->told, "in CLOSE_WAIT for ? +close-wait-stuck");
	assert_int_equal(
		evidence_of(world, CT_FLAG_CLOSE_WAIT_STUCK, "in_state_at_least_ns")->number,
		STUCK);
	assert_int_equal(
		evidence_of(world, CT_FLAG_CLOSE_WAIT_STUCK, "unread_bytes_when_found")->number,
		17);
	assert_replay_tells_the_same(world);
}

static void close_wait_that_was_found_and_ends_soon_is_not_stuck(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, tick(BEGAN + STUCK));
	assert_int_equal(world->conn->flags, 0);
}

static void fin_wait2_that_was_found_is_stuck_a_minute_later(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found(&life, CT_STATE_FIN_WAIT2));
	take(world, tick(BEGAN + STUCK));
	assert_told(&world->told, "found FIN_WAIT2", "in FIN_WAIT2 for ? +fin-wait2-stuck");
}

/// Its time is limited: nobody is negligent.
static void fin_wait2_mini_that_was_found_is_not_stuck(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found_mini(&life, CT_STATE_FIN_WAIT2, STUCK + S));
	take(world, tick(BEGAN + STUCK));
	assert_int_equal(world->conn->flags, 0);
}

/// What was found in one state says nothing of how long it is in the next.
static void state_that_is_entered_later_is_judged_by_itself(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found(&life, CT_STATE_ESTABLISHED));
	life.core.ts_ns = BEGAN + 50 * S;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, tick(BEGAN + STUCK));
	assert_false(is_raised(world, CT_FLAG_CLOSE_WAIT_STUCK));
	take(world, tick(BEGAN + 50 * S + STUCK));
	assert_int_equal(evidence_of(world, CT_FLAG_CLOSE_WAIT_STUCK, "in_state_ns")->number,
			 STUCK);
}

static void shutdown_that_was_found_is_half_close_local(void **state)
{
	struct world *world = *state;
	struct life shut = a_client(), closed = a_server();
	struct ct_event event = found(&shut, CT_STATE_FIN_WAIT2);

	event.found.shutdown = CT_SHUTDOWN_SEND;
	take(world, event);
	assert_told(&world->told, "found FIN_WAIT2 +half-close-local");
	event = found(&closed, CT_STATE_FIN_WAIT2);
	event.found.shutdown = CT_SHUTDOWN_SEND | CT_SHUTDOWN_RCV;
	take(world, event);
	assert_told(&world->told, "found FIN_WAIT2");
}

/// A close() may still come behind it, before the FIN is acknowledged.
static void shutdown_that_was_found_in_fin_wait1_waits_for_its_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event = found(&life, CT_STATE_FIN_WAIT1);

	event.found.shutdown = CT_SHUTDOWN_SEND;
	take(world, event);
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	assert_told(&world->told, "found FIN_WAIT1", "FIN_WAIT1>FIN_WAIT2 ? +half-close-local");
}

static void reset_that_cuts_a_time_wait_short_is_flagged(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	reach_time_wait(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	event = reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE);
	event.generation = CT_GENERATION_ANY;
	event.state = CT_STATE_TIME_WAIT;
	event.reset.mini = 1;
	take(world, event);
	assert_told(&world->told, "rst received peer peer in TIME_WAIT +rst-received",
		    "TIME_WAIT>CLOSE 2ms (rst) +time-wait-killed");
	assert_string_equal(evidence_of(world, CT_FLAG_TIME_WAIT_KILLED, "by")->text, "rst");
	assert_int_equal(evidence_of(world, CT_FLAG_TIME_WAIT_KILLED, "time_wait_ns")->number,
			 2 * MS);
}

static void ss_that_cuts_a_time_wait_short_is_flagged(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_time_wait(world, &life);
	take(world, cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_OTHER, 999, 0));
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms (killed by 999) +time-wait-killed");
	assert_int_equal(evidence_of(world, CT_FLAG_TIME_WAIT_KILLED, "by_pid")->number, 999);
}

static void time_wait_that_ends_otherwise_is_not_killed(void **state)
{
	struct life life = a_client(), rival;
	struct ct_event ends[] = {
		mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT),
		cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_CONNECT, 4711, 0x3c4d),
		cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_KERNEL, 0, 0),
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		life = a_client();
		ends[i].cookie = life.core.cookie += i;
		reach_time_wait(world, &life);
		ends[i].ts_ns = life.core.ts_ns;
		take(world, ends[i]);
		assert_int_equal(world->conn->phase, CT_PHASE_CLOSED);
		assert_false(is_raised(world, CT_FLAG_TIME_WAIT_KILLED));
	}
	life = a_client();
	life.core.cookie += 9;
	reach_time_wait(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	rival = life;
	take(world, request(&rival, CT_TIMER_START));
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms (recycled)");
}

static void fin_wait2_mini_that_is_killed_is_no_time_wait(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, to(&life, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_FIN_WAIT2));
	take(world, cancelled_by(&life, CT_STATE_FIN_WAIT2, CT_HOW_OTHER, 999, 0));
	assert_false(is_raised(world, CT_FLAG_TIME_WAIT_KILLED));
}

static void flag_keeps_the_options_that_were_in_force(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	const struct ct_mark *mark;

	establish(world, &life);
	take(world, set_options(&life, 7000));
	life.core.sock_flags |= CT_SOCK_KEEPALIVE;
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1));
	life.core.sock_flags = 0;
	take(world, set_options(&life, 9000));
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 2));
	mark = mark_of(world, CT_FLAG_RETRANSMIT);
	assert_true(mark->options_known);
	assert_int_equal(mark->options.user_timeout_ms, 7000);
	assert_true(mark->sock_flags & CT_SOCK_KEEPALIVE);
	assert_int_equal(world->conn->options.user_timeout_ms, 9000);
}

static void flag_without_options_says_that_they_are_not_known(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1));
	assert_false(mark_of(world, CT_FLAG_RETRANSMIT)->options_known);
}

#define test(name) cmocka_unit_test_setup_teardown(name, detect_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(close_wait_that_was_found_is_stuck_a_minute_later),
		test(close_wait_that_was_found_and_ends_soon_is_not_stuck),
		test(fin_wait2_that_was_found_is_stuck_a_minute_later),
		test(fin_wait2_mini_that_was_found_is_not_stuck),
		test(state_that_is_entered_later_is_judged_by_itself),
		test(shutdown_that_was_found_is_half_close_local),
		test(shutdown_that_was_found_in_fin_wait1_waits_for_its_end),
		test(reset_that_cuts_a_time_wait_short_is_flagged),
		test(ss_that_cuts_a_time_wait_short_is_flagged),
		test(time_wait_that_ends_otherwise_is_not_killed),
		test(fin_wait2_mini_that_is_killed_is_no_time_wait),
		test(flag_keeps_the_options_that_were_in_force),
		test(flag_without_options_says_that_they_are_not_known),
	};

	return cmocka_run_group_tests_name("detect_found", tests, NULL, NULL);
}
