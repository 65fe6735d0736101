// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The summary: a whole connection in one object. Every key is always there, null where not known. A
 * connection that is found has those of them that its socket tells.
 */
#include <string.h>

#include "conntrace/names.h"
#include "conntrace/sink_field.h"
#include "conntrace/sink_options.h"

static const struct ct_conn *conn_of(const struct ct_field_source *source)
{
	return source->update->conn;
}

/// What the socket has counted so far, also of one that was found; NULL: not known.
static const struct ct_event_counters *counters_of(const struct ct_field_source *source)
{
	const struct ct_update *u = source->update;

	if (u->kind == CT_UPDATE_FOUND)
		return u->found.full ? &u->found.counters : NULL;
	return u->conn->counted ? &u->conn->counters : NULL;
}

static void set_duration(struct ct_value *ret, uint64_t ns, uint64_t unit_ns)
{
	if (ns != CT_NS_UNKNOWN)
		ct_value_set_u64(ret, ns / unit_ns);
}

static void get_opened(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_time(ret, source->session, conn_of(source)->opened_ns);
}

static void get_found(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_time(ret, source->session, conn_of(source)->found_ns);
}

static void get_closed(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_time(ret, source->session, ct_conn_gone_ns(conn_of(source)));
}

static void get_duration(const struct ct_field_source *source, struct ct_value *ret)
{
	set_duration(ret, ct_conn_lifetime_ns(conn_of(source)), 1);
}

static void get_compound(const struct ct_field_source *source, struct ct_value *ret)
{
	(void)source;
	ret->type = CT_VALUE_COMPOUND;
}

static void put_time_json(struct ct_json *json, const char *key, const struct ct_session *session,
			  uint64_t ts_ns)
{
	if (ts_ns == CT_NS_UNKNOWN)
		ct_json_kv_null(json, key);
	else
		ct_json_kv_i64(json, key, ct_session_real_ns(session, ts_ns));
}

static void put_history_json(struct ct_json *json, const struct ct_field_source *source)
{
	const struct ct_history *history = &conn_of(source)->history;

	ct_json_array_begin(json);
	for (size_t i = 0; i < history->n_steps; i++) {
		const struct ct_step *step = &history->steps[i];

		ct_json_object_begin(json);
		ct_json_kv_str(json, "state", ct_state_name(step->state));
		put_time_json(json, "at_ns", source->session, step->at_ns);
		if (step->for_ns == CT_NS_UNKNOWN)
			ct_json_kv_null(json, "for_ns");
		else
			ct_json_kv_u64(json, "for_ns", step->for_ns);
		ct_json_kv_str(json, "basis", ct_basis_name(step->basis));
		ct_json_object_end(json);
	}
	ct_json_array_end(json);
}

/// STATE:for_ns STATE:for_ns …; nothing behind the colon when it is not known.
static void put_history_text(struct ct_buf *buf, const struct ct_field_source *source)
{
	const struct ct_history *history = &conn_of(source)->history;

	for (size_t i = 0; i < history->n_steps; i++) {
		const struct ct_step *step = &history->steps[i];
		const char *name = ct_state_name(step->state);

		if (i)
			ct_buf_putc(buf, ' ');
		ct_buf_puts(buf, name ? name : "");
		ct_buf_putc(buf, ':');
		if (step->for_ns != CT_NS_UNKNOWN)
			ct_buf_u64(buf, step->for_ns);
	}
}

/// Only where the bounded history left steps out.
static void get_history_dropped(const struct ct_field_source *source, struct ct_value *ret)
{
	if (conn_of(source)->history.n_dropped)
		ct_value_set_u64(ret, conn_of(source)->history.n_dropped);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_gaps(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_u64(ret, conn_of(source)->gaps);
}

static void put_evidence_json(struct ct_json *json, const struct ct_mark *mark)
{
	ct_json_object_begin(json);
	for (size_t i = 0; i < mark->n_evidence; i++) {
		const struct ct_evidence *evidence = &mark->evidence[i];

		if (evidence->text)
			ct_json_kv_str(json, evidence->key, evidence->text);
		else if (evidence->number == CT_NS_UNKNOWN)
			ct_json_kv_null(json, evidence->key);
		else
			ct_json_kv_u64(json, evidence->key, evidence->number);
	}
	ct_json_object_end(json);
}

static void put_marks_json(struct ct_json *json, const struct ct_field_source *source)
{
	struct ct_socket_options options;

	ct_json_array_begin(json);
	for (const struct ct_mark *mark = conn_of(source)->marks; mark; mark = mark->next) {
		ct_json_object_begin(json);
		ct_json_kv_str(json, "flag", ct_flag_name(mark->flag));
		put_time_json(json, "at_ns", source->session, mark->at_ns);
		ct_json_key(json, "evidence");
		put_evidence_json(json, mark);
		ct_json_key(json, "options");
		ct_options_of_mark(mark, &options);
		ct_options_put_json(json, &options);
		ct_json_object_end(json);
	}
	ct_json_array_end(json);
}

static void put_marks_text(struct ct_buf *buf, const struct ct_field_source *source)
{
	for (const struct ct_mark *mark = conn_of(source)->marks; mark; mark = mark->next) {
		ct_buf_puts(buf, ct_flag_name(mark->flag));
		if (mark->next)
			ct_buf_putc(buf, ' ');
	}
}

static void get_end(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_end_name(conn_of(source)->end));
}

