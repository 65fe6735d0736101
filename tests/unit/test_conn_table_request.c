// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Handshakes from their request socket on: what has no cookie yet, and how it gets one. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <cmocka.h>

static void handshake_lasts_from_the_syn_to_the_final_ack(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	world->told.with_conn = true;
	take(world, request(&life, CT_TIMER_START));
	assert_silence(&world->told);
	life.core.ts_ns += 200 * MS;
	accept_child(world, &life);
	assert_int_equal(world->conn->opened_ns, BEGAN);
	assert_int_equal(world->conn->history.steps[0].at_ns, BEGAN);
	assert_int_equal(world->conn->history.n_steps, 2);
	assert_int_equal(world->conn->handshake, CT_HANDSHAKE_REQUEST);
	assert_int_equal(world->conn->phase, CT_PHASE_LIVE);
	assert_told(&world->told, "2b3c.0 LISTEN>SYN_RECV ?",
		    "2b3c.0 SYN_RECV>ESTABLISHED 202ms of request");
	assert_int_equal(live(world), 1);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "2b3c.0 open by ?: SYN_RECV ESTABLISHED");
	assert_replay_tells_the_same(world);
}

static void its_line_has_the_time_of_the_syn(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	life.core.ts_ns += 200 * MS;
	take(world, owned(&life, 80, "nginx", CT_OWNER_INHERITED));
	assert_silence(&world->told);
	take(world, to(&life, CT_STATE_SYN_RECV));
	assert_int_equal(world->last.ts_ns, BEGAN);
	assert_int_equal(world->last.id.cookie, 0x2b3c);
	assert_told(&world->told, "LISTEN>SYN_RECV ?");
}

static void child_whose_beginning_is_lost_still_gets_its_request(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	life.core.state = CT_STATE_SYN_RECV;
	life.core.ts_ns += 9 * MS;
	take(world, to(&life, CT_STATE_ESTABLISHED));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED 10ms");
	take(world, over(life.core.ts_ns));
	assert_replay_tells_the_same(world);
}

static void syn_ack_that_is_sent_again_tells_the_cookie(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	world->told.with_conn = true;
	take(world, request(&life, CT_TIMER_START));
	time_out(world, &life);
	assert_told(&world->told, "2b3c.0 LISTEN>SYN_RECV ?", "2b3c.0 retransmit synack synack 1");
	assert_int_equal(world->conn->request.timeouts, 1);
	assert_int_equal(live(world), 1);
	accept_child(world, &life);
	assert_told(&world->told, "2b3c.0 SYN_RECV>ESTABLISHED 1006ms of request");
	take(world, over(life.core.ts_ns));
	assert_replay_tells_the_same(world);
}

/// Its timer's events carry the cookie from then on; one that does not is of it all the same.
static void request_with_a_cookie_is_still_found_by_its_addresses(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, request(&life, CT_TIMER_START));
	time_out(world, &life);
	life.core.ts_ns += 2 * S;
	event = request(&life, CT_TIMER_EXPIRE);
	event.cookie = life.core.cookie;
	take(world, event);
	take(world, request(&life, CT_TIMER_START));
	assert_int_equal(live(world), 1);
	assert_int_equal(world->conn->request.timeouts, 2);
}

/// A SYN that comes again re-arms the timer: one that is taken off and set again is the same.
static void timer_that_is_set_again_is_no_new_handshake(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, request(&life, CT_TIMER_CANCEL));
	take(world, request(&life, CT_TIMER_START));
	take(world, tick(life.core.ts_ns + CT_TABLE_GRACE_NS));
	assert_int_equal(live(world), 1);
	accept_child(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED 4ms of request");
}

static void final_ack_without_room_is_noted_with_the_backlog(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, without_room(&life));
	assert_int_equal(world->conn->request.acked, CT_ACKED_NO_ROOM);
	assert_int_equal(world->conn->request.backlog, 6);
	assert_int_equal(world->conn->request.backlog_max, 5);
	assert_silence(&world->told);
	assert_int_equal(world->conn->phase, CT_PHASE_REQUEST);
}

