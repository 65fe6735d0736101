// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was there before the tracer, beside what is known of it already. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static size_t connections(const struct world *world)
{
	struct ct_conn_table_stats stats;

	ct_conn_table_stats(world->table, &stats);
	return stats.connections;
}

/// What the snapshot says of a full socket: owner, counters, and then that it is there.
static void take_found(struct world *world, struct life *life, enum ct_state s)
{
	struct ct_event row;

	life->core.state = (__u8)s;
	take(world, owned(life, life->core.pid, "nginx", CT_OWNER_SCAN));
	take(world, counted(life, 500, 700, 3));
	assert_silence(&world->told);
	row = found(life, s);
	row.found.idle_ns = 90000 * MS;
	take(world, row);
}

static void connection_that_was_there_is_found_once_with_all_that_is_known(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event again;

	life.core.sock_flags |= CT_SOCK_KEEPALIVE;
	take_found(world, &life, CT_STATE_ESTABLISHED);
	assert_int_equal(world->last.found.counters.bytes_received, 700);
	assert_true(world->last.found.sock_flags & CT_SOCK_KEEPALIVE);
	assert_string_equal(world->last.id.comm, "nginx");
	assert_int_equal(world->last.id.owner, CT_OWNER_SCAN);
	assert_int_equal(world->conn->found_ns, life.core.ts_ns - MS);
	assert_int_equal(world->conn->idle_ns, 90000 * MS);
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_FOUND);
	assert_int_equal(world->conn->gaps, 0);
	assert_int_equal(connections(world), 1);
	assert_int_equal(world->conn->silent_ns, 90000 * MS);
	again = found(&life, CT_STATE_ESTABLISHED);
	again.found.idle_ns = 5 * MS;
	take(world, again);
	assert_int_equal(world->conn->silent_ns, 5 * MS);
	assert_int_equal(world->conn->idle_ns, 90000 * MS);
	assert_told(&world->told, "found ESTABLISHED with counters");
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "open by ?: ESTABLISHED");
	assert_replay_tells_the_same(world);
}

static void found_connection_goes_on_without_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take_found(world, &life, CT_STATE_ESTABLISHED);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "found ESTABLISHED with counters", "ESTABLISHED>CLOSE_WAIT ?",
		    "CLOSE_WAIT>LAST_ACK 1ms by close()", "LAST_ACK>CLOSE 1ms",
		    "fin by remote: ESTABLISHED CLOSE_WAIT LAST_ACK");
}

/// What it had counted by then is not what it has counted at its end.
static void counters_of_the_snapshot_are_not_those_of_the_life(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take_found(world, &life, CT_STATE_ESTABLISHED);
	assert_false(world->conn->counted);
	assert_true(world->conn->options_known);
	take(world, counted(&life, 900, 900, 4));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_true(world->conn->counted);
	assert_int_equal(world->conn->counters.bytes_sent, 900);
}

static void connection_that_is_known_is_not_found(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, owned(&life, 4242, "curl", CT_OWNER_CONNECT));
	take(world, counted(&life, 5, 7, 0));
	take(world, found(&life, CT_STATE_ESTABLISHED));
	assert_silence(&world->told);
	assert_true(world->conn->found_ns == CT_NS_UNKNOWN);
	assert_int_equal(connections(world), 1);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 4ms");
}

/// It went on while the snapshot was taken: the row is older than what is known.
static void row_that_is_older_than_an_event_changes_nothing(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	life.core.state = CT_STATE_ESTABLISHED;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	told_forget(&world->told);
	take(world, found(&life, CT_STATE_ESTABLISHED));
	assert_silence(&world->told);
	life.core.state = CT_STATE_CLOSE_WAIT;
	take(world, to(&life, CT_STATE_LAST_ACK));
	assert_told(&world->told, "CLOSE_WAIT>LAST_ACK 2ms");
	assert_int_equal(world->conn->gaps, 0);
}

static void row_of_one_that_has_just_closed_changes_nothing(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE));
	told_forget(&world->told);
	take(world, found(&life, CT_STATE_ESTABLISHED));
	let_go(world, &life);
	assert_told(&world->told, "unknown by ?: SYN_SENT ESTABLISHED");
}

