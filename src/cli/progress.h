/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How far something is that takes its time: one line on the terminal behind stderr, written anew in
 * its place, and gone when it is over. In ASCII, without anything that a terminal must understand
 * but the carriage return.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli.h"
#include "conntrace/buf.h"
#include "conntrace/pipeline.h"
#include "conntrace/recording.h"
#include "options.h"

struct ct_rotate;

/// What shall not be disturbed.
enum ct_progress_stdout {
	CT_PROGRESS_PRINTS_NOTHING,
	CT_PROGRESS_PRINTS_AT_END, /// behind ct_progress_end()
	CT_PROGRESS_PRINTS_MEANWHILE,
};

/// Starts as CT_PROGRESS_NONE.
struct ct_progress {
	int fd;		   /// borrowed; -1: nothing is shown
	pid_t group;	   /// who may write when this is in the terminal's foreground
	uint64_t began_ns; /// CLOCK_MONOTONIC
	uint64_t due_ns;   /// nothing is shown before
	size_t shown;	   /// columns of the line that stands there; 0: none does
};

#define CT_PROGRESS_NONE  \
	{                 \
		.fd = -1, \
	}

/// What the command prints to stdout, and when.
enum ct_progress_stdout ct_progress_stdout_of(const struct ct_options *options);

/// True if stdout leaves the terminal alone: it is a file, or nothing comes of it before the end
/// and what comes then does not go through a pipe to somebody who has the terminal.
bool ct_progress_may_show(enum ct_progress_stdout prints, mode_t stdout_mode, bool is_terminal);

/// From here on it is shown, if stderr is a terminal, -q was not given and nothing else writes
/// there.
void ct_progress_begin(struct ct_progress *progress, const struct ct_options *options);

/// The first time behind a second, and five times a second at most.
bool ct_progress_is_due(const struct ct_progress *progress, uint64_t now_ns);

/// Shows one line of ASCII, cut to the terminal's width; nothing while another job has the
/// terminal. A message of the log takes it away first.
void ct_progress_show(struct ct_progress *progress, uint64_t now_ns, const char *text);

/// Takes away what stands there; nothing is shown any more. Any number of times.
void ct_progress_end(struct ct_progress *progress);

/// Where a tracer stands.
struct ct_progress_trace {
	uint64_t events;
	uint64_t lost;
	uint64_t elapsed_ns;
	uint64_t duration_ns; /// 0: no limit
	bool records;
	uint64_t bytes; /// of the recording's file at hand
	uint64_t files; /// how many it is by now
};

/// "conntrace: recording: 12 events, 0 lost, 4.10 kB, 42 s"
void ct_progress_put_trace(struct ct_buf *buf, const struct ct_progress_trace *trace);

/// "conntrace: 42 % of 1.23 GB read". Nothing if SIZE is 0.
void ct_progress_put_share(struct ct_buf *buf, uint64_t done_bytes, uint64_t size_bytes);

/// Shows where a run of the tracer stands, if that is due. ROTATE: its recording, if it has one.
void ct_progress_show_trace(struct ct_progress *progress, const struct ct_options *options,
			    const struct ct_rotate *rotate, const struct ct_pipeline *pipeline);

/// ct_recording_read(), with the share of the file that is read shown where its size is known.
/// -EINTR: a signal that stop.h catches ended it.
int ct_progress_read(const struct ct_options *options, struct ct_recording_reader *reader,
		     ct_record_fn fn, void *context, struct ct_recording_info *ret_info);
