// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From an event to its entry: what every kind of event tells of the connection that it is about. */
#include <string.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "table.h"

static const uint8_t unspecified[16];

static void set_address(uint8_t known[16], const uint8_t told[16], bool v4)
{
	/* a socket that is disconnected forgets its own: what was known of its life stays true */
	if (memcmp(told, unspecified, sizeof(unspecified)) == 0)
		return;
	memset(known, 0, sizeof(unspecified));
	memcpy(known, v4 ? told + 12 : told, v4 ? 4 : sizeof(unspecified));
}

/* A listener has no peer: it is its own address that tells then. */
static bool is_v4mapped(const struct ct_event *event)
{
	bool has_peer = memcmp(event->raddr, unspecified, sizeof(unspecified)) != 0;

	return event->family == AF_INET6 &&
	       ct_addr_is_v4mapped(has_peer ? event->raddr : event->laddr);
}

/* v4-mapped addresses are IPv4 from here on: nobody behind has to know of them. */
static void set_addresses(struct ct_conn_id *id, const struct ct_event *event)
{
	bool mapped = is_v4mapped(event);

	id->family = mapped ? AF_INET : event->family;
	set_address(id->laddr, event->laddr, mapped);
	set_address(id->raddr, event->raddr, mapped);
}

void ct_table_merge_id(struct ct_conn_id *id, const struct ct_event *event)
{
	if (event->family)
		set_addresses(id, event);
	if (event->lport)
		id->lport = event->lport;
	if (event->rport)
		id->rport = event->rport;
	if (event->netns)
		id->netns = event->netns;
	if (event->role)
		id->role = event->role;
	if (event->generation == CT_GENERATION_ANY)
		return;
	if (event->pid != id->pid)
		id->comm[0] = '\0'; /* comes with its own event; lost, it is not known */
	id->pid = event->pid;
	id->owner = event->owner;
}

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

int ct_table_meet_late(struct ct_conn_table *table, struct ct_entry *entry,
		       const struct ct_event *event)
{
	int r = ct_table_meet(entry, event->state);

	return r ? r : ct_table_gap_if_lost(table, entry, event->ts_ns);
}

int ct_table_meet(struct ct_entry *entry, uint8_t state)
{
	ct_table_note_fins(&entry->conn, state);
	return ct_history_enter(&entry->conn.history, state, CT_BASIS_FOUND, CT_NS_UNKNOWN, NULL);
}

void ct_table_note_unseen(struct ct_entry *entry)
{
	struct ct_history *history = &entry->conn.history;

	entry->conn.unseen = true;
	if (history->n_steps == 1 && history->steps[0].basis == CT_BASIS_FOUND)
		history->steps[0].basis = CT_BASIS_INFERRED; /* from what happened to it */
}

uint8_t ct_table_state_of(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	if (conn->phase == CT_PHASE_CLOSED)
		return CT_STATE_CLOSE;
	return last ? last->state : CT_STATE_NONE;
}

/* RFC 9293 3.3.2 */
void ct_table_note_fins(struct ct_conn *conn, uint8_t state)
{
	static const struct {
		bool sent, received;
		uint8_t first; /* enum ct_closed_by */
	} fins[_CT_STATE_MAX] = {
		[CT_STATE_FIN_WAIT1] = {true, false, CT_CLOSED_BY_LOCAL},
		[CT_STATE_FIN_WAIT2] = {true, false, CT_CLOSED_BY_LOCAL},
		[CT_STATE_CLOSING] = {true, true, CT_CLOSED_BY_BOTH},
		[CT_STATE_TIME_WAIT] = {true, true, CT_CLOSED_BY_UNKNOWN},
		[CT_STATE_CLOSE_WAIT] = {false, true, CT_CLOSED_BY_REMOTE},
		[CT_STATE_LAST_ACK] = {true, true, CT_CLOSED_BY_REMOTE},
	};

	conn->fin_sent |= fins[state].sent;
	conn->fin_received |= fins[state].received;
	if (conn->closed_by == CT_CLOSED_BY_UNKNOWN || fins[state].first == CT_CLOSED_BY_BOTH)
		conn->closed_by = fins[state].first;
}