/// A retransmit came before its row: nothing has said yet that it is older than the tracer.
static void connection_met_by_another_event_is_still_found(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	life.core.state = CT_STATE_ESTABLISHED;
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1));
	take(world, found(&life, CT_STATE_ESTABLISHED));
	take(world, found(&life, CT_STATE_ESTABLISHED));
	assert_told(&world->told, "retransmit rto data 1", "found ESTABLISHED");
	assert_int_equal(connections(world), 1);
}

static void what_is_known_of_the_fins_follows_from_the_state(void **state)
{
	static const struct {
		enum ct_state state;
		bool sent, received;
		enum ct_closed_by closed_by;
	} rows[] = {
		{CT_STATE_ESTABLISHED, false, false, CT_CLOSED_BY_UNKNOWN},
		{CT_STATE_FIN_WAIT1, true, false, CT_CLOSED_BY_LOCAL},
		{CT_STATE_FIN_WAIT2, true, false, CT_CLOSED_BY_LOCAL},
		{CT_STATE_CLOSING, true, true, CT_CLOSED_BY_BOTH},
		{CT_STATE_CLOSE_WAIT, false, true, CT_CLOSED_BY_REMOTE},
		{CT_STATE_LAST_ACK, true, true, CT_CLOSED_BY_REMOTE},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life life = a_client();

		life.core.cookie += i;
		take(world, found(&life, rows[i].state));
		assert_int_equal(world->conn->fin_sent, rows[i].sent);
		assert_int_equal(world->conn->fin_received, rows[i].received);
		assert_int_equal(world->conn->closed_by, rows[i].closed_by);
	}
}

static void found_listener_is_no_connection_and_gives_its_children_an_owner(void **state)
{
	struct world *world = *state;
	struct life listener = a_listener(), life = a_server();

	take(world, owned(&listener, 80, "nginx", CT_OWNER_SCAN));
	take(world, found(&listener, CT_STATE_LISTEN));
	assert_told(&world->told, "found LISTEN");
	assert_int_equal(connections(world), 0);
	take(world, request(&life, CT_TIMER_START));
	assert_int_equal(world->id.pid, 80);
	assert_int_equal(world->id.owner, CT_OWNER_INHERITED);
	take(world, does(&listener, CT_HOW_CLOSE, CT_STATE_CLOSE));
	assert_told(&world->told, "LISTEN>CLOSE ? by close()");
	let_go(world, &listener);
	assert_silence(&world->told);
}

static void time_wait_that_was_there_is_found_with_the_time_it_has_left(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 20 * S));
	assert_int_equal(world->conn->phase, CT_PHASE_MINI);
	assert_int_equal(world->conn->expires_ns, BEGAN + 20 * S);
	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 19 * S));
	assert_told(&world->told, "found TIME_WAIT");
	life.core.ts_ns += 20 * S;
	take(world, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	let_go(world, &life);
	assert_told(&world->told, "TIME_WAIT>CLOSE ? (expired)", "fin by ?: TIME_WAIT");
	assert_int_equal(connections(world), 1);
	assert_replay_tells_the_same(world);
}

static void found_mini_that_never_expires_has_gone_unseen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 20 * S));
	take(world, tick(BEGAN + 30 * S));
	assert_told(&world->told, "found TIME_WAIT", "fin by ?: TIME_WAIT [gap]");
}

/// The sweep that follows a loss: the mini-socket may have begun behind the first look.
static void mini_that_is_met_after_a_loss_is_not_older_than_the_tracer(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, lost(BEGAN, 3, CT_LOST_RING, CT_UNCOUNTED_ALL));
	told_forget(&world->told);
	life.core.ts_ns += S;
	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 20 * S));
	assert_silence(&world->told);
	assert_true(world->conn->unseen);
	take(world, tick(BEGAN + 30 * S));
	assert_told(&world->told, "fin by ?: TIME_WAIT [gap]");
}

/// A FIN_WAIT2 mini-socket of a life that is known, its timer armed for a minute: since when it has
/// been in FIN_WAIT2.
static uint64_t wait_for_fin(struct world *world, struct life *life)
{
	const struct ct_history *history;

	reach_fin_wait2_mini(world, life);
	history = &world->conn->history;
	return history->steps[history->n_steps - 1].at_ns;
}

