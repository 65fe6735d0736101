// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Handshakes that are not completed, and those that only take their time. */
#include "detect_fixture.h"

#include <errno.h>

#define HALF_OPEN CT_FLAG_HALF_OPEN

/// Its timer alone: moments are counted from there.
static void expire(struct world *world, struct life *life)
{
	life->core.ts_ns += S << life->timeouts;
	take(world, request(life, CT_TIMER_EXPIRE));
	take(world, synack_again(life));
	take(world, request(life, CT_TIMER_START));
}

static void complete(struct world *world, struct life *life)
{
	take(world, to(life, CT_STATE_SYN_RECV));
	take(world, to(life, CT_STATE_ESTABLISHED));
}

static void request_without_an_answer_is_half_open_at_its_second_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	expire(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "retransmit synack synack 1 +retransmit");
	expire(world, &life);
	assert_told(&world->told, "retransmit synack synack 2 +half-open");
	assert_int_equal(evidence_of(world, HALF_OPEN, "synack_timeouts")->number, 2);
	assert_int_equal(evidence_of(world, HALF_OPEN, "for_ns")->number, 3005 * MS);
	assert_string_equal(evidence_of(world, HALF_OPEN, "final_ack")->text, "never came");
	assert_null(find_evidence(world, HALF_OPEN, "backlog"));
}

static void handshake_that_takes_its_time_is_not_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	expire(world, &life); /* the first SYN-ACK was lost on its way */
	life.core.ts_ns += S;
	take(world, tick(life.core.ts_ns));
	complete(world, &life);
	take(world, tick(life.core.ts_ns + 10 * S));
	assert_false(is_raised(world, HALF_OPEN));
	assert_int_equal(world->conn->phase, CT_PHASE_LIVE);
}

/// The final ACK came, so that the SYN-ACK is not sent again; there is no room for the child.
static void full_accept_queue_is_half_open_after_three_seconds(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, request(&life, CT_TIMER_START));
	take(world, without_room(&life));
	life.core.ts_ns = BEGAN + S;
	event = request(&life, CT_TIMER_EXPIRE);
	event.request.backlog = 6;
	event.request.backlog_max = 5;
	take(world, event);
	event.request.op = CT_TIMER_START;
	event.request.timeout_ns = 2 * S;
	event.ts_ns += MS;
	take(world, event);
	take(world, tick(BEGAN + 3 * S - 1));
	assert_silence(&world->told);
	take(world, tick(BEGAN + 3 * S));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "in SYN_RECV for 3000ms +half-open");
	assert_int_equal(evidence_of(world, HALF_OPEN, "backlog")->number, 6);
	assert_int_equal(evidence_of(world, HALF_OPEN, "backlog_max")->number, 5);
	assert_string_equal(evidence_of(world, HALF_OPEN, "final_ack")->text,
			    "came, accept queue full");
	assert_replay_tells_the_same(world);
}

/// The listener waits for data: nothing is full, and no SYN-ACK is sent again.
static void final_ack_that_is_put_off_is_not_for_want_of_room(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns = BEGAN + S;
	event = request(&life, CT_TIMER_EXPIRE);
	event.request.acked = CT_ACKED_DROPPED;
	event.request.backlog_max = 5;
	take(world, event);
	event.request.op = CT_TIMER_START;
	event.request.timeout_ns = 3 * S;
	event.ts_ns += MS;
	take(world, event);
	take(world, tick(BEGAN + 3 * S));
	assert_string_equal(evidence_of(world, HALF_OPEN, "final_ack")->text,
			    "came, not taken: TCP_DEFER_ACCEPT or accept queue full");
	assert_null(find_evidence(world, HALF_OPEN, "synack_timeouts"));
}

/// Its timer should have expired by then: it may well be complete, and that was lost.
static void request_that_may_be_gone_is_not_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, tick(BEGAN + 3 * S));
	assert_told(&world->told, "LISTEN>SYN_RECV ?");
	assert_false(is_raised(world, HALF_OPEN));
	take(world, tick(BEGAN + 4 * S));
	assert_told(&world->told, "unknown by ?: SYN_RECV [gap]");
}

