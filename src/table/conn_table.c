// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The store: find and create; bounded. What events mean is in apply.c. */
#include "conntrace/conn_table.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/count.h"
#include "table.h"

/* Of all connections that there may be, one of so many may be awake: 4,097 by default, 2 MiB. */
#define AWAKE_SHARE 256

int ct_conn_table_new(const struct ct_capabilities *capabilities, size_t max_conns,
		      const struct ct_conn_table_ops *ops, void *context,
		      struct ct_conn_table **ret)
{
	struct ct_conn_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->capabilities = capabilities;
	table->ops = ops;
	table->context = context;
	table->max_conns = max_conns ? max_conns : CT_TABLE_MAX_DEFAULT;
	table->max_awake = 1 + table->max_conns / AWAKE_SHARE;
	*ret = table;
	return 0;
}

void ct_conn_table_keep_awake(struct ct_conn_table *table, size_t max_awake)
{
	table->max_awake = max_awake;
}

static void discard(struct ct_conn_table *table, struct ct_entry *entry)
{
	ct_table_unindex(table, entry);
	table->ops->discard(table->context, &entry->conn);
}

static void discard_slot(struct ct_conn_table *table, const struct ct_slot *slot)
{
	if (slot->is_frozen) {
		struct ct_entry entry;

		ct_entry_melt(slot->frozen, slot->key, &entry);
		discard(table, &entry);
		ct_conn_fini(&entry.conn);
	} else if (slot->entry) {
		discard(table, slot->entry);
		ct_entry_free(slot->entry);
	}
}

void ct_conn_table_free(struct ct_conn_table **table)
{
	struct ct_slots *slots;

	if (!*table)
		return;
	slots = &(*table)->slots;
	for (uint32_t number = 1; number < slots->n_all; number++)
		discard_slot(*table, ct_slot(slots, number));
	ct_slots_fini(slots);
	ct_heap_fini(&(*table)->deadlines);
	free(*table);
	*table = NULL;
}

/* The end of a mini-socket's timer; its beginning may be that of a socket that still lives. */
static bool is_of_mini(const struct ct_event *event)
{
	return event->kind == CT_EVENT_TIMEWAIT && event->timewait.op != CT_TIMER_START;
}

/*
 * How well an event that knows no generation fits to ENTRY: 0 not at all. While the mini-socket of
 * one life stands, the socket may begin the next, whose local port is not known yet.
 */
static int fit(const struct ct_entry *entry, const struct ct_event *event)
{
	const struct ct_conn_id *id = &entry->conn.id;

	if (id->rport != event->rport || (id->lport && id->lport != event->lport))
		return 0;
	if (!id->lport)
		return 1;
	return is_of_mini(event) && entry->conn.phase == CT_PHASE_MINI ? 3 : 2;
}

static struct ct_entry *find_by_ports(struct ct_conn_table *table, struct ct_entry *newest,
				      const struct ct_event *event)
{
	struct ct_entry *best = newest;

	for (struct ct_entry *entry = newest; entry; entry = ct_table_older(table, entry))
		if (fit(entry, event) > fit(best, event))
			best = entry;
	return best;
}

/* What has no cookie is a request socket, or one that has just become a child. */
static struct ct_entry *find_request(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry = ct_table_by_tuple(table, event);

	if (!entry || entry->conn.phase == CT_PHASE_MINI)
		return NULL;
	return entry;
}

static uint16_t generation_of(const struct ct_slot *slot)
{
	return slot->is_frozen ? ct_entry_frozen_generation(slot->frozen)
			       : slot->entry->conn.id.generation;
}

/* Of many lives of one socket only this one is woken. */
static struct ct_entry *find_older(struct ct_conn_table *table, const struct ct_entry *newest,
				   uint16_t generation)
{
	const struct ct_slots *slots = &table->slots;
	uint32_t number = ct_slots_older(slots, newest->number);

	while (number && generation_of(ct_slot(slots, number)) != generation)
		number = ct_slots_older(slots, number);
	return ct_table_wake(table, number);
}

struct ct_entry *ct_table_find(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry;

	if (!event->cookie)
		return find_request(table, event);
	entry = ct_table_find_cookie(table, event->cookie);
	if (event->generation == CT_GENERATION_ANY)
		return find_by_ports(table, entry, event);
	if (!entry || entry->conn.id.generation == event->generation)
		return entry;
	return find_older(table, entry, event->generation);
}

