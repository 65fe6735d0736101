// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Handshakes of those who connect to us, from the SYN on. A request socket stands for one; its
 * cookie is made when somebody asks for it, by its child at the latest. Until then it is known by
 * its addresses, and its line waits for the cookie.
 */
#include <string.h>

#include "table.h"

/* Longer than the kernel waits between two SYN-ACKs, TCP_RTO_MAX. */
#define REQUEST_NS 130000000000ULL

static int begin(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event)
{
	int r = ct_table_index(table, entry);

	if (r)
		return r;
	entry->conn.phase = CT_PHASE_REQUEST;
	entry->conn.opened_ns = event->ts_ns;
	entry->requested = true;
	r = ct_history_enter(&entry->conn.history, CT_STATE_SYN_RECV, CT_BASIS_SEEN, event->ts_ns,
			     NULL);
	if (r == 0)
		entry->unannounced = true;
	return r;
}

int ct_table_meet_request(struct ct_conn_table *table, struct ct_entry *entry)
{
	int r = ct_table_index(table, entry);

	entry->conn.phase = CT_PHASE_REQUEST;
	entry->requested = true;
	return r ? r : ct_table_meet(entry, CT_STATE_SYN_RECV);
}

/* It may be older than the tracer: no gap, unless its beginning may be what was lost. */
static int meet(struct ct_conn_table *table, struct ct_entry *entry)
{
	int r = ct_table_meet_request(table, entry);

	return r ? r : ct_table_gap_if_lost(table, entry, table->now_ns);
}

int ct_table_request_of(struct ct_conn_table *table, const struct ct_event *event,
			struct ct_entry **ret)
{
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	*ret = entry;
	if (ct_table_state_of(&entry->conn) == CT_STATE_NONE)
		r = meet(table, entry);
	if (r == 0 && entry->conn.phase == CT_PHASE_REQUEST &&
	    entry->conn.expires_ns == CT_NS_UNKNOWN)
		entry->overdue_ns = event->ts_ns + REQUEST_NS; /* its timer is not known */
	return r;
}

static void note(struct ct_entry *entry, const struct ct_event *event)
{
	struct ct_request *request = &entry->conn.request;

	if (event->request.timeouts > request->timeouts)
		request->timeouts = event->request.timeouts;
	request->known = true;
	request->backlog = event->request.backlog;
	request->backlog_max = event->request.backlog_max;
	if (event->request.acked > request->acked)
		request->acked = event->request.acked;
	if (event->request.acked == CT_ACKED_NO_ROOM)
		request->no_room_ns = event->ts_ns;
	entry->deaf = !event->request.listening;
}

void ct_table_settle_request(struct ct_conn_table *table, struct ct_entry *entry,
			     struct ct_update *update)
{
	enum ct_left_by left_by = CT_LEFT_BY_UNKNOWN;

	if (ct_table_is_answered(entry))
		left_by = CT_LEFT_BY_ANSWERED;
	else /* a reset of before was none of its end */
		entry->conn.reset.direction = CT_DIRECTION_NONE;
	if (entry->expired && !entry->deaf)
		left_by = CT_LEFT_BY_EXPIRED;
	if (left_by == CT_LEFT_BY_UNKNOWN && entry->deaf)
		entry->conn.closed_by = CT_CLOSED_BY_LOCAL;
	ct_table_leave(table, entry, entry->cancelled_ns, left_by, update);
}

static void on_cancel(struct ct_conn_table *table, struct ct_entry *entry,
		      const struct ct_event *event, struct ct_update *update)
{
	bool by_process = event->context == CT_CONTEXT_PROCESS;

	if (by_process && event->request.how == CT_HOW_OTHER) {
		entry->conn.killed = true;
		update->state.by_pid = event->request.actor_pid;
		ct_table_leave(table, entry, event->ts_ns, CT_LEFT_BY_KILLED, update);
	} else if (by_process && event->request.how == CT_HOW_KERNEL) {
		ct_table_leave(table, entry, event->ts_ns, CT_LEFT_BY_NETNS, update);
	} else {
		entry->cancelled_ns = event->ts_ns; /* what follows tells why */
	}
}

static void apply(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event,
		  struct ct_update *update)
{
	note(entry, event);
	switch (event->request.op) {
	case CT_TIMER_START:
		ct_table_arm(entry, event->ts_ns, event->request.timeout_ns);
		entry->counted_epoch = table->counted_epoch; /* it stands */
		entry->answered_ns = CT_NS_UNKNOWN;
		break;
	case CT_TIMER_CANCEL:
		on_cancel(table, entry, event, update);
		break;
	case CT_TIMER_EXPIRE:
		entry->cancelled_ns = event->ts_ns;
		entry->expired = true;
		entry->answered_ns = CT_NS_UNKNOWN;
		break;
	default:
		break;
	}
}

/* Armed again by its time-out, or by a SYN that came again. */
static bool continues(const struct ct_entry *entry, const struct ct_event *event)
{
	if (entry->conn.phase != CT_PHASE_REQUEST)
		return false;
	return event->request.timeouts || (entry->cancelled_ns != CT_NS_UNKNOWN && !entry->expired);
}

/* Another handshake of the same addresses may have had an end that was lost. */
static int make_way(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry = ct_table_by_tuple(table, event);

	if (!entry)
		return 0;
	if (entry->conn.phase == CT_PHASE_MINI)
		return ct_table_recycle(table, event);
	if (!continues(entry, event))
		ct_table_unindex(table, entry);
	return 0;
}

static int start(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event)
{
	if (event->request.timeouts)
		return meet(table, entry);
	return begin(table, entry, event);
}

int ct_table_on_request(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	bool is_start = event->request.op == CT_TIMER_START, is_new = false;
	struct ct_entry *entry;
	int r = is_start ? make_way(table, event) : 0;

	if (r)
		return r;
	/* an end alone is that of one older than the tracer, or of one that is complete */
	if (!is_start && !ct_table_find(table, event) && !ct_table_adopt(table, event))
		return ct_table_tell_anyhow(table, NULL, &update);
	r = ct_table_entry_of(table, event, &entry);
	if (r == 0 && is_start && ct_table_state_of(&entry->conn) == CT_STATE_NONE) {
		is_new = true;
		r = start(table, entry, event);
	}
	if (r)
		return r;
	if (entry->conn.phase == CT_PHASE_REQUEST)
		apply(table, entry, event, &update);
	r = ct_table_tell(table, entry, &update);
	if (r == 0 && is_new)
		r = ct_table_inherit(table, entry, event->request.listener);
	return r;
}

void ct_table_complete(struct ct_entry *entry)
{
	entry->conn.phase = CT_PHASE_LIVE;
	ct_table_disarm(entry);
}
