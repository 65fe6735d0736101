// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Passes on, holds back, or drops: a connection as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/decode.h"
#include "select.h"

/* Updates held back at most, of all connections together: some 100 MB. */
#define HELD_MAX (1u << 18)

/* Of each connection so many come before anything has happened to it, an owner, counters, options,
 * that it was found: the table's bound is theirs, and some 700 bytes to each of its entries. */
#define FREE_MAX 4

/* How long an accepted connection waits for a better answer than "its listener's process". */
#define PROVISIONAL_NS 1000000000ULL

/*
 * An update that waits, with the event behind it, which will be gone by then. The event is cut
 * behind the payload of its kind; of a silent update it stands in the update's place.
 */
struct held {
	struct held *next;
	bool free; /* it does not count against HELD_MAX */
	bool silent;
	struct ct_update update;
	struct ct_event event;
};

/* What hangs on conn->held: its own while it is not decided, then one of those below. Nothing,
 * where there is no condition. */
struct pending {
	struct held *first;
	struct held *last;
	size_t n;
	uint64_t since_ns;
	uint64_t now_ns;  /* when it was looked at last */
	uint64_t came_ns; /* when its process could begin to serve it */
	bool is_request;  /* it could not yet */
	uint8_t verdict;  /* enum ct_verdict, CT_UNDECIDED while it holds */
};

static struct pending selected = {.verdict = CT_YES}, refused = {.verdict = CT_NO};

struct ct_selector {
	const struct ct_select *select;
	bool all;    /* there is no condition */
	bool keeps;  /* somebody wants what is silent, too */
	bool by_age; /* there is one that names an age */
	uint64_t n_unknown_ages;
	ct_update_fn fn;
	void *context;
	struct ct_pid *pids;
	size_t n_held;
};

static int add_pid(struct ct_selector *selector, uint32_t pid)
{
	struct ct_pid *entry = NULL;

	HASH_FIND(hh, selector->pids, &pid, sizeof(pid), entry);
	if (entry)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->pid = pid;
	HASH_ADD(hh, selector->pids, pid, sizeof(entry->pid), entry);
	if (entry->hh.tbl)
		return 0;
	free(entry);
	return -ENOMEM;
}

static void remove_pid(struct ct_selector *selector, uint32_t pid)
{
	struct ct_pid *entry = NULL;

	HASH_FIND(hh, selector->pids, &pid, sizeof(pid), entry);
	if (!entry)
		return;
	HASH_DELETE(hh, selector->pids, entry);
	free(entry);
}

void ct_selector_free(struct ct_selector **selector)
{
	struct ct_pid *pid, *next;

	if (!*selector)
		return;
	HASH_ITER(hh, (*selector)->pids, pid, next) {
		HASH_DELETE(hh, (*selector)->pids, pid);
		free(pid);
	}
	free(*selector);
	*selector = NULL;
}

int ct_selector_new(const struct ct_select *select, ct_update_fn fn, void *context,
		    struct ct_selector **ret)
{
	struct ct_selector *selector = calloc(1, sizeof(*selector));

	if (!selector)
		return -ENOMEM;
	selector->select = select;
	selector->all = ct_select_is_empty(select);
	selector->by_age = ct_select_by_age(select);
	selector->fn = fn;
	selector->context = context;
	for (size_t i = 0; i < select->pids.n; i++) {
		if (add_pid(selector, select->pids.values[i]) < 0) {
			ct_selector_free(&selector);
			return -ENOMEM;
		}
	}
	*ret = selector;
	return 0;
}

void ct_selector_keep(struct ct_selector *selector)
{
	selector->keeps = true;
}

uint64_t ct_selector_unknown_ages(const struct ct_selector *selector)
{
	return selector->n_unknown_ages;
}

int ct_selector_pids(const struct ct_selector *selector, struct ct_u32_list *list)
{
	size_t room = HASH_COUNT(selector->pids) + 1, n = 0;
	uint32_t *values = calloc(room, sizeof(*values));
	struct ct_pid *pid, *next;

	if (!values)
		return -ENOMEM;
	HASH_ITER(hh, selector->pids, pid, next)
		values[n++] = pid->pid;
	if (!n && list->n)
		values[n++] = UINT32_MAX;
	free(list->values);
	list->values = values;
	list->n = n;
	return 0;
}

static int on_fork(struct ct_selector *selector, const struct ct_event_fork *fork)
{
	if (!selector->select->follow)
		return 0;
	if (fork->followed)
		return add_pid(selector, fork->child_pid);
	remove_pid(selector, fork->child_pid);
	return 0;
}

/* Takes the first update out of what is held; NULL when nothing is left. */
static struct held *pop(struct ct_selector *selector, struct pending *pending)
{
	struct held *held = pending->first;

	if (!held)
		return NULL;
	pending->first = held->next;
	if (!pending->first)
		pending->last = NULL;
	pending->n--;
	selector->n_held -= !held->free;
	return held;
}

