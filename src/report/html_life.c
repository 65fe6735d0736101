// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A life as one array: the keys of conntrace-json(5) that are plain values, and behind them what
 * the page draws.
 */
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/sink_options.h"
#include "conntrace/sink_words.h"
#include "html.h"

static const char plain_fields[] =
	"conn,laddr,lport,raddr,rport,netns,role,pid,comm,owner,uid,cgroup,duration_ns,"
	"history_dropped,gaps,end,closed_by,closed_how,mptcp,handshake,handshake_us,bytes_sent,"
	"bytes_received,retransmits,keepalives_sent,srtt_us,min_rtt_us";

struct life {
	const struct ct_html_context *context;
	const struct ct_update *update;
	const struct ct_conn *conn;
	const struct ct_html_events *events; /// NULL: none
};

int ct_html_life_fields(struct ct_field_set *ret)
{
	return ct_field_set_init(ret, CT_KIND(CLOSE), plain_fields, NULL, NULL);
}

static void put_field(struct ct_html_json *w, const struct ct_field *field,
		      const struct ct_field_source *source)
{
	struct ct_value value;

	value.type = CT_VALUE_NULL;
	field->get(source, &value);
	switch (value.type) {
	case CT_VALUE_U64:
		ct_json_u64(&w->json, value.u64);
		break;
	case CT_VALUE_I64:
		ct_json_i64(&w->json, value.i64);
		break;
	case CT_VALUE_BOOL:
		ct_json_bool(&w->json, value.truth);
		break;
	case CT_VALUE_STR:
		ct_html_text(w, value.str, strlen(value.str));
		break;
	default:
		ct_json_null(&w->json);
		break;
	}
}

static void put_opened(struct ct_html_json *w, const struct life *life)
{
	ct_html_time(w, life->context->session, life->conn->opened_ns);
}

static void put_found(struct ct_html_json *w, const struct life *life)
{
	ct_html_time(w, life->context->session, life->conn->found_ns);
}

static void put_unseen(struct ct_html_json *w, const struct life *life)
{
	ct_json_bool(&w->json, life->conn->unseen);
}

static void put_closed(struct ct_html_json *w, const struct life *life)
{
	ct_html_time(w, life->context->session, ct_conn_gone_ns(life->conn));
}

/// Where its last state was left, or was seen to last at least.
static void put_until(struct ct_html_json *w, const struct life *life)
{
	const struct ct_conn *conn = life->conn;

	ct_html_time(w, life->context->session,
		     conn->closed_ns == CT_NS_UNKNOWN ? life->update->ts_ns : conn->closed_ns);
}

static void put_outcome(struct ct_html_json *w, const struct life *life)
{
	ct_words_outcome(life->context->options, &w->words, life->conn, life->update->ts_ns);
	ct_html_words(w);
}

static void put_left_by(struct ct_html_json *w, const struct life *life)
{
	const struct ct_step *last = ct_history_last(&life->conn->history);
	const char *words = ct_words_left_by(life->conn->left_by,
					     last ? last->state : CT_STATE_NONE);

	if (!words) {
		ct_json_null(&w->json);
		return;
	}
	ct_buf_puts(&w->words, words);
	ct_html_words(w);
}

/// Only of who has changed one that is shown: most have not.
static void put_options(struct ct_html_json *w, const struct life *life)
{
	const struct ct_conn *conn = life->conn;
	struct ct_socket_options options;

	if (!(conn->sock_flags & (CT_SOCK_KEEPALIVE | CT_SOCK_LINGER | CT_SOCK_NODELAY)) &&
	    !(conn->options_known && conn->options.user_timeout_ms)) {
		ct_json_null(&w->json);
		return;
	}
	ct_options_of_conn(conn, &options);
	ct_options_put_text(&w->words, &options);
	ct_html_words(w);
}

/// Four numbers a step: state, when it was entered, for how long, enum ct_basis.
static void put_history(struct ct_html_json *w, const struct life *life)
{
	const struct ct_history *history = &life->conn->history;

	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < history->n_steps; i++) {
		const struct ct_step *step = &history->steps[i];

		ct_json_u64(&w->json, step->state);
		ct_html_time(w, life->context->session, step->at_ns);
		ct_html_ns(w, step->for_ns);
		ct_json_u64(&w->json, step->basis);
	}
	ct_json_array_end(&w->json);
}

/// Flags: [which, when, what it rests on].
static void put_marks(struct ct_html_json *w, const struct life *life)
{
	ct_json_array_begin(&w->json);
	for (const struct ct_mark *mark = life->conn->marks; mark; mark = mark->next) {
		ct_json_array_begin(&w->json);
		ct_json_u64(&w->json, mark->flag);
		ct_html_time(w, life->context->session, mark->at_ns);
		for (size_t i = 0; i < mark->n_evidence; i++) {
			ct_buf_puts(&w->words, i ? ", " : "");
			ct_words_evidence(life->context->options, &w->words, &mark->evidence[i]);
		}
		ct_html_words(w);
		ct_json_array_end(&w->json);
	}
	ct_json_array_end(&w->json);
}

/// [when, what, in which way].
static void put_events(struct ct_html_json *w, const struct life *life)
{
	const struct ct_html_events *events = life->events;

	ct_json_array_begin(&w->json);
	for (size_t i = 0; events && i < events->n; i++) {
		const struct ct_html_event *event = &events->events[i];

		ct_json_array_begin(&w->json);
		ct_html_time(w, life->context->session, event->at_ns);
		ct_buf_puts(&w->words, event->word);
		ct_html_words(w);
		ct_buf_puts(&w->words, events->texts.data + event->text_at);
		ct_html_words(w);
		ct_json_array_end(&w->json);
	}
	ct_json_array_end(&w->json);
}

static void put_left_out(struct ct_html_json *w, const struct life *life)
{
	ct_json_u64(&w->json, life->events ? life->events->left_out : 0);
}

static const struct {
	const char *name;
	void (*put)(struct ct_html_json *w, const struct life *life);
} drawn[] = {
	{"opened", put_opened},	  {"found", put_found},	    {"unseen", put_unseen},
	{"closed", put_closed},	  {"until", put_until},	    {"outcome", put_outcome},
	{"left_by", put_left_by}, {"options", put_options}, {"history", put_history},
	{"marks", put_marks},	  {"events", put_events},   {"events_left_out", put_left_out},
};

void ct_html_put_life_names(struct ct_html_json *w, const struct ct_field_set *fields)
{
	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < fields->n; i++)
		ct_json_str(&w->json, fields->fields[i]->name, strlen(fields->fields[i]->name));
	for (size_t i = 0; i < CT_COUNT(drawn); i++)
		ct_json_str(&w->json, drawn[i].name, strlen(drawn[i].name));
	ct_json_array_end(&w->json);
}

void ct_html_put_life(struct ct_html_json *w, const struct ct_html_context *context,
		      const struct ct_update *update, const struct ct_html_events *events)
{
	const struct ct_field_source source = {context->session, update};
	const struct life life = {context, update, update->conn, events};

	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < context->fields->n; i++)
		put_field(w, context->fields->fields[i], &source);
	for (size_t i = 0; i < CT_COUNT(drawn); i++)
		drawn[i].put(w, &life);
	ct_json_array_end(&w->json);
}
