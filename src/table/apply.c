// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each kind of event means for the connection that it is about. */
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/conn_table.h"
#include "conntrace/verdict.h"
#include "table.h"

/* Longer than the kernel waits between two SYN-ACKs, TCP_RTO_MAX. */
#define REQUEST_NS 130000000000ULL

static int on_owner(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	memcpy(entry->conn.id.comm, event->who.comm, CT_COMM_LEN);
	entry->conn.id.comm[CT_COMM_LEN] = '\0';
	entry->conn.id.uid = event->who.uid;
	entry->conn.id.uid_known = true;
	entry->conn.id.cgroup = event->who.cgroup;
	return ct_table_tell(table, entry, &update);
}

static int on_counters(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	entry->conn.counters = event->counters;
	entry->conn.counted = true;
	return ct_table_tell(table, entry, &update);
}

/* An event of a connection that may be unknown, and is not worth an entry if it is gone. */
static int entry_if_alive(struct ct_conn_table *table, const struct ct_event *event,
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
		r = ct_history_enter(&entry->conn.history, event->state, CT_BASIS_FOUND,
				     CT_NS_UNKNOWN, NULL);
	*ret = entry;
	return r;
}

/* An update without a connection still tells the addresses. */
static int tell(struct ct_conn_table *table, struct ct_entry *entry, struct ct_update *update)
{
	if (!entry && update->event) {
		update->has_id = true;
		update->id.cookie = update->event->cookie;
		ct_table_merge_id(&update->id, update->event);
	}
	return ct_table_tell(table, entry, update);
}

static bool is_synack(const struct ct_event *event)
{
	return event->retransmit.kind == CT_RETRANSMIT_SYNACK;
}

/* A request socket: the child that it may come to will carry its cookie. Without one it is
 * forgotten. */
static int request_of(struct ct_conn_table *table, const struct ct_event *event,
		      struct ct_entry **ret)
{
	int r = ct_table_entry_of(table, event, ret);

	if (r == 0 && ct_table_state_of(&(*ret)->conn) == CT_STATE_NONE)
		(*ret)->conn.wants_ns = event->ts_ns + REQUEST_NS;
	return r;
}

static int on_retransmit(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.kind = CT_UPDATE_RETRANSMIT,
				   .ts_ns = event->ts_ns,
				   .event = event,
				   .retransmit = {.state = event->state,
						  .kind = event->retransmit.kind,
						  .segment = event->retransmit.segment,
						  .count = event->retransmit.count}};
	struct ct_entry *entry;
	int r = is_synack(event) ? request_of(table, event, &entry)
				 : entry_if_alive(table, event, &entry);

	if (r)
		return r;
	if (entry)
		entry->conn.retransmits++;
	if (!event->retransmit.count)
		update.retransmit.count = entry ? entry->conn.retransmits : 0;
	return tell(table, entry, &update);
}

static int on_reset(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.kind = CT_UPDATE_RESET, .ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = entry_if_alive(table, event, &entry);

	if (r)
		return r;
	ct_verdict_reset(entry ? &entry->conn : NULL, event, &update.reset);
	/* RFC 9293 3.10.7.3: a bad SYN-ACK is answered with a reset, and the connect goes on */
	if (entry && !(event->reset.answered && event->state == CT_STATE_SYN_SENT)) {
		entry->conn.reset = update.reset;
		if (entry->conn.phase != CT_PHASE_LIVE)
			ct_verdict_end(&entry->conn);
	}
	return tell(table, entry, &update);
}

static int on_error(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.kind = CT_UPDATE_ERROR,
				   .ts_ns = event->ts_ns,
				   .event = event,
				   .error = {.err = event->error.sk_err}};
	struct ct_entry *entry;
	int r = entry_if_alive(table, event, &entry);

	if (r)
		return r;
	if (entry && !entry->conn.sk_err)
		entry->conn.sk_err = event->error.sk_err;
	return tell(table, entry, &update);
}

static void note_probe(struct ct_conn *conn, const struct ct_event *event)
{
	bool keepalive = event->probe.type == CT_PROBE_KEEPALIVE;

	if (event->probe.outcome == CT_PROBE_SENT && keepalive)
		conn->keepalives_sent++;
	else if (event->probe.outcome == CT_PROBE_SENT)
		conn->window_probes_sent++;
	else if (event->probe.outcome == CT_PROBE_DEAD && keepalive)
		conn->keepalive_dead = true;
}