static void drop(struct ct_selector *selector, struct pending *pending)
{
	struct held *held;

	while ((held = pop(selector, pending)))
		free(held);
}

static size_t event_offset(bool silent)
{
	return silent ? offsetof(struct held, update) : offsetof(struct held, event);
}

static int hand_on(struct ct_selector *selector, struct held *held)
{
	const struct ct_event *event = (void *)((char *)held + event_offset(held->silent));
	struct ct_update silent = {.kind = CT_UPDATE_SILENT, .event = event};

	if (held->silent) {
		silent.ts_ns = event->ts_ns;
		return selector->fn(selector->context, &silent);
	}
	if (held->update.event)
		held->update.event = event;
	return selector->fn(selector->context, &held->update);
}

static int release(struct ct_selector *selector, struct pending *pending)
{
	struct held *held;
	int r = 0;

	while (r == 0 && (held = pop(selector, pending))) {
		r = hand_on(selector, held);
		free(held);
	}
	return r;
}

/*
 * More is undecided than may be held: what is held of this connection and the update that has just
 * come are lost to the filter, and it is said, in the stream and of the connection.
 */
static int give_up(struct ct_selector *selector, struct ct_conn *conn, struct pending *pending,
		   uint64_t ts_ns)
{
	uint64_t events = pending->n + 1;
	const struct ct_evidence evidence = {"held_and_lost", NULL, events};
	struct ct_event event = {
		.ts_ns = ts_ns,
		.kind = CT_EVENT_LOST,
		.generation = CT_GENERATION_ANY,
		.lost = {.events = events, .since_ns = pending->since_ns, .where = CT_LOST_HOLD},
	};
	struct ct_update update = {
		.kind = CT_UPDATE_LOST,
		.ts_ns = ts_ns,
		.event = &event,
		.lost = {.events = events, .since_ns = pending->since_ns, .where = CT_LOST_HOLD}};
	int r = ct_conn_raise(conn, CT_FLAG_GAP, ts_ns, &evidence, 1);

	conn->gaps++;
	drop(selector, pending);
	return r ? r : selector->fn(selector->context, &update);
}

static bool is_free(const struct pending *pending, const struct ct_conn *conn,
		    const struct ct_update *update)
{
	if (!update->event || pending->n >= FREE_MAX)
		return false;
	switch (update->event->kind) {
	case CT_EVENT_OWNER:
	case CT_EVENT_COUNTERS:
	case CT_EVENT_OPTIONS:
		return conn->history.n_steps == 0;
	case CT_EVENT_FOUND:
		return true;
	default:
		return false;
	}
}

static int hold(struct ct_selector *selector, struct ct_conn *conn, struct pending *pending,
		const struct ct_update *update)
{
	/* it ends behind the payload of its kind */
	size_t size = update->event ? ct_event_layout(update->event->kind)->size : 0;
	bool silent = update->kind == CT_UPDATE_SILENT && update->event;
	bool free = is_free(pending, conn, update);
	struct held *held;

	/* a look at all that is there would take the room of what happens */
	if (update->kind == CT_UPDATE_SILENT && !selector->keeps)
		return 0;
	if (!free && selector->n_held >= HELD_MAX)
		return give_up(selector, conn, pending, update->ts_ns);
	held = calloc(1, event_offset(silent) + size);
	if (!held)
		return -ENOMEM;
	held->free = free;
	held->silent = silent;
	if (!silent)
		held->update = *update;
	if (update->event)
		memcpy((char *)held + event_offset(silent), update->event, size);
	if (pending->last)
		pending->last->next = held;
	else
		pending->first = held;
	pending->last = held;
	pending->n++;
	selector->n_held += !free;
	return 0;
}

static struct pending *pending_of(struct ct_conn *conn, uint64_t ts_ns)
{
	struct pending *pending = conn->held;

	if (!pending) {
		pending = calloc(1, sizeof(*pending));
		if (!pending)
			return NULL;
		pending->verdict = CT_UNDECIDED;
		pending->since_ns = ts_ns;
		pending->came_ns = ts_ns;
		conn->held = pending;
	}
	return pending;
}

/* The line of a handshake comes late, and is of the time of the SYN: its event tells the time. */
static uint64_t time_of(const struct ct_update *update)
{
	return update->event ? update->event->ts_ns : update->ts_ns;
}

static struct ct_subject subject_of(const struct ct_selector *selector, const struct ct_conn *conn,
				    const struct pending *pending)
{
	return (struct ct_subject){
		.select = selector->select,
		.pids = selector->pids,
		.id = &conn->id,
		.conn = conn,
		.seen_ns = pending->since_ns,
		.now_ns = pending->now_ns,
	};
}

static enum ct_verdict judge(const struct ct_selector *selector, const struct ct_conn *conn,
			     const struct pending *pending, uint64_t *ret_wants_ns)
{
	struct ct_subject subject = subject_of(selector, conn, pending);
	enum ct_verdict verdict = ct_select_match(&subject);

	*ret_wants_ns = subject.wants_ns;
	return verdict;
}

