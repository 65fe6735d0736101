// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tracer at work: what it has seen and written. */
#include <time.h>

#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "progress.h"
#include "rotate.h"

void ct_progress_show_trace(struct ct_progress *progress, const struct ct_options *options,
			    const struct ct_rotate *rotate, const struct ct_pipeline *pipeline)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	struct ct_recording_progress recording = {};
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC);
	struct ct_pipeline_stats stats;
	struct ct_progress_trace trace;

	if (!ct_progress_is_due(progress, now))
		return;
	ct_rotate_stats(rotate, pipeline, &stats);
	if (rotate->file.writer)
		ct_recording_progress(rotate->file.writer, &recording);
	trace = (struct ct_progress_trace){
		.events = stats.selected,
		.lost = stats.lost,
		.elapsed_ns = now - progress->began_ns,
		.duration_ns = options->duration_ns,
		.records = rotate->file.writer,
		.bytes = recording.bytes,
		.files = rotate->files,
	};
	ct_progress_put_trace(&text, &trace);
	if (!text.error)
		ct_progress_show(progress, now, text.data);
}
