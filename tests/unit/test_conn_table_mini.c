// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mini-sockets, and several lives of one socket. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void time_wait_begins_with_the_mini_socket_and_the_close_before_it_is_silent(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_int_equal(world->conn->end, CT_END_FIN);
	assert_true(world->conn->closed_ns == CT_NS_UNKNOWN);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told, "CLOSE>SYN_SENT ? by connect()", "SYN_SENT>ESTABLISHED 1ms",
		    "ESTABLISHED>FIN_WAIT1 1ms by close()", "FIN_WAIT1>FIN_WAIT2 1ms",
		    "FIN_WAIT2>TIME_WAIT 1ms", "TIME_WAIT>CLOSE 3ms (expired)",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	assert_int_equal(world->forgotten, 1);
}

static void fin_wait2_mini_becomes_time_wait_when_it_is_armed_again(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	assert_silence(&world->told);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	life.core.ts_ns += 60 * S;
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	assert_told(&world->told, "FIN_WAIT2>TIME_WAIT 4ms", "TIME_WAIT>CLOSE 60001ms (expired)");
}

/// The timer stays in its bucket: nothing but the segment tells.
static void fin_that_leaves_the_timer_untouched_is_a_time_wait_inferred(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	take(world, mini(&life, CT_TIMER_UNTOUCHED, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_UNTOUCHED, CT_STATE_TIME_WAIT));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "FIN_WAIT2>TIME_WAIT 3ms inferred",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

static void fin_that_comes_again_does_not_leave_time_wait(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_time_wait(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	let_go(world, &life);
	assert_silence(&world->told);
}

static void mini_that_is_only_cancelled_was_killed_at_that_moment(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	uint64_t killed_ns;

	reach_time_wait(world, &life);
	killed_ns = life.core.ts_ns;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	assert_int_equal(ct_conn_table_deadline_ns(world->table), killed_ns + CT_TABLE_GRACE_NS);
	take(world, tick(killed_ns + CT_TABLE_GRACE_NS - 1));
	assert_silence(&world->told);
	take(world, tick(killed_ns + CT_TABLE_GRACE_NS));
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	assert_true(ct_conn_table_deadline_ns(world->table) == CT_NS_UNKNOWN);
}

static void fin_wait2_mini_that_expires_has_waited_in_vain(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_FIN_WAIT2));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 4ms (expired)",
		    "timeout by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

/// A reset of the peer to a mini-socket leaves no other trace.
static void fin_wait2_mini_that_is_killed_has_not_timed_out(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_FIN_WAIT2));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 3ms",
		    "unknown by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

/// The transitions that lead to it are missing.
static void mini_socket_of_one_that_was_established_is_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	told_forget(&world->told);
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	assert_int_equal(world->conn->gaps, 1);
}

/// There is no other silent way out of FIN_WAIT2 for a socket that a process has.
static void fin_that_finds_no_room_for_time_wait_is_the_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2(world, &life);
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 1ms",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

/// An orphan has no room for a FIN_WAIT2 mini-socket either, before their FIN has come.
static void orphan_without_a_mini_socket_may_have_had_no_fin(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2(world, &life);
	life.core.sock_flags |= CT_SOCK_ORPHAN;
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 1ms",
		    "unknown by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

static struct ct_event reset_by_mini(struct life *life, enum ct_state substate,
				     enum ct_reset_reason reason)
{
	struct ct_event event = reset(life, CT_DIRECTION_SENT, reason);

	event.generation = CT_GENERATION_ANY;
	event.sock_flags = 0;
	event.state = (__u8)substate;
	event.reset.mini = 1;
	event.reset.answered = 1;
	event.reset.packet = CT_PACKET_ACK | CT_PACKET_PSH;
	return event;
}

static void data_to_the_closed_end_is_answered_with_a_reset_that_ends_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	take(world, reset_by_mini(&life, CT_STATE_FIN_WAIT2, CT_RESET_REASON_NONE));
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_FIN_WAIT2));
	let_go(world, &life);
	assert_told(&world->told, "rst sent stack data-to-closed in FIN_WAIT2",
		    "FIN_WAIT2>CLOSE 4ms (answered)",
		    "rst-sent by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

/// Before 6.10 nothing tells of the reset but the segment, dropped when the mini-socket is gone.
static void answer_that_is_told_behind_the_end_is_why_it_ends(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_fin_wait2_mini(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_FIN_WAIT2));
	take(world, reset_by_mini(&life, CT_STATE_FIN_WAIT2, CT_RESET_REASON_NONE));
	let_go(world, &life);
	assert_told(&world->told, "rst sent stack data-to-closed in FIN_WAIT2",
		    "FIN_WAIT2>CLOSE 3ms (answered)",
		    "rst-sent by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

static void data_to_time_wait_is_reset_and_the_life_still_ended_with_fin(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_time_wait(world, &life);
	take(world, reset_by_mini(&life, CT_STATE_TIME_WAIT, CT_RESET_REASON_TCP_TIMEWAIT_SOCKET));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "rst sent stack data-to-time-wait in TIME_WAIT",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

static void mini_of_an_older_connection_is_found(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE ? (expired)", "fin by ?: TIME_WAIT");
}

static void timer_that_speaks_after_the_end_changes_nothing(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach_time_wait(world, &life);
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	told_forget(&world->told);
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_UNTOUCHED, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told,
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

static void socket_that_connects_again_lives_another_life(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	world->told.with_conn = true;
	establish(world, &life);
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_CLOSE));
	reborn(&life);
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	let_go(world, &life);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "1a2b.0 ESTABLISHED>CLOSE 1ms by connect()",
		    "1a2b.1 CLOSE>SYN_SENT ? by connect()",
		    "1a2b.0 unknown by local: SYN_SENT ESTABLISHED", "1a2b.1 open by ?: SYN_SENT");
}

static void late_reset_goes_to_the_life_it_belongs_to(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), first;
	struct ct_event event;

	world->told.with_conn = true;
	establish(world, &life);
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_CLOSE));
	first = life;
	reborn(&life);
	establish(world, &life);
	first.core.ts_ns = life.core.ts_ns;
	event = reset(&first, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_DISCONNECT_WITH_DATA);
	take(world, event);
	let_go(world, &life);
	assert_told(&world->told, "1a2b.0 rst sent app abort in ESTABLISHED",
		    "1a2b.0 rst-sent by local: SYN_SENT ESTABLISHED");
}