static void get_closed_by(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_closed_by_name(conn_of(source)->closed_by));
}

static void get_closed_how(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_how_name(conn_of(source)->closed_how));
}

static void get_left_by(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_left_by_name(conn_of(source)->left_by));
}

static void get_mptcp(const struct ct_field_source *source, struct ct_value *ret)
{
	struct ct_socket_options options;

	ct_options_of_conn(conn_of(source), &options);
	if (options.flags_known)
		ct_value_set_bool(ret, options.sock_flags & CT_SOCK_MPTCP);
}

static void get_handshake(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_handshake_name(conn_of(source)->handshake));
}

static void get_handshake_time(const struct ct_field_source *source, struct ct_value *ret)
{
	set_duration(ret, ct_conn_handshake_ns(conn_of(source)), 1000);
}

/// Payload, each byte once.
static void get_bytes_sent(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_counters *counters = counters_of(source);

	if (counters && counters->bytes_sent >= counters->bytes_retransmitted)
		ct_value_set_u64(ret, counters->bytes_sent - counters->bytes_retransmitted);
}

static void get_bytes_received(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_counters *counters = counters_of(source);

	if (counters)
		ct_value_set_u64(ret, counters->bytes_received);
}

/// Without the socket's own count, a life seen whole is counted by its events.
static void get_retransmits(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_counters *counters = counters_of(source);
	const struct ct_conn *conn = conn_of(source);

	if (counters)
		ct_value_set_u64(ret, counters->retransmits);
	else if (conn && conn->opened_ns != CT_NS_UNKNOWN && !conn->gaps &&
		 !(conn->blind & CT_BLIND_RETRANSMITS))
		ct_value_set_u64(ret, conn->retransmits);
}

static void get_keepalives_sent(const struct ct_field_source *source, struct ct_value *ret)
{
	if (!(conn_of(source)->blind & CT_BLIND_PROBES))
		ct_value_set_u64(ret, conn_of(source)->keepalives_sent);
}

static void get_srtt(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_counters *counters = counters_of(source);

	if (counters && counters->srtt_us)
		ct_value_set_u64(ret, counters->srtt_us);
}

static void get_min_rtt(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_counters *counters = counters_of(source);

	if (counters && counters->min_rtt_us != UINT32_MAX)
		ct_value_set_u64(ret, counters->min_rtt_us);
}

static void options_of(const struct ct_field_source *source, struct ct_socket_options *ret)
{
	if (source->update->kind == CT_UPDATE_FOUND)
		ct_options_of_found(source->update, ret);
	else
		ct_options_of_conn(conn_of(source), ret);
}

static void put_options_json(struct ct_json *json, const struct ct_field_source *source)
{
	struct ct_socket_options options;

	options_of(source, &options);
	ct_options_put_json(json, &options);
}

static void put_options_text(struct ct_buf *buf, const struct ct_field_source *source)
{
	struct ct_socket_options options;

	options_of(source, &options);
	ct_options_put_text(buf, &options);
}

/// What a socket tells of itself whenever it is asked.
#define OF_SOCKET (CT_KIND(FOUND) | CT_KIND(CLOSE))

const struct ct_field ct_summary_fields[] = {
	CT_FIELD("opened_ns", CT_KIND(CLOSE), get_opened),
	CT_FIELD("closed_ns", CT_KIND(CLOSE), get_closed),
	CT_FIELD("duration_ns", CT_KIND(CLOSE), get_duration),
	CT_FIELD("found_ns", CT_KIND(CLOSE), get_found),
	CT_FIELD_COMPOUND("history", CT_KIND(CLOSE), get_compound, put_history_json,
			  put_history_text),
	CT_FIELD("history_dropped", CT_KIND(CLOSE), get_history_dropped),
	CT_FIELD("gaps", CT_KIND(CLOSE), get_gaps),
	CT_FIELD_COMPOUND("flags", CT_KIND(CLOSE), get_compound, put_marks_json, put_marks_text),
	CT_FIELD("end", CT_KIND(CLOSE), get_end),
	CT_FIELD("closed_by", CT_KIND(CLOSE), get_closed_by),
	CT_FIELD("closed_how", CT_KIND(CLOSE), get_closed_how),
	CT_FIELD("left_by", CT_KIND(CLOSE), get_left_by),
	CT_FIELD("mptcp", CT_KIND(CLOSE), get_mptcp),
	CT_FIELD("handshake", CT_KIND(CLOSE), get_handshake),
	CT_FIELD("handshake_us", CT_KIND(CLOSE), get_handshake_time),
	CT_FIELD("bytes_sent", OF_SOCKET, get_bytes_sent),
	CT_FIELD("bytes_received", OF_SOCKET, get_bytes_received),
	CT_FIELD("retransmits", OF_SOCKET, get_retransmits),
	CT_FIELD("keepalives_sent", CT_KIND(CLOSE), get_keepalives_sent),
	CT_FIELD("srtt_us", OF_SOCKET, get_srtt),
	CT_FIELD("min_rtt_us", OF_SOCKET, get_min_rtt),
	CT_FIELD_COMPOUND("options", OF_SOCKET, get_compound, put_options_json, put_options_text),
	{},
};
