// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No flag rests on what is missing: each beside the same life of which everything is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "detect_fixture.h"

#define HELD_OPEN (3 * S)
#define STUCK	  (60 * S)

static void lose(struct world *world, const struct life *life, uint8_t uncounted)
{
	take(world, lost(life->core.ts_ns, 1, CT_LOST_RING, uncounted));
}

static struct ct_event shut(struct life *life)
{
	struct ct_event event = does(life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1);

	event.to.shutdown = CT_SHUTDOWN_SEND;
	return event;
}

/// What was missed while our FIN was under way may be the close() right behind the shutdown().
static void shutdown_behind_which_a_close_may_be_missing_is_not_half_close_local(void **state)
{
	struct world *world = *state;

	for (uint8_t missed = 0; missed < 2; missed++) {
		struct life life = a_client();

		life.core.cookie += missed;
		establish(world, &life);
		take(world, shut(&life));
		life.core.missed = missed;
		take(world, to(&life, CT_STATE_FIN_WAIT2));
		assert_int_equal(is_raised(world, CT_FLAG_HALF_CLOSE_LOCAL), !missed);
		assert_int_equal(is_raised(world, CT_FLAG_GAP), missed);
	}
}

/// A loss before it is none of its own.
static void shutdown_behind_a_gap_is_half_close_local(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	life.core.missed = 1;
	take(world, shut(&life));
	life.core.missed = 0;
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	assert_true(is_raised(world, CT_FLAG_GAP));
	assert_true(is_raised(world, CT_FLAG_HALF_CLOSE_LOCAL));
}

/// Its end may be what was lost; an event of it, which tells that it missed none, takes the doubt
/// away.
static void close_wait_that_may_be_over_is_not_held_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	lose(world, &life, 0);
	take(world, tick(life.core.ts_ns + STUCK + S));
	assert_int_equal(world->conn->flags, 0);
	life.core.ts_ns += STUCK + 2 * S;
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1));
	assert_true(is_raised(world, CT_FLAG_HALF_CLOSE_REMOTE));
	assert_true(is_raised(world, CT_FLAG_CLOSE_WAIT_STUCK));
	assert_false(is_raised(world, CT_FLAG_GAP));
}

static void close_wait_in_which_events_are_missing_is_not_held_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	life.core.missed = 1;
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1));
	life.core.missed = 0;
	take(world, tick(life.core.ts_ns + HELD_OPEN));
	take(world, tick(life.core.ts_ns + STUCK));
	assert_int_equal(world->conn->flags, 1U << CT_FLAG_GAP | 1U << CT_FLAG_RETRANSMIT);
}

static void fin_wait2_that_may_be_over_is_not_stuck(void **state)
{
	struct world *world = *state;

	for (int loses = 0; loses < 2; loses++) {
		struct life life = a_client();

		life.core.cookie += (unsigned int)loses;
		life.core.ts_ns += (unsigned int)loses * 2 * STUCK;
		reach_fin_wait2(world, &life);
		if (loses)
			lose(world, &life, CT_UNCOUNTED_SOCKETS);
		take(world, tick(life.core.ts_ns + STUCK));
		assert_int_equal(is_raised(world, CT_FLAG_FIN_WAIT2_STUCK), !loses);
		take(world, to(&life, CT_STATE_CLOSE));
	}
}

/// It stands for three seconds; its child may be there by then.
static void request_whose_child_may_be_missing_is_not_half_open(void **state)
{
	struct world *world = *state;

	for (int loses = 0; loses < 2; loses++) {
		struct life life = a_server();
		struct ct_event event;

		life.core.ts_ns = BEGAN + (unsigned int)loses * STUCK;
		life.core.rport = (__u16)(life.core.rport + loses);
		take(world, request(&life, CT_TIMER_START));
		life.core.ts_ns += S;
		take(world, request(&life, CT_TIMER_EXPIRE));
		event = request(&life, CT_TIMER_START);
		event.request.timeout_ns = 3 * S;
		take(world, event);
		if (loses)
			lose(world, &life, CT_UNCOUNTED_SOCKETS);
		take(world, tick(life.core.ts_ns + 2 * S));
		assert_int_equal(is_raised(world, CT_FLAG_HALF_OPEN), !loses);
		take(world, request(&life, CT_TIMER_CANCEL));
		let_go(world, &life);
		let_go(world, &life);
	}
}

