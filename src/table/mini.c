// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mini-sockets, which stand for a connection when its socket is gone: FIN_WAIT2 and TIME_WAIT. */
#include <string.h>

#include "conntrace/verdict.h"
#include "table.h"

int ct_table_enter_mini(struct ct_entry *entry, uint8_t state, uint8_t basis, uint64_t at_ns,
			struct ct_update *update)
{
	struct ct_conn *conn = &entry->conn;
	uint8_t from = ct_table_state_of(conn);
	int r;

	conn->phase = CT_PHASE_MINI;
	ct_table_note_fins(conn, state);
	if (from == state)
		return 0;
	update->kind = CT_UPDATE_STATE;
	update->state.from = from;
	update->state.to = state;
	update->state.basis = basis;
	r = ct_history_enter(&conn->history, state, basis, at_ns, &update->state.in_state_ns);
	ct_verdict_end(conn);
	return r;
}

void ct_table_leave(struct ct_conn_table *table, struct ct_entry *entry, uint64_t at_ns,
		    enum ct_left_by left_by, struct ct_update *update)
{
	update->kind = CT_UPDATE_STATE;
	update->ts_ns = at_ns;
	update->state.from = ct_table_state_of(&entry->conn);
	update->state.to = CT_STATE_CLOSE;
	update->state.basis = CT_BASIS_SEEN;
	update->state.left_by = (uint8_t)left_by;
	entry->conn.left_by = (uint8_t)left_by;
	ct_table_disarm(entry);
	ct_table_unindex(table, entry);
	ct_table_close(entry, at_ns, &update->state.in_state_ns);
}

void ct_table_settle_mini(struct ct_conn_table *table, struct ct_entry *entry,
			  struct ct_update *update)
{
	ct_table_leave(table, entry, entry->cancelled_ns,
		       ct_table_is_answered(entry) ? CT_LEFT_BY_ANSWERED : CT_LEFT_BY_UNKNOWN,
		       update);
}

/* What a process that has taken its timer off did it for. UNKNOWN: nothing that would tell. */
static enum ct_left_by left_by_process(const struct ct_event *event)
{
	if (event->context != CT_CONTEXT_PROCESS)
		return CT_LEFT_BY_UNKNOWN;
	if (event->timewait.successor || event->timewait.how == CT_HOW_CONNECT)
		return CT_LEFT_BY_REUSED;
	if (event->timewait.how == CT_HOW_OTHER)
		return CT_LEFT_BY_KILLED;
	return event->timewait.how == CT_HOW_KERNEL ? CT_LEFT_BY_NETNS : CT_LEFT_BY_UNKNOWN;
}

static int on_cancel(struct ct_conn_table *table, struct ct_entry *entry,
		     const struct ct_event *event, struct ct_update *update)
{
	enum ct_left_by left_by = left_by_process(event);

	if (left_by == CT_LEFT_BY_UNKNOWN) {
		/* what follows tells why; a new SYN follows with its addresses alone */
		entry->cancelled_ns = event->ts_ns;
		return ct_table_index(table, entry);
	}
	update->state.by_pid = left_by == CT_LEFT_BY_NETNS ? 0 : event->timewait.actor_pid;
	update->state.by_cookie = event->timewait.successor;
	ct_table_leave(table, entry, event->ts_ns, left_by, update);
	return 0;
}

/* The timer of a mini-socket that nobody has seen begin. */
static int meet(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event)
{
	struct ct_update silent = {.kind = CT_UPDATE_SILENT};
	int r;

	if (ct_table_state_of(&entry->conn) == CT_STATE_NONE) {
		entry->conn.phase = CT_PHASE_MINI;
		return ct_table_meet_late(table, entry, event);
	}
	r = ct_table_gap(table, entry, event->ts_ns);
	return r ? r
		 : ct_table_enter_mini(entry, event->state, CT_BASIS_INFERRED, CT_NS_UNKNOWN,
				       &silent);
}

bool ct_table_may_become_mini(const struct ct_conn *conn)
{
	switch (ct_table_state_of(conn)) {
	case CT_STATE_NONE:
	case CT_STATE_FIN_WAIT1:
	case CT_STATE_FIN_WAIT2:
	case CT_STATE_CLOSING:
		return conn->phase == CT_PHASE_LIVE;
	default:
		return false;
	}
}