static int on_probe(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {
		.kind = CT_UPDATE_PROBE,
		.ts_ns = event->ts_ns,
		.event = event,
		.probe = {.type = event->probe.type,
			  .outcome = event->probe.outcome,
			  .unanswered = event->probe.unanswered,
			  .answer_ns = event->probe.answer_ns ? event->probe.answer_ns
							      : CT_NS_UNKNOWN},
	};
	struct ct_entry *entry;
	int r = entry_if_alive(table, event, &entry);

	if (r)
		return r;
	if (entry)
		note_probe(&entry->conn, event);
	return tell(table, entry, &update);
}

static int on_lost(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {
		.kind = CT_UPDATE_LOST,
		.ts_ns = event->ts_ns,
		.event = event,
		.lost = {.events = event->lost.events,
			 .since_ns = event->lost.since_ns ? event->lost.since_ns : CT_NS_UNKNOWN,
			 .where = event->lost.where},
	};

	table->stats.lost += event->lost.events;
	table->counted_epoch++;
	if (event->lost.uncounted & CT_UNCOUNTED_SOCKETS)
		table->uncounted.sockets++;
	if (event->lost.uncounted & CT_UNCOUNTED_MINIS)
		table->uncounted.minis++;
	return ct_table_tell(table, NULL, &update);
}

/*
 * Time passes with ticks alone. Other events tell the time too, but those of connections that
 * nobody asked for are not in a recording, and a replay has to do the same things at the same
 * places.
 */
static int on_tick(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *first;
	int r = 0;

	while (r == 0 && (first = ct_heap_first(&table->deadlines)) &&
	       first->deadline_ns <= event->ts_ns)
		r = ct_table_on_deadline(table, first);
	return r ? r : ct_table_tell(table, NULL, &update);
}

static int on_other(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};

	return ct_table_tell(table, NULL, &update);
}

/* The stream is over: what is still there is told as it stands. */
static int on_end(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry, *next;
	int r = 0;

	/* what was held comes before all summaries, as it does in a replay */
	HASH_ITER(hh, table->entries, entry, next) {
		for (struct ct_entry *one = entry; one && r == 0; one = one->older)
			r = table->ops->settle(table->context, &one->conn);
	}
	if (r)
		return r;
	HASH_ITER(hh, table->entries, entry, next) {
		struct ct_entry *older = entry->older;

		while (r == 0 && older) {
			struct ct_entry *oldest = older->older;

			r = ct_table_remove(table, older);
			older = oldest;
		}
		if (r == 0)
			r = ct_table_remove(table, entry);
		if (r)
			return r;
	}
	return on_other(table, event);
}

static int tell_deadline(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_update update = {.ts_ns = entry->deadline_ns, .event = table->moment};

	if (entry->conn.phase == CT_PHASE_CLOSED || !ct_history_last(&entry->conn.history))
		return ct_table_remove(table, entry);
	if (entry->cancelled_ns != CT_NS_UNKNOWN &&
	    entry->cancelled_ns + CT_TABLE_GRACE_NS <= entry->deadline_ns) {
		update.ts_ns = entry->cancelled_ns;
		ct_table_leave_mini(entry, entry->cancelled_ns, &update);
	}
	/* whoever wants to look at it again says so when he is told of this moment */
	if (entry->conn.wants_ns <= entry->deadline_ns)
		entry->conn.wants_ns = CT_NS_UNKNOWN;
	return ct_table_tell(table, entry, &update);
}

int ct_table_on_deadline(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_event moment = {.ts_ns = entry->deadline_ns,
				  .kind = CT_EVENT_TICK,
				  .generation = CT_GENERATION_ANY};
	int r;

	table->now_ns = entry->deadline_ns;
	table->moment = &moment;
	r = tell_deadline(table, entry);
	table->moment = NULL;
	return r;
}

static int (*const handlers[])(struct ct_conn_table *, const struct ct_event *) = {
	[CT_EVENT_STATE] = ct_table_on_state,
	[CT_EVENT_OWNER] = on_owner,
	[CT_EVENT_TIMEWAIT] = ct_table_on_timewait,
	[CT_EVENT_REQUEST] = on_other,
	[CT_EVENT_RETRANSMIT] = on_retransmit,
	[CT_EVENT_RESET] = on_reset,
	[CT_EVENT_ERROR] = on_error,
	[CT_EVENT_PROBE] = on_probe,
	[CT_EVENT_COUNTERS] = on_counters,
	[CT_EVENT_FOUND] = on_other,
	[CT_EVENT_FORK] = on_other,
	[CT_EVENT_LOST] = on_lost,
	[CT_EVENT_TICK] = on_tick,
	[CT_EVENT_END] = on_end,
};
_Static_assert(CT_COUNT(handlers) == _CT_EVENT_MAX, "a handler for each kind");

int ct_conn_table_apply(struct ct_conn_table *table, const struct ct_event *event)
{
	table->now_ns = event->ts_ns;
	return handlers[event->kind](table, event);
}