/// The timer stayed in its bucket and no segment was seen: the sweep finds it, and its timer dates
/// it.
static void time_wait_that_the_sweep_finds_is_dated_by_its_timer(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	uint64_t since_ns = wait_for_fin(world, &life);

	assert_int_equal(ct_conn_table_fin_wait2_minis(world->table), 1);
	life.core.ts_ns = since_ns + 3 * S;
	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 58 * S)); /* it has run for 2 s */
	assert_told(&world->told, "FIN_WAIT2>TIME_WAIT 1000ms inferred");
	assert_int_equal(world->last.ts_ns, since_ns + S);
	assert_int_equal(world->conn->history.steps[4].at_ns, since_ns + S);
	assert_int_equal(world->conn->expires_ns, since_ns + 61 * S);
	assert_int_equal(ct_conn_table_fin_wait2_minis(world->table), 0);
	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 57 * S));
	assert_silence(&world->told);
	take(world, over(life.core.ts_ns));
	assert_replay_tells_the_same(world);
}

static void date_of_the_timer_is_never_before_fin_wait2_nor_in_the_future(void **state)
{
	static const struct {
		uint64_t left_ns, after_ns;
	} rows[] = {
		{5 * S, 0},	/* 55 s ago it was not in FIN_WAIT2 yet */
		{90 * S, 3 * S} /* no timer of a TIME_WAIT runs for longer than a minute */
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life life = a_client();
		uint64_t since_ns;

		life.core.cookie += i;
		since_ns = wait_for_fin(world, &life);
		life.core.ts_ns = since_ns + 3 * S;
		take(world, found_mini(&life, CT_STATE_TIME_WAIT, rows[i].left_ns));
		assert_int_equal(world->conn->history.steps[4].at_ns, since_ns + rows[i].after_ns);
	}
}

static void found_fin_wait2_mini_becomes_time_wait_after_it_was_found(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, found_mini(&life, CT_STATE_FIN_WAIT2, 50 * S));
	life.core.ts_ns = BEGAN + 10 * S;
	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 40 * S)); /* it has run for 20 s */
	assert_told(&world->told, "found FIN_WAIT2", "FIN_WAIT2>TIME_WAIT ? inferred");
	assert_int_equal(world->conn->history.steps[1].at_ns, BEGAN);
}

/// The beginning of the mini-socket was lost, and its end is the full socket's.
static void mini_of_a_connection_that_is_thought_to_live_follows_with_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	told_forget(&world->told);
	life.core.ts_ns += 5 * S;
	take(world, found_mini(&life, CT_STATE_TIME_WAIT, 57 * S));
	assert_int_equal(world->conn->gaps, 1);
	assert_int_equal(world->conn->phase, CT_PHASE_MINI);
	assert_told(&world->told, "FIN_WAIT1>TIME_WAIT 2001ms inferred");
}

static void half_open_handshake_that_was_there_is_found(void **state)
{
	struct world *world = *state;
	struct life listener = a_listener(), life = a_server();

	take(world, owned(&listener, 80, "nginx", CT_OWNER_SCAN));
	take(world, found(&listener, CT_STATE_LISTEN));
	told_forget(&world->told);
	take(world, found_request(&life, 1, 2 * S));
	assert_told(&world->told, "found SYN_RECV");
	assert_int_equal(world->conn->phase, CT_PHASE_REQUEST);
	assert_int_equal(world->conn->request.timeouts, 1);
	assert_int_equal(world->conn->id.pid, 80);
	take(world, found_request(&life, 1, S));
	assert_silence(&world->told);
	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	assert_told(&world->told, "SYN_RECV>ESTABLISHED ?");
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
	assert_int_equal(connections(world), 1);
}

/// Nobody has asked for its cookie yet: its addresses say that it is known.
static void request_that_is_known_is_not_found(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, request(&life, CT_TIMER_START));
	take(world, found_request(&life, 0, S));
	assert_silence(&world->told);
	event = found_request(&life, 0, S);
	event.cookie = 0;
	take(world, event);
	assert_int_equal(live(world), 1);
	assert_silence(&world->told);
}

static void found_request_without_a_cookie_ends_like_others(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event = found_request(&life, 0, S);

	event.cookie = 0;
	take(world, event);
	take(world, request(&life, CT_TIMER_EXPIRE));
	let_go(world, &life);
	assert_told(&world->told, "found SYN_RECV", "SYN_RECV>CLOSE ? (expired)",
		    "timeout by ?: SYN_RECV");
	assert_replay_tells_the_same(world);
}

