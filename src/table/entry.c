// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From an event to its entry: what every kind of event tells of the connection that it is about. */
#include "table.h"

static void merge(struct ct_entry *entry, const struct ct_event *event)
{
	ct_table_merge_id(&entry->conn.id, event);
	if (event->generation != CT_GENERATION_ANY)
		entry->conn.sock_flags = event->sock_flags;
}

/* Losses that this connection may have suffered, as far as it is known by now. */
static int check_losses(struct ct_conn_table *table, struct ct_entry *entry,
			const struct ct_event *event)
{
	if (event->sock_flags & CT_SOCK_COUNTED) {
		entry->counted_epoch = table->counted_epoch;
		if (event->missed)
			return ct_table_gap(table, entry, event->ts_ns);
	}
	if (ct_table_may_miss(table, entry))
		return ct_table_gap(table, entry, event->ts_ns);
	if (entry->conn.phase == CT_PHASE_LIVE) /* it had no mini-socket that could lose any */
		entry->uncounted.minis = table->uncounted.minis;
	return 0;
}

int ct_table_entry_of(struct ct_conn_table *table, const struct ct_event *event,
		      struct ct_entry **ret)
{
	struct ct_entry *entry = ct_table_find(table, event);
	int r = 0;

	if (!entry)
		entry = ct_table_adopt(table, event);
	if (!entry)
		entry = ct_table_twin_of(table, event);
	if (!entry)
		r = ct_table_create(table, event, &entry);
	if (r)
		return r;
	merge(entry, event);
	*ret = entry;
	return check_losses(table, entry, event);
}

int ct_table_entry_if_alive(struct ct_conn_table *table, const struct ct_event *event,
			    struct ct_entry **ret)
{
	struct ct_entry *entry = event->cookie ? ct_table_find(table, event) : NULL;
	bool full = event->generation != CT_GENERATION_ANY;
	int r = 0;

	*ret = NULL;
	if (!entry && (!event->cookie || event->state == CT_STATE_CLOSE || !full))
		return 0;
	r = ct_table_entry_of(table, event, &entry);
	if (r == 0 && ct_table_state_of(&entry->conn) == CT_STATE_NONE)
		r = ct_table_meet_late(table, entry, event);
	*ret = entry;
	return r;
}

static bool is_synack(const struct ct_event *event)
{
	return event->kind == CT_EVENT_RETRANSMIT && event->retransmit.kind == CT_RETRANSMIT_SYNACK;
}

/* Nobody had asked its request for a cookie when it was made, and somebody has since. */
static bool is_child(const struct ct_event *event)
{
	return event->kind == CT_EVENT_STATE && event->state == CT_STATE_ESTABLISHED &&
	       event->to.handshake == CT_HANDSHAKE_REQUEST;
}

struct ct_entry *ct_table_adopt(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry;

	if (!event->cookie || event->role != CT_ROLE_PASSIVE)
		return NULL;
	entry = ct_table_by_tuple(table, event);
	if (!entry)
		return NULL;
	/* with fast open the request has a child and a cookie of its own */
	if (entry->conn.phase == CT_PHASE_LIVE && is_synack(event))
		return entry;
	if (entry->conn.phase != CT_PHASE_REQUEST || (entry->conn.id.cookie && !is_child(event)))
		return NULL;
	ct_table_rekey(table, entry, event);
	return entry;
}
