/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All connections that are alive or have just ended, by cookie and generation; memory bounded, and
 * little of it is for those that nothing happens to. Turns events into updates.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/capability.h"
#include "conntrace/conn.h"
#include "conntrace/event.h"
#include "conntrace/update.h"

#define CT_TABLE_MAX_DEFAULT (1u << 20)

/// How long a closed connection waits for what is traced behind its end.
#define CT_TABLE_GRACE_NS 50000000ULL

struct ct_conn_table;

struct ct_conn_table_ops {
	/// An update of CONN, which is NULL for one that belongs to none (lost, fork, a reset that
	/// no socket answers for), and else valid during the call. Not 0 stops and is handed back
	/// by ct_conn_table_apply().
	int (*update)(void *context, struct ct_conn *conn, struct ct_update *update);
	/// The stream is over: nothing more will be known of CONN.
	int (*settle)(void *context, struct ct_conn *conn);
	/// CONN is about to leave the table and to be freed.
	int (*forget)(void *context, struct ct_conn *conn);
	/// The table is freed with CONN in it: only what hangs on it is to be freed.
	void (*discard)(void *context, struct ct_conn *conn);
};

/**
 * A table for what CAPABILITIES can tell: nothing is concluded from the silence of the rest.
 *
 * @capabilities borrowed, looked at with each new connection; NULL: everything can be told.
 * @max_conns 0: the default.
 * @return 0; -ENOMEM, *ret is unchanged.
 */
int ct_conn_table_new(const struct ct_capabilities *capabilities, size_t max_conns,
		      const struct ct_conn_table_ops *ops, void *context,
		      struct ct_conn_table **ret);

/// So many connections stay ready though nothing happens to them, instead of one in 256 of all that
/// there may be. Those beyond are packed, which spares more than 400 bytes of each, and unpacked
/// when something does happen, which takes as long as two or three events. What is told is the
/// same.
void ct_conn_table_keep_awake(struct ct_conn_table *table, size_t max_awake);

/// Frees all connections too, without telling anybody; NULL is fine.
void ct_conn_table_free(struct ct_conn_table **table);

/**
 * Takes one validated event; time is that of the events, never a clock's.
 *
 * @return 0; -ENOMEM, and it may be so from then on; or what an op returned that was not 0.
 */
int ct_conn_table_apply(struct ct_conn_table *table, const struct ct_event *event);

/// When it wants to know of the time next (CT_EVENT_TICK); CT_NS_UNKNOWN: not at all.
uint64_t ct_conn_table_deadline_ns(const struct ct_conn_table *table);

/// Mini-sockets in FIN_WAIT2 now: while there are any, ct_source_live_sweep() is worth its while.
size_t ct_conn_table_fin_wait2_minis(const struct ct_conn_table *table);

struct ct_conn_table_stats {
	uint64_t connections; /// ever, listeners left out
	uint64_t lost;	      /// events that the stream said were lost
	uint64_t evicted;     /// connections that left because the table was full
	size_t live;	      /// in the table now
};

void ct_conn_table_stats(const struct ct_conn_table *table, struct ct_conn_table_stats *ret);