void ct_table_rekey(struct ct_conn_table *table, struct ct_entry *entry,
		    const struct ct_event *event)
{
	ct_table_unlink(table, entry);
	entry->key = event->cookie;
	entry->conn.id.cookie = event->cookie;
	if (event->generation != CT_GENERATION_ANY)
		entry->conn.id.generation = event->generation;
	ct_table_link(table, entry);
}

/* The oldest closed one goes first, else the oldest: and it is said. */
static int make_room(struct ct_conn_table *table)
{
	struct ct_update lost = {
		.kind = CT_UPDATE_LOST,
		.ts_ns = table->now_ns,
		.lost = {.events = 1, .since_ns = CT_NS_UNKNOWN, .where = CT_LOST_TABLE}};
	struct ct_entry *oldest;
	int r;

	if (table->n_conns < table->max_conns)
		return 0;
	if (table->closed)
		return ct_table_remove(table, table->closed);
	oldest = ct_table_wake(table, table->slots.first);
	if (!oldest)
		return table->error;
	table->stats.evicted++;
	table->stats.lost++; /* what comes of it from now on has no beginning */
	oldest->torn = true;
	r = ct_table_gap(table, oldest, table->now_ns);
	if (r == 0)
		r = ct_table_remove(table, oldest);
	return r ? r : ct_table_tell(table, NULL, &lost);
}

/// CT_BLIND_* of what this stream does not tell.
static uint8_t blind_to(const struct ct_capabilities *capabilities)
{
	static const struct {
		enum ct_capability_id capability;
		uint8_t bit;
	} senses[] = {
		{CT_CAPABILITY_RESETS_RECEIVED, CT_BLIND_RESETS_RECEIVED},
		{CT_CAPABILITY_TIME_WAIT_ENTRY, CT_BLIND_TIME_WAIT},
		{CT_CAPABILITY_HALF_OPEN, CT_BLIND_HALF_OPEN},
		{CT_CAPABILITY_PROBES_SENT, CT_BLIND_PROBES},
		{CT_CAPABILITY_RETRANSMITS, CT_BLIND_RETRANSMITS},
		{CT_CAPABILITY_RETRANSMIT_KINDS, CT_BLIND_TIMERS},
	};
	uint8_t blind = 0;

	for (size_t i = 0; capabilities && i < CT_COUNT(senses); i++)
		if (ct_capability_is_absent(capabilities, senses[i].capability))
			blind |= senses[i].bit;
	return blind;
}

/* An entry that has a slot, and no key yet. */
static int add_entry(struct ct_conn_table *table, struct ct_entry **ret)
{
	struct ct_entry *entry = malloc(sizeof(*entry));
	uint32_t number;

	if (!entry)
		return -ENOMEM;
	if (ct_slots_take(&table->slots, &number) < 0) {
		free(entry);
		return -ENOMEM;
	}
	*entry = ct_entry_unknown;
	ct_table_list(table, entry, number);
	*ret = entry;
	return 0;
}

int ct_table_create(struct ct_conn_table *table, const struct ct_event *event,
		    struct ct_entry **ret)
{
	struct ct_entry *entry;
	int r = table->error ? table->error : make_room(table);

	if (r == 0)
		r = add_entry(table, &entry);
	if (r)
		return r;
	entry->key = event->cookie ? event->cookie : CT_KEY_MADE | ++table->last_key;
	entry->counted_epoch = table->counted_epoch;
	entry->uncounted = table->uncounted;
	entry->conn.id.cookie = event->cookie;
	entry->conn.id.generation = event->generation == CT_GENERATION_ANY ? 0 : event->generation;
	entry->conn.blind = blind_to(table->capabilities);
	ct_table_link(table, entry);
	table->n_conns++;
	if (event->role != CT_ROLE_LISTENER)
		table->stats.connections++;
	*ret = entry;
	return 0;
}

uint64_t ct_conn_table_deadline_ns(const struct ct_conn_table *table)
{
	return ct_heap_first_ns(&table->deadlines);
}

size_t ct_conn_table_fin_wait2_minis(const struct ct_conn_table *table)
{
	return table->n_fin_wait2_minis;
}

void ct_conn_table_stats(const struct ct_conn_table *table, struct ct_conn_table_stats *ret)
{
	*ret = table->stats;
	ret->live = table->n_conns;
}
