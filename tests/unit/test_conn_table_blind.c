// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a stream cannot tell: nothing follows from its silence. */
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void without(struct world *world, enum ct_capability_id id)
{
	world->capabilities.of[id].level = CT_CAPABILITY_ABSENT;
}

/// The socket of a connection that we closed first is gone; no timer has told of a mini-socket.
static void close_first(struct world *world, struct life *life)
{
	establish(world, life);
	take(world, does(life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	take(world, to(life, CT_STATE_FIN_WAIT2));
	take(world, to(life, CT_STATE_CLOSE));
}

static void when_it_is_gone_is_not_known_without_time_wait(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	without(world, CT_CAPABILITY_TIME_WAIT_ENTRY);
	close_first(world, &life);
	assert_true(world->conn->closed_ns != CT_NS_UNKNOWN);
	assert_true(ct_conn_gone_ns(world->conn) == CT_NS_UNKNOWN);
	let_go(world, &life);
	assert_int_equal(world->forgotten, 1); /* it does not fill the table all the same */
}

static void with_time_wait_it_is_gone_when_it_closes_without_one(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	close_first(world, &life);
	assert_int_equal(ct_conn_gone_ns(world->conn), world->conn->closed_ns);
}

static void who_closes_second_has_no_time_wait_and_is_gone(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	without(world, CT_CAPABILITY_TIME_WAIT_ENTRY);
	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_int_equal(ct_conn_gone_ns(world->conn), world->conn->closed_ns);
}

/// Half-closed; then close() finds something unread, and the socket is gone at once, without an
/// error.
static void reset_by_close(struct world *world, struct life *life)
{
	establish(world, life);
	take(world, does(life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1));
	take(world, to(life, CT_STATE_FIN_WAIT2));
	take(world, does(life, CT_HOW_CLOSE, CT_STATE_CLOSE));
}

static void close_that_resets_is_no_fin_of_theirs_where_resets_are_not_seen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	without(world, CT_CAPABILITY_RESETS_SENT);
	reset_by_close(world, &life);
	assert_int_equal(world->conn->end, CT_END_UNKNOWN);
	assert_false(world->conn->fin_received);
}

static void close_that_resets_is_gone_where_time_wait_is_not_seen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	without(world, CT_CAPABILITY_TIME_WAIT_ENTRY);
	reset_by_close(world, &life);
	assert_int_equal(ct_conn_gone_ns(world->conn), world->conn->closed_ns);
}

/// A connect() that ended with ECONNREFUSED: by a reset, or by ICMP.
static void fail_to_connect(struct world *world)
{
	struct life life = a_client();
	struct ct_event closed;

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	closed = to(&life, CT_STATE_CLOSE);
	closed.to.sk_err = ECONNREFUSED;
	take(world, closed);
}

static void port_that_refuses_is_not_called_unreachable_where_resets_are_not_seen(void **state)
{
	struct world *world = *state;

	without(world, CT_CAPABILITY_RESETS_RECEIVED);
	fail_to_connect(world);
	assert_int_equal(world->conn->end, CT_END_UNKNOWN);
}

static void port_that_icmp_refuses_is_unreachable_where_resets_are_seen(void **state)
{
	struct world *world = *state;

	fail_to_connect(world);
	assert_int_equal(world->conn->end, CT_END_UNREACHABLE);
}

/// A child is there, and its handshake complete; of its request nothing was told.
static void accept_without_request(struct world *world)
{
	struct life life = a_server();

	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_ESTABLISHED));
}

static void handshake_of_an_accepted_one_has_no_beginning_where_requests_are_not_seen(void **state)
{
	struct world *world = *state;

	without(world, CT_CAPABILITY_HALF_OPEN);
	accept_without_request(world);
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
	assert_true(world->conn->unseen); /* it was opened while it was traced */
	assert_int_equal(world->conn->gaps, 0);
}

static void handshake_by_a_cookie_begins_with_the_child_where_requests_are_seen(void **state)
{
	struct world *world = *state;

	accept_without_request(world);
	assert_true(world->conn->opened_ns != CT_NS_UNKNOWN);
	assert_false(world->conn->unseen);
}

/// Passive close, LAST_ACK to CLOSE without an error, of whose cause the context tells nothing.
static void close_second(struct world *world, enum ct_fin own_fin)
{
	struct life life = a_server();
	struct ct_event event;

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	event = to(&life, CT_STATE_CLOSE);
	event.to.own_fin = (__u8)own_fin;
	take(world, event);
}

/// tcp_out_of_resources(): an orphan is given up, and no error says so.
static void last_fin_that_is_given_up_is_no_end_by_fin_where_timers_are_not_seen(void **state)
{
	struct world *world = *state;

	without(world, CT_CAPABILITY_RETRANSMIT_KINDS);
	close_second(world, CT_FIN_UNACKED);
	assert_int_equal(world->conn->end, CT_END_UNKNOWN);
}

static void last_fin_that_is_acknowledged_is_an_end_by_fin_where_timers_are_not_seen(void **state)
{
	struct world *world = *state;

	without(world, CT_CAPABILITY_RETRANSMIT_KINDS);
	close_second(world, CT_FIN_ACKED);
	assert_int_equal(world->conn->end, CT_END_FIN);
}

/// A recording that was made before the events told of the FIN.
static void last_fin_of_which_nothing_is_told_may_be_given_up_where_timers_are_not_seen(
	void **state)
{
	struct world *world = *state;

	without(world, CT_CAPABILITY_RETRANSMIT_KINDS);
	close_second(world, CT_FIN_UNKNOWN);
	assert_int_equal(world->conn->end, CT_END_UNKNOWN);
}

static void last_fin_of_which_nothing_is_told_is_an_end_by_fin_where_timers_are_seen(void **state)
{
	struct world *world = *state;

	close_second(world, CT_FIN_UNKNOWN);
	assert_int_equal(world->conn->end, CT_END_FIN);
}

static void level_that_is_not_known_takes_nothing_away(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	world->capabilities.of[CT_CAPABILITY_TIME_WAIT_ENTRY].level = CT_CAPABILITY_PARTIAL;
	close_first(world, &life);
	assert_int_equal(world->conn->blind, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(when_it_is_gone_is_not_known_without_time_wait),
		TEST(with_time_wait_it_is_gone_when_it_closes_without_one),
		TEST(who_closes_second_has_no_time_wait_and_is_gone),
		TEST(close_that_resets_is_no_fin_of_theirs_where_resets_are_not_seen),
		TEST(close_that_resets_is_gone_where_time_wait_is_not_seen),
		TEST(port_that_refuses_is_not_called_unreachable_where_resets_are_not_seen),
		TEST(port_that_icmp_refuses_is_unreachable_where_resets_are_seen),
		TEST(handshake_of_an_accepted_one_has_no_beginning_where_requests_are_not_seen),
		TEST(handshake_by_a_cookie_begins_with_the_child_where_requests_are_seen),
		TEST(last_fin_that_is_given_up_is_no_end_by_fin_where_timers_are_not_seen),
		TEST(last_fin_that_is_acknowledged_is_an_end_by_fin_where_timers_are_not_seen),
		TEST(last_fin_of_which_nothing_is_told_may_be_given_up_where_timers_are_not_seen),
		TEST(last_fin_of_which_nothing_is_told_is_an_end_by_fin_where_timers_are_seen),
		TEST(level_that_is_not_known_takes_nothing_away),
	};

	return cmocka_run_group_tests_name("conn_table_blind", tests, NULL, NULL);
}
