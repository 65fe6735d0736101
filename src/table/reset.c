// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resets: whose they are, and whether they are an end. */
#include "conntrace/verdict.h"
#include "table.h"

/* A listener has taken the packet for a request, which is known by its addresses. */
static int entry_of(struct ct_conn_table *table, const struct ct_event *event,
		    struct ct_entry **ret)
{
	struct ct_entry *entry;

	if (event->cookie || event->state != CT_STATE_LISTEN)
		return ct_table_entry_if_alive(table, event, ret);
	entry = ct_table_find(table, event);
	*ret = entry && entry->conn.phase == CT_PHASE_REQUEST ? entry : NULL;
	return 0;
}

/*
 * A mini-socket and a request may survive the peer's reset: when it is out of their window, or by
 * net.ipv4.tcp_rfc1337. Their timer is taken off before if they do not.
 */
static bool is_survived(const struct ct_entry *entry, const struct ct_event *event)
{
	/* RFC 9293 3.10.7.3: a bad SYN-ACK is answered with a reset, and the connect goes on */
	if (event->reset.answered && event->state == CT_STATE_SYN_SENT)
		return true;
	switch (entry->conn.phase) {
	case CT_PHASE_MINI:
	case CT_PHASE_REQUEST:
		return event->reset.direction == CT_DIRECTION_RECEIVED &&
		       entry->cancelled_ns == CT_NS_UNKNOWN;
	default:
		return false;
	}
}

/* A listener also answers what has nothing to do with the handshake, and that goes on. */
static bool may_end_request(const struct ct_event *event)
{
	return event->reset.reason == CT_RESET_REASON_NONE ||
	       event->reset.reason == CT_RESET_REASON_NOT_SPECIFIED ||
	       event->reset.reason == CT_RESET_REASON_INVALID_SYN;
}

/*
 * A mini-socket answers and goes. Kernels that do not tell of the answer show it by the segment,
 * dropped when the mini-socket is gone.
 */
static uint64_t answered_at(const struct ct_entry *entry, const struct ct_event *event)
{
	if (entry->conn.phase == CT_PHASE_MINI && entry->cancelled_ns != CT_NS_UNKNOWN)
		return entry->cancelled_ns;
	return event->ts_ns;
}

static void note(struct ct_entry *entry, const struct ct_event *event,
		 const struct ct_reset *judged)
{
	if (is_survived(entry, event))
		return;
	if (event->reset.direction == CT_DIRECTION_SENT) {
		if (entry->conn.phase == CT_PHASE_REQUEST && !may_end_request(event))
			return;
		entry->answered_ns = answered_at(entry, event);
	}
	entry->conn.reset = *judged;
	if (entry->conn.phase == CT_PHASE_MINI || entry->conn.phase == CT_PHASE_CLOSED)
		ct_verdict_end(&entry->conn);
}

/* The peer's reset is behind the end of its timer: that is why it has gone. */
static bool is_killed(const struct ct_entry *entry, const struct ct_event *event)
{
	return event->reset.direction == CT_DIRECTION_RECEIVED &&
	       (entry->conn.phase == CT_PHASE_MINI || entry->conn.phase == CT_PHASE_REQUEST) &&
	       entry->cancelled_ns != CT_NS_UNKNOWN && !entry->expired;
}

int ct_table_on_reset(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.kind = CT_UPDATE_RESET, .ts_ns = event->ts_ns, .event = event};
	struct ct_update left = {.kind = CT_UPDATE_SILENT, .event = event};
	struct ct_entry *entry;
	bool kills;
	int r = entry_of(table, event, &entry);

	if (r)
		return r;
	ct_verdict_reset(entry ? &entry->conn : NULL, event, &update.reset);
	if (entry)
		note(entry, event, &update.reset);
	kills = entry && is_killed(entry, event);
	if (kills)
		update.event = NULL; /* it comes with the last of the two */
	r = ct_table_tell_anyhow(table, entry, &update);
	if (r || !kills)
		return r;
	ct_table_leave(table, entry, entry->cancelled_ns, CT_LEFT_BY_RST, &left);
	return ct_table_tell(table, entry, &left);
}
