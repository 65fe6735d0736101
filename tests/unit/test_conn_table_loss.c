// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is missing, what is older than the tracer, what is left at the end, and the bound. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/// The n-th of many clients, established; its cookie is n.
static struct life a_client_more(struct world *world, unsigned int n)
{
	struct life life = a_client();

	life.core.cookie = n;
	life.core.lport = (__u16)(10000 + n);
	life.core.ts_ns += n * MS;
	establish(world, &life);
	return life;
}

static void older_connection_is_found_in_the_state_it_leaves(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	life.core.state = CT_STATE_ESTABLISHED;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_FOUND);
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
	assert_false(world->conn->unseen);
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT ?", "CLOSE_WAIT>LAST_ACK 1ms by close()",
		    "LAST_ACK>CLOSE 1ms", "fin by remote: ESTABLISHED CLOSE_WAIT LAST_ACK");
}

/// LAST_ACK is entered from CLOSE_WAIT alone: the peer's FIN came first, seen or not.
static void fins_from_before_the_tracer_follow_from_the_state(void **state)
{
	static const struct {
		enum ct_state old, new;
		const char *told, *summary;
	} rows[] = {
		{CT_STATE_CLOSE_WAIT, CT_STATE_LAST_ACK, "CLOSE_WAIT>LAST_ACK ?",
		 "fin by remote: CLOSE_WAIT LAST_ACK"},
		{CT_STATE_FIN_WAIT1, CT_STATE_CLOSING, "FIN_WAIT1>CLOSING ?",
		 "fin by both: FIN_WAIT1 CLOSING"},
		{CT_STATE_FIN_WAIT1, CT_STATE_FIN_WAIT2, "FIN_WAIT1>FIN_WAIT2 ?",
		 "fin by local: FIN_WAIT1 FIN_WAIT2"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life life = a_client();

		life.core.ts_ns += i * S;
		life.core.state = (__u8)rows[i].old;
		take(world, to(&life, rows[i].new));
		assert_told(&world->told, rows[i].told);
		take(world, to(&life, CT_STATE_CLOSE));
		told_forget(&world->told);
		let_go(world, &life);
		assert_told(&world->told, rows[i].summary);
	}
}

static void older_connection_is_known_from_a_retransmit_on(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	life.core.state = CT_STATE_ESTABLISHED;
	take(world, retransmitted(&life, CT_RETRANSMIT_FAST, CT_SEGMENT_DATA, 9));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "retransmit fast data 9", "open by ?: ESTABLISHED");
}

static void cookie_alone_makes_no_connection(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_conn_table_stats stats;

	life.core.state = CT_STATE_ESTABLISHED;
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1));
	assert_int_equal(world->last.id.lport, 45678);
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.live, 0);
}

static void transition_from_an_unknown_state_is_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	life.core.state = CT_STATE_FIN_WAIT1;
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	assert_int_equal(world->conn->gaps, 1);
	assert_int_equal(world->conn->history.steps[2].basis, CT_BASIS_INFERRED);
	assert_true(world->conn->history.steps[1].for_ns == CT_NS_UNKNOWN);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "FIN_WAIT1>FIN_WAIT2 ?",
		    "open by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 [gap]");
}

static void sockets_own_count_of_what_it_missed_is_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	life.core.missed = 2;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_int_equal(world->conn->gaps, 1);
	take(world, to(&life, CT_STATE_LAST_ACK));
	assert_int_equal(world->conn->gaps, 1);
}

static void loss_that_sockets_count_touches_only_those_that_missed_something(void **state)
{
	struct world *world = *state;
	struct life touched = a_client_more(world, 1), spared = a_client_more(world, 2);

	world->told.with_conn = true;
	take(world, lost(touched.core.ts_ns, 5, CT_LOST_RING, 0));
	touched.core.missed = 5;
	take(world, to(&touched, CT_STATE_CLOSE));
	take(world, to(&spared, CT_STATE_CLOSE));
	let_go(world, &spared);
	assert_told(&world->told, "lost 5 ring", "1.0 ESTABLISHED>CLOSE 1ms",
		    "2.0 ESTABLISHED>CLOSE 1ms", "1.0 unknown by ?: SYN_SENT ESTABLISHED [gap]",
		    "2.0 unknown by ?: SYN_SENT ESTABLISHED");
}