/* A transition leads to where a mini-socket begins: tcp_rcv_state_process(), tcp_fin(). */
static int check_beginning(struct ct_conn_table *table, struct ct_entry *entry,
			   const struct ct_event *event)
{
	uint8_t from = ct_table_state_of(&entry->conn);

	if (entry->conn.phase != CT_PHASE_LIVE || from == CT_STATE_FIN_WAIT2 ||
	    (from == CT_STATE_CLOSING && event->state == CT_STATE_TIME_WAIT))
		return 0;
	if (from == CT_STATE_NONE)
		return ct_table_gap_if_lost(table, entry, event->ts_ns);
	return ct_table_gap(table, entry, event->ts_ns);
}

/*
 * Their FIN has come while the mini-socket stood, and nothing told of it: its timer stayed where it
 * was, and the segment was missed. The end of the timer tells where it stood by then, not since
 * when.
 */
static int catch_up(struct ct_conn_table *table, struct ct_entry *entry,
		    const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns};
	int r;

	if (event->timewait.op != CT_TIMER_EXPIRE || event->state != CT_STATE_TIME_WAIT ||
	    entry->conn.phase != CT_PHASE_MINI ||
	    ct_table_state_of(&entry->conn) != CT_STATE_FIN_WAIT2)
		return 0;
	r = ct_table_enter_mini(entry, CT_STATE_TIME_WAIT, CT_BASIS_INFERRED, CT_NS_UNKNOWN,
				&update);
	return r ? r : ct_table_tell(table, entry, &update);
}

static int apply(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event,
		 struct ct_update *update)
{
	int r;

	switch (event->timewait.op) {
	case CT_TIMER_START:
		r = check_beginning(table, entry, event);
		if (r)
			return r;
		ct_table_arm(entry, event->ts_ns, event->timewait.timeout_ns);
		ct_table_unindex(table, entry);
		return ct_table_enter_mini(entry, event->state, CT_BASIS_SEEN, event->ts_ns,
					   update);
	case CT_TIMER_UNTOUCHED:
		return ct_table_enter_mini(entry, event->state, CT_BASIS_INFERRED, event->ts_ns,
					   update);
	case CT_TIMER_CANCEL:
		return on_cancel(table, entry, event, update);
	case CT_TIMER_EXPIRE:
		ct_table_leave(table, entry, event->ts_ns, CT_LEFT_BY_EXPIRED, update);
		return 0;
	case CT_TIMER_RECYCLED:
		update->state.by_cookie = event->timewait.successor;
		ct_table_leave(table, entry,
			       entry->cancelled_ns == CT_NS_UNKNOWN ? event->ts_ns
								    : entry->cancelled_ns,
			       CT_LEFT_BY_RECYCLED, update);
		return 0;
	default:
		return 0;
	}
}

int ct_table_on_timewait(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	bool is_beginning = event->timewait.op == CT_TIMER_START;
	struct ct_entry *entry;
	int r;

	if (!event->cookie) /* nothing that it could be a part of */
		return ct_table_tell_anyhow(table, NULL, &update);
	r = ct_table_entry_of(table, event, &entry);
	if (r)
		return r;
	if (entry->conn.phase != CT_PHASE_MINI) {
		/* gone; or one that has only the cookie in common */
		if (!ct_table_may_become_mini(&entry->conn) &&
		    !(is_beginning && entry->conn.phase == CT_PHASE_LIVE))
			return ct_table_tell(table, entry, &update);
		if (!is_beginning)
			r = meet(table, entry, event);
	}
	if (r == 0)
		r = catch_up(table, entry, event);
	if (r == 0)
		r = apply(table, entry, event, &update);
	return r ? r : ct_table_tell(table, entry, &update);
}

/* Of the mini-socket, as an event of its own: a recording may be without whom it made way for. */
int ct_table_recycle(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_entry *entry = ct_table_by_tuple(table, event);
	struct ct_event made = {.ts_ns = event->ts_ns,
				.kind = CT_EVENT_TIMEWAIT,
				.generation = CT_GENERATION_ANY,
				.family = event->family,
				.lport = event->lport,
				.rport = event->rport,
				.netns = event->netns,
				.timewait = {.op = CT_TIMER_RECYCLED, .successor = event->cookie}};

	if (!entry || entry->conn.phase != CT_PHASE_MINI || entry->cancelled_ns == CT_NS_UNKNOWN)
		return 0;
	memcpy(made.laddr, event->laddr, sizeof(made.laddr));
	memcpy(made.raddr, event->raddr, sizeof(made.raddr));
	made.cookie = entry->conn.id.cookie;
	made.state = ct_table_state_of(&entry->conn);
	return ct_table_on_timewait(table, &made);
}
