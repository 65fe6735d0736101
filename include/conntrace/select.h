/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which connections a user asked for: all kinds of conditions together mean "and", the values of
 * one mean "or"; an expression is one of them. A connection is selected as a whole: while it is
 * undecided (its local port or its owner is not known yet, it has not reached the state or the age
 * asked for) its updates are held back, and released or dropped together.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/addr.h"
#include "conntrace/conn.h"
#include "conntrace/expression.h"
#include "conntrace/update.h"

struct ct_port_range {
	uint16_t first;
	uint16_t last; /// inclusive
};

struct ct_port_list {
	struct ct_port_range *ranges; /// owned
	size_t n;		      /// 0: every port
};

struct ct_u32_list {
	uint32_t *values; /// owned
	size_t n;
};

struct ct_u64_list {
	uint64_t *values; /// owned
	size_t n;
};

/// What the user asked for; an empty list is no condition. Filled by the command line's parser.
struct ct_select {
	struct ct_u32_list pids;
	bool follow;		   /// the children of pids too
	struct ct_port_list ports; /// either end
	struct ct_port_list lports;
	struct ct_port_list rports;
	struct ct_cidr *hosts; /// either end; owned
	size_t n_hosts;
	char **comms; /// globs, fnmatch(3); owned, each string too
	size_t n_comms;
	struct ct_u32_list uids;
	struct ct_u32_list netns; /// inode numbers
	bool ipv4;		  /// neither or both: every family
	bool ipv6;
	uint8_t roles;		    /// 1 << enum ct_role; 0 every role
	uint16_t states;	    /// 1 << enum ct_state, at some time of its life; 0 no condition
	uint32_t flags;		    /// 1 << enum ct_flag, at some time of its life; 0 no condition
	uint64_t min_age_ns;	    /// its life lasted so long, or lasts by now; 0 no condition
	struct ct_u64_list cgroups; /// cgroup v2 ids, ascending
	struct ct_expression *expression; /// owned; NULL none
};

void ct_select_fini(struct ct_select *select);

/// True when there is no condition: everything is selected.
bool ct_select_is_empty(const struct ct_select *select);

/// True when some condition can only be judged by the process that owns a connection.
bool ct_select_by_owner(const struct ct_select *select);

/// True when some condition is about how long a life lasts.
bool ct_select_by_age(const struct ct_select *select);

/// 1 << enum ct_flag of all flags that some condition names.
uint32_t ct_select_flags(const struct ct_select *select);

typedef int (*ct_update_fn)(void *context, const struct ct_update *update);

struct ct_selector;

/**
 * Makes the stage between the table and the sinks.
 *
 * @select is borrowed and outlives it. FN gets what is selected, in order.
 * @return 0; -ENOMEM, *ret is unchanged.
 */
int ct_selector_new(const struct ct_select *select, ct_update_fn fn, void *context,
		    struct ct_selector **ret);
void ct_selector_free(struct ct_selector **selector);

/// From here on silent updates of the undecided are held as well: FN keeps their events. Without it
/// those that come before the decision are judged by, and dropped. Of what is selected already FN
/// gets them in either case.
void ct_selector_keep(struct ct_selector *selector);

/**
 * The processes asked for as they are now: with the children that were told of since, without those
 * whose number another process has now. They take the place of what LIST holds; when nobody is
 * left, one number that no process has does, since an empty list asks for everybody.
 *
 * @return 0; -ENOMEM, the list is unchanged.
 */
int ct_selector_pids(const struct ct_selector *selector, struct ct_u32_list *list);

/// Of how many connections that are decided it is not known whether the age asked for is theirs, so
/// that they may have been decided wrongly: they are older than the tracer.
uint64_t ct_selector_unknown_ages(const struct ct_selector *selector);

/**
 * Takes one update of CONN (NULL: it is of none), passes it on, holds it or drops it.
 *
 * @return 0; -ENOMEM; otherwise what FN returned.
 */
int ct_selector_update(struct ct_selector *selector, struct ct_conn *conn,
		       const struct ct_update *update);

/// Nothing more will be known of CONN: what is held of it is released or dropped now.
int ct_selector_settle(struct ct_selector *selector, struct ct_conn *conn);

/// CONN leaves the table: what is held of it is decided now. Also frees what hangs on conn->held.
int ct_selector_forget(struct ct_selector *selector, struct ct_conn *conn);

/// Frees what hangs on conn->held, undecided.
void ct_selector_discard(struct ct_selector *selector, struct ct_conn *conn);
