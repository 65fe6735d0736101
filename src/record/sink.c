// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/recording.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"

/// A sink is flushed whenever no event is at hand, ten times a second when little happens.
/// A frame each time would hold a few events only: what is in hand goes out when it has
/// seen so many, about a second.
#define FLUSHES_PER_FRAME 10

struct sink_recording {
	struct ct_sink sink;
	struct ct_recording_writer *writer;
	unsigned int flushes; /// since the first event behind the last frame that they put out
	bool in_hand;	      /// events have been written since then
	bool full_is_no_error;
};

/// What a full disk means is for those to say who made the sink: the writer has counted.
static int judge(const struct sink_recording *s, int r)
{
	return s->full_is_no_error && ct_recording_is_full(r) ? 0 : r;
}

static int update(struct ct_sink *sink, const struct ct_update *update)
{
	struct sink_recording *s = (struct sink_recording *)sink;

	if (!update->event)
		return 0;
	s->in_hand = true;
	return judge(s, ct_recording_write(s->writer, update->event));
}

static int flush(struct ct_sink *sink)
{
	struct sink_recording *s = (struct sink_recording *)sink;

	if (!s->in_hand || ++s->flushes < FLUSHES_PER_FRAME)
		return 0;
	s->in_hand = false;
	s->flushes = 0;
	return judge(s, ct_recording_flush(s->writer));
}

static int finish(struct ct_sink *sink)
{
	struct sink_recording *s = (struct sink_recording *)sink;

	return judge(s, ct_recording_finish(s->writer));
}

static void free_sink(struct ct_sink *sink)
{
	struct sink_recording *s = (struct sink_recording *)sink;

	ct_recording_writer_free(&s->writer);
	free(s);
}

static const struct ct_sink_ops recording_ops = {
	.name = "recording",
	.keeps = true,
	.update = update,
	.flush = flush,
	.finish = finish,
	.free = free_sink,
};

int ct_sink_recording_new(struct ct_recording_writer *writer, bool full_is_no_error,
			  struct ct_sink **ret)
{
	struct sink_recording *s = calloc(1, sizeof(*s));

	if (!s) {
		ct_recording_writer_free(&writer);
		return -ENOMEM;
	}
	s->sink.ops = &recording_ops;
	s->writer = writer;
	s->full_is_no_error = full_is_no_error;
	*ret = &s->sink;
	return 0;
}
