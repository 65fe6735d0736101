// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/decode.h"

/// As the sink does that makes a recording: each event once, in the order of the updates.
static void keep(struct world *world, const struct ct_conn *conn, const struct ct_update *update)
{
	if (conn && world->selects && !world->selects(conn))
		return;
	told_add(&world->selected, update);
	if (!update->event)
		return;
	assert_in_range(world->n_kept, 0, WORLD_KEPT_MAX - 1);
	memcpy(&world->kept[world->n_kept++], update->event, event_size(update->event));
}

static int on_update(void *context, struct ct_conn *conn, struct ct_update *update)
{
	struct world *world = context;
	int r = conn && world->look ? world->look(conn, update) : 0;

	if (r || world->fails)
		return r ? r : world->fails;
	keep(world, conn, update);
	if (conn) {
		world->conn = conn;
		world->id = conn->id;
	}
	world->last = *update;
	told_add(&world->told, update);
	return 0;
}

/// What is held is the selector's business; here nothing is.
static int on_settle(void *context, struct ct_conn *conn)
{
	return 0;
}

static int on_forget(void *context, struct ct_conn *conn)
{
	struct world *world = context;

	world->forgotten++;
	if (world->conn == conn)
		world->conn = NULL;
	return 0;
}

static void on_discard(void *context, struct ct_conn *conn)
{
	struct world *world = context;

	world->discarded++;
}

static const struct ct_conn_table_ops ops = {on_update, on_settle, on_forget, on_discard};

int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(ct_conn_table_new(&world->capabilities, 0, &ops, world, &world->table), 0);
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	struct world *world = *state;

	ct_conn_table_free(&world->table);
	free(world);
	return 0;
}

void world_bound(struct world *world, size_t max_conns)
{
	ct_conn_table_free(&world->table);
	assert_int_equal(
		ct_conn_table_new(&world->capabilities, max_conns, &ops, world, &world->table), 0);
}

int try_take(struct world *world, struct ct_event event)
{
	_cleanup_(ct_freep) void *bytes = event_bytes(&event);
	const struct ct_event *decoded = NULL;

	assert_int_equal(ct_decode(bytes, event_size(&event), &decoded), 0);
	return ct_conn_table_apply(world->table, decoded);
}

void take(struct world *world, struct ct_event event)
{
	assert_int_equal(try_take(world, event), 0);
}

void establish(struct world *world, struct life *life)
{
	if (life->core.state == CT_STATE_LISTEN)
		take(world, to(life, CT_STATE_SYN_RECV));
	else
		take(world, does(life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, to(life, CT_STATE_ESTABLISHED));
	told_forget(&world->told);
}

void reach_fin_wait2(struct world *world, struct life *life)
{
	establish(world, life);
	take(world, does(life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	take(world, to(life, CT_STATE_FIN_WAIT2));
	told_forget(&world->told);
}

static void reach_mini(struct world *world, struct life *life, enum ct_state substate)
{
	reach_fin_wait2(world, life);
	take(world, mini(life, CT_TIMER_START, substate));
	take(world, to(life, CT_STATE_CLOSE));
}

void reach_fin_wait2_mini(struct world *world, struct life *life)
{
	reach_mini(world, life, CT_STATE_FIN_WAIT2);
}

void reach_time_wait(struct world *world, struct life *life)
{
	reach_mini(world, life, CT_STATE_TIME_WAIT);
	told_forget(&world->told);
}

void let_go(struct world *world, struct life *life)
{
	life->core.ts_ns += CT_TABLE_GRACE_NS;
	take(world, tick(life->core.ts_ns));
}

void assert_replay_tells_the_same(struct world *world)
{
	struct world *again;
	void *state;

	assert_int_equal(world_setup(&state), 0);
	again = state;
	again->look = world->look;
	for (size_t i = 0; i < world->n_kept; i++)
		take(again, world->kept[i]);
	assert_string_equal(again->selected.text, world->selected.text);
	world_teardown(&state);
}

const struct ct_mark *mark_of(const struct world *world, enum ct_flag flag)
{
	const struct ct_mark *mark = world->conn ? world->conn->marks : NULL;

	while (mark && mark->flag != flag)
		mark = mark->next;
	if (!mark)
		fail_msg("flag %d was not raised", flag);
	return mark;
}

void accept_child(struct world *world, struct life *life)
{
	struct ct_event event;

	take(world, to(life, CT_STATE_SYN_RECV));
	event = to(life, CT_STATE_ESTABLISHED);
	event.to.handshake = CT_HANDSHAKE_REQUEST;
	take(world, event);
}

void time_out(struct world *world, struct life *life)
{
	life->core.ts_ns += S << life->timeouts;
	take(world, request(life, CT_TIMER_CANCEL));
	take(world, request(life, CT_TIMER_EXPIRE));
	take(world, synack_again(life));
	take(world, request(life, CT_TIMER_START));
}

size_t live(const struct world *world)
{
	struct ct_conn_table_stats stats;

	ct_conn_table_stats(world->table, &stats);
	return stats.live;
}
