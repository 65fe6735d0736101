// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/conn_table.h"
#include "conntrace/decode.h"
#include "conntrace/detect.h"

#define SINKS_MAX 8

/* How exactly a replay knows when time passed, and how soon when nothing else happens. */
#define TICK_PERIOD_NS	 10000000ULL
#define SILENT_PERIOD_NS 10000000000ULL

struct ct_pipeline {
	struct ct_conn_table *table;
	struct ct_selector *selector;
	struct ct_sink *sinks[SINKS_MAX];
	size_t n_sinks;
	uint64_t max_updates;
	uint64_t now_ns;  /* time of the last event */
	uint64_t tick_ns; /* of the last update, when it came with a tick; CT_NS_UNKNOWN */
	bool is_midway;	  /* the event of the last update is still to come */
	bool verbatim;
	uint64_t passed_ns;	     /* verbatim: time of the last tick, or CT_NS_UNKNOWN */
	uint64_t fin_wait2_until_ns; /* verbatim: by then no mini-socket is in FIN_WAIT2 */
	struct ct_update passed;     /* verbatim: what is given to the sinks; large, so kept */
	struct ct_pipeline_stats stats;
};

static bool is_enough(const struct ct_pipeline *pipeline)
{
	return pipeline->max_updates && pipeline->stats.printed >= pipeline->max_updates;
}

static uint64_t tick_ns(const struct ct_update *update)
{
	if (!update->event || update->event->kind != CT_EVENT_TICK)
		return CT_NS_UNKNOWN;
	return update->event->ts_ns;
}

/*
 * A recording has an event with the last update that is made of it, and so goes on to there. What
 * several ticks of one moment tell, the first of them tells when it is read back.
 */
static bool continues(const struct ct_pipeline *pipeline, const struct ct_update *update)
{
	return pipeline->is_midway ||
	       (pipeline->tick_ns != CT_NS_UNKNOWN && pipeline->tick_ns == tick_ns(update));
}

static void count_lost(struct ct_pipeline_stats *stats, const struct ct_update *update)
{
	stats->lost += update->lost.events;
	if (update->lost.where < _CT_LOST_MAX)
		stats->lost_at[update->lost.where] += update->lost.events;
}

/* Selected: every sink gets it. */
static int to_sinks(void *context, const struct ct_update *update)
{
	struct ct_pipeline *pipeline = context;
	bool enough = is_enough(pipeline);
	int r = 0;

	if (enough && !continues(pipeline, update))
		return CT_PIPELINE_STOP;
	pipeline->is_midway = !update->event;
	pipeline->tick_ns = tick_ns(update);
	for (size_t i = 0; i < pipeline->n_sinks && r == 0; i++)
		if (!enough || pipeline->sinks[i]->ops->keeps)
			r = pipeline->sinks[i]->ops->update(pipeline->sinks[i], update);
	if (r || enough)
		return r;
	if (update->event)
		pipeline->stats.selected++;
	if (update->kind == CT_UPDATE_CLOSE)
		pipeline->stats.connections++;
	if (update->kind == CT_UPDATE_LOST)
		count_lost(&pipeline->stats, update);
	if (update->kind != CT_UPDATE_SILENT)
		pipeline->stats.printed++;
	return 0;
}

static int on_update(void *context, struct ct_conn *conn, struct ct_update *update)
{
	struct ct_pipeline *pipeline = context;
	int r = conn ? ct_detect(conn, update) : 0;

	return r ? r : ct_selector_update(pipeline->selector, conn, update);
}

static int on_settle(void *context, struct ct_conn *conn)
{
	struct ct_pipeline *pipeline = context;

	return ct_selector_settle(pipeline->selector, conn);
}

static int on_forget(void *context, struct ct_conn *conn)
{
	struct ct_pipeline *pipeline = context;

	return ct_selector_forget(pipeline->selector, conn);
}