/// The socket went on to its next life while a mini-socket stands for the first.
static void go_on_beside_time_wait(struct world *world, struct life *life, struct life *ret_first)
{
	world->told.with_conn = true;
	reach_time_wait(world, life);
	*ret_first = *life;
	reborn(life);
}

static void mini_of_the_first_life_is_not_that_of_the_second(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), first;

	go_on_beside_time_wait(world, &life, &first);
	life.core.lport = 50000;
	establish(world, &life);
	first.core.ts_ns = life.core.ts_ns;
	take(world, mini(&first, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	assert_told(&world->told, "1a2b.0 TIME_WAIT>CLOSE 4ms (expired)");
}

/// connect() to the same place kills the mini-socket before it has a local port of its own.
static void mini_is_told_from_a_life_whose_port_is_not_known_yet(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), first;

	go_on_beside_time_wait(world, &life, &first);
	life.core.lport = 0;
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	first.core.ts_ns = life.core.ts_ns;
	take(world, mini(&first, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	let_go(world, &first);
	assert_told(&world->told, "1a2b.1 CLOSE>SYN_SENT ? by connect()",
		    "1a2b.0 TIME_WAIT>CLOSE 3ms",
		    "1a2b.0 fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

/// The same with a socket that is bound: both lives have the same addresses.
static void mini_is_told_from_a_life_of_the_same_addresses(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), first;

	go_on_beside_time_wait(world, &life, &first);
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	told_forget(&world->told);
	first.core.ts_ns = life.core.ts_ns;
	take(world, mini(&first, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	let_go(world, &first);
	assert_told(&world->told, "1a2b.0 TIME_WAIT>CLOSE 3ms",
		    "1a2b.0 fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
}

static void reborn_socket_enters_a_time_wait_of_its_own(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), first;

	go_on_beside_time_wait(world, &life, &first);
	reach_fin_wait2(world, &life);
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	assert_told(&world->told, "1a2b.1 FIN_WAIT2>TIME_WAIT 1ms");
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(time_wait_begins_with_the_mini_socket_and_the_close_before_it_is_silent),
		test(fin_wait2_mini_becomes_time_wait_when_it_is_armed_again),
		test(fin_that_leaves_the_timer_untouched_is_a_time_wait_inferred),
		test(fin_that_comes_again_does_not_leave_time_wait),
		test(mini_that_is_only_cancelled_was_killed_at_that_moment),
		test(fin_wait2_mini_that_expires_has_waited_in_vain),
		test(fin_wait2_mini_that_is_killed_has_not_timed_out),
		test(mini_socket_of_one_that_was_established_is_a_gap),
		test(fin_that_finds_no_room_for_time_wait_is_the_end),
		test(orphan_without_a_mini_socket_may_have_had_no_fin),
		test(data_to_the_closed_end_is_answered_with_a_reset_that_ends_it),
		test(answer_that_is_told_behind_the_end_is_why_it_ends),
		test(data_to_time_wait_is_reset_and_the_life_still_ended_with_fin),
		test(mini_of_an_older_connection_is_found),
		test(timer_that_speaks_after_the_end_changes_nothing),
		test(socket_that_connects_again_lives_another_life),
		test(late_reset_goes_to_the_life_it_belongs_to),
		test(mini_of_the_first_life_is_not_that_of_the_second),
		test(mini_is_told_from_a_life_whose_port_is_not_known_yet),
		test(mini_is_told_from_a_life_of_the_same_addresses),
		test(reborn_socket_enters_a_time_wait_of_its_own),
	};

	return cmocka_run_group_tests_name("conn_table_mini", tests, NULL, NULL);
}