/*
 * A verdict that stands: an owner that is not certain does for those who have waited, from when
 * their handshake was complete.
 */
static enum ct_verdict decide(const struct ct_selector *selector, struct ct_conn *conn,
			      struct pending *pending)
{
	uint64_t wants_ns;
	enum ct_verdict verdict = judge(selector, conn, pending, &wants_ns);

	if (pending->is_request)
		pending->came_ns = pending->now_ns;
	pending->is_request = conn->phase == CT_PHASE_REQUEST;
	if (verdict == CT_YES || verdict == CT_NO)
		return verdict;
	if (verdict == CT_PROVISIONAL && !pending->is_request) {
		uint64_t certain_ns = pending->came_ns + PROVISIONAL_NS;

		if (pending->now_ns >= certain_ns)
			return CT_YES;
		if (certain_ns < wants_ns)
			wants_ns = certain_ns;
	}
	if (wants_ns < conn->wants_ns)
		conn->wants_ns = wants_ns;
	return CT_UNDECIDED;
}

/* Nothing more will be known of it. */
static enum ct_verdict decide_finally(const struct ct_selector *selector,
				      const struct ct_conn *conn, const struct pending *pending)
{
	uint64_t wants_ns;

	return ct_verdict_is_true(judge(selector, conn, pending, &wants_ns)) ? CT_YES : CT_NO;
}

static bool is_selected_without_conn(const struct ct_selector *selector,
				     const struct ct_update *update)
{
	struct ct_subject subject = {
		.select = selector->select,
		.pids = selector->pids,
		.id = &update->id,
		.now_ns = update->ts_ns,
	};

	return ct_verdict_is_true(ct_select_match(&subject));
}

static int update_without_conn(struct ct_selector *selector, const struct ct_update *update)
{
	int r = 0;

	if (update->event && update->event->kind == CT_EVENT_FORK)
		r = on_fork(selector, &update->event->fork);
	if (r < 0)
		return r;
	if (update->has_id && !is_selected_without_conn(selector, update))
		return 0;
	return selector->fn(selector->context, update);
}

/* Were it known how old it is, it might have been decided otherwise. */
static bool hangs_on_unknown_age(const struct ct_selector *selector, const struct ct_conn *conn,
				 const struct pending *pending)
{
	struct ct_subject subject = subject_of(selector, conn, pending);
	bool if_it_fits;

	subject.assumed = CT_AGE_FITS;
	if_it_fits = ct_verdict_is_true(ct_select_match(&subject));
	if (!subject.age_unknown)
		return false;
	subject.assumed = CT_AGE_DOES_NOT_FIT;
	return ct_verdict_is_true(ct_select_match(&subject)) != if_it_fits;
}

/* Hands on what was held of a connection that is selected now, forgets that of one that is not. */
static int settle(struct ct_selector *selector, struct ct_conn *conn, enum ct_verdict verdict)
{
	struct pending *pending = conn->held;
	int r = verdict == CT_YES ? release(selector, pending) : 0;

	if (selector->by_age && hangs_on_unknown_age(selector, conn, pending))
		selector->n_unknown_ages++;
	drop(selector, pending);
	free(pending);
	conn->held = verdict == CT_YES ? &selected : &refused;
	return r;
}

int ct_selector_update(struct ct_selector *selector, struct ct_conn *conn,
		       const struct ct_update *update)
{
	struct pending *pending;
	enum ct_verdict verdict;
	int r = 0;

	if (!conn)
		return update_without_conn(selector, update);
	if (selector->all)
		return selector->fn(selector->context, update);
	pending = pending_of(conn, update->ts_ns);
	if (!pending)
		return -ENOMEM;
	verdict = pending->verdict;
	if (verdict == CT_UNDECIDED) {
		pending->now_ns = time_of(update);
		verdict = update->kind == CT_UPDATE_CLOSE ? decide_finally(selector, conn, pending)
							  : decide(selector, conn, pending);
		if (verdict == CT_UNDECIDED)
			return hold(selector, conn, pending, update);
		r = settle(selector, conn, verdict);
	}
	if (r || verdict == CT_NO)
		return r;
	return selector->fn(selector->context, update);
}

int ct_selector_settle(struct ct_selector *selector, struct ct_conn *conn)
{
	struct pending *pending = conn->held;

	if (!pending || pending->verdict != CT_UNDECIDED)
		return 0;
	return settle(selector, conn, decide_finally(selector, conn, pending));
}

int ct_selector_forget(struct ct_selector *selector, struct ct_conn *conn)
{
	int r = ct_selector_settle(selector, conn);

	ct_selector_discard(selector, conn);
	return r;
}

void ct_selector_discard(struct ct_selector *selector, struct ct_conn *conn)
{
	struct pending *pending = conn->held;

	conn->held = NULL;
	if (!pending || pending->verdict != CT_UNDECIDED)
		return;
	drop(selector, pending);
	free(pending);
}
