// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was there before the tracer, and what is told of sockets beside their transitions. */
#include <string.h>

#include "conntrace/runs.h"
#include "table.h"

static void note_options(struct ct_conn *conn, const struct ct_event_options *options)
{
	conn->options = *options;
	conn->options_known = true;
}

int ct_table_on_counters(struct ct_conn_table *table, const struct ct_event *event)
{
	const struct ct_event_options options = ct_options_of_counters(&event->counters);
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	if (!ct_table_is_of_twin(entry, event->state)) {
		entry->conn.counters = event->counters;
		entry->conn.counted = true;
		note_options(&entry->conn, &options);
	}
	return ct_table_tell(table, entry, &update);
}

/* They come before the event with which they were noticed; that one says whether it is alive. */
int ct_table_on_options(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	bool is_known = event->cookie && ct_table_find(table, event);
	struct ct_entry *entry;
	int r;

	if (!is_known && (!event->cookie || event->state == CT_STATE_CLOSE ||
			  event->generation == CT_GENERATION_ANY))
		return ct_table_tell_anyhow(table, NULL, &update);
	r = ct_table_entry_of(table, event, &entry);
	if (r)
		return r;
	note_options(&entry->conn, &event->options);
	entry->conn.sock_flags = event->sock_flags; /* a timer's too, which tells no owner */
	return ct_table_tell(table, entry, &update);
}

/* They were those of a moment, not of its life. */
static void forget_counters(struct ct_conn *conn)
{
	conn->counted = false;
	conn->counters = (struct ct_event_counters){0};
}

static bool is_full(const struct ct_event *event)
{
	return !event->found.mini && !event->found.request;
}

/* The first byte that is not acknowledged: `unacked` does not count our FIN. */
static uint32_t first_unacked(const struct ct_event *event)
{
	bool has_fin = event->state == CT_STATE_FIN_WAIT1 || event->state == CT_STATE_CLOSING ||
		       event->state == CT_STATE_LAST_ACK;

	return event->found.write_seq - event->found.unacked - has_fin;
}

static uint64_t tried_since_ns(const struct ct_event *event)
{
	uint64_t tried_ns = event->found.unanswered_ms * UINT64_C(1000000);

	return tried_ns < event->ts_ns ? event->ts_ns - tried_ns : event->ts_ns;
}

static void note_tries(struct ct_conn *conn, const struct ct_event *event, uint64_t since_ns)
{
	conn->rto_since_ns = since_ns;
	conn->rto_last_ns = event->ts_ns + event->found.timeout_ns;
	conn->tried_by_look = true;
}

/* The last of the time-outs that sent nothing: an event would have told of what was sent again. */
static uint8_t count_unsent(const struct ct_conn *conn, uint8_t timeouts, bool goes_on)
{
	bool is_watched = conn->looked_ns || !ct_conn_was_met_late(conn);

	if (conn->sent_again)
		return 0;
	if (!goes_on)
		return is_watched ? timeouts : 0;
	return conn->tried_by_look && timeouts >= conn->rto_streak
		       ? conn->unsent + timeouts - conn->rto_streak
		       : 0;
}

static void note_timeouts(struct ct_conn *conn, const struct ct_event *event)
{
	uint32_t seq = first_unacked(event);
	uint64_t since_ns = tried_since_ns(event);
	bool goes_on = conn->rto_streak && conn->rto_seq == seq;

	if (goes_on && conn->rto_since_ns < since_ns)
		since_ns = conn->rto_since_ns;
	conn->unsent = count_unsent(conn, event->found.timeouts, goes_on);
	conn->streak_sent = goes_on && conn->streak_sent;
	conn->rto_streak = event->found.timeouts;
	conn->rto_seq = seq;
	conn->unheard = 0;
	note_tries(conn, event, since_ns);
}

static void forget_tries(struct ct_conn *conn)
{
	conn->rto_streak = 0;
	conn->unsent = 0;
	conn->unheard = 0;
	conn->tried_by_look = false;
	conn->streak_sent = false;
}

static void note_stall(struct ct_conn *conn, uint32_t closed_ms)
{
	if (closed_ms >= CT_STALL_NS / 1000000)
		conn->stalled_by_look = true;
	if (closed_ms > conn->stall_ms_max)
		conn->stall_ms_max = closed_ms;
}

/* The last of the probes that nobody has answered was sent when its timer was set. */
static void note_unheard(struct ct_conn *conn, const struct ct_event *event)
{
	uint64_t gap_ns = conn->options.keepalive_interval_s * UINT64_C(1000000000);
	uint64_t due_ns = event->ts_ns + event->found.timeout_ns;
	uint8_t n = event->found.timeouts;

	if (!conn->options_known || due_ns < n * gap_ns)
		return;
	conn->unheard = n;
	conn->rto_last_ns = due_ns - gap_ns;
	conn->rto_since_ns = due_ns - n * gap_ns;
}

