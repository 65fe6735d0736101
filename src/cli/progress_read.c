// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A recording on its way: how much of it has been read. */
#include <time.h>

#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "progress.h"
#include "stop.h"

/// Looking at the clock for each record would cost more than many of them do.
#define RECORDS_PER_LOOK 256

struct reading {
	struct ct_progress progress;
	const struct ct_recording_reader *reader;
	ct_record_fn fn;
	void *context;
	uint64_t records;
};

static void show(struct reading *reading, uint64_t now_ns)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	uint64_t done_bytes, size_bytes;

	ct_recording_position(reading->reader, &done_bytes, &size_bytes);
	ct_progress_put_share(&text, done_bytes, size_bytes);
	if (size_bytes && !text.error)
		ct_progress_show(&reading->progress, now_ns, text.data);
}

static int pass(void *context, const void *bytes, size_t len)
{
	struct reading *reading = context;
	uint64_t now;

	if (reading->progress.fd >= 0 && ++reading->records % RECORDS_PER_LOOK == 0) {
		now = ct_clock_ns(CLOCK_MONOTONIC);
		if (ct_progress_is_due(&reading->progress, now))
			show(reading, now);
	}
	if (ct_stop_is_wanted())
		return -EINTR;
	return reading->fn(reading->context, bytes, len);
}

int ct_progress_read(const struct ct_options *options, struct ct_recording_reader *reader,
		     ct_record_fn fn, void *context, struct ct_recording_info *ret_info)
{
	struct reading reading = {.reader = reader, .fn = fn, .context = context};
	int r;

	ct_progress_begin(&reading.progress, options);
	r = ct_recording_read(reader, pass, &reading, ret_info);
	ct_stop_clear_echo(true);
	ct_progress_end(&reading.progress);
	return r;
}
