// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The store: find, create, expire; bounded. What events mean is in apply.c. */
#include "conntrace/conn_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/verdict.h"
#include "table.h"

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
	*ret = table;
	return 0;
}

static void free_entry(struct ct_entry *entry)
{
	ct_conn_fini(&entry->conn);
	free(entry);
}

void ct_conn_table_free(struct ct_conn_table **table)
{
	struct ct_entry *entry, *next;

	if (!*table)
		return;
	HASH_ITER(hh, (*table)->entries, entry, next) {
		HASH_DELETE(hh, (*table)->entries, entry);
		while (entry) {
			struct ct_entry *older = entry->older;

			ct_table_unindex(*table, entry);
			(*table)->ops->discard((*table)->context, &entry->conn);
			free_entry(entry);
			entry = older;
		}
	}
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

static struct ct_entry *find_by_ports(struct ct_entry *newest, const struct ct_event *event)
{
	struct ct_entry *best = newest;

	for (struct ct_entry *entry = newest; entry; entry = entry->older)
		if (fit(entry, event) > fit(best, event))
			best = entry;
	return best;
}

/* The events of a life come close behind each other: few of them have to go through the hash. */
static struct ct_recent *recent_place(struct ct_conn_table *table, uint64_t key)
{
	/* each CPU hands out cookies by its own thousands: they must not meet in one place */
	return &table->recent[key * 0x9E3779B97F4A7C15ULL >> (64 - CT_RECENT_BITS)];
}

static void note_recent(struct ct_conn_table *table, uint64_t key, struct ct_entry *newest)
{
	*recent_place(table, key) = (struct ct_recent){key, newest};
}

static void forget_recent(struct ct_conn_table *table, const struct ct_entry *entry)
{
	struct ct_recent *recent = recent_place(table, entry->key);

	if (recent->key == entry->key)
		recent->newest = NULL;
}

struct ct_entry *ct_table_find_cookie(struct ct_conn_table *table, uint64_t cookie)
{
	const struct ct_recent *recent = recent_place(table, cookie);
	struct ct_entry *entry;

	if (recent->newest && recent->key == cookie)
		return recent->newest;
	HASH_FIND(hh, table->entries, &cookie, sizeof(cookie), entry);
	if (entry)
		note_recent(table, cookie, entry);
	return entry;
}

/* What has no cookie is a request socket, or one that has just become a child. */
static struct ct_entry *find_request(const struct ct_conn_table *table,
				     const struct ct_event *event)
{
	struct ct_entry *entry = ct_table_by_tuple(table, event);

	if (!entry || entry->conn.phase == CT_PHASE_MINI)
		return NULL;
	return entry;
}

struct ct_entry *ct_table_find(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry;

	if (!event->cookie)
		return find_request(table, event);
	entry = ct_table_find_cookie(table, event->cookie);
	if (event->generation == CT_GENERATION_ANY)
		return find_by_ports(entry, event);
	while (entry && entry->conn.id.generation != event->generation)
		entry = entry->older;
	return entry;
}

/* The newest generation stands in the hash, the others hang on it. */
static void insert(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_entry *before = ct_table_find_cookie(table, entry->key);

	if (before)
		HASH_DELETE(hh, table->entries, before);
	entry->older = before;
	HASH_ADD(hh, table->entries, key, sizeof(entry->key), entry);
	note_recent(table, entry->key, entry);
}

static void take_out(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_entry *newest = ct_table_find_cookie(table, entry->key), **link;

	if (newest == entry) {
		forget_recent(table, entry);
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the hash */
		HASH_DELETE(hh, table->entries, entry);
		if (entry->older)
			HASH_ADD(hh, table->entries, key, sizeof(entry->key), entry->older);
		return;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is older hangs on one */
	for (link = &newest->older; *link != entry; link = &(*link)->older)
		;
	*link = entry->older;
}

void ct_table_rekey(struct ct_conn_table *table, struct ct_entry *entry,
		    const struct ct_event *event)
{
	take_out(table, entry);
	entry->key = event->cookie;
	entry->conn.id.cookie = event->cookie;
	if (event->generation != CT_GENERATION_ANY)
		entry->conn.id.generation = event->generation;
	insert(table, entry);
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

	(void)ct_heap_set(&table->deadlines, entry, CT_NS_UNKNOWN);
	if (entry->closed_prev)
		DL_DELETE2(table->closed, entry, closed_prev, closed_next);
	ct_table_unindex(table, entry);
	take_out(table, entry);
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
	int r;

	if (table->n_conns < table->max_conns)
		return 0;
	if (table->closed)
		return ct_table_remove(table, table->closed);
	table->stats.evicted++;
	table->stats.lost++; /* what comes of it from now on has no beginning */
	table->entries->torn = true;
	r = ct_table_gap(table, table->entries, table->now_ns);
	if (r == 0)
		r = ct_table_remove(table, table->entries);
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

int ct_table_create(struct ct_conn_table *table, const struct ct_event *event,
		    struct ct_entry **ret)
{
	struct ct_entry *entry;
	int r = make_room(table);

	if (r)
		return r;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->key = event->cookie ? event->cookie : CT_KEY_MADE | ++table->last_key;
	entry->deadline_ns = CT_NS_UNKNOWN;
	entry->cancelled_ns = CT_NS_UNKNOWN;
	entry->answered_ns = CT_NS_UNKNOWN;
	entry->overdue_ns = CT_NS_UNKNOWN;
	entry->gap_at = UINT32_MAX;
	entry->counted_epoch = table->counted_epoch;
	entry->uncounted = table->uncounted;
	entry->conn.id.cookie = event->cookie;
	entry->conn.id.generation = event->generation == CT_GENERATION_ANY ? 0 : event->generation;
	entry->conn.blind = blind_to(table->capabilities);
	entry->conn.opened_ns = CT_NS_UNKNOWN;
	entry->conn.closed_ns = CT_NS_UNKNOWN;
	entry->conn.established_ns = CT_NS_UNKNOWN;
	entry->conn.found_ns = CT_NS_UNKNOWN;
	entry->conn.expires_ns = CT_NS_UNKNOWN;
	entry->conn.wants_ns = CT_NS_UNKNOWN;
	insert(table, entry);
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

static void note_closed(struct ct_conn_table *table, struct ct_entry *entry)
{
	if (entry->conn.phase == CT_PHASE_CLOSED && !entry->closed_prev)
		DL_APPEND2(table->closed, entry, closed_prev, closed_next);
}

/* Events of it may be missing since it entered the state that it is in. */
static bool is_doubtful(const struct ct_conn_table *table, const struct ct_entry *entry)
{
	return entry->gap_at == steps_of(entry) || may_have_missed(table, entry);
}

int ct_table_tell(struct ct_conn_table *table, struct ct_entry *entry, struct ct_update *update)
{
	int r = 0;

	if (entry) {
		entry->conn.doubtful = is_doubtful(table, entry);
		if (update->kind != CT_UPDATE_SILENT)
			r = ct_table_announce(table, entry, NULL);
		update->has_id = true;
		update->id = entry->conn.id;
		count_mini(table, entry);
		note_closed(table, entry);
	}
	if (r == 0)
		r = table->ops->update(table->context, entry ? &entry->conn : NULL, update);
	if (entry && r == 0)
		r = ct_heap_set(&table->deadlines, entry, ct_table_deadline_of(entry));
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
	return table->stats.lost ? ct_table_gap(table, entry, at_ns) : 0;
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
	const struct ct_entry *first = ct_heap_first(&table->deadlines);

	return first ? first->deadline_ns : CT_NS_UNKNOWN;
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
