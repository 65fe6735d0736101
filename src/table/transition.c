// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From state to state: of full sockets, and of the mini-sockets that stand for them afterwards. */
#include <errno.h>

#include "conntrace/verdict.h"
#include "table.h"

static bool is_birth(const struct ct_event *event)
{
	uint8_t old = event->to.old_state, new = event->state;

	return (old == CT_STATE_CLOSE && (new == CT_STATE_SYN_SENT || new == CT_STATE_LISTEN)) ||
	       (old == CT_STATE_LISTEN && new == CT_STATE_SYN_RECV);
}

/* The step before this one is not the one that is known: what lies between was missed. */
static int bridge_gap(struct ct_conn_table *table, struct ct_entry *entry,
		      const struct ct_event *event)
{
	uint8_t known = ct_table_state_of(&entry->conn);
	int r = 0;

	if (is_birth(event) || known == event->to.old_state)
		return 0;
	/* one that is met in the middle of its life may be older than the tracer: no gap, unless
	 * its beginning may be among what was lost
	 */
	if (known != CT_STATE_NONE || table->stats.lost)
		r = ct_table_gap(table, entry, event->ts_ns);
	if (r == 0 && event->to.old_state != CT_STATE_CLOSE)
		r = ct_history_enter(&entry->conn.history, event->to.old_state,
				     known == CT_STATE_NONE ? CT_BASIS_FOUND : CT_BASIS_INFERRED,
				     CT_NS_UNKNOWN, NULL);
	return r;
}

/* What having been in STATE says of the FINs, RFC 9293 3.3.2: also of a state that it was found in.
 */
static void note_fins(struct ct_conn *conn, uint8_t state)
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

static void note_state(struct ct_conn *conn, const struct ct_event *event)
{
	note_fins(conn, event->to.old_state);
	note_fins(conn, event->state);
	if (event->state == CT_STATE_CLOSE_WAIT)
		conn->write_seq_at_fin = event->to.write_seq;
	if (is_birth(event))
		conn->opened_ns = event->ts_ns;
	if (event->state == CT_STATE_ESTABLISHED && conn->established_ns == CT_NS_UNKNOWN)
		conn->established_ns = event->ts_ns;
	conn->unread = event->to.unread;
	conn->unacked = event->to.unacked;
	conn->write_seq = event->to.write_seq;
	if (event->state != CT_STATE_CLOSE) {
		/* a reset that it has survived is not its end: RFC 9293 3.5.1 */
		conn->reset.direction = CT_DIRECTION_NONE;
		return;
	}
	conn->sk_err = event->to.sk_err;
	/* given up by the application in the midst of the handshake */
	if (event->to.old_state == CT_STATE_SYN_SENT && !event->to.sk_err &&
	    event->context == CT_CONTEXT_PROCESS)
		conn->closed_by = CT_CLOSED_BY_LOCAL;
	if (event->context == CT_CONTEXT_PROCESS && event->to.sk_err == ECONNABORTED)
		conn->killed = true;
}

/*
 * The call that made the transition. One that a packet made while a process held the lock is told
 * by the context, and has no call behind it: the process was in whatever it was in.
 */
static uint8_t call_behind(const struct ct_event *event)
{
	switch (event->state) {
	case CT_STATE_SYN_SENT:
	case CT_STATE_LISTEN:
	case CT_STATE_FIN_WAIT1:
	case CT_STATE_LAST_ACK:
		return event->to.how;
	case CT_STATE_CLOSE:
		if (event->to.sk_err) /* a segment or a timer did it */
			return CT_HOW_UNKNOWN;
		return event->to.old_state == CT_STATE_LISTEN ||
				       event->to.old_state == CT_STATE_SYN_SENT ||
				       event->to.old_state == CT_STATE_ESTABLISHED ||
				       event->to.old_state == CT_STATE_CLOSE_WAIT
			       ? event->to.how
			       : CT_HOW_UNKNOWN;
	default:
		return CT_HOW_UNKNOWN;
	}
}

