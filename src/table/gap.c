// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where events of a connection are missing, or may be. */
#include "table.h"

bool ct_table_may_miss(const struct ct_conn_table *table, const struct ct_entry *entry)
{
	bool minis = entry->uncounted.minis != table->uncounted.minis;
	bool sockets = entry->uncounted.sockets != table->uncounted.sockets;

	switch (entry->conn.phase) {
	case CT_PHASE_MINI:
		return minis;
	case CT_PHASE_REQUEST: /* its own events, or the first of its child */
		return minis || sockets;
	default:
		return sockets;
	}
}

/* Entered so far. */
static uint32_t steps_of(const struct ct_entry *entry)
{
	return entry->conn.history.n_steps + entry->conn.history.n_dropped;
}

bool ct_table_may_have_missed(const struct ct_conn_table *table, const struct ct_entry *entry)
{
	bool counted = entry->counted_epoch != table->counted_epoch;

	switch (entry->conn.phase) {
	case CT_PHASE_LIVE:
	case CT_PHASE_REQUEST:
		return counted || ct_table_may_miss(table, entry);
	case CT_PHASE_MINI:
		return ct_table_may_miss(table, entry);
	default: /* it is closed; what may be missing is the reset that says why */
		return counted && entry->conn.end == CT_END_UNKNOWN;
	}
}

bool ct_table_is_doubtful(const struct ct_conn_table *table, const struct ct_entry *entry)
{
	return entry->gap_at == steps_of(entry) || ct_table_may_have_missed(table, entry);
}

void ct_table_note_unseen(struct ct_entry *entry)
{
	struct ct_history *history = &entry->conn.history;

	entry->conn.unseen = true;
	if (history->n_steps == 1 && history->steps[0].basis == CT_BASIS_FOUND)
		history->steps[0].basis = CT_BASIS_INFERRED; /* from what happened to it */
}

int ct_table_gap(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns)
{
	const struct ct_evidence evidence[] = {{"events_lost_so_far", NULL, table->stats.lost}};

	entry->counted_epoch = table->counted_epoch;
	entry->uncounted = table->uncounted;
	entry->conn.half_closed = false; /* a close() may be missing */
	if (entry->gap_at == steps_of(entry))
		return 0;
	entry->gap_at = steps_of(entry);
	entry->conn.gaps++;
	return ct_conn_raise(&entry->conn, CT_FLAG_GAP, at_ns, evidence, 1);
}

int ct_table_gap_if_lost(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns)
{
	if (!table->stats.lost)
		return 0;
	ct_table_note_unseen(entry);
	return ct_table_gap(table, entry, at_ns);
}

int ct_table_meet_late(struct ct_conn_table *table, struct ct_entry *entry,
		       const struct ct_event *event)
{
	int r = ct_table_meet(entry, event->state);

	return r ? r : ct_table_gap_if_lost(table, entry, event->ts_ns);
}
