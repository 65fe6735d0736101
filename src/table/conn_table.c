// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The store: find, create, expire; bounded. What events mean is in apply.c. */
#include "conntrace/conn_table.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/verdict.h"
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

static void free_entry(struct ct_entry *entry)
{
	ct_conn_fini(&entry->conn);
	free(entry);
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
		free_entry(slot->entry);
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

static bool is_listener(const struct ct_entry *entry)
{
	return entry->conn.id.role == CT_ROLE_LISTENER;
}

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

/* No event of it has come since that would tell what was missing; at its end, none is to come. */
static bool may_have_missed(const struct ct_conn_table *table, const struct ct_entry *entry)
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

static int tell_summary(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_update update = {.kind = CT_UPDATE_CLOSE,
				   .ts_ns = table->now_ns,
				   .event = table->moment,
				   .conn = &entry->conn};
	const struct ct_step *last = ct_history_last(&entry->conn.history);
	int r = 0;

	if (is_listener(entry) || !last) /* no connection; or only its owner was told */
		return 0;
	if (may_have_missed(table, entry)) {
		entry->torn = true;
		r = ct_table_gap(table, entry, table->now_ns);
	}
	ct_verdict_end(&entry->conn);
	if (entry->conn.end == CT_END_OPEN && entry->torn)
		entry->conn.end = CT_END_UNKNOWN;
	return r ? r : ct_table_tell(table, entry, &update);
}

int ct_table_remove(struct ct_conn_table *table, struct ct_entry *entry)
{
	int r = tell_summary(table, entry);
	int r2 = table->ops->forget(table->context, &entry->conn);

	(void)ct_heap_set(&table->deadlines, entry->number, CT_NS_UNKNOWN);
	ct_table_unlist(table, entry);
	ct_table_unindex(table, entry);
	ct_table_unlink(table, entry);
	ct_slots_give_back(&table->slots, entry->number);
	table->n_conns--;
	table->n_fin_wait2_minis -= entry->fin_wait2_mini;
	free_entry(entry);
	return r ? r : r2;
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

static void count_mini(struct ct_conn_table *table, struct ct_entry *entry)
{
	bool is = entry->conn.phase == CT_PHASE_MINI &&
		  ct_table_state_of(&entry->conn) == CT_STATE_FIN_WAIT2;

	if (is == entry->fin_wait2_mini)
		return;
	entry->fin_wait2_mini = is;
	if (is)
		table->n_fin_wait2_minis++;
	else
		table->n_fin_wait2_minis--;
}

/* Events of it may be missing since it entered the state that it is in. */
static bool is_doubtful(const struct ct_conn_table *table, const struct ct_entry *entry)
{
	return entry->gap_at == steps_of(entry) || may_have_missed(table, entry);
}

int ct_table_tell(struct ct_conn_table *table, struct ct_entry *entry, struct ct_update *update)
{
	int r = table->error; /* somebody may not have been found who is there */

	if (r)
		return r;
	if (entry) {
		entry->conn.doubtful = is_doubtful(table, entry);
		if (update->kind != CT_UPDATE_SILENT)
			r = ct_table_announce(table, entry, NULL);
		update->has_id = true;
		update->id = entry->conn.id;
		count_mini(table, entry);
		if (entry->conn.phase == CT_PHASE_CLOSED)
			ct_table_list_closed(table, entry);
	}
	if (r == 0)
		r = table->ops->update(table->context, entry ? &entry->conn : NULL, update);
	if (entry && r == 0)
		r = ct_heap_set(&table->deadlines, entry->number, ct_table_deadline_of(entry));
	return r;
}

int ct_table_tell_anyhow(struct ct_conn_table *table, struct ct_entry *entry,
			 struct ct_update *update)
{
	if (!entry && update->event) {
		update->has_id = true;
		update->id.cookie = update->event->cookie;
		ct_table_merge_id(&update->id, update->event);
	}
	return ct_table_tell(table, entry, update);
}

int ct_table_gap_if_lost(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns)
{
	if (!table->stats.lost)
		return 0;
	ct_table_note_unseen(entry);
	return ct_table_gap(table, entry, at_ns);
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

void ct_table_close(struct ct_entry *entry, uint64_t at_ns, uint64_t *ret_in_state_ns)
{
	ct_history_end(&entry->conn.history, at_ns, ret_in_state_ns);
	entry->conn.closed_ns = at_ns;
	entry->conn.phase = CT_PHASE_CLOSED;
	ct_verdict_end(&entry->conn);
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
