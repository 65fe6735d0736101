// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sink behind `report --html`. Lives wait as the JSON that they are in the page, and no more of
 * them than one can be made of; the page is written at the end, in one go.
 */
#include "html.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/report.h"
#include "conntrace/sink_out.h"
#include "html_chart.h"
#include "html_lives.h"
#include "report_text.h"

struct html_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	struct ct_output_options options;
	const struct ct_session *session;
	struct ct_diagnosis *diagnosis; /// owned
	struct ct_html_events *events;	/// owned
	struct ct_field_set fields;
	struct ct_html_totals totals;
	struct ct_html_json json;
	struct ct_html_lives lives;
	struct ct_html_chart chart;
};

static struct ct_html_context context_of(const struct html_sink *s)
{
	return (struct ct_html_context){&s->options, s->session, &s->fields};
}

static struct ct_html_bound bound_of(const struct html_sink *s)
{
	return (struct ct_html_bound){
		.lives = s->options.page_lives ? s->options.page_lives : CT_REPORT_PAGE_LIVES,
		.bytes = s->options.page_bytes ? s->options.page_bytes : CT_REPORT_PAGE_BYTES,
	};
}

static void count_loss(struct ct_html_totals *totals, const struct ct_update *update)
{
	totals->lost[update->lost.where] += update->lost.events;
	if (totals->n_losses == CT_HTML_LOSSES_MAX)
		return;
	totals->losses[totals->n_losses++] = (struct ct_html_loss){
		.at_ns = update->ts_ns,
		.events = update->lost.events,
		.where = update->lost.where,
	};
}

static void count(struct ct_html_totals *totals, const struct ct_update *update)
{
	if (update->kind == CT_UPDATE_LOST)
		count_loss(totals, update);
	totals->listeners += ct_update_shows_listener(update);
	if (update->kind != CT_UPDATE_CLOSE)
		return;
	totals->gaps += update->conn->gaps;
	totals->connections++;
	totals->flagged += update->conn->flags != 0;
}

static int keep_event(struct html_sink *s, const struct ct_update *update)
{
	int r;

	if (!ct_html_events_has(update))
		return 0;
	if (!update->id.cookie) {
		if (ct_report_is_stray(update))
			s->totals.strays++;
		else /* it may be one's that has no number yet */
			s->totals.unclaimed++;
		return 0;
	}
	r = ct_html_events_add(&s->events, &s->options, update);
	if (r != -ENOSPC)
		return r;
	s->totals.unkept++;
	return 0;
}

static int add_example(void *examples, const struct ct_conn_id *id)
{
	return ct_html_examples_add(examples, id);
}

static int sift(struct html_sink *s)
{
	_cleanup_(ct_html_examples_fini) struct ct_html_examples examples = {};
	const struct ct_html_bound bound = bound_of(s);
	int r = ct_diagnosis_each_example(s->diagnosis, add_example, &examples);

	return r ? r : ct_html_lives_sift(&s->lives, &bound, &examples);
}

static int keep_life(struct html_sink *s, const struct ct_update *update)
{
	struct ct_html_events *events = ct_html_events_take(&s->events, &update->conn->id);
	const struct ct_html_context context = context_of(s);
	const struct ct_html_bound bound = bound_of(s);
	int r;

	ct_html_chart_add(&s->chart, s->session, update);
	ct_html_put_life(&s->json, &context, update, events);
	ct_html_events_drop(&events);
	r = ct_html_lives_add(&s->lives, update->conn, &s->json);
	if (r || !ct_html_lives_is_full(&s->lives, &bound))
		return r;
	return sift(s);
}

static int html_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct html_sink *s = (struct html_sink *)sink;
	int r = ct_diagnosis_observe(s->diagnosis, update);

	if (r)
		return r;
	count(&s->totals, update);
	return update->kind == CT_UPDATE_CLOSE ? keep_life(s, update) : keep_event(s, update);
}

static int put_lives(struct html_sink *s)
{
	_cleanup_(ct_html_examples_fini) struct ct_html_examples examples = {};
	const struct ct_html_bound bound = bound_of(s);
	const struct ct_finding *findings;
	size_t n;
	int r = 0;

	findings = ct_diagnosis_findings(s->diagnosis, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < findings[i].n_examples && r == 0; k++)
			r = ct_html_examples_add(&examples, &findings[i].examples[k]);
	return r ? r : ct_html_lives_put(&s->lives, &bound, &examples, &s->out);
}

static int put_data(struct html_sink *s)
{
	const struct ct_html_context context = context_of(s);
	struct ct_html_json *w = &s->json;
	int r;

	s->totals.lives = s->lives.seen;
	s->totals.unclaimed += ct_html_events_count(s->events);
	ct_json_object_begin(&w->json);
	ct_html_put_head(w, &context, &s->totals, s->diagnosis);
	ct_html_put_chart(w, &s->chart, ct_diagnosis_totals(s->diagnosis)->observed_ns);
	ct_json_key(&w->json, "fields");
	ct_html_put_life_names(w, &s->fields);
	ct_json_key(&w->json, "lives");
	ct_json_array_begin(&w->json);
	r = ct_html_json_move(w, &s->out.buf);
	if (r == 0)
		r = put_lives(s);
	if (r)
		return r;
	ct_json_array_end(&w->json);
	ct_json_object_end(&w->json);
	return ct_html_json_move(w, &s->out.buf);
}

static int html_finish(struct ct_sink *sink)
{
	struct html_sink *s = (struct html_sink *)sink;
	int r = ct_diagnosis_conclude(s->diagnosis, &s->options, s->session);

	if (r)
		return r;
	ct_buf_append(&s->out.buf, ct_html_before_data.bytes, ct_html_before_data.len);
	r = put_data(s);
	if (r)
		return r;
	ct_buf_append(&s->out.buf, ct_html_behind_data.bytes, ct_html_behind_data.len);
	return ct_sink_out_flush(&s->out);
}

static void html_free(struct ct_sink *sink)
{
	struct html_sink *s = (struct html_sink *)sink;

	ct_diagnosis_free(&s->diagnosis);
	ct_html_events_free(&s->events);
	ct_html_json_fini(&s->json);
	ct_html_lives_fini(&s->lives);
	ct_sink_out_fini(&s->out);
	free(s);
}

static const struct ct_sink_ops html_ops = {
	.name = "html",
	.update = html_update,
	.finish = html_finish,
	.free = html_free,
};

int ct_sink_html_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct html_sink *s;
	int r = ct_field_refuse(options->fields, ret_bad_field);

	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink.ops = &html_ops;
	s->session = session;
	s->options = *options;
	s->options.format = CT_OUTPUT_TABLE;
	s->options.color = false;
	s->options.utf8 = true; /* the page says so of itself */
	ct_html_json_init(&s->json);
	ct_sink_out_init(&s->out, out);
	s->diagnosis = ct_diagnosis_new();
	r = s->diagnosis ? ct_html_life_fields(&s->fields) : -ENOMEM;
	if (r) {
		html_free(&s->sink);
		return r;
	}
	*ret_sink = &s->sink;
	return 0;
}