static void on_discard(void *context, struct ct_conn *conn)
{
	struct ct_pipeline *pipeline = context;

	ct_selector_discard(pipeline->selector, conn);
}

static const struct ct_conn_table_ops table_ops = {on_update, on_settle, on_forget, on_discard};

int ct_pipeline_new(const struct ct_pipeline_config *config, struct ct_pipeline **ret)
{
	_cleanup_(ct_pipeline_free) struct ct_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	int r;

	if (!pipeline)
		return -ENOMEM;
	pipeline->verbatim = config->verbatim;
	pipeline->max_updates = config->verbatim ? 0 : config->max_updates;
	pipeline->tick_ns = CT_NS_UNKNOWN;
	pipeline->passed_ns = CT_NS_UNKNOWN;
	r = ct_selector_new(config->select, to_sinks, pipeline, &pipeline->selector);
	if (r == 0)
		r = ct_conn_table_new(config->capabilities, config->max_conns, &table_ops, pipeline,
				      &pipeline->table);
	if (r < 0)
		return r;
	if (config->max_awake)
		ct_conn_table_keep_awake(pipeline->table, config->max_awake);
	*ret = CT_TAKE_PTR(pipeline);
	return 0;
}

void ct_pipeline_free(struct ct_pipeline **pipeline)
{
	if (!*pipeline)
		return;
	ct_conn_table_free(&(*pipeline)->table);
	ct_selector_free(&(*pipeline)->selector);
	for (size_t i = 0; i < (*pipeline)->n_sinks; i++)
		ct_sink_free(&(*pipeline)->sinks[i]);
	free(*pipeline);
	*pipeline = NULL;
}

int ct_pipeline_add_sink(struct ct_pipeline *pipeline, struct ct_sink *sink)
{
	if (pipeline->n_sinks == SINKS_MAX) {
		ct_sink_free(&sink);
		return -ENOMEM;
	}
	pipeline->sinks[pipeline->n_sinks++] = sink;
	if (sink->ops->keeps)
		ct_selector_keep(pipeline->selector);
	return 0;
}

static int pass_on(struct ct_pipeline *pipeline, const struct ct_event *event)
{
	struct ct_update *update = &pipeline->passed;

	update->ts_ns = event->ts_ns;
	update->event = event;
	update->kind = CT_UPDATE_SILENT;
	if (event->kind == CT_EVENT_LOST) {
		update->kind = CT_UPDATE_LOST;
		update->lost.events = event->lost.events;
		update->lost.where = event->lost.where;
	}
	return to_sinks(pipeline, update);
}

static int pass_on_tick(struct ct_pipeline *pipeline, uint64_t ts_ns)
{
	const struct ct_event tick = {
		.ts_ns = ts_ns, .kind = CT_EVENT_TICK, .generation = CT_GENERATION_ANY};

	return pass_on(pipeline, &tick);
}

/* Whose TIME_WAIT may begin without an event. */
static void note_fin_wait2(struct ct_pipeline *pipeline, const struct ct_event *event)
{
	uint64_t timeout_ns = 0;

	if (event->state != CT_STATE_FIN_WAIT2)
		return;
	if (event->kind == CT_EVENT_TIMEWAIT && event->timewait.op == CT_TIMER_START)
		timeout_ns = event->timewait.timeout_ns;
	else if (event->kind == CT_EVENT_FOUND && event->found.mini)
		timeout_ns = event->found.timeout_ns;
	if (timeout_ns && event->ts_ns + timeout_ns > pipeline->fin_wait2_until_ns)
		pipeline->fin_wait2_until_ns = event->ts_ns + timeout_ns;
}

static bool is_time_told(const struct ct_pipeline *pipeline, const struct ct_event *event)
{
	if (event->kind == CT_EVENT_LOST) /* before the time in which it was lost: it explains it */
		return true;
	return pipeline->passed_ns != CT_NS_UNKNOWN &&
	       (event->ts_ns <= pipeline->passed_ns ||
		event->ts_ns - pipeline->passed_ns < TICK_PERIOD_NS);
}

