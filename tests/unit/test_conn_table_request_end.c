// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How handshakes end that are not completed, and what is not their end. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void silence_of_the_peer_is_a_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	world->told.with_conn = true;
	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns = BEGAN + S;
	take(world, request(&life, CT_TIMER_CANCEL));
	take(world, request(&life, CT_TIMER_EXPIRE));
	assert_silence(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "0.0 LISTEN>SYN_RECV ?", "0.0 SYN_RECV>CLOSE 1001ms (expired)",
		    "0.0 timeout by ?: SYN_RECV");
	assert_int_equal(live(world), 0);
	assert_replay_tells_the_same(world);
}

static void timer_that_is_taken_off_for_no_known_reason_is_an_unknown_end(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, request(&life, CT_TIMER_CANCEL));
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>CLOSE 1ms",
		    "unknown by ?: SYN_RECV");
	assert_replay_tells_the_same(world);
}

static void listener_that_is_gone_has_ended_it(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, request(&life, CT_TIMER_START));
	event = request(&life, CT_TIMER_EXPIRE);
	event.request.listening = 0;
	take(world, event);
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>CLOSE 1ms",
		    "unknown by local: SYN_RECV");
}

static void reset_of_the_peer_ends_it(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, request(&life, CT_TIMER_CANCEL));
	take(world, reset_at_listener(&life, CT_DIRECTION_RECEIVED, CT_PACKET_RST));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "rst received peer peer in SYN_RECV",
		    "SYN_RECV>CLOSE 1ms (rst)");
	let_go(world, &life);
	assert_told(&world->told, "rst-received by remote: SYN_RECV");
	assert_int_equal(live(world), 0);
	assert_replay_tells_the_same(world);
}

/// Out of its window: nothing has happened to it.
static void reset_that_it_survives_is_not_its_end(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, reset_at_listener(&life, CT_DIRECTION_RECEIVED, CT_PACKET_RST));
	told_forget(&world->told);
	take(world, request(&life, CT_TIMER_EXPIRE));
	let_go(world, &life);
	assert_told(&world->told, "SYN_RECV>CLOSE 2ms (expired)", "timeout by ?: SYN_RECV");
}

/// net.ipv4.tcp_abort_on_overflow: the reset goes out before the request is taken away.
static void full_accept_queue_that_resets_ends_it(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, reset_at_listener(&life, CT_DIRECTION_SENT, CT_PACKET_ACK));
	take(world, request(&life, CT_TIMER_CANCEL));
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?",
		    "rst sent stack backlog-overflow in SYN_RECV", "SYN_RECV>CLOSE 2ms (answered)",
		    "rst-sent by local: SYN_RECV");
	assert_replay_tells_the_same(world);
}

/// A kernel that gives no reason: just before, it was told that there was no room.
static void full_accept_queue_is_the_cause_of_what_comes_right_behind_it(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event answer;

	take(world, request(&life, CT_TIMER_START));
	take(world, without_room(&life));
	answer = reset_at_listener(&life, CT_DIRECTION_SENT, CT_PACKET_ACK | CT_PACKET_PSH);
	answer.reset.reason = CT_RESET_REASON_NONE;
	take(world, answer);
	assert_told(&world->told, "LISTEN>SYN_RECV ?",
		    "rst sent stack backlog-overflow in SYN_RECV");
	life.core.ts_ns += S;
	answer = reset_at_listener(&life, CT_DIRECTION_SENT, CT_PACKET_ACK | CT_PACKET_PSH);
	answer.reset.reason = CT_RESET_REASON_NONE;
	take(world, answer);
	assert_told(&world->told, "rst sent stack data-to-closed in SYN_RECV");
}

/// A stray ACK with the same addresses is answered too, and the handshake goes on.
static void stray_segment_that_is_answered_does_not_end_it(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, reset_at_listener(&life, CT_DIRECTION_SENT, CT_PACKET_ACK));
	life.core.ts_ns += S;
	take(world, request(&life, CT_TIMER_CANCEL));
	take(world, request(&life, CT_TIMER_EXPIRE));
	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns += 2 * S;
	take(world, request(&life, CT_TIMER_EXPIRE));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "SYN_RECV>CLOSE 3005ms (expired)", "timeout by ?: SYN_RECV");
}