/// Behind a time-out its SYN-ACK is sent again, and that may be what was lost.
static void timed_out_request_that_may_go_on_is_no_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns += S;
	take(world, request(&life, CT_TIMER_EXPIRE));
	lose(world, &life, CT_UNCOUNTED_MINIS);
	take(world, tick(life.core.ts_ns + CT_TABLE_GRACE_NS));
	assert_told(&world->told, "lost 1 ring", "LISTEN>SYN_RECV ? +gap", "SYN_RECV>CLOSE 1001ms",
		    "unknown by ?: SYN_RECV [gap]");
}

static void fin_wait2_whose_reset_may_be_missing_is_no_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	lose(world, &life, CT_UNCOUNTED_MINIS);
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_FIN_WAIT2));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told,
		    "timeout by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 [gap]");
}

/// It may have been accepted in between.
static void reset_behind_a_gap_is_no_refusal(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, to(&life, CT_STATE_SYN_SENT));
	life.core.missed = 1;
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	life.core.missed = 0;
	take(world, to(&life, CT_STATE_CLOSE));
	assert_false(is_raised(world, CT_FLAG_REFUSED));
	assert_true(is_raised(world, CT_FLAG_RST_RECEIVED)); /* that one was seen */
}

/// Its timer may have been armed again before the reset came, which it has survived then.
static void time_wait_that_may_go_on_is_not_killed(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	reach_time_wait(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	lose(world, &life, CT_UNCOUNTED_MINIS);
	event = reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE);
	event.generation = CT_GENERATION_ANY;
	event.state = CT_STATE_TIME_WAIT;
	event.reset.mini = 1;
	take(world, event);
	assert_false(is_raised(world, CT_FLAG_TIME_WAIT_KILLED));
	assert_true(is_raised(world, CT_FLAG_GAP));
}

/// What an event tells by itself needs nothing that came before it.
static void what_was_seen_is_flagged_beside_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	life.core.missed = 1;
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_RECEIVED, 1));
	take(world, retransmitted(&life, CT_RETRANSMIT_FAST, CT_SEGMENT_DATA, 1));
	take(world, to(&life, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_CLOSING));
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	assert_true(is_raised(world, CT_FLAG_GAP));
	assert_true(is_raised(world, CT_FLAG_KEEPALIVE_PROBE));
	assert_true(is_raised(world, CT_FLAG_RETRANSMIT));
	assert_true(is_raised(world, CT_FLAG_SIMULTANEOUS_CLOSE));
	assert_true(is_raised(world, CT_FLAG_RST_RECEIVED));
}

#define test(name) cmocka_unit_test_setup_teardown(name, detect_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(shutdown_behind_which_a_close_may_be_missing_is_not_half_close_local),
		test(shutdown_behind_a_gap_is_half_close_local),
		test(close_wait_that_may_be_over_is_not_held_open),
		test(close_wait_in_which_events_are_missing_is_not_held_open),
		test(fin_wait2_that_may_be_over_is_not_stuck),
		test(request_whose_child_may_be_missing_is_not_half_open),
		test(timed_out_request_that_may_go_on_is_no_timeout),
		test(fin_wait2_whose_reset_may_be_missing_is_no_timeout),
		test(reset_behind_a_gap_is_no_refusal),
		test(time_wait_that_may_go_on_is_not_killed),
		test(what_was_seen_is_flagged_beside_a_gap),
	};

	return cmocka_run_group_tests_name("detect_gap", tests, NULL, NULL);
}
