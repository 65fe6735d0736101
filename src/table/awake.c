// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who is awake. Most connections of a machine are idle: their entries are frozen (frozen.c), but
 * for those that something has happened to lately, and those that are closed, which leave soon.
 * That costs an entry a turn to freeze and one to thaw, and spares 400 bytes as long as it is
 * quiet.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "table.h"

/* The events of a life come close behind each other: few of them have to go through the slots. */
static struct ct_recent *recent_place(struct ct_conn_table *table, uint64_t key)
{
	/* each CPU hands out cookies by its own thousands: they must not meet in one place */
	return &table->recent[key * 0x9E3779B97F4A7C15ULL >> (64 - CT_RECENT_BITS)];
}

static void note_recent(struct ct_conn_table *table, struct ct_entry *newest)
{
	*recent_place(table, newest->key) = (struct ct_recent){newest->key, newest};
}

static void forget_recent(struct ct_conn_table *table, const struct ct_entry *entry)
{
	struct ct_recent *recent = recent_place(table, entry->key);

	if (recent->key == entry->key)
		recent->newest = NULL;
}

void ct_table_list(struct ct_conn_table *table, struct ct_entry *entry, uint32_t number)
{
	struct ct_slot *slot = ct_slot(&table->slots, number);

	slot->entry = entry;
	slot->is_frozen = false;
	entry->number = number;
	entry->listed_closed = false;
	entry->touched = true;
	DL_APPEND2(table->awake, entry, before, after);
	table->n_awake++;
}

void ct_table_unlist(struct ct_conn_table *table, struct ct_entry *entry)
{
	if (entry->listed_closed) {
		DL_DELETE2(table->closed, entry, before, after);
	} else {
		DL_DELETE2(table->awake, entry, before, after);
		table->n_awake--;
	}
}

void ct_table_list_closed(struct ct_conn_table *table, struct ct_entry *entry)
{
	if (entry->listed_closed)
		return;
	ct_table_unlist(table, entry);
	DL_APPEND2(table->closed, entry, before, after);
	entry->listed_closed = true;
}

struct ct_entry *ct_table_wake(struct ct_conn_table *table, uint32_t number)
{
	struct ct_slot *slot;
	struct ct_entry *entry;

	if (!number)
		return NULL;
	slot = ct_slot(&table->slots, number);
	if (!slot->is_frozen) {
		slot->entry->touched = true;
		return slot->entry;
	}
	entry = ct_entry_thaw(slot->frozen, slot->key);
	if (entry)
		ct_table_list(table, entry, number);
	else
		table->error = -ENOMEM;
	return entry;
}

/* False: there is no memory for that, and it stays awake. */
static bool freeze(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_slot *slot = ct_slot(&table->slots, entry->number);
	uint32_t *frozen;

	forget_recent(table, entry);
	frozen = ct_entry_freeze(entry);
	if (!frozen)
		return false;
	slot->frozen = frozen;
	slot->is_frozen = true;
	return true;
}

/* In turn; who was looked for since the last turn waits for the next. */
void ct_table_rest(struct ct_conn_table *table)
{
	struct ct_entry *entry;

	while (table->n_awake > table->max_awake && (entry = table->awake)) {
		bool touched = entry->touched;

		DL_DELETE2(table->awake, entry, before, after);
		if (!touched && freeze(table, entry)) {
			table->n_awake--;
			continue;
		}
		entry->touched = false;
		DL_APPEND2(table->awake, entry, before, after);
		if (!touched)
			return;
	}
}

void ct_table_link(struct ct_conn_table *table, struct ct_entry *entry)
{
	ct_slots_link(&table->slots, entry->number, entry->key);
	note_recent(table, entry);
}

void ct_table_unlink(struct ct_conn_table *table, struct ct_entry *entry)
{
	forget_recent(table, entry);
	ct_slots_unlink(&table->slots, entry->number);
}

struct ct_entry *ct_table_older(struct ct_conn_table *table, const struct ct_entry *entry)
{
	return ct_table_wake(table, ct_slots_older(&table->slots, entry->number));
}

struct ct_entry *ct_table_find_cookie(struct ct_conn_table *table, uint64_t cookie)
{
	const struct ct_recent *recent = recent_place(table, cookie);
	struct ct_entry *entry = recent->newest;

	if (entry && recent->key == cookie) {
		entry->touched = true;
		return entry;
	}
	entry = ct_table_wake(table, ct_slots_find(&table->slots, cookie));
	if (entry)
		note_recent(table, entry);
	return entry;
}

void ct_entry_free(struct ct_entry *entry)
{
	ct_conn_fini(&entry->conn);
	free(entry);
}
