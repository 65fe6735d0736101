// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each kind of event means for the connection that it is about. */
#include <errno.h>

#include "conntrace/count.h"
#include "conntrace/conn_table.h"
#include "table.h"

/* A segment that is sent again after another time-out has not been acknowledged since. */
static void note_retransmit(struct ct_conn *conn, const struct ct_event *event)
{
	bool again = conn->rto_streak && conn->rto_seq == event->retransmit.seq;

	conn->retransmits++;
	conn->sent_again = true;
	/* behind a time-out others follow without one: tcp_xmit_retransmit_queue() */
	if (event->retransmit.kind != CT_RETRANSMIT_RTO || event->context != CT_CONTEXT_RETRANSMIT)
		return;
	conn->unheard = 0;
	conn->unsent = 0;
	conn->tried_by_look = false;
	conn->streak_sent = true;
	conn->rto_streak = again ? conn->rto_streak + 1 : 1;
	conn->rto_seq = event->retransmit.seq;
	conn->rto_last_ns = event->ts_ns;
	if (!again)
		conn->rto_since_ns = event->ts_ns;
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
	int r = event->retransmit.kind == CT_RETRANSMIT_SYNACK
			? ct_table_request_of(table, event, &entry)
			: ct_table_entry_if_alive(table, event, &entry);

	if (r)
		return r;
	if (entry)
		note_retransmit(&entry->conn, event);
	if (!event->retransmit.count)
		update.retransmit.count = entry ? entry->conn.retransmits : 0;
	return ct_table_tell_anyhow(table, entry, &update);
}

/*
 * Since 6.11, and in stable kernels before, an error that closes is reported behind → CLOSE, which
 * has woken the process: it may have fetched the error by now, net/ipv4/tcp.c
 * tcp_done_with_error(). A socket's error queue is reported so too, with no error: 0.
 */
static uint16_t error_of(const struct ct_entry *entry, const struct ct_event *event)
{
	if (event->error.sk_err || !entry || ct_table_state_of(&entry->conn) != CT_STATE_CLOSE ||
	    entry->told_err == entry->conn.sk_err)
		return event->error.sk_err;
	return entry->conn.sk_err;
}

/*
 * Who is reset by its peer has the error when it goes to CLOSE. tcp_disconnect() sets it behind
 * that, for the socket that aborts: linger 0, connect(AF_UNSPEC), shutdown() of a connect().
 */
static bool is_of_own_abort(const struct ct_entry *entry, const struct ct_event *event)
{
	return event->error.sk_err == ECONNRESET && entry && !entry->conn.gaps &&
	       ct_table_state_of(&entry->conn) == CT_STATE_CLOSE && !entry->conn.sk_err;
}

static int on_error(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = ct_table_entry_if_alive(table, event, &entry);

	if (r)
		return r;
	update.error.err = error_of(entry, event);
	update.error.of_own_abort = is_of_own_abort(entry, event);
	if (update.error.err)
		update.kind = CT_UPDATE_ERROR;
	if (entry && !entry->conn.sk_err)
		entry->conn.sk_err = update.error.err;
	if (entry && update.error.err)
		entry->told_err = update.error.err;
	return ct_table_tell_anyhow(table, entry, &update);
}

/// One is sent when nothing waits for an acknowledgement any more. Returns how long it is behind
/// the first of those that GOES_ON.
static uint64_t note_probe_sent(struct ct_conn *conn, bool goes_on, uint64_t at_ns)
{
	conn->rto_streak = 0;
	conn->unsent = 0;
	conn->tried_by_look = false;
	conn->rto_last_ns = at_ns;
	if (!goes_on)
		conn->rto_since_ns = at_ns;
	return at_ns > conn->rto_since_ns ? at_ns - conn->rto_since_ns : 0;
}

/// The kernel doubles the time to the next probe, up to a bound, for as long as the window stays
/// closed, and begins anew when it opens: tcp_send_probe0(), tcp_ack_probe(). BACKOFF: how often it
/// has; 0 is not known, or there was no way to send it.
static void note_window_probe(struct ct_conn *conn, uint32_t backoff, uint64_t at_ns)
{
	bool goes_on = conn->stalls && backoff > 1 && backoff >= conn->stall_backoff;
	uint64_t took_ms;

	conn->window_probes_sent++;
	if (!backoff)
		return;
	conn->stalls += !goes_on;
	conn->stall_probes = goes_on ? conn->stall_probes + 1 : 1;
	if (conn->stall_probes > conn->stall_probes_max)
		conn->stall_probes_max = conn->stall_probes;
	conn->stall_backoff = backoff;
	took_ms = note_probe_sent(conn, goes_on, at_ns) / 1000000;
	if (took_ms > conn->stall_ms_max)
		conn->stall_ms_max = took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
}

