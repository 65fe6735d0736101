/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection table and what it tells: events in, lines (told.h) out. */
#pragma once

#include "conntrace/conn_table.h"
#include "unit/build_event.h"
#include "unit/told.h"

#define WORLD_KEPT_MAX 128

struct world {
	struct ct_conn_table *table;
	struct ct_capabilities capabilities; /// of the stream; as it begins, nothing is missing
	/// What looks at each update of a connection before it is told: ct_detect(), or NULL
	int (*look)(struct ct_conn *conn, struct ct_update *update);
	int fails;	       /// what the table is answered from now on
	size_t forgotten;      /// connections that left the table
	size_t discarded;      /// connections that were in it when it was freed
	struct ct_conn_id id;  /// of the last update of a connection
	struct ct_conn *conn;  /// of the last update of a connection that has not left since
	struct ct_update last; /// the last update, its pointers not valid any more
	struct told told;
	/// Which connections a recording is made of; NULL: all
	bool (*selects)(const struct ct_conn *conn);
	struct told selected; /// all that was told of them
	struct ct_event kept[WORLD_KEPT_MAX];
	size_t n_kept;
};

/// For cmocka; the state is a struct world. Not to be freed by the test.
int world_setup(void **state);
int world_teardown(void **state);

/// Takes an empty table of this bound instead.
void world_bound(struct world *world, size_t max_conns);

/// An event, which has to be a valid one, goes in.
void take(struct world *world, struct ct_event event);

/// The same, and what came of it is returned.
int try_take(struct world *world, struct ct_event event);

/// SYN_SENT and ESTABLISHED, or SYN_RECV and ESTABLISHED, forgotten again.
void establish(struct world *world, struct life *life);

/// Established, closed by us, our FIN acknowledged; forgotten.
void reach_fin_wait2(struct world *world, struct life *life);

/// From there a mini-socket takes over and still waits for the peer's FIN, which is not told.
void reach_fin_wait2_mini(struct world *world, struct life *life);

/// From there a mini-socket takes over, in TIME_WAIT; forgotten.
void reach_time_wait(struct world *world, struct life *life);

/// The child of a request is there, and its handshake complete.
void accept_child(struct world *world, struct life *life);

/// The SYN-ACK was not answered in time, and is sent again.
void time_out(struct world *world, struct life *life);

/// How many are in the table and not closed.
size_t live(const struct world *world);

/// The grace period of what has been closed goes by.
void let_go(struct world *world, struct life *life);

/// What a recording of the selected connections would hold is told by another table in the same
/// words.
void assert_replay_tells_the_same(struct world *world);

/// What a flag of the last connection rests on; fails when it was not raised.
const struct ct_mark *mark_of(const struct world *world, enum ct_flag flag);
