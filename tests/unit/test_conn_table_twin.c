// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A request and its children: one life, though each may have a cookie of its own. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/// Two final ACKs on two CPUs: the child that comes too late has the same cookie, and goes.
static void child_that_comes_too_late_is_not_told(void **state)
{
	struct world *world = *state;
	struct life life = a_server(), late;

	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	told_forget(&world->told);
	late = life;
	late.core.state = CT_STATE_LISTEN;
	take(world, to(&late, CT_STATE_SYN_RECV));
	take(world, counted(&late, 0, 0, 0));
	take(world, to(&late, CT_STATE_CLOSE));
	assert_silence(&world->told);
	assert_false(world->conn->counted);
	life.core.ts_ns = late.core.ts_ns;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 4ms");
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "open by remote: SYN_RECV ESTABLISHED CLOSE_WAIT");
	assert_replay_tells_the_same(world);
}

/// Nobody had asked the request for its cookie: each child has its own.
static void child_that_comes_too_late_has_a_cookie_of_its_own(void **state)
{
	struct world *world = *state;
	struct life life = a_server(), late;

	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	told_forget(&world->told);
	late = life;
	late.core.cookie++;
	late.core.state = CT_STATE_LISTEN;
	take(world, owned(&late, 80, "nginx", CT_OWNER_INHERITED));
	take(world, to(&late, CT_STATE_SYN_RECV));
	take(world, counted(&late, 0, 0, 0));
	take(world, to(&late, CT_STATE_CLOSE));
	assert_silence(&world->told);
	assert_int_equal(live(world), 1);
	life.core.ts_ns = late.core.ts_ns;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_told(&world->told, "ESTABLISHED>CLOSE_WAIT 5ms");
	assert_replay_tells_the_same(world);
}

/// Its birth is told with its end, when the one that is kept has gone already.
static void child_that_is_told_of_too_late_is_not_told(void **state)
{
	struct world *world = *state;
	struct life life = a_server(), late;
	struct ct_event owner, birth;

	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	late = life;
	late.core.cookie++;
	late.core.state = CT_STATE_LISTEN;
	owner = owned(&late, 80, "nginx", CT_OWNER_INHERITED);
	birth = to(&late, CT_STATE_SYN_RECV);
	life.core.ts_ns = late.core.ts_ns;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	told_forget(&world->told);
	late.core.ts_ns = life.core.ts_ns;
	take(world, owner);
	take(world, birth);
	take(world, counted(&late, 0, 0, 0));
	take(world, to(&late, CT_STATE_CLOSE));
	assert_silence(&world->told);
	let_go(world, &late);
	assert_told(&world->told, "fin by remote: SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK");
	assert_replay_tells_the_same(world);
}

static void child_that_is_kept_gives_the_life_its_cookie(void **state)
{
	struct world *world = *state;
	struct life life = a_server(), kept;

	take(world, request(&life, CT_TIMER_START));
	take(world, to(&life, CT_STATE_SYN_RECV));
	kept = life;
	kept.core.cookie++;
	kept.core.state = CT_STATE_LISTEN;
	take(world, to(&kept, CT_STATE_SYN_RECV));
	take(world, to(&kept, CT_STATE_ESTABLISHED));
	assert_int_equal(world->last.id.cookie, kept.core.cookie);
	take(world, to(&life, CT_STATE_CLOSE));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED 3ms");
	assert_int_equal(live(world), 1);
	kept.core.ts_ns = life.core.ts_ns + S;
	take(world, to(&kept, CT_STATE_CLOSE_WAIT));
	assert_int_equal(live(world), 1);
	assert_replay_tells_the_same(world);
}

/// A child with a cookie of its own, of kernels that tell of it when it is established.
static struct ct_event child_of_its_own(const struct life *life, enum ct_handshake handshake)
{
	struct life child = *life;
	struct ct_event event;

	child.core.cookie++;
	child.core.state = CT_STATE_SYN_RECV;
	event = to(&child, CT_STATE_ESTABLISHED);
	event.to.handshake = (__u8)handshake;
	return event;
}

/// The row made a cookie for the request when the child was there already.
static void row_does_not_part_a_request_from_its_child(void **state)
{
	struct world *world = *state;
	struct life life = a_server(), child;

	world->told.with_conn = true;
	take(world, request(&life, CT_TIMER_START));
	take(world, found_request(&life, 0, S));
	child = life;
	child.core.cookie++;
	accept_child(world, &child);
	assert_told(&world->told, "2b3d.0 LISTEN>SYN_RECV ?",
		    "2b3d.0 SYN_RECV>ESTABLISHED 3ms of request");
	assert_int_equal(live(world), 1);
	assert_replay_tells_the_same(world);
}

static void cookie_that_came_too_late_is_given_up_for_the_childs(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	time_out(world, &life);
	told_forget(&world->told);
	take(world, child_of_its_own(&life, CT_HANDSHAKE_REQUEST));
	assert_told(&world->told, "SYN_RECV>ESTABLISHED 1005ms of request");
	assert_int_equal(live(world), 1);
	assert_replay_tells_the_same(world);
}

static void connection_by_a_syn_cookie_is_no_child_of_a_request(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	time_out(world, &life);
	take(world, child_of_its_own(&life, CT_HANDSHAKE_SYNCOOKIE));
	assert_int_equal(live(world), 2);
}

/// The first transition of the connection behind LIFE, between the same addresses.
static void begin_next(struct world *world, const struct life *life)
{
	struct life next = *life;

	told_forget(&world->told);
	next.core.cookie++;
	next.core.state = CT_STATE_LISTEN;
	take(world, to(&next, CT_STATE_SYN_RECV));
}

/// A moment behind the end of the first.
static void next_connection_of_the_same_addresses_is_no_twin(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	take(world, to(&life, CT_STATE_CLOSE));
	begin_next(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?");
}

/// Nor where it is not known when the first one went on: what it did was lost.
static void next_connection_behind_a_loss_is_no_twin(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	accept_child(world, &life);
	life.core.state = CT_STATE_LAST_ACK;
	take(world, to(&life, CT_STATE_CLOSE));
	begin_next(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?");
}

static void either_of_two_children_may_go(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, to(&life, CT_STATE_SYN_RECV));
	life.core.state = CT_STATE_LISTEN;
	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_told(&world->told, "LISTEN>SYN_RECV ?");
	life.core.state = CT_STATE_SYN_RECV;
	take(world, to(&life, CT_STATE_ESTABLISHED));
	assert_told(&world->told, "SYN_RECV>ESTABLISHED 4ms");
	assert_int_equal(live(world), 1);
}

static void child_alone_that_goes_is_told(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, request(&life, CT_TIMER_START));
	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>CLOSE 2ms");
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(child_that_comes_too_late_is_not_told),
		test(child_that_comes_too_late_has_a_cookie_of_its_own),
		test(child_that_is_told_of_too_late_is_not_told),
		test(child_that_is_kept_gives_the_life_its_cookie),
		test(next_connection_of_the_same_addresses_is_no_twin),
		test(next_connection_behind_a_loss_is_no_twin),
		test(row_does_not_part_a_request_from_its_child),
		test(cookie_that_came_too_late_is_given_up_for_the_childs),
		test(connection_by_a_syn_cookie_is_no_child_of_a_request),
		test(either_of_two_children_may_go),
		test(child_alone_that_goes_is_told),
	};

	return cmocka_run_group_tests_name("conn_table_twin", tests, NULL, NULL);
}