/// An answer is told when the next one would be due. The kernel counts anew behind it, and behind
/// whatever else comes: tcp_ack().
static void note_keepalive(struct ct_conn *conn, const struct ct_event *event)
{
	bool goes_on = conn->unheard && event->probe.unanswered > 1;

	conn->keepalives_sent++;
	note_probe_sent(conn, goes_on, event->ts_ns);
	if (!goes_on)
		conn->unheard = 1;
	else if (conn->unheard < UINT8_MAX)
		conn->unheard++;
}

static void note_probe(struct ct_conn *conn, const struct ct_event *event)
{
	bool keepalive = event->probe.type == CT_PROBE_KEEPALIVE;

	if (event->probe.outcome == CT_PROBE_SENT && keepalive)
		note_keepalive(conn, event);
	else if (event->probe.outcome == CT_PROBE_SENT)
		note_window_probe(conn, event->probe.backoff, event->ts_ns);
	else if (event->probe.outcome == CT_PROBE_ANSWERED && keepalive)
		conn->unheard = 0;
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
	int r = ct_table_entry_if_alive(table, event, &entry);

	if (r)
		return r;
	if (entry)
		note_probe(&entry->conn, event);
	return ct_table_tell_anyhow(table, entry, &update);
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

	/* what the disk had no room for was before all that this stream tells of */
	if (event->lost.where == CT_LOST_DISK)
		return ct_table_tell(table, NULL, &update);
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
	int r = 0;

	while (r == 0 && ct_heap_first(&table->deadlines) &&
	       ct_heap_first_ns(&table->deadlines) <= event->ts_ns) {
		r = ct_table_on_deadline(table);
		ct_table_rest(table);
	}
	return r ? r : ct_table_tell(table, NULL, &update);
}

static int on_other(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};

	return ct_table_tell(table, NULL, &update);
}

static int settle(struct ct_conn_table *table, uint32_t number)
{
	struct ct_entry *entry = ct_table_wake(table, number);
	int r = entry ? table->ops->settle(table->context, &entry->conn) : table->error;

	ct_table_rest(table);
	return r;
}

static int settle_all(struct ct_conn_table *table)
{
	const struct ct_slots *slots = &table->slots;
	int r = 0;

	for (uint32_t newest = slots->first; newest && r == 0;
	     newest = ct_slot(slots, newest)->after)
		for (uint32_t one = newest; one && r == 0; one = ct_slots_older(slots, one))
			r = settle(table, one);
	return r;
}

/* The older lives of a socket before its last. */
static int remove_all(struct ct_conn_table *table)
{
	const struct ct_slots *slots = &table->slots;
	int r = 0;

	while (r == 0 && slots->first) {
		uint32_t older = ct_slots_older(slots, slots->first);
		struct ct_entry *entry = ct_table_wake(table, older ? older : slots->first);

		r = entry ? ct_table_remove(table, entry) : table->error;
	}
	return r;
}

/* The stream is over: what is still there is told as it stands. */
static int on_end(struct ct_conn_table *table, const struct ct_event *event)
{
	int r = settle_all(table); /* what was held comes before all summaries, as in a replay */

	if (r == 0)
		r = remove_all(table);
	return r ? r : on_other(table, event);
}

static int (*const handlers[])(struct ct_conn_table *, const struct ct_event *) = {
	[CT_EVENT_STATE] = ct_table_on_state,
	[CT_EVENT_OWNER] = ct_table_on_owner,
	[CT_EVENT_TIMEWAIT] = ct_table_on_timewait,
	[CT_EVENT_REQUEST] = ct_table_on_request,
	[CT_EVENT_RETRANSMIT] = on_retransmit,
	[CT_EVENT_RESET] = ct_table_on_reset,
	[CT_EVENT_ERROR] = on_error,
	[CT_EVENT_PROBE] = on_probe,
	[CT_EVENT_COUNTERS] = ct_table_on_counters,
	[CT_EVENT_FOUND] = ct_table_on_found,
	[CT_EVENT_FORK] = on_other,
	[CT_EVENT_LOST] = on_lost,
	[CT_EVENT_TICK] = on_tick,
	[CT_EVENT_END] = on_end,
	[CT_EVENT_OPTIONS] = ct_table_on_options,
};
_Static_assert(CT_COUNT(handlers) == _CT_EVENT_MAX, "a handler for each kind");

int ct_conn_table_apply(struct ct_conn_table *table, const struct ct_event *event)
{
	int r;

	table->now_ns = event->ts_ns;
	r = handlers[event->kind](table, event);
	ct_table_rest(table);
	return table->error ? table->error : r;
}
