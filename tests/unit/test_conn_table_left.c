// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How mini-sockets are left: by whom, told from what looks alike. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define TIME_WAIT_LIFE "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT"
#define FIN_WAIT2_LIFE "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2"

/// Closed by us; the mini-socket of this substate stands.
static void reach(struct world *world, struct life *life, enum ct_state substate)
{
	establish(world, life);
	take(world, does(life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	take(world, to(life, CT_STATE_FIN_WAIT2));
	take(world, mini(life, CT_TIMER_START, substate));
	take(world, to(life, CT_STATE_CLOSE));
	told_forget(&world->told);
}

static size_t fin_wait2_minis(const struct world *world)
{
	return ct_conn_table_fin_wait2_minis(world->table);
}

/// Another socket that wants the same place.
static struct life a_rival(const struct life *life)
{
	struct life rival = *life;

	rival.core.cookie = 0x3c4d;
	rival.core.state = CT_STATE_CLOSE;
	return rival;
}

/// And one that a SYN of the peer makes.
static struct life a_passive_rival(const struct life *life)
{
	struct life rival = a_rival(life);

	rival.core.state = CT_STATE_LISTEN;
	rival.core.role = CT_ROLE_PASSIVE;
	rival.core.owner = CT_OWNER_INHERITED;
	return rival;
}

static bool is_first(const struct ct_conn *conn)
{
	return conn->id.cookie == 0x1a2b;
}

/// Their FIN came meanwhile, and neither the timer nor the segment told of it.
static void fin_that_nobody_saw_is_told_by_the_end_of_the_timer(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	life.core.ts_ns += 60000000000;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	assert_int_equal(world->conn->end, CT_END_FIN);
	assert_int_equal(world->conn->left_by, CT_LEFT_BY_EXPIRED);
	assert_int_equal(ct_history_last(&world->conn->history)->state, CT_STATE_TIME_WAIT);
	assert_int_equal(ct_history_last(&world->conn->history)->basis, CT_BASIS_INFERRED);
	assert_replay_tells_the_same(world);
}

/// It never came: the same, but for where the mini-socket stood.
static void fin_that_never_came_is_a_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	life.core.ts_ns += 60000000000;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_FIN_WAIT2));
	assert_int_equal(world->conn->end, CT_END_TIMEOUT);
}

static void time_wait_that_is_over_has_expired(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	assert_int_equal(world->conn->expires_ns, life.core.ts_ns - 2 * MS + 60 * S);
	life.core.ts_ns += 60 * S;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	assert_int_equal(world->conn->left_by, CT_LEFT_BY_EXPIRED);
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE 60003ms (expired)",
		    "fin by local: " TIME_WAIT_LIFE);
	assert_replay_tells_the_same(world);
}

static void connect_that_takes_the_place_is_told_by_whom(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_CONNECT, 4711, 0x3c4d));
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms (reused by 4711 for 3c4d)");
	let_go(world, &life);
	assert_told(&world->told, "fin by local: " TIME_WAIT_LIFE);
	assert_replay_tells_the_same(world);
}

/// io_uring connects without the call.
static void successor_makes_it_a_reuse_whatever_the_call_was(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_OTHER, 4711, 0x3c4d));
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms (reused by 4711 for 3c4d)");
}

static void ss_kills_a_time_wait_that_has_ended_with_fin_all_the_same(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_OTHER, 999, 0));
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms (killed by 999)",
		    "fin by local: " TIME_WAIT_LIFE);
}

static void fin_wait2_mini_that_ss_destroys_is_killed(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	take(world, cancelled_by(&life, CT_STATE_FIN_WAIT2, CT_HOW_OTHER, 999, 0));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 3ms (killed by 999)",
		    "killed by local: " FIN_WAIT2_LIFE);
}

static void namespace_that_is_torn_down_kills_nobody(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	take(world, cancelled_by(&life, CT_STATE_FIN_WAIT2, CT_HOW_KERNEL, 0, 0));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 3ms (netns)",
		    "unknown by local: " FIN_WAIT2_LIFE);
}

/// A process that is known to have acted, in a way that is not: nothing is made of it.
static void process_that_closes_something_is_no_reason(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, cancelled_by(&life, CT_STATE_TIME_WAIT, CT_HOW_CLOSE, 999, 0));
	assert_silence(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms", "fin by local: " TIME_WAIT_LIFE);
}

static struct ct_event reset_of_mini(struct life *life, enum ct_direction direction,
				     enum ct_state substate)
{
	struct ct_event event = reset(life, direction, CT_RESET_REASON_NONE);

	event.generation = CT_GENERATION_ANY;
	event.sock_flags = 0;
	event.state = (__u8)substate;
	event.reset.mini = 1;
	event.reset.answered = direction == CT_DIRECTION_SENT;
	return event;
}

