// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a later look at a socket tells of what its process has done. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conntrace/count.h"
#include "conntrace/runs.h"

/// The FIN of its peer has come; two looks at it, with so much to read, and so much more queued.
static void look_again_at_close_wait(struct world *world, struct life *life, uint32_t unread,
				     uint32_t queued)
{
	struct ct_event row;

	take(world, counted(life, 0, 700, 0));
	row = found(life, CT_STATE_CLOSE_WAIT);
	row.found.write_seq = 1000 + queued;
	row.found.unread = unread;
	row.found.idle_ns = 5 * MS;
	take(world, row);
	assert_int_equal(world->conn->looked_ns, row.ts_ns);
	assert_int_equal(world->conn->silent_ns, 5 * MS);
}

static void look_tells_whether_a_process_has_touched_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event left;

	establish(world, &life);
	assert_int_equal(world->conn->looked_ns, 0);
	left = to(&life, CT_STATE_CLOSE_WAIT);
	left.to.write_seq = 1000;
	take(world, left);
	look_again_at_close_wait(world, &life, 700, 0);
	assert_true(world->conn->untouched);
	assert_false(world->conn->sent_by_look);
	look_again_at_close_wait(world, &life, 300, 0); /* some of it was read */
	assert_false(world->conn->untouched);
	look_again_at_close_wait(world, &life, 0, 9);
	assert_false(world->conn->untouched);
	assert_true(world->conn->sent_by_look);
}

/// A look at one that has 100 bytes queued behind its first 1000.
static struct ct_event row_of(struct life *life, uint8_t runs, uint8_t timeouts)
{
	struct ct_event row = found(life, CT_STATE_ESTABLISHED);

	row.found.runs = runs;
	row.found.timeouts = timeouts;
	row.found.write_seq = 1100;
	row.found.unacked = 100;
	row.found.unanswered_ms = 700;
	row.found.timeout_ns = 2 * S;
	return row;
}

static void look_tells_how_often_nobody_has_answered(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event row = row_of(&life, CT_RUNS_RTO, 4);

	take(world, row);
	assert_int_equal(world->conn->rto_streak, 4);
	assert_int_equal(world->conn->rto_since_ns, row.ts_ns - 700 * MS);
	assert_true(world->conn->tried_by_look);
	assert_int_equal(world->conn->rto_last_ns, row.ts_ns + 2 * S); /* the next one */
	assert_int_equal(world->conn->unsent, 0); /* it may have been sent before the trace */
	take(world, timed_out(&life, 1000));	  /* the same segment */
	assert_int_equal(world->conn->rto_streak, 5);
	assert_false(world->conn->tried_by_look);
	assert_int_equal(world->conn->rto_since_ns, row.ts_ns - 700 * MS);
	take(world, timed_out(&life, 1050));
	assert_int_equal(world->conn->rto_streak, 1);
}

/// The second of two looks counts one more, and no event has told that it was sent.
static void two_looks_tell_what_was_not_sent_between(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, row_of(&life, CT_RUNS_RTO, 4));
	take(world, row_of(&life, CT_RUNS_RTO, 4));
	assert_int_equal(world->conn->unsent, 0);
	take(world, row_of(&life, CT_RUNS_RTO, 5));
	take(world, row_of(&life, CT_RUNS_RTO, 5));
	assert_int_equal(world->conn->unsent, 1);
	take(world, timed_out(&life, 1000));
	assert_int_equal(world->conn->unsent, 0);
	take(world, row_of(&life, CT_RUNS_RTO, 7)); /* one of those was sent */
	assert_int_equal(world->conn->unsent, 0);
}

/// It was watched, from its beginning or since a look at which nothing waited, and no event told
/// that anything was sent again.
static void look_tells_that_no_time_out_sent_anything(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), found_before = a_server();

	establish(world, &life);
	take(world, row_of(&life, CT_RUNS_RTO, 4));
	take(world, row_of(&life, CT_RUNS_RTO, 4));
	assert_int_equal(world->conn->unsent, 4);
	take(world, row_of(&found_before, CT_RUNS_NONE, 0));
	take(world, row_of(&found_before, CT_RUNS_RTO, 6));
	assert_int_equal(world->conn->unsent, 6);
	assert_false(world->conn->streak_sent);
}

/// Whichever segment it was, and by whatever it was sent again: a timer may run late, in somebody
/// else's context.
static void what_was_sent_again_since_the_last_look_may_be_this(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, retransmitted(&life, CT_RETRANSMIT_FAST, CT_SEGMENT_DATA, 1));
	take(world, row_of(&life, CT_RUNS_RTO, 4));
	assert_int_equal(world->conn->unsent, 0);
	assert_false(world->conn->streak_sent);
	take(world, timed_out(&life, 1000));
	take(world, row_of(&life, CT_RUNS_RTO, 5));
	assert_int_equal(world->conn->unsent, 0);
	assert_true(world->conn->streak_sent);
	take(world, row_of(&life, CT_RUNS_RTO, 7));
	assert_int_equal(world->conn->unsent, 2);
	assert_true(world->conn->streak_sent);
}