int ct_table_on_state(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.kind = CT_UPDATE_STATE,
				   .ts_ns = event->ts_ns,
				   .event = event,
				   .state = {.from = event->to.old_state,
					     .to = event->state,
					     .basis = CT_BASIS_SEEN,
					     .how = call_behind(event),
					     .in_state_ns = CT_NS_UNKNOWN}};
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	if (event->state == CT_STATE_CLOSE && entry->conn.phase == CT_PHASE_MINI) {
		update.kind = CT_UPDATE_SILENT; /* it lives on as a mini-socket */
		return ct_table_tell(table, entry, &update);
	}
	if (event->state == event->to.old_state &&
	    event->state == ct_table_state_of(&entry->conn)) {
		update.kind = CT_UPDATE_SILENT; /* close() behind shutdown(), or behind `ss -K` */
		return ct_table_tell(table, entry, &update);
	}
	r = bridge_gap(table, entry, event);
	if (r)
		return r;
	note_state(&entry->conn, event);
	if (event->state == CT_STATE_CLOSE)
		ct_table_close(entry, event->ts_ns, &update.state.in_state_ns);
	else
		r = ct_history_enter(&entry->conn.history, event->state, CT_BASIS_SEEN,
				     event->ts_ns, &update.state.in_state_ns);
	return r ? r : ct_table_tell(table, entry, &update);
}

/* Enters a state that a mini-socket stands for, as a transition if it is one. */
static int enter_mini(struct ct_entry *entry, const struct ct_event *event, uint8_t basis,
		      struct ct_update *update)
{
	struct ct_conn *conn = &entry->conn;
	uint8_t from = ct_table_state_of(conn);
	int r;

	conn->phase = CT_PHASE_MINI;
	note_fins(conn, event->state);
	if (from == event->state)
		return 0;
	update->kind = CT_UPDATE_STATE;
	update->state.from = from;
	update->state.to = event->state;
	update->state.basis = basis;
	r = ct_history_enter(&conn->history, event->state, basis, event->ts_ns,
			     &update->state.in_state_ns);
	ct_verdict_end(conn);
	return r;
}

void ct_table_leave_mini(struct ct_entry *entry, uint64_t at_ns, struct ct_update *update)
{
	update->kind = CT_UPDATE_STATE;
	update->state.from = ct_table_state_of(&entry->conn);
	update->state.to = CT_STATE_CLOSE;
	update->state.basis = CT_BASIS_SEEN;
	entry->cancelled_ns = CT_NS_UNKNOWN;
	ct_table_close(entry, at_ns, &update->state.in_state_ns);
}

/* A mini-socket that nobody has seen begin. */
static int find_mini(struct ct_entry *entry, const struct ct_event *event)
{
	struct ct_conn *conn = &entry->conn;

	if (ct_table_state_of(conn) != CT_STATE_NONE)
		return 0;
	conn->phase = CT_PHASE_MINI;
	note_fins(conn, event->state);
	return ct_history_enter(&conn->history, event->state, CT_BASIS_FOUND, CT_NS_UNKNOWN, NULL);
}

int ct_table_on_timewait(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	if (entry->conn.phase == CT_PHASE_CLOSED)
		return ct_table_tell(table, entry, &update);
	if (event->timewait.op != CT_TIMER_START)
		r = find_mini(entry, event);
	if (r)
		return r;
	switch (event->timewait.op) {
	case CT_TIMER_START:
		entry->cancelled_ns = CT_NS_UNKNOWN;
		r = enter_mini(entry, event, CT_BASIS_SEEN, &update);
		break;
	case CT_TIMER_UNTOUCHED:
		r = enter_mini(entry, event, CT_BASIS_INFERRED, &update);
		break;
	case CT_TIMER_CANCEL:
		entry->cancelled_ns = event->ts_ns;
		break;
	case CT_TIMER_EXPIRE:
		entry->conn.expired = true;
		ct_table_leave_mini(entry, event->ts_ns, &update);
		break;
	default:
		break;
	}
	return r ? r : ct_table_tell(table, entry, &update);
}