static void loss_that_nobody_counts_may_touch_every_history_that_is_open(void **state)
{
	struct world *world = *state;
	struct life before = a_client_more(world, 1), after;

	world->told.with_conn = true;
	take(world, lost(before.core.ts_ns, 1, CT_LOST_RECURSION, CT_UNCOUNTED_ALL));
	after = a_client_more(world, 2);
	take(world, to(&before, CT_STATE_CLOSE_WAIT));
	take(world, to(&after, CT_STATE_CLOSE_WAIT));
	take(world, over(after.core.ts_ns));
	assert_told(&world->told, "1.0 ESTABLISHED>CLOSE_WAIT 1ms",
		    "2.0 ESTABLISHED>CLOSE_WAIT 1ms",
		    "1.0 open by remote: SYN_SENT ESTABLISHED CLOSE_WAIT [gap]",
		    "2.0 open by remote: SYN_SENT ESTABLISHED CLOSE_WAIT");
}

static void connection_unheard_of_since_a_loss_may_have_missed_its_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, lost(life.core.ts_ns, 3, CT_LOST_RING, 0));
	take(world, over(life.core.ts_ns + S));
	assert_told(&world->told, "lost 3 ring", "unknown by ?: SYN_SENT ESTABLISHED [gap]");
}

static void connection_heard_of_since_a_loss_is_still_open(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, lost(life.core.ts_ns, 3, CT_LOST_RING, 0));
	take(world, counted(&life, 1, 1, 0));
	take(world, over(life.core.ts_ns + S));
	assert_told(&world->told, "lost 3 ring", "open by ?: SYN_SENT ESTABLISHED");
}

static void loss_of_sockets_does_not_touch_a_time_wait(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_time_wait(world, &life);
	take(world, lost(life.core.ts_ns, 3, CT_LOST_RING, CT_UNCOUNTED_SOCKETS));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "lost 3 ring",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

static void loss_of_minis_touches_a_time_wait_and_no_socket(void **state)
{
	struct world *world = *state;
	struct life waiting = a_client(), open = a_server();

	reach_time_wait(world, &waiting);
	establish(world, &open);
	take(world, lost(waiting.core.ts_ns, 3, CT_LOST_RING, CT_UNCOUNTED_MINIS));
	take(world, to(&open, CT_STATE_CLOSE_WAIT));
	take(world, over(waiting.core.ts_ns));
	assert_told(&world->told, "lost 3 ring", "ESTABLISHED>CLOSE_WAIT 1ms",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT [gap]",
		    "open by remote: SYN_RECV ESTABLISHED CLOSE_WAIT");
}

/// It comes first in a file, and what was there is found behind it: nothing of that is missing.
static void what_the_disk_had_no_room_for_was_before_the_stream(void **state)
{
	struct world *world = *state;
	struct life waiting = a_client(), life = a_server();

	take(world, lost(BEGAN, 5, CT_LOST_DISK, 0));
	take(world, found_mini(&waiting, CT_STATE_TIME_WAIT, 20 * S));
	assert_told(&world->told, "lost 5 disk", "found TIME_WAIT");
	life.core.state = CT_STATE_ESTABLISHED;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_int_equal(world->conn->gaps, 0);
	assert_false(world->conn->unseen);
	told_forget(&world->told);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "fin by ?: TIME_WAIT", "open by remote: ESTABLISHED CLOSE_WAIT");
}

static void losses_add_up(void **state)
{
	struct world *world = *state;
	struct ct_conn_table_stats stats;

	take(world, lost(BEGAN, 3, CT_LOST_RING, 0));
	take(world, lost(BEGAN, 4, CT_LOST_DECODE, CT_UNCOUNTED_ALL));
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.lost, 7);
}