/*
 * Time passes with ticks alone: who reads the recording has to know, before he is told of an event,
 * how late it has become.
 */
static int pass_on_in_time(struct ct_pipeline *pipeline, const struct ct_event *event)
{
	int r = 0;

	note_fin_wait2(pipeline, event);
	if (event->kind == CT_EVENT_TICK) {
		pipeline->passed_ns = event->ts_ns;
	} else if (!is_time_told(pipeline, event)) {
		pipeline->passed_ns = event->ts_ns;
		r = pass_on_tick(pipeline, event->ts_ns);
	}
	return r ? r : pass_on(pipeline, event);
}

static int apply(struct ct_pipeline *pipeline, const struct ct_event *event)
{
	int r;

	if (pipeline->verbatim)
		return pass_on_in_time(pipeline, event);
	r = ct_conn_table_apply(pipeline->table, event);
	return r == 0 && is_enough(pipeline) ? CT_PIPELINE_STOP : r;
}

/* A record that is not understood is missing, and is told like any other that is. */
static int feed_malformed(struct ct_pipeline *pipeline)
{
	struct ct_event event = {
		.ts_ns = pipeline->now_ns,
		.kind = CT_EVENT_LOST,
		.generation = CT_GENERATION_ANY,
		.lost = {.events = 1, .where = CT_LOST_DECODE, .uncounted = CT_UNCOUNTED_ALL},
	};

	pipeline->stats.malformed++;
	return apply(pipeline, &event);
}

int ct_pipeline_feed(void *context, const void *bytes, size_t len)
{
	struct ct_pipeline *pipeline = context;
	const struct ct_event *event;

	pipeline->stats.records++;
	if (ct_decode(bytes, len, &event) < 0)
		return feed_malformed(pipeline);
	pipeline->now_ns = event->ts_ns;
	return apply(pipeline, event);
}

uint64_t ct_pipeline_deadline_ns(const struct ct_pipeline *pipeline)
{
	if (!pipeline->verbatim)
		return ct_conn_table_deadline_ns(pipeline->table);
	return pipeline->passed_ns == CT_NS_UNKNOWN ? CT_NS_UNKNOWN
						    : pipeline->passed_ns + SILENT_PERIOD_NS;
}

int ct_pipeline_pids(const struct ct_pipeline *pipeline, struct ct_u32_list *list)
{
	return ct_selector_pids(pipeline->selector, list);
}

size_t ct_pipeline_fin_wait2_minis(const struct ct_pipeline *pipeline)
{
	if (!pipeline->verbatim)
		return ct_conn_table_fin_wait2_minis(pipeline->table);
	return pipeline->now_ns < pipeline->fin_wait2_until_ns;
}

int ct_pipeline_flush(struct ct_pipeline *pipeline)
{
	int r = 0;

	for (size_t i = 0; i < pipeline->n_sinks && r == 0; i++)
		if (pipeline->sinks[i]->ops->flush)
			r = pipeline->sinks[i]->ops->flush(pipeline->sinks[i]);
	return r;
}

int ct_pipeline_finish(struct ct_pipeline *pipeline)
{
	int ret = 0;

	for (size_t i = 0; i < pipeline->n_sinks; i++) {
		struct ct_sink *sink = pipeline->sinks[i];
		int r = sink->ops->finish ? sink->ops->finish(sink) : 0;

		if (ret == 0)
			ret = r;
	}
	return ret;
}

void ct_pipeline_stats(const struct ct_pipeline *pipeline, struct ct_pipeline_stats *ret)
{
	struct ct_conn_table_stats table;

	ct_conn_table_stats(pipeline->table, &table);
	*ret = pipeline->stats;
	ret->evicted = table.evicted;
	ret->unknown_ages = ct_selector_unknown_ages(pipeline->selector);
}
