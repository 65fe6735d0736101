// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From state to state, of full sockets. */
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
	if (r == 0 && known == CT_STATE_NONE && table->stats.lost)
		ct_table_note_unseen(entry);
	return r;
}

/*
 * The call that made the transition. One that a packet made while a process held the lock is told
 * by the context, and has no call behind it: the process was in whatever it was in.
 */
static uint8_t call_behind(const struct ct_event *event)
{
	return ct_is_by_call(event->to.old_state, event->state, event->to.sk_err)
		       ? event->to.how
		       : (uint8_t)CT_HOW_UNKNOWN;
}

/* Nobody did it for us: a segment, a timer and `ss -K` leave an error, or have no call behind them.
 */
static bool is_closed_by_call(const struct ct_event *event, uint8_t call)
{
	/* given up by the application in the midst of the handshake */
	if (event->to.old_state == CT_STATE_SYN_SENT && !event->to.sk_err &&
	    event->context == CT_CONTEXT_PROCESS)
		return true;
	return call == CT_HOW_CLOSE || call == CT_HOW_SHUTDOWN || call == CT_HOW_CONNECT ||
	       call == CT_HOW_EXIT;
}

/* With something unread or SO_LINGER 0, or to connect elsewhere: by a reset, and with no error. */
static bool is_reset_by_call(const struct ct_event *event)
{
	return !(event->sock_flags & CT_SOCK_ORPHAN) &&
	       (event->to.how == CT_HOW_CLOSE || event->to.how == CT_HOW_EXIT ||
		event->to.how == CT_HOW_CONNECT);
}

/*
 * Their FIN came, and no mini-socket could be made for TIME_WAIT: tcp_time_wait(),
 * net.ipv4.tcp_max_tw_buckets. Nothing else closes in silence what a process still has.
 */
static bool had_no_time_wait(const struct ct_event *event)
{
	return event->to.old_state == CT_STATE_FIN_WAIT2 && !event->to.sk_err &&
	       !(event->sock_flags & CT_SOCK_ORPHAN) && event->context != CT_CONTEXT_KEEPALIVE &&
	       !is_reset_by_call(event);
}

static void note_close(struct ct_conn *conn, const struct ct_event *event, uint8_t call)
{
	conn->fin_received |= had_no_time_wait(event);
	conn->sk_err = event->to.sk_err;
	conn->closed_context = event->context;
	conn->own_fin = event->to.own_fin;
	if (conn->closed_by == CT_CLOSED_BY_UNKNOWN && is_closed_by_call(event, call))
		conn->closed_by = CT_CLOSED_BY_LOCAL;
	if (event->context == CT_CONTEXT_PROCESS && event->to.sk_err == ECONNABORTED)
		conn->killed = true;
}

static void note_state(struct ct_entry *entry, const struct ct_event *event, uint8_t call)
{
	struct ct_conn *conn = &entry->conn;

	ct_table_note_fins(conn, event->to.old_state);
	ct_table_note_fins(conn, event->state);
	if (event->state == CT_STATE_CLOSE_WAIT)
		conn->write_seq_at_fin = event->to.write_seq;
	if (is_birth(event))
		conn->opened_ns = event->ts_ns;
	/* what leads here acknowledges all that was sent before */
	if (event->state == CT_STATE_ESTABLISHED || event->state == CT_STATE_FIN_WAIT2) {
		conn->rto_streak = 0;
		conn->unsent = 0;
	}
	if (event->state == CT_STATE_ESTABLISHED && conn->established_ns == CT_NS_UNKNOWN)
		conn->established_ns = event->ts_ns;
	if (event->state != CT_STATE_SYN_SENT && event->state != CT_STATE_LISTEN &&
	    conn->closed_how == CT_HOW_UNKNOWN)
		conn->closed_how = call;
	conn->unread = event->to.unread;
	conn->unacked = event->to.unacked;
	conn->write_seq = event->to.write_seq;
	if (event->state == CT_STATE_CLOSE)
		note_close(conn, event, call);
	else /* a reset that it has survived is not its end: RFC 9293 3.5.1 */
		conn->reset.direction = CT_DIRECTION_NONE;
}

/* The child's beginning is not that of its handshake. */
static bool began_before(const struct ct_entry *entry, const struct ct_event *event)
{
	if (event->to.old_state != CT_STATE_SYN_RECV || entry->requested)
		return false;
	return event->to.handshake == CT_HANDSHAKE_REQUEST ||
	       (entry->conn.blind & CT_BLIND_HALF_OPEN && event->role == CT_ROLE_PASSIVE);
}

/*
 * The handshake is complete. It began with a SYN that made a request socket: one that nobody knows
 * is older than the tracer, or was lost, and its child's beginning is not that of the handshake.
 */