static bool sends_data(uint8_t state)
{
	return state == CT_STATE_ESTABLISHED || state == CT_STATE_CLOSE_WAIT ||
	       state == CT_STATE_FIN_WAIT1 || state == CT_STATE_CLOSING ||
	       state == CT_STATE_LAST_ACK;
}

/* What waits with no time-out, if anything does. */
static void note_other_timer(struct ct_conn *conn, const struct ct_event *event)
{
	const struct ct_event_found *found = &event->found;

	forget_tries(conn);
	if (found->runs == CT_RUNS_PERSIST && found->room == CT_ROOM_NONE) {
		note_stall(conn, found->unanswered_ms);
	} else if (found->runs == CT_RUNS_PERSIST && found->room == CT_ROOM_ENOUGH &&
		   found->unanswered_ms) {
		note_tries(conn, event, tried_since_ns(event));
		conn->unsent = found->timeouts;
	} else if (found->runs == CT_RUNS_KEEPALIVE && found->timeouts) {
		note_unheard(conn, event);
	}
}

/*
 * What waits for an answer, or to be let out: of a connection that has hung for long the next try,
 * and so the next event, may be minutes away. What was known before is over if it does not say so.
 */
static void note_waiting(struct ct_conn *conn, const struct ct_event *event)
{
	const struct ct_event_found *found = &event->found;

	if (found->runs == CT_RUNS_UNKNOWN)
		return;
	if (found->runs == CT_RUNS_RTO && found->timeouts && sends_data(event->state))
		note_timeouts(conn, event);
	else
		note_other_timer(conn, event);
	conn->sent_again = false;
}

/* The counters, if they have come, are those of this look. */
static void note_look(struct ct_conn *conn, const struct ct_event *event)
{
	uint32_t unread = event->found.unread;

	note_waiting(conn, event); /* asks for the look before */
	conn->looked_ns = event->ts_ns;
	conn->silent_ns = event->found.idle_ns;
	conn->sent_by_look = event->found.write_seq != conn->write_seq;
	conn->untouched = unread && conn->counted && conn->counters.bytes_received == unread &&
			  !conn->counters.bytes_sent;
}

static int tell_found(struct ct_conn_table *table, struct ct_entry *entry,
		      const struct ct_event *event)
{
	struct ct_conn *conn = &entry->conn;
	struct ct_update update = {.kind = CT_UPDATE_FOUND,
				   .ts_ns = event->ts_ns,
				   .event = event,
				   .found = {.state = event->state,
					     .sock_flags = event->sock_flags,
					     .full = is_full(event) && conn->counted,
					     .what = event->found,
					     .counters = conn->counters}};
	int r;

	conn->found_ns = event->ts_ns;
	conn->history.steps[0].basis = CT_BASIS_FOUND; /* the only one, see is_met() */
	conn->idle_ns = event->found.idle_ns;
	if (is_full(event))
		note_look(conn, event);
	forget_counters(conn);
	r = event->found.request ? ct_table_inherit(table, entry, event->found.listener) : 0;
	return r ? r : ct_table_tell(table, entry, &update);
}

static void note_full(struct ct_conn *conn, const struct ct_event *event)
{
	bool is_sent = event->state == CT_STATE_FIN_WAIT1 || event->state == CT_STATE_FIN_WAIT2;

	conn->unread = event->found.unread;
	conn->unacked = event->found.unacked;
	conn->write_seq = event->found.write_seq;
	conn->half_closed = is_sent && event->found.shutdown == CT_SHUTDOWN_SEND;
}

/* One that nothing is known of: its life begins with being found. */
static int meet(struct ct_conn_table *table, struct ct_entry *entry, const struct ct_event *event)
{
	int r;

	if (event->found.request)
		return ct_table_meet_request(table, entry);
	if (event->found.mini)
		entry->conn.phase = CT_PHASE_MINI;
	else
		note_full(&entry->conn, event);
	r = ct_table_meet(entry, event->state);
	/* mini-sockets are looked for more than once: it may have begun since the first time */
	if (r == 0 && event->found.mini && table->stats.lost)
		ct_table_note_unseen(entry);
	return r;
}

static void note_timer(struct ct_entry *entry, const struct ct_event *event)
{
	struct ct_request *request = &entry->conn.request;
	uint8_t phase = entry->conn.phase;

	if (event->found.request && phase == CT_PHASE_REQUEST) {
		if (event->found.timeouts > request->timeouts)
			request->timeouts = event->found.timeouts;
		request->backlog = event->found.backlog;
		request->backlog_max = event->found.backlog_max;
	}
	if ((event->found.request && phase == CT_PHASE_REQUEST) ||
	    (event->found.mini && phase == CT_PHASE_MINI))
		ct_table_arm(entry, event->ts_ns, event->found.timeout_ns);
}