static void end_tells_what_is_open_in_the_order_of_opening(void **state)
{
	struct world *world = *state;
	struct ct_conn_table_stats stats;

	world->told.with_conn = true;
	for (unsigned int n = 1; n <= 3; n++)
		a_client_more(world, n);
	take(world, over(BEGAN + S));
	assert_told(&world->told, "1.0 open by ?: SYN_SENT ESTABLISHED",
		    "2.0 open by ?: SYN_SENT ESTABLISHED", "3.0 open by ?: SYN_SENT ESTABLISHED");
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.live, 0);
	assert_int_equal(stats.connections, 3);
}

static void end_tells_every_life_of_a_socket(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	world->told.with_conn = true;
	for (int i = 0; i < 3; i++) {
		establish(world, &life);
		take(world, does(&life, CT_HOW_CONNECT, CT_STATE_CLOSE));
		reborn(&life);
	}
	told_forget(&world->told);
	take(world, over(life.core.ts_ns));
	assert_int_equal(world->forgotten, 3);
	assert_told(&world->told, "1a2b.1 unknown by local: SYN_SENT ESTABLISHED",
		    "1a2b.0 unknown by local: SYN_SENT ESTABLISHED",
		    "1a2b.2 unknown by local: SYN_SENT ESTABLISHED");
}

static void full_table_lets_the_oldest_closed_go_first(void **state)
{
	struct world *world = *state;
	struct ct_conn_table_stats stats;
	struct life lives[3];

	world_bound(world, 3);
	world->told.with_conn = true;
	for (unsigned int n = 0; n < 3; n++)
		lives[n] = a_client_more(world, n + 1);
	take(world, to(&lives[2], CT_STATE_CLOSE));
	lives[1].core.ts_ns = lives[2].core.ts_ns;
	take(world, to(&lives[1], CT_STATE_CLOSE));
	told_forget(&world->told);
	lives[0].core.cookie = 4;
	lives[0].core.state = CT_STATE_CLOSE;
	take(world, to(&lives[0], CT_STATE_SYN_SENT));
	assert_told(&world->told, "3.0 unknown by ?: SYN_SENT ESTABLISHED", "4.0 CLOSE>SYN_SENT ?");
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.evicted, 0);
}

/// Wants to look at everything again a millisecond later.
static int wants_soon(struct ct_conn *conn, struct ct_update *update)
{
	conn->wants_ns = update->ts_ns + MS;
	return 0;
}

static void closed_one_goes_before_one_that_waits_for_a_moment(void **state)
{
	struct world *world = *state;
	struct life waiting, closed, more = a_client();

	world_bound(world, 2);
	world->told.with_conn = true;
	closed = a_client_more(world, 1);
	take(world, to(&closed, CT_STATE_CLOSE));
	world->look = wants_soon;
	waiting = a_client_more(world, 2);
	world->look = NULL;
	more.core.ts_ns = waiting.core.ts_ns - MS;
	take(world, to(&more, CT_STATE_SYN_SENT));
	assert_told(&world->told, "1.0 unknown by ?: SYN_SENT ESTABLISHED",
		    "1a2b.0 CLOSE>SYN_SENT ?");
}