static void request_that_ss_destroys_is_killed(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, request_cancelled_by(&life, CT_HOW_OTHER, 999));
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>CLOSE 1ms (killed by 999)",
		    "killed by local: SYN_RECV");
	assert_replay_tells_the_same(world);
}

static void namespace_that_is_torn_down_is_no_killer(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, request_cancelled_by(&life, CT_HOW_KERNEL, 0));
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>CLOSE 1ms (netns)",
		    "unknown by ?: SYN_RECV");
}

/// The end of the first was lost.
static void new_handshake_of_the_same_addresses_is_another_life(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	world->told.with_conn = true;
	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns += 500 * MS;
	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	assert_told(&world->told, "2b3c.0 LISTEN>SYN_RECV ?",
		    "2b3c.0 SYN_RECV>ESTABLISHED 2ms of request");
	take(world, tick(BEGAN + 10 * S));
	assert_told(&world->told, "0.0 LISTEN>SYN_RECV ?", "0.0 unknown by ?: SYN_RECV [gap]");
	assert_replay_tells_the_same(world);
}

static void request_whose_timer_is_overdue_has_gone_unseen(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, tick(BEGAN + 3 * S - 1));
	assert_silence(&world->told);
	take(world, tick(BEGAN + 4 * S));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "unknown by ?: SYN_RECV [gap]");
	assert_int_equal(live(world), 0);
	assert_true(ct_conn_table_deadline_ns(world->table) == CT_NS_UNKNOWN);
}

static void request_that_stands_at_the_end_is_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "open by ?: SYN_RECV");
	assert_replay_tells_the_same(world);
}

static void full_table_gives_up_requests_like_others(void **state)
{
	struct world *world = *state;
	struct ct_conn_table_stats stats;

	world_bound(world, 2);
	for (unsigned int i = 0; i < 3; i++) {
		struct life life = a_server();

		life.core.rport += i;
		take(world, request(&life, CT_TIMER_START));
	}
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "unknown by ?: SYN_RECV [gap]",
		    "lost 1 table");
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.live, 2);
	assert_int_equal(stats.evicted, 1);
}

static void timer_of_a_request_that_is_complete_says_nothing_more(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	told_forget(&world->told);
	event = request(&life, CT_TIMER_CANCEL);
	event.cookie = life.core.cookie;
	take(world, event);
	let_go(world, &life);
	assert_silence(&world->told);
	assert_int_equal(world->conn->phase, CT_PHASE_LIVE);
}

static void loss_may_have_taken_the_child(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, lost(life.core.ts_ns, 1, CT_LOST_RING, 0));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "lost 1 ring", "LISTEN>SYN_RECV ?",
		    "unknown by ?: SYN_RECV [gap]");
}

static void request_heard_of_since_a_loss_is_still_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, lost(life.core.ts_ns, 1, CT_LOST_RING, 0));
	take(world, request(&life, CT_TIMER_EXPIRE));
	take(world, request(&life, CT_TIMER_START));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "lost 1 ring", "LISTEN>SYN_RECV ?", "open by ?: SYN_RECV");
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(silence_of_the_peer_is_a_timeout),
		test(timer_that_is_taken_off_for_no_known_reason_is_an_unknown_end),
		test(listener_that_is_gone_has_ended_it),
		test(reset_of_the_peer_ends_it),
		test(reset_that_it_survives_is_not_its_end),
		test(full_accept_queue_that_resets_ends_it),
		test(full_accept_queue_is_the_cause_of_what_comes_right_behind_it),
		test(stray_segment_that_is_answered_does_not_end_it),
		test(request_that_ss_destroys_is_killed),
		test(namespace_that_is_torn_down_is_no_killer),
		test(new_handshake_of_the_same_addresses_is_another_life),
		test(request_whose_timer_is_overdue_has_gone_unseen),
		test(request_that_stands_at_the_end_is_open),
		test(full_table_gives_up_requests_like_others),
		test(timer_of_a_request_that_is_complete_says_nothing_more),
		test(loss_may_have_taken_the_child),
		test(request_heard_of_since_a_loss_is_still_open),
	};

	return cmocka_run_group_tests_name("conn_table_request_end", tests, NULL, NULL);
}