/* When a TIME_WAIT began that nobody has seen begin: its timer runs for a minute. */
static uint64_t entered_ns(const struct ct_entry *entry, const struct ct_event *event)
{
	const struct ct_step *last = ct_history_last(&entry->conn.history);
	uint64_t left_ns = event->found.timeout_ns, now_ns = event->ts_ns;
	uint64_t ran_ns = left_ns < CT_TIME_WAIT_NS ? CT_TIME_WAIT_NS - left_ns : 0;
	uint64_t at_ns = ran_ns < now_ns ? now_ns - ran_ns : 0;
	uint64_t since_ns = last ? last->at_ns : CT_NS_UNKNOWN;

	if (since_ns == CT_NS_UNKNOWN)
		since_ns = entry->conn.found_ns;
	if (since_ns != CT_NS_UNKNOWN && at_ns < since_ns)
		at_ns = since_ns;
	return at_ns < now_ns ? at_ns : now_ns;
}

/* A mini-socket of a connection that is known: it may have gone on without an event. */
static int follow_mini(struct ct_conn_table *table, struct ct_entry *entry,
		       const struct ct_event *event, struct ct_update *update)
{
	uint64_t at_ns = event->state == CT_STATE_TIME_WAIT ? entered_ns(entry, event)
							    : CT_NS_UNKNOWN;
	int r = 0;

	if (entry->conn.phase == CT_PHASE_LIVE)
		r = ct_table_gap(table, entry, event->ts_ns); /* its beginning is missing */
	if (r == 0)
		r = ct_table_enter_mini(entry, event->state, CT_BASIS_INFERRED, at_ns, update);
	if (update->kind == CT_UPDATE_STATE && at_ns != CT_NS_UNKNOWN)
		update->ts_ns = at_ns;
	return r;
}

/* FIN_WAIT2 comes before TIME_WAIT: a row that says otherwise is old. */
static bool has_gone_on(const struct ct_entry *entry, const struct ct_event *event)
{
	if (!event->found.mini)
		return false;
	if (entry->conn.phase != CT_PHASE_MINI)
		return ct_table_may_become_mini(&entry->conn);
	return event->state == CT_STATE_TIME_WAIT &&
	       ct_table_state_of(&entry->conn) == CT_STATE_FIN_WAIT2;
}

/* Another event has met it before, in the state in which it is found now. */
static bool is_met(const struct ct_entry *entry, const struct ct_event *event)
{
	const struct ct_history *history = &entry->conn.history;

	return entry->conn.found_ns == CT_NS_UNKNOWN && history->n_steps == 1 &&
	       entry->conn.phase != CT_PHASE_CLOSED && history->steps[0].at_ns == CT_NS_UNKNOWN &&
	       history->steps[0].state == event->state;
}

/* Behind a loss: it may have begun since the first look, and so may not be older than that. */
static int tell_unknown(struct ct_conn_table *table, struct ct_entry *entry,
			const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	int r = ct_table_gap(table, entry, event->ts_ns);

	return r ? r : ct_table_tell(table, entry, &update);
}

/*
 * A request's row makes a cookie for it. If its child is being made meanwhile, that one gets
 * another: a handshake that is known by its addresses stays so until something else names it.
 */
static bool is_known_handshake(struct ct_conn_table *table, const struct ct_event *event)
{
	const struct ct_entry *entry = ct_table_by_tuple(table, event);

	return event->found.request && entry && entry->conn.phase == CT_PHASE_REQUEST &&
	       !entry->conn.id.cookie;
}

static int on_found(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r;

	if (event->state == CT_STATE_NONE || event->state == CT_STATE_CLOSE)
		return ct_table_tell_anyhow(table, NULL, &update);
	r = ct_table_entry_of(table, event, &entry);
	if (r == 0 && ct_table_state_of(&entry->conn) == CT_STATE_NONE)
		r = meet(table, entry, event);
	else if (r == 0 && has_gone_on(entry, event))
		r = follow_mini(table, entry, event, &update);
	if (r)
		return r;
	note_timer(entry, event);
	if (is_met(entry, event) && event->found.mini && table->stats.lost)
		return tell_unknown(table, entry, event);
	if (is_met(entry, event))
		return tell_found(table, entry, event);
	if (is_full(event) && entry->conn.phase == CT_PHASE_LIVE) {
		note_look(&entry->conn, event);
		forget_counters(&entry->conn);
	}
	return ct_table_tell(table, entry, &update);
}

int ct_table_on_found(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_event nameless = {0};

	if (!is_known_handshake(table, event))
		return on_found(table, event);
	memcpy(&nameless, event, CT_EVENT_SIZE(found)); /* there is no more of it */
	nameless.cookie = 0;
	return on_found(table, &nameless);
}