/// In the order in which they closed; one that has left by its time is none of them.
static void closed_ones_go_one_by_one_before_an_open_one(void **state)
{
	static const unsigned int order[] = {3, 5, 1, 4};
	struct world *world = *state;
	struct life lives[6], more = a_client();

	world_bound(world, 5);
	for (unsigned int n = 1; n <= 5; n++)
		lives[n] = a_client_more(world, n);
	for (unsigned int i = 0; i < 4; i++) {
		lives[order[i]].core.ts_ns = BEGAN + (i + 1) * S;
		take(world, to(&lives[order[i]], CT_STATE_CLOSE));
	}
	take(world, tick(BEGAN + 2 * S - 1)); /* 3 has left */
	more.core.ts_ns = BEGAN + 5 * S;
	more.core.cookie = 0x10;
	take(world, to(&more, CT_STATE_SYN_SENT));
	told_forget(&world->told);
	world->told.with_conn = true;
	for (unsigned int i = 0; i < 4; i++) {
		more = a_client();
		more.core.cookie = 0x11 + i;
		more.core.ts_ns = BEGAN + 5 * S;
		take(world, to(&more, CT_STATE_SYN_SENT));
	}
	assert_told(&world->told, "5.0 unknown by ?: SYN_SENT ESTABLISHED", "11.0 CLOSE>SYN_SENT ?",
		    "1.0 unknown by ?: SYN_SENT ESTABLISHED", "12.0 CLOSE>SYN_SENT ?",
		    "4.0 unknown by ?: SYN_SENT ESTABLISHED", "13.0 CLOSE>SYN_SENT ?",
		    "2.0 unknown by ?: SYN_SENT ESTABLISHED [gap]", "lost 1 table",
		    "14.0 CLOSE>SYN_SENT ?");
}

static void full_table_of_open_ones_says_whom_it_gave_up(void **state)
{
	struct world *world = *state;
	struct ct_conn_table_stats stats;
	struct life life = a_client();

	world_bound(world, 2);
	world->told.with_conn = true;
	a_client_more(world, 1);
	a_client_more(world, 2);
	take(world, to(&life, CT_STATE_SYN_SENT));
	assert_told(&world->told, "1.0 unknown by ?: SYN_SENT ESTABLISHED [gap]", "lost 1 table",
		    "1a2b.0 CLOSE>SYN_SENT ?");
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.evicted, 1);
	assert_int_equal(stats.live, 2);
}

/// It comes back with the next thing that happens to it, and what was before is not known.
static void connection_that_was_given_up_goes_on_with_a_gap(void **state)
{
	struct world *world = *state;
	struct life first, life = a_client();

	world_bound(world, 2);
	first = a_client_more(world, 1);
	a_client_more(world, 2);
	take(world, to(&life, CT_STATE_SYN_SENT));
	take(world, to(&first, CT_STATE_CLOSE_WAIT));
	assert_int_equal(world->id.cookie, 1);
	assert_int_equal(world->conn->gaps, 1);
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_INFERRED);
	assert_true(world->conn->unseen);
}

static void time_that_runs_backwards_opens_and_closes_nothing_early(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	event = to(&life, CT_STATE_CLOSE);
	event.ts_ns = BEGAN - S;
	take(world, event);
	assert_told(&world->told, "ESTABLISHED>CLOSE 0ms");
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(older_connection_is_found_in_the_state_it_leaves),
		test(fins_from_before_the_tracer_follow_from_the_state),
		test(older_connection_is_known_from_a_retransmit_on),
		test(cookie_alone_makes_no_connection),
		test(transition_from_an_unknown_state_is_a_gap),
		test(sockets_own_count_of_what_it_missed_is_a_gap),
		test(loss_that_sockets_count_touches_only_those_that_missed_something),
		test(loss_that_nobody_counts_may_touch_every_history_that_is_open),
		test(connection_unheard_of_since_a_loss_may_have_missed_its_end),
		test(connection_heard_of_since_a_loss_is_still_open),
		test(loss_of_sockets_does_not_touch_a_time_wait),
		test(loss_of_minis_touches_a_time_wait_and_no_socket),
		test(what_the_disk_had_no_room_for_was_before_the_stream),
		test(losses_add_up),
		test(end_tells_what_is_open_in_the_order_of_opening),
		test(end_tells_every_life_of_a_socket),
		test(full_table_lets_the_oldest_closed_go_first),
		test(closed_one_goes_before_one_that_waits_for_a_moment),
		test(closed_ones_go_one_by_one_before_an_open_one),
		test(full_table_of_open_ones_says_whom_it_gave_up),
		test(connection_that_was_given_up_goes_on_with_a_gap),
		test(time_that_runs_backwards_opens_and_closes_nothing_early),
	};

	return cmocka_run_group_tests_name("conn_table_loss", tests, NULL, NULL);
}