/// RFC 1337: TIME-WAIT assassination.
static void reset_of_the_peer_kills_a_time_wait(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, reset_of_mini(&life, CT_DIRECTION_RECEIVED, CT_STATE_TIME_WAIT));
	assert_told(&world->told, "rst received peer peer in TIME_WAIT",
		    "TIME_WAIT>CLOSE 2ms (rst)");
	let_go(world, &life);
	assert_told(&world->told, "fin by local: " TIME_WAIT_LIFE);
	assert_replay_tells_the_same(world);
}

static void reset_of_the_peer_ends_a_fin_wait2_mini(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_FIN_WAIT2));
	take(world, reset_of_mini(&life, CT_DIRECTION_RECEIVED, CT_STATE_FIN_WAIT2));
	let_go(world, &life);
	assert_told(&world->told, "rst received peer peer in FIN_WAIT2",
		    "FIN_WAIT2>CLOSE 3ms (rst)", "rst-received by local: " FIN_WAIT2_LIFE);
}

/// net.ipv4.tcp_rfc1337, or a sequence number out of its window.
static void reset_that_a_mini_survives_is_not_its_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	take(world, reset_of_mini(&life, CT_DIRECTION_RECEIVED, CT_STATE_FIN_WAIT2));
	assert_told(&world->told, "rst received peer peer in FIN_WAIT2");
	life.core.ts_ns += 60 * S;
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_FIN_WAIT2));
	let_go(world, &life);
	assert_told(&world->told, "FIN_WAIT2>CLOSE 60004ms (expired)",
		    "timeout by local: " FIN_WAIT2_LIFE);
}

static void segment_that_is_answered_with_a_reset_ends_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, reset_of_mini(&life, CT_DIRECTION_SENT, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told, "rst sent stack data-to-time-wait in TIME_WAIT",
		    "TIME_WAIT>CLOSE 3ms (answered)", "fin by local: " TIME_WAIT_LIFE);
	assert_replay_tells_the_same(world);
}

/// What was answered a while ago is not why it is gone now.
static void answer_of_before_is_no_reason(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, reset_of_mini(&life, CT_DIRECTION_SENT, CT_STATE_TIME_WAIT));
	told_forget(&world->told);
	life.core.ts_ns += S;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE 1003ms", "fin by local: " TIME_WAIT_LIFE);
}

static void new_syn_that_takes_the_place_recycles_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), rival;

	world->told.with_conn = true;
	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	rival = a_passive_rival(&life);
	take(world, request(&rival, CT_TIMER_START));
	assert_told(&world->told, "1a2b.0 TIME_WAIT>CLOSE 2ms (recycled)");
	take(world, to(&rival, CT_STATE_SYN_RECV));
	take(world, to(&rival, CT_STATE_ESTABLISHED));
	let_go(world, &rival);
	assert_told(&world->told, "3c4d.0 LISTEN>SYN_RECV ?", "3c4d.0 SYN_RECV>ESTABLISHED 2ms",
		    "1a2b.0 fin by local: " TIME_WAIT_LIFE);
	assert_replay_tells_the_same(world);
}

/// A recording of the one alone has to tell it, too.
static void recycling_is_replayed_without_the_new_connection(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), rival;

	world->selects = is_first;
	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	rival = a_passive_rival(&life);
	take(world, request(&rival, CT_TIMER_START));
	take(world, over(rival.core.ts_ns));
	assert_replay_tells_the_same(world);
}

static void child_of_a_syncookie_recycles_it_too(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), rival;

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	rival = a_passive_rival(&life);
	take(world, to(&rival, CT_STATE_SYN_RECV));
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms (recycled for 3c4d)", "LISTEN>SYN_RECV ?");
}

static void syn_of_other_addresses_recycles_nothing(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), rival;

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	rival = a_passive_rival(&life);
	rival.core.rport++;
	take(world, request(&rival, CT_TIMER_START));
	assert_silence(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE 2ms", "fin by local: " TIME_WAIT_LIFE);
}

static void time_wait_that_was_only_armed_again_is_recycled_by_nobody(void **state)
{
	struct world *world = *state;
	struct life life = a_client(), rival;

	reach(world, &life, CT_STATE_TIME_WAIT);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	rival = a_passive_rival(&life);
	take(world, request(&rival, CT_TIMER_START));
	assert_silence(&world->told);
}

static void mini_that_is_overdue_has_gone_unseen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	uint64_t expires_ns;

	reach(world, &life, CT_STATE_TIME_WAIT);
	expires_ns = world->conn->expires_ns;
	take(world, tick(expires_ns + 9 * S));
	assert_silence(&world->told);
	take(world, tick(expires_ns + 10 * S));
	assert_told(&world->told, "fin by local: " TIME_WAIT_LIFE " [gap]");
	assert_int_equal(world->forgotten, 1);
	assert_replay_tells_the_same(world);
}