static void request_that_ends_without_a_child_is_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, request(&life, CT_TIMER_CANCEL));
	take(world, reset_at_listener(&life, CT_DIRECTION_RECEIVED, CT_PACKET_RST));
	assert_int_equal(evidence_of(world, HALF_OPEN, "for_ns")->number, MS);
	assert_string_equal(evidence_of(world, HALF_OPEN, "final_ack")->text, "never came");
	assert_told(&world->told, "LISTEN>SYN_RECV ?",
		    "rst received peer peer in SYN_RECV +rst-received",
		    "SYN_RECV>CLOSE 1ms (rst) +half-open");
	let_go(world, &life);
	assert_told(&world->told, "rst-received by remote: SYN_RECV [rst-received half-open]");
	assert_replay_tells_the_same(world);
}

static void request_that_times_out_is_half_open_and_a_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns += S;
	take(world, request(&life, CT_TIMER_EXPIRE));
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>CLOSE 1001ms (expired) +half-open",
		    "timeout by ?: SYN_RECV [half-open timeout]");
}

static int look_at_final_ack(struct ct_conn *conn, struct ct_update *update)
{
	int r = ct_detect(conn, update);

	for (const struct ct_mark *mark = conn->marks; mark; mark = mark->next)
		for (size_t i = 0; mark->flag == HALF_OPEN && i < mark->n_evidence; i++)
			if (strcmp(mark->evidence[i].key, "final_ack") == 0)
				assert_string_equal(mark->evidence[i].text,
						    "came, accept queue full");
	return r;
}

/// It leaves the table with the same moment.
static void final_ack_that_was_answered_with_a_reset_has_come(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, reset_at_listener(&life, CT_DIRECTION_SENT, CT_PACKET_ACK));
	take(world, request(&life, CT_TIMER_CANCEL));
	world->look = look_at_final_ack;
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?",
		    "rst sent stack backlog-overflow in SYN_RECV +rst-sent",
		    "SYN_RECV>CLOSE 2ms (answered) +half-open",
		    "rst-sent by local: SYN_RECV [rst-sent half-open]");
}

static void request_that_was_found_is_judged_by_when(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found_request(&life, 1, 8 * S));
	take(world, tick(BEGAN + 3 * S - 1));
	assert_false(is_raised(world, HALF_OPEN));
	take(world, tick(BEGAN + 3 * S));
	assert_told(&world->told, "found SYN_RECV", "in SYN_RECV for ? +half-open");
	assert_int_equal(evidence_of(world, HALF_OPEN, "for_at_least_ns")->number, 3 * S);
	assert_null(find_evidence(world, HALF_OPEN, "final_ack")); /* nobody has said */
}

static void request_that_is_found_behind_two_timeouts_is_half_open_at_once(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, found_request(&life, 2, 4 * S));
	assert_told(&world->told, "found SYN_RECV +half-open");
	assert_int_equal(evidence_of(world, HALF_OPEN, "synack_timeouts")->number, 2);
}

static void connection_that_is_reset_once_established_is_not_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	complete(world, &life);
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_false(is_raised(world, HALF_OPEN));
}

/// Fast open: the child is there before the handshake is complete.
static void child_that_never_is_established_is_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, to(&life, CT_STATE_SYN_RECV));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	assert_true(is_raised(world, HALF_OPEN));
	assert_null(find_evidence(world, HALF_OPEN, "synack_timeouts"));
}

static void own_connect_that_meets_another_is_not_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, to(&life, CT_STATE_SYN_SENT));
	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_false(is_raised(world, HALF_OPEN));
}

static void request_that_has_just_begun_at_the_end_is_not_half_open(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, over(BEGAN + 500 * MS));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "open by ?: SYN_RECV");
}

#define test(name) cmocka_unit_test_setup_teardown(name, detect_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(request_without_an_answer_is_half_open_at_its_second_timeout),
		test(handshake_that_takes_its_time_is_not_half_open),
		test(full_accept_queue_is_half_open_after_three_seconds),
		test(final_ack_that_is_put_off_is_not_for_want_of_room),
		test(request_that_may_be_gone_is_not_half_open),
		test(request_that_ends_without_a_child_is_half_open),
		test(request_that_times_out_is_half_open_and_a_timeout),
		test(final_ack_that_was_answered_with_a_reset_has_come),
		test(request_that_was_found_is_judged_by_when),
		test(request_that_is_found_behind_two_timeouts_is_half_open_at_once),
		test(connection_that_is_reset_once_established_is_not_half_open),
		test(child_that_never_is_established_is_half_open),
		test(own_connect_that_meets_another_is_not_half_open),
		test(request_that_has_just_begun_at_the_end_is_not_half_open),
	};

	return cmocka_run_group_tests_name("detect_half_open", tests, NULL, NULL);
}
