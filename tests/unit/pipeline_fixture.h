/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pipeline, and sinks that remember what they were given. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/pipeline.h"
#include "unit/build_event.h"
#include "unit/told.h"

#define EVENTS_MAX 64

struct events {
	struct ct_event list[EVENTS_MAX];
	size_t n;
};

/// What a sink of the test has seen; outlives the sink.
struct seen {
	struct told told;
	struct events kept; /// those of the updates, as a recording has them
	uint64_t last_ns;   /// time of the last update
	int fails;	    /// what the sink answers from now on
	unsigned int flushed, finished, freed;
};

struct fake_sink {
	struct ct_sink sink;
	struct seen *seen;
};

struct fixture {
	struct ct_select select;
	struct ct_pipeline *pipeline;
	struct seen seen;
	struct seen second; /// of a second sink, where a test adds one
};

static inline void add(struct events *events, struct ct_event event)
{
	assert_in_range(events->n, 0, EVENTS_MAX - 1);
	events->list[events->n++] = event;
}

static inline int fake_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct seen *seen = ((struct fake_sink *)sink)->seen;

	seen->last_ns = update->ts_ns;
	if (seen->fails)
		return seen->fails;
	told_add(&seen->told, update);
	if (update->event) {
		struct ct_event event = {0};

		memcpy(&event, update->event, event_size(update->event));
		add(&seen->kept, event);
	}
	return 0;
}

static inline int fake_flush(struct ct_sink *sink)
{
	struct seen *seen = ((struct fake_sink *)sink)->seen;

	seen->flushed++;
	return seen->fails;
}

static inline int fake_finish(struct ct_sink *sink)
{
	struct seen *seen = ((struct fake_sink *)sink)->seen;

	seen->finished++;
	return seen->fails;
}

static inline void fake_free(struct ct_sink *sink)
{
	((struct fake_sink *)sink)->seen->freed++;
	free(sink);
}

static const struct ct_sink_ops ops = {.name = "fake",
				       .update = fake_update,
				       .flush = fake_flush,
				       .finish = fake_finish,
				       .free = fake_free};

static const struct ct_sink_ops keeping_ops = {.name = "fake recording",
					       .keeps = true,
					       .update = fake_update,
					       .flush = fake_flush,
					       .finish = fake_finish,
					       .free = fake_free};

static inline int add_sink(struct fixture *f, const struct ct_sink_ops *sink_ops, struct seen *seen)
{
	struct fake_sink *sink = calloc(1, sizeof(*sink));

	assert_non_null(sink);
	sink->sink.ops = sink_ops;
	sink->seen = seen;
	return ct_pipeline_add_sink(f->pipeline, &sink->sink);
}

static inline int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	assert_non_null(*state);
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	ct_pipeline_free(&f->pipeline);
	free(f);
	return 0;
}

static inline void begin(struct fixture *f, uint64_t max_updates)
{
	const struct ct_pipeline_config config = {.select = &f->select, .max_updates = max_updates};

	assert_int_equal(ct_pipeline_new(&config, &f->pipeline), 0);
	assert_int_equal(add_sink(f, &ops, &f->seen), 0);
}

static inline int feed(struct fixture *f, struct ct_event event)
{
	_cleanup_(ct_freep) void *bytes = event_bytes(&event);

	return ct_pipeline_feed(f->pipeline, bytes, event_size(&event));
}

static inline void take(struct fixture *f, struct ct_event event)
{
	assert_int_equal(feed(f, event), 0);
}