static void request_is_of_the_listeners_owner_until_more_is_known(void **state)
{
	struct world *world = *state;
	struct life listener = a_listener(), life = a_server();

	take(world, owned(&listener, 80, "nginx", CT_OWNER_LISTEN));
	take(world, does(&listener, CT_HOW_OTHER, CT_STATE_LISTEN));
	take(world, request(&life, CT_TIMER_START));
	assert_int_equal(world->id.pid, 80);
	assert_int_equal(world->id.owner, CT_OWNER_INHERITED);
	assert_string_equal(world->id.comm, "nginx");
	assert_true(world->id.uid_known && world->id.uid == 1000);
	take(world, owned(&life, 81, "worker", CT_OWNER_ACTOR));
	assert_int_equal(world->id.pid, 81);
	assert_string_equal(world->id.comm, "worker");
}

static bool is_no_listener(const struct ct_conn *conn)
{
	return conn->id.role != CT_ROLE_LISTENER;
}

/// A recording may be without the listener: what was inherited from it is in there.
static void inherited_owner_is_replayed_without_the_listener(void **state)
{
	struct world *world = *state;
	struct life listener = a_listener(), life = a_server();
	const struct ct_event *owner = NULL;

	world->selects = is_no_listener;
	take(world, owned(&listener, 80, "nginx", CT_OWNER_LISTEN));
	take(world, does(&listener, CT_HOW_OTHER, CT_STATE_LISTEN));
	take(world, request(&life, CT_TIMER_START));
	for (size_t i = 0; i < world->n_kept; i++)
		if (world->kept[i].kind == CT_EVENT_OWNER)
			owner = &world->kept[i];
	assert_non_null(owner);
	assert_int_equal(owner->pid, 80);
	assert_memory_equal(owner->who.comm, "nginx", 5);

	world_bound(world, 0);
	for (size_t i = 0, n = world->n_kept; i < n; i++)
		take(world, world->kept[i]);
	assert_int_equal(live(world), 1);
	assert_int_equal(world->id.owner, CT_OWNER_INHERITED);
	assert_string_equal(world->id.comm, "nginx");
}

static void two_requests_are_told_apart(void **state)
{
	struct world *world = *state;
	struct life one = a_server(), two = a_server();

	world->told.with_conn = true;
	two.core.cookie++;
	two.core.rport++;
	take(world, request(&one, CT_TIMER_START));
	take(world, request(&two, CT_TIMER_START));
	accept_child(world, &two);
	accept_child(world, &one);
	assert_told(&world->told, "2b3d.0 LISTEN>SYN_RECV ?",
		    "2b3d.0 SYN_RECV>ESTABLISHED 2ms of request", "2b3c.0 LISTEN>SYN_RECV ?",
		    "2b3c.0 SYN_RECV>ESTABLISHED 2ms of request");
}

static void same_addresses_elsewhere_are_another_request(void **state)
{
	struct world *world = *state;
	struct life here = a_server(), there = a_server();

	there.core.netns++;
	take(world, request(&here, CT_TIMER_START));
	take(world, request(&there, CT_TIMER_START));
	assert_int_equal(live(world), 2);
}

static void v4_mapped_child_has_the_request_of_ipv4(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	life.core.family = AF_INET6;
	set_addr(life.core.laddr, AF_INET6, "::ffff:10.0.0.2");
	set_addr(life.core.raddr, AF_INET6, "::ffff:10.0.0.1");
	accept_child(world, &life);
	assert_int_equal(live(world), 1);
}

static void v4_mapped_listener_is_ipv4(void **state)
{
	struct world *world = *state;
	struct life life = a_listener();
	static const uint8_t laddr[16] = {10, 0, 0, 2}, none[16];

	life.core.family = AF_INET6;
	set_addr(life.core.laddr, AF_INET6, "::ffff:10.0.0.2");
	take(world, does(&life, CT_HOW_OTHER, CT_STATE_LISTEN));
	assert_int_equal(world->id.family, AF_INET);
	assert_memory_equal(world->id.laddr, laddr, 16);
	assert_memory_equal(world->id.raddr, none, 16);
}

/// Of both families, and one that says so.
static void listener_of_any_address_stays_ipv6(void **state)
{
	struct world *world = *state;
	struct life life = a_listener();

	life.core.family = AF_INET6;
	set_addr(life.core.laddr, AF_INET6, "::");
	take(world, does(&life, CT_HOW_OTHER, CT_STATE_LISTEN));
	assert_int_equal(world->id.family, AF_INET6);
}