static void fin_wait2_mini_that_is_overdue_has_an_unknown_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	take(world, tick(life.core.ts_ns + 70 * S));
	assert_told(&world->told, "unknown by local: " FIN_WAIT2_LIFE " [gap]");
}

static void timer_that_is_armed_again_counts_anew(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	reach(world, &life, CT_STATE_FIN_WAIT2);
	life.core.ts_ns += 50 * S;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	take(world, tick(life.core.ts_ns + 60 * S));
	assert_int_equal(world->forgotten, 0);
}

/// The beginning of the mini-socket was lost.
static void mini_whose_beginning_is_lost_follows_with_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	told_forget(&world->told);
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE ? (expired)",
		    "fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 TIME_WAIT [gap]");
}

/// What is left of a life that is not known says nothing of the next.
static void mini_of_a_life_that_is_forgotten_does_not_close_the_next(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	life.core.generation = 1;
	establish(world, &life);
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_silence(&world->told);
	assert_int_equal(world->conn->phase, CT_PHASE_LIVE);
}

static void fin_wait2_minis_are_counted(void **state)
{
	struct world *world = *state;
	struct life one = a_client(), two = a_client(), full = a_server();

	two.core.cookie = 2;
	two.core.lport++;
	assert_int_equal(fin_wait2_minis(world), 0);
	reach(world, &one, CT_STATE_FIN_WAIT2);
	reach(world, &two, CT_STATE_FIN_WAIT2);
	assert_int_equal(fin_wait2_minis(world), 2);
	establish(world, &full); /* a full socket in FIN_WAIT2 is none */
	take(world, does(&full, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1));
	take(world, to(&full, CT_STATE_FIN_WAIT2));
	assert_int_equal(fin_wait2_minis(world), 2);
	take(world, mini(&one, CT_TIMER_START, CT_STATE_TIME_WAIT));
	assert_int_equal(fin_wait2_minis(world), 1);
	take(world, mini(&two, CT_TIMER_EXPIRE, CT_STATE_FIN_WAIT2));
	assert_int_equal(fin_wait2_minis(world), 0);
}

static void fin_wait2_minis_that_are_given_up_are_not_counted_any_more(void **state)
{
	struct world *world = *state;
	struct life one = a_client(), two = a_client(), three = a_server();

	world_bound(world, 2);
	two.core.cookie = 2;
	reach(world, &one, CT_STATE_FIN_WAIT2);
	reach(world, &two, CT_STATE_FIN_WAIT2);
	take(world, to(&three, CT_STATE_SYN_RECV)); /* the first is evicted */
	assert_int_equal(fin_wait2_minis(world), 1);
	take(world, tick(two.core.ts_ns + 80 * S)); /* the second is overdue */
	assert_int_equal(fin_wait2_minis(world), 0);
	take(world, found_mini(&one, CT_STATE_FIN_WAIT2, S));
	assert_int_equal(fin_wait2_minis(world), 1);
	take(world, over(two.core.ts_ns + 81 * S));
	assert_int_equal(fin_wait2_minis(world), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(fin_that_nobody_saw_is_told_by_the_end_of_the_timer),
		test(fin_that_never_came_is_a_timeout),
		test(time_wait_that_is_over_has_expired),
		test(connect_that_takes_the_place_is_told_by_whom),
		test(successor_makes_it_a_reuse_whatever_the_call_was),
		test(ss_kills_a_time_wait_that_has_ended_with_fin_all_the_same),
		test(fin_wait2_mini_that_ss_destroys_is_killed),
		test(namespace_that_is_torn_down_kills_nobody),
		test(process_that_closes_something_is_no_reason),
		test(reset_of_the_peer_kills_a_time_wait),
		test(reset_of_the_peer_ends_a_fin_wait2_mini),
		test(reset_that_a_mini_survives_is_not_its_end),
		test(segment_that_is_answered_with_a_reset_ends_it),
		test(answer_of_before_is_no_reason),
		test(new_syn_that_takes_the_place_recycles_it),
		test(recycling_is_replayed_without_the_new_connection),
		test(child_of_a_syncookie_recycles_it_too),
		test(syn_of_other_addresses_recycles_nothing),
		test(time_wait_that_was_only_armed_again_is_recycled_by_nobody),
		test(mini_that_is_overdue_has_gone_unseen),
		test(fin_wait2_mini_that_is_overdue_has_an_unknown_end),
		test(timer_that_is_armed_again_counts_anew),
		test(mini_whose_beginning_is_lost_follows_with_a_gap),
		test(mini_of_a_life_that_is_forgotten_does_not_close_the_next),
		test(fin_wait2_minis_are_counted),
		test(fin_wait2_minis_that_are_given_up_are_not_counted_any_more),
	};

	return cmocka_run_group_tests_name("conn_table_left", tests, NULL, NULL);
}
