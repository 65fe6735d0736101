// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections of which the table keeps no more than it must, because nothing happens to them. */
#include "world.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../src/table/table.h"

/// A table of so many lets one connection be awake between two events.
#define ONE_AWAKE 255

#define LIVES 12

static struct life one_of_many(unsigned int n)
{
	struct life life = n % 2 ? a_client() : a_server();

	life.core.cookie = 1 + n;
	if (n % 2)
		life.core.lport = (__u16)(10000 + n);
	else
		life.core.rport = (__u16)(10000 + n);
	return life;
}

static size_t frozen(const struct world *world)
{
	const struct ct_slots *slots = &world->table->slots;
	size_t n = 0;

	for (uint32_t number = 1; number < slots->n_all; number++)
		n += ct_slot(slots, number)->is_frozen;
	return n;
}

/// Closed by us, each a step at a time, so that all of them are always in the midst of it.
static void begin_and_close(struct world *world, struct life lives[LIVES])
{
	for (unsigned int n = 0; n < LIVES; n++) {
		lives[n] = one_of_many(n);
		take(world, to(&lives[n], n % 2 ? CT_STATE_SYN_SENT : CT_STATE_SYN_RECV));
	}
	for (unsigned int n = 0; n < LIVES; n++)
		take(world, to(&lives[n], CT_STATE_ESTABLISHED));
	lives[3].core.missed = 2; /* a gap, which is a mark of its own */
	for (unsigned int n = 0; n < LIVES; n++)
		take(world, does(&lives[n], CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	for (unsigned int n = 0; n < LIVES; n++)
		take(world, to(&lives[n], CT_STATE_FIN_WAIT2));
}

static void leave(struct world *world, struct life lives[LIVES])
{
	for (unsigned int n = 0; n < LIVES; n++)
		take(world, mini(&lives[n], CT_TIMER_START, CT_STATE_TIME_WAIT));
	/* of two the socket begins another life while the mini-socket of the first one stands */
	for (unsigned int n = 1; n < 4; n += 2) {
		reborn(&lives[n]);
		take(world, does(&lives[n], CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	}
	for (unsigned int n = 0; n < 6; n++)
		take(world, mini(&lives[n], CT_TIMER_EXPIRE, CT_STATE_TIME_WAIT));
	take(world, tick(BEGAN + S));
}

/// What does not depend on how many are awake.
static void tell_story(struct world *world)
{
	struct life lives[LIVES];

	world->told.with_conn = true;
	begin_and_close(world, lives);
	leave(world, lives);
	take(world, over(BEGAN + 2 * S));
	assert_int_equal(live(world), 0);
}

static void what_is_told_is_the_same_whoever_is_awake(void **state)
{
	struct world *world = *state, *again;
	void *other;

	tell_story(world);
	assert_int_equal(world_setup(&other), 0);
	again = other;
	world_bound(again, ONE_AWAKE);
	tell_story(again);
	assert_string_equal(again->told.text, world->told.text);
	assert_non_null(strstr(world->told.text, "[gap]"));
	assert_non_null(strstr(world->told.text, "2.1 "));
	world_teardown(&other);
}

static void those_that_nothing_happens_to_are_frozen(void **state)
{
	struct world *world = *state;
	struct life lives[LIVES];

	begin_and_close(world, lives);
	assert_int_equal(frozen(world), 0);
	world_bound(world, ONE_AWAKE);
	begin_and_close(world, lives);
	assert_int_equal(frozen(world), LIVES - 1);
	assert_int_equal(world->table->n_awake, 1);
	take(world, to(&lives[5], CT_STATE_CLOSE));
	assert_true(world->conn->id.cookie == lives[5].core.cookie);
	assert_int_equal(world->conn->history.n_steps, 4);
}

static void as_many_stay_awake_as_are_asked_for(void **state)
{
	struct world *world = *state;
	struct life lives[LIVES];

	world_bound(world, ONE_AWAKE);
	ct_conn_table_keep_awake(world->table, 5);
	begin_and_close(world, lives);
	assert_int_equal(world->table->n_awake, 5);
	assert_int_equal(frozen(world), LIVES - 5);
	world_bound(world, ONE_AWAKE);
	ct_conn_table_keep_awake(world->table, LIVES);
	begin_and_close(world, lives);
	assert_int_equal(frozen(world), 0);
}

static void closed_ones_are_not_frozen_any_more(void **state)
{
	struct world *world = *state;
	struct life lives[LIVES];

	world_bound(world, ONE_AWAKE);
	begin_and_close(world, lives);
	for (unsigned int n = 0; n < LIVES; n++)
		take(world, to(&lives[n], CT_STATE_CLOSE));
	assert_int_equal(frozen(world), 0);
	assert_int_equal(world->table->n_awake, 0);
	take(world, tick(lives[0].core.ts_ns + CT_TABLE_GRACE_NS));
	assert_int_equal(world->forgotten, LIVES);
}

static void frozen_ones_are_freed_with_the_table(void **state)
{
	struct world *world = *state;
	struct life lives[LIVES];

	world_bound(world, ONE_AWAKE);
	begin_and_close(world, lives);
	ct_conn_table_free(&world->table);
	assert_int_equal(world->discarded, LIVES);
}

/// Somebody who is there was not found then: nothing is told that might be false.
static void nothing_is_told_when_one_could_not_be_thawed(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	world->table->error = -ENOMEM;
	assert_int_equal(try_take(world, to(&life, CT_STATE_SYN_SENT)), -ENOMEM);
	assert_int_equal(try_take(world, tick(life.core.ts_ns)), -ENOMEM);
	assert_silence(&world->told);
	assert_int_equal(world->told.silent, 0);
	assert_int_equal(live(world), 0);
}

/// What malloc() takes for a block.
static size_t block(void *memory)
{
	return malloc_usable_size(memory) + sizeof(size_t);
}

/// Of the first connection, which another one has taken the place of.
static void assert_is_small(struct world *world, size_t bytes)
{
	const struct ct_slot *slot;
	struct life other = one_of_many(1);

	take(world, to(&other, CT_STATE_SYN_SENT));
	slot = ct_slot(&world->table->slots, world->table->slots.first);
	assert_true(slot->is_frozen);
	/* behind doubling there are two chains for each slot */
	assert_in_range(sizeof(*slot) + 2 * sizeof(uint32_t) + block(slot->frozen), 0, bytes);
}

static struct ct_event owner_of(struct life *life)
{
	struct ct_event event = owned(life, 4000000, "fifteen-letters", CT_OWNER_ACTOR);

	event.who.cgroup = 123456;
	return event;
}

/// The longest addresses that there are.
static void make_ipv6(struct life *life)
{
	life->core.family = AF_INET6;
	memset(life->core.laddr, 0x20, sizeof(life->core.laddr));
	memset(life->core.raddr, 0x26, sizeof(life->core.raddr));
}

static void accept_quietly(struct world *world, struct life life)
{
	struct ct_event event;

	world_bound(world, ONE_AWAKE);
	life.core.ts_ns = 1000000 * S;
	event = request(&life, CT_TIMER_START);
	event.request.backlog_max = 128;
	take(world, event);
	take(world, to(&life, CT_STATE_SYN_RECV));
	event = to(&life, CT_STATE_ESTABLISHED);
	event.to.handshake = CT_HANDSHAKE_REQUEST;
	event.to.write_seq = 3000000000;
	take(world, event);
	take(world, owner_of(&life));
}

static void accepted_connection_that_is_quiet_takes_168_bytes_at_most(void **state)
{
	struct world *world = *state;

	accept_quietly(world, one_of_many(0));
	assert_is_small(world, 168);
}

static void accepted_connection_of_ipv6_takes_184_bytes_at_most(void **state)
{
	struct world *world = *state;
	struct life life = one_of_many(0);

	make_ipv6(&life);
	accept_quietly(world, life);
	assert_is_small(world, 184);
}

static void find_idle(struct world *world, struct life life)
{
	struct ct_event event;

	world_bound(world, ONE_AWAKE);
	life.core.ts_ns = 1000000 * S;
	life.core.state = CT_STATE_ESTABLISHED;
	take(world, owner_of(&life));
	event = counted(&life, 1ULL << 40, 1ULL << 40, 7);
	event.counters.bytes_acked = 1ULL << 40;
	event.counters.srtt_us = event.counters.min_rtt_us = 70;
	event.counters.keepalive_time_s = 7200;
	event.counters.keepalive_interval_s = 75;
	event.counters.keepalive_probes = 9;
	take(world, event);
	event = found(&life, CT_STATE_ESTABLISHED);
	event.found.write_seq = 3000000000;
	event.found.idle_ns = 3600 * S;
	take(world, event);
}

static void found_connection_that_is_idle_takes_152_bytes_at_most(void **state)
{
	struct world *world = *state;

	find_idle(world, one_of_many(0));
	assert_is_small(world, 152);
}

static void found_connection_of_ipv6_takes_184_bytes_at_most(void **state)
{
	struct world *world = *state;
	struct life life = one_of_many(0);

	make_ipv6(&life);
	find_idle(world, life);
	assert_is_small(world, 184);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_told_is_the_same_whoever_is_awake),
		test(those_that_nothing_happens_to_are_frozen),
		test(as_many_stay_awake_as_are_asked_for),
		test(closed_ones_are_not_frozen_any_more),
		test(frozen_ones_are_freed_with_the_table),
		test(nothing_is_told_when_one_could_not_be_thawed),
		test(accepted_connection_that_is_quiet_takes_168_bytes_at_most),
		test(accepted_connection_of_ipv6_takes_184_bytes_at_most),
		test(found_connection_that_is_idle_takes_152_bytes_at_most),
		test(found_connection_of_ipv6_takes_184_bytes_at_most),
	};

	return cmocka_run_group_tests_name("conn_table_frozen", tests, NULL, NULL);
}