static void client_with_the_addresses_of_a_request_is_not_its_child(void **state)
{
	struct world *world = *state;
	struct life life = a_server(), client = a_server();

	take(world, request(&life, CT_TIMER_START));
	client.core.role = CT_ROLE_ACTIVE;
	client.core.state = CT_STATE_CLOSE;
	client.core.cookie++;
	take(world, to(&client, CT_STATE_SYN_SENT));
	assert_int_equal(live(world), 2);
}

static void request_that_nobody_saw_begin_has_no_beginning(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, synack_again(&life));
	take(world, synack_again(&life));
	accept_child(world, &life);
	assert_int_equal(world->conn->retransmits, 2);
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "retransmit synack synack 1", "retransmit synack synack 2",
		    "SYN_RECV>ESTABLISHED ? of request", "open by ?: SYN_RECV ESTABLISHED");
	assert_replay_tells_the_same(world);
}

/// Older than the tracer, or lost: the child's beginning is not the handshake's.
static void child_of_an_unknown_request_has_no_beginning(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	accept_child(world, &life);
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
	assert_true(world->conn->history.steps[0].at_ns == CT_NS_UNKNOWN);
	assert_int_equal(world->conn->gaps, 0);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED ? of request");
}

static void child_of_a_lost_request_has_a_gap(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, lost(BEGAN, 1, CT_LOST_RING, CT_UNCOUNTED_SOCKETS));
	accept_child(world, &life);
	assert_int_equal(world->conn->gaps, 1);
	assert_true(world->conn->opened_ns == CT_NS_UNKNOWN);
}

/// No socket stood for it before its final ACK: there is nothing that could have been missed.
static void child_of_a_syncookie_begins_with_itself(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, lost(BEGAN, 1, CT_LOST_RING, CT_UNCOUNTED_SOCKETS));
	take(world, to(&life, CT_STATE_SYN_RECV));
	event = to(&life, CT_STATE_ESTABLISHED);
	event.to.handshake = CT_HANDSHAKE_SYNCOOKIE;
	told_forget(&world->told);
	take(world, event);
	assert_told(&world->told, "SYN_RECV>ESTABLISHED 1ms of syncookie");
	assert_int_equal(world->conn->opened_ns, BEGAN);
	assert_int_equal(world->conn->handshake, CT_HANDSHAKE_SYNCOOKIE);
	assert_int_equal(world->conn->gaps, 0);
}

/// Its SYN-ACK is sent again under the cookie of its request, which is not the child's.
static void syn_ack_of_fast_open_belongs_to_the_child_that_is_there(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	take(world, to(&life, CT_STATE_SYN_RECV));
	event = synack_again(&life);
	event.cookie = 0x9999;
	take(world, event);
	assert_int_equal(live(world), 1);
	life.core.ts_ns += S;
	event = to(&life, CT_STATE_ESTABLISHED);
	event.to.handshake = CT_HANDSHAKE_FASTOPEN;
	take(world, event);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "retransmit synack synack 1",
		    "SYN_RECV>ESTABLISHED 1002ms of fastopen");
	/* it is not looked for by its addresses any more */
	take(world, request(&life, CT_TIMER_START));
	assert_int_equal(live(world), 2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(handshake_lasts_from_the_syn_to_the_final_ack),
		test(its_line_has_the_time_of_the_syn),
		test(child_whose_beginning_is_lost_still_gets_its_request),
		test(syn_ack_that_is_sent_again_tells_the_cookie),
		test(request_with_a_cookie_is_still_found_by_its_addresses),
		test(timer_that_is_set_again_is_no_new_handshake),
		test(final_ack_without_room_is_noted_with_the_backlog),
		test(request_is_of_the_listeners_owner_until_more_is_known),
		test(inherited_owner_is_replayed_without_the_listener),
		test(two_requests_are_told_apart),
		test(same_addresses_elsewhere_are_another_request),
		test(v4_mapped_child_has_the_request_of_ipv4),
		test(v4_mapped_listener_is_ipv4),
		test(listener_of_any_address_stays_ipv6),
		test(client_with_the_addresses_of_a_request_is_not_its_child),
		test(request_that_nobody_saw_begin_has_no_beginning),
		test(child_of_an_unknown_request_has_no_beginning),
		test(child_of_a_lost_request_has_a_gap),
		test(child_of_a_syncookie_begins_with_itself),
		test(syn_ack_of_fast_open_belongs_to_the_child_that_is_there),
	};

	return cmocka_run_group_tests_name("conn_table_request", tests, NULL, NULL);
}