static void assert_nothing_waits(const struct ct_conn *conn)
{
	assert_int_equal(conn->rto_streak, 0);
	assert_int_equal(conn->unsent, 0);
	assert_int_equal(conn->unheard, 0);
	assert_false(conn->tried_by_look);
}

/// What a look of long ago said is not so any more.
static void look_tells_that_somebody_has_answered(void **state)
{
	static const struct {
		uint8_t runs, timeouts;
	} others[] = {
		{CT_RUNS_NONE, 0},    {CT_RUNS_KEEPALIVE, 0}, {CT_RUNS_PERSIST, 0},
		{CT_RUNS_PERSIST, 4}, {CT_RUNS_TLP, 4},	      {CT_RUNS_REORDER, 4},
		{CT_RUNS_OTHER, 4},   {CT_RUNS_RTO, 0},
	};
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	for (size_t i = 0; i < CT_COUNT(others); i++) {
		take(world, row_of(&life, CT_RUNS_RTO, 4));
		take(world, row_of(&life, others[i].runs, others[i].timeouts));
		assert_nothing_waits(world->conn);
	}
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1));
	take(world, row_of(&life, CT_RUNS_KEEPALIVE, 0));
	assert_nothing_waits(world->conn);
	take(world, row_of(&life, CT_RUNS_RTO, 4));
	take(world, row_of(&life, CT_RUNS_UNKNOWN, 0)); /* of a recording made before */
	assert_int_equal(world->conn->rto_streak, 4);
}

/// The kernel counts the SYN-ACKs of a fast open on the child, RFC 7413.
static void handshake_that_times_out_is_no_data(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event row = row_of(&life, CT_RUNS_RTO, 4);

	row.state = CT_STATE_SYN_RECV;
	take(world, row);
	assert_nothing_waits(world->conn);
}

static void look_tells_what_is_not_let_out(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event row;

	establish(world, &life);
	row = row_of(&life, CT_RUNS_PERSIST, 5);
	row.found.room = CT_ROOM_NONE;
	take(world, row);
	assert_int_equal(world->conn->unsent, 0);
	row = row_of(&life, CT_RUNS_PERSIST, 5);
	row.found.room = CT_ROOM_ENOUGH;
	take(world, row);
	assert_int_equal(world->conn->unsent, 5);
	assert_int_equal(world->conn->rto_since_ns, row.ts_ns - 700 * MS);
	row.found.unanswered_ms = 0; /* the probes that it counts were those of keepalive */
	take(world, row);
	assert_int_equal(world->conn->unsent, 0);
}

/// Two probes, a minute apart; the third is due in 20 s.
static void look_tells_which_probes_nobody_has_answered(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event row, options = counted(&life, 0, 0, 0);

	establish(world, &life);
	options.counters.keepalive_interval_s = 60;
	options.ts_ns = 1000 * S;
	take(world, options);
	row = row_of(&life, CT_RUNS_KEEPALIVE, 2);
	row.found.timeout_ns = 20 * S;
	row.ts_ns = 1000 * S;
	take(world, row);
	assert_int_equal(world->conn->unheard, 2);
	assert_int_equal(world->conn->rto_last_ns, 960 * S);
	assert_int_equal(world->conn->rto_since_ns, 900 * S);
}

static void look_tells_for_how_long_a_window_is_closed(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event row;

	establish(world, &life);
	row = row_of(&life, CT_RUNS_PERSIST, 1);
	row.found.room = CT_ROOM_NONE;
	row.found.unanswered_ms = 4999;
	take(world, row);
	assert_false(world->conn->stalled_by_look);
	row.found.unanswered_ms = 5000;
	take(world, row);
	assert_true(world->conn->stalled_by_look);
	assert_int_equal(world->conn->stall_ms_max, 5000);
	row.found.unanswered_ms = 300; /* another stall, a shorter one */
	take(world, row);
	assert_int_equal(world->conn->stall_ms_max, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(look_tells_whether_a_process_has_touched_it,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(look_tells_how_often_nobody_has_answered,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(two_looks_tell_what_was_not_sent_between,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(look_tells_that_no_time_out_sent_anything,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_was_sent_again_since_the_last_look_may_be_this,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(handshake_that_times_out_is_no_data, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(look_tells_that_somebody_has_answered, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(look_tells_what_is_not_let_out, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(look_tells_which_probes_nobody_has_answered,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(look_tells_for_how_long_a_window_is_closed,
						world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("conn_table_look", tests, NULL, NULL);
}
