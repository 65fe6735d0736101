/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of the connection table: the store, which apply.c's handlers work on. */
#pragma once

#include <stdbool.h>
#include <uthash.h>

#include "conntrace/conn_table.h"

/// How often losses were told that nobody counted, by CT_UNCOUNTED_*.
struct ct_epochs {
	uint32_t sockets;
	uint32_t minis;
};

/// A connection and its place in the table.
struct ct_entry {
	struct ct_conn conn;	/// first: an entry is found from its connection
	uint64_t cookie;	/// key of the hash
	struct ct_entry *older; /// another generation of the same cookie
	uint64_t deadline_ns;	/// CT_NS_UNKNOWN: none
	size_t heap_index;	/// its place in the heap, when it has a deadline
	uint64_t cancelled_ns;	/// when its mini-socket's timer was taken off; CT_NS_UNKNOWN
	uint32_t counted_epoch; /// losses told when it was last sure of its own
	struct ct_epochs uncounted;
	bool torn;	 /// its last events may be missing: nobody knows whether it is open
	uint32_t gap_at; /// steps of its history at its last gap: one place is told once
	UT_hash_handle hh;
};

/// Entries by deadline, the earliest first.
struct ct_heap {
	struct ct_entry **entries; /// owned, the entries are not
	size_t n;
	size_t capacity;
};

/// Puts, moves or (CT_NS_UNKNOWN) removes ENTRY. 0 or -ENOMEM, nothing has changed then.
int ct_heap_set(struct ct_heap *heap, struct ct_entry *entry, uint64_t deadline_ns);
/// The earliest; NULL when there is none.
struct ct_entry *ct_heap_first(const struct ct_heap *heap);
void ct_heap_fini(struct ct_heap *heap);

struct ct_conn_table {
	struct ct_entry *entries; /// uthash, by cookie, in the order of creation
	struct ct_heap deadlines;
	const struct ct_conn_table_ops *ops;
	void *context;
	size_t max_conns;
	size_t n_conns;
	uint64_t now_ns; /// of the event that is being applied
	/// The moment that an update is told of which no event brought, as a tick: a recording
	/// keeps it in its place among what is selected. NULL: at the end of the stream, or for
	/// want of room.
	const struct ct_event *moment;
	uint32_t counted_epoch;
	struct ct_epochs uncounted;
	struct ct_conn_table_stats stats;
};

/// The life that EVENT is about; NULL when it is not known.
struct ct_entry *ct_table_find(const struct ct_conn_table *table, const struct ct_event *event);

/// A new, empty one for EVENT; room is made if there is none. 0 or -errno.
int ct_table_create(struct ct_conn_table *table, const struct ct_event *event,
		    struct ct_entry **ret);

/// Tells everybody that it leaves (its summary, if it is due), and frees it.
int ct_table_remove(struct ct_conn_table *table, struct ct_entry *entry);

/// Hands an update of ENTRY (NULL: of none) on, and notes what it is waiting for from now on.
int ct_table_tell(struct ct_conn_table *table, struct ct_entry *entry, struct ct_update *update);

/// Notes that events of it are missing at this place.
int ct_table_gap(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns);

/// Events of it may be missing that nobody counted.
bool ct_table_may_miss(const struct ct_conn_table *table, const struct ct_entry *entry);

/// The socket or mini-socket is gone: its history ends, the grace period begins.
void ct_table_close(struct ct_entry *entry, uint64_t at_ns, uint64_t *ret_in_state_ns);

/// Adds what EVENT tells of its connection; only a full socket knows the owner.
void ct_table_merge_id(struct ct_conn_id *id, const struct ct_event *event);

/// Finds or makes the life of EVENT, and merges what the event tells of it. 0 or -errno.
int ct_table_entry_of(struct ct_conn_table *table, const struct ct_event *event,
		      struct ct_entry **ret);

/// The enum ct_state that it is in: CLOSE once it is gone, NONE when not known.
uint8_t ct_table_state_of(const struct ct_conn *conn);

/// What ENTRY was waiting for has come.
int ct_table_on_deadline(struct ct_conn_table *table, struct ct_entry *entry);

/// Its mini-socket is gone; UPDATE becomes that transition.
void ct_table_leave_mini(struct ct_entry *entry, uint64_t at_ns, struct ct_update *update);

/// Handlers of events in transition.c.
int ct_table_on_state(struct ct_conn_table *table, const struct ct_event *event);
int ct_table_on_timewait(struct ct_conn_table *table, const struct ct_event *event);