static void found_request_that_never_expires_has_gone_unseen(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found_request(&life, 0, S));
	take(world, tick(BEGAN + 4 * S));
	assert_told(&world->told, "found SYN_RECV", "unknown by ?: SYN_RECV [gap]");
}

static void row_of_a_request_that_is_complete_changes_nothing(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	establish(world, &life);
	take(world, found_request(&life, 0, S));
	assert_silence(&world->told);
	assert_int_equal(world->conn->phase, CT_PHASE_LIVE);
	assert_int_equal(live(world), 1);
}

static void options_are_the_last_that_were_told(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	assert_false(world->conn->options_known);
	take(world, set_options(&life, 30000));
	assert_true(world->conn->options_known);
	assert_int_equal(world->conn->options.user_timeout_ms, 30000);
	event = counted(&life, 1, 1, 0);
	event.counters.user_timeout_ms = 5000;
	event.counters.keepalive_time_s = 60;
	event.counters.keepalive_interval_s = 10;
	event.counters.keepalive_probes = 4;
	event.counters.linger_s = 2;
	take(world, event);
	assert_int_equal(world->conn->options.user_timeout_ms, 5000);
	assert_int_equal(world->conn->options.keepalive_time_s, 60);
	assert_int_equal(world->conn->options.keepalive_interval_s, 10);
	assert_int_equal(world->conn->options.keepalive_probes, 4);
	assert_int_equal(world->conn->options.linger_s, 2);
	assert_silence(&world->told);
}

/// The timer's hook knows no more than the cookie.
static void options_by_cookie_alone_are_for_those_who_are_known(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event = set_options(&life, 1);

	event.generation = CT_GENERATION_ANY;
	event.sock_flags = CT_SOCK_KEEPALIVE;
	take(world, event);
	assert_int_equal(live(world), 0);
	establish(world, &life);
	take(world, event);
	assert_int_equal(world->conn->options.user_timeout_ms, 1);
	assert_int_equal(world->conn->sock_flags, CT_SOCK_KEEPALIVE);
	assert_int_equal(world->conn->id.pid, 4242);
}

/// A reset that is traced long after the end brings its options along.
static void options_of_a_closed_socket_make_no_connection(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, set_options(&life, 1));
	assert_int_equal(live(world), 0);
	life.core.state = CT_STATE_ESTABLISHED;
	take(world, set_options(&life, 1));
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1));
	assert_int_equal(live(world), 1);
	assert_true(world->conn->options_known);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(connection_that_was_there_is_found_once_with_all_that_is_known),
		test(found_connection_goes_on_without_a_gap),
		test(counters_of_the_snapshot_are_not_those_of_the_life),
		test(connection_that_is_known_is_not_found),
		test(row_that_is_older_than_an_event_changes_nothing),
		test(row_of_one_that_has_just_closed_changes_nothing),
		test(connection_met_by_another_event_is_still_found),
		test(what_is_known_of_the_fins_follows_from_the_state),
		test(found_listener_is_no_connection_and_gives_its_children_an_owner),
		test(time_wait_that_was_there_is_found_with_the_time_it_has_left),
		test(found_mini_that_never_expires_has_gone_unseen),
		test(mini_that_is_met_after_a_loss_is_not_older_than_the_tracer),
		test(time_wait_that_the_sweep_finds_is_dated_by_its_timer),
		test(date_of_the_timer_is_never_before_fin_wait2_nor_in_the_future),
		test(found_fin_wait2_mini_becomes_time_wait_after_it_was_found),
		test(mini_of_a_connection_that_is_thought_to_live_follows_with_a_gap),
		test(half_open_handshake_that_was_there_is_found),
		test(request_that_is_known_is_not_found),
		test(found_request_without_a_cookie_ends_like_others),
		test(found_request_that_never_expires_has_gone_unseen),
		test(row_of_a_request_that_is_complete_changes_nothing),
		test(options_are_the_last_that_were_told),
		test(options_by_cookie_alone_are_for_those_who_are_known),
		test(options_of_a_closed_socket_make_no_connection),
	};

	return cmocka_run_group_tests_name("conn_table_found", tests, NULL, NULL);
}