static int note_handshake(struct ct_conn_table *table, struct ct_entry *entry,
			  const struct ct_event *event)
{
	struct ct_history *history = &entry->conn.history;

	entry->conn.handshake = event->to.handshake;
	/* its timer ran on another CPU, and so was not taken off on this one */
	if (entry->requested && event->to.handshake == CT_HANDSHAKE_SYNCOOKIE)
		entry->conn.handshake = CT_HANDSHAKE_REQUEST;
	if (!began_before(entry, event) || !history->n_steps)
		return 0;
	entry->conn.opened_ns = CT_NS_UNKNOWN;
	/* of no request is told here: also not of those that are younger than the tracer */
	entry->conn.unseen = entry->conn.blind & CT_BLIND_HALF_OPEN;
	history->steps[history->n_steps - 1].at_ns = CT_NS_UNKNOWN;
	history->steps[history->n_steps - 1].basis = CT_BASIS_INFERRED;
	return ct_table_gap_if_lost(table, entry, event->ts_ns);
}

/* A child is born once: another birth is that of a twin, which goes as soon as it has come. */
static bool is_twin(struct ct_entry *entry, const struct ct_event *event)
{
	if (is_birth(event) && event->state == CT_STATE_SYN_RECV &&
	    ct_table_state_of(&entry->conn) != CT_STATE_NONE) {
		entry->twins++;
		return true;
	}
	if (event->state != CT_STATE_CLOSE || !ct_table_is_of_twin(entry, event->to.old_state))
		return false;
	entry->twins--;
	return true;
}

/* A transition that is none of the connection's. */
static bool is_silent(const struct ct_entry *entry, const struct ct_event *event)
{
	if (event->state == CT_STATE_CLOSE && entry->conn.phase == CT_PHASE_MINI)
		return true; /* it lives on as a mini-socket */
	/* close() behind shutdown(), or behind `ss -K` */
	return event->state == event->to.old_state &&
	       event->state == ct_table_state_of(&entry->conn);
}

/* Until its handshake is complete a child without a request may be looked for by its addresses. */
static int index_child(struct ct_conn_table *table, struct ct_entry *entry,
		       const struct ct_event *event)
{
	if (event->state != CT_STATE_SYN_RECV) {
		ct_table_unindex(table, entry);
		return 0;
	}
	if (event->to.old_state != CT_STATE_LISTEN)
		return 0;
	ct_table_note_child(table, entry, event);
	return ct_table_index(table, entry);
}

/* In a mini-socket, which comes behind our FIN where nothing goes wrong: tcp_time_wait(). */
static bool may_live_on(const struct ct_conn *conn, const struct ct_event *event)
{
	return conn->blind & CT_BLIND_TIME_WAIT &&
	       (event->to.old_state == CT_STATE_FIN_WAIT2 ||
		event->to.old_state == CT_STATE_CLOSING) &&
	       !event->to.sk_err && event->context != CT_CONTEXT_KEEPALIVE &&
	       !is_reset_by_call(event);
}

static int enter(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event,
		 struct ct_update *update)
{
	int r = bridge_gap(table, entry, event);

	if (r == 0 && event->state == CT_STATE_ESTABLISHED) {
		r = note_handshake(table, entry, event);
		update->state.handshake = entry->conn.handshake;
	}
	if (r == 0)
		r = index_child(table, entry, event);
	if (r)
		return r;
	note_state(entry, event, update->state.how);
	if (event->state != CT_STATE_CLOSE)
		return ct_history_enter(&entry->conn.history, event->state, CT_BASIS_SEEN,
					event->ts_ns, &update->state.in_state_ns);
	ct_table_close(entry, event->ts_ns, &update->state.in_state_ns);
	entry->conn.lives_on = may_live_on(&entry->conn, event);
	return 0;
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
					     .handshake = event->to.handshake,
					     .in_state_ns = CT_NS_UNKNOWN}};
	bool is_child = is_birth(event) && event->state == CT_STATE_SYN_RECV;
	struct ct_entry *entry;
	int r = is_child ? ct_table_recycle(table, event) : 0;

	if (r == 0)
		r = ct_table_entry_of(table, event, &entry);
	if (r)
		return r;
	if (entry->conn.phase == CT_PHASE_REQUEST) {
		ct_table_complete(entry);
		if (is_child) {
			ct_table_note_child(table, entry, event);
			return ct_table_announce(table, entry, event);
		}
	}
	if (is_child && entry->conn.blind & CT_BLIND_HALF_OPEN)
		update.state.basis = CT_BASIS_INFERRED; /* its SYN came before */
	if (is_twin(entry, event) || is_silent(entry, event))
		update.kind = CT_UPDATE_SILENT;
	else
		r = enter(table, entry, event, &update);
	return r ? r : ct_table_tell(table, entry, &update);
}
