/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A sink takes updates and puts them somewhere. It knows nothing of who sends them. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "conntrace/session.h"
#include "conntrace/update.h"

struct ct_buf;
struct ct_sink;
struct ct_list_memory;

struct ct_sink_ops {
	const char *name;
	/// It keeps events: behind the last update that a limit lets through it gets the others of
	/// the same event, and of a connection that is selected late those that tell nothing, too.
	bool keeps;
	/// One update. 0; -errno when it could not be put away (-EPIPE: the reader is gone).
	int (*update)(struct ct_sink *sink, const struct ct_update *update);
	/// Whatever is buffered becomes visible. Called when no event is at hand. May be NULL.
	int (*flush)(struct ct_sink *sink);
	/// The stream is over: what is to be said last is said and flushed. May be NULL.
	int (*finish)(struct ct_sink *sink);
	/// Frees everything, also after an error.
	void (*free)(struct ct_sink *sink);
};

/// Every sink's own struct begins with it.
struct ct_sink {
	const struct ct_sink_ops *ops;
};

/// Frees the sink and nulls the pointer; NULL is fine.
void ct_sink_free(struct ct_sink **sink);

enum ct_output_format {
	CT_OUTPUT_TABLE = 0,
	CT_OUTPUT_WIDE,
	CT_OUTPUT_JSON,
	CT_OUTPUT_CSV,
	_CT_OUTPUT_MAX,
};

/// "table" …; 0 or -EINVAL and *ret unchanged.
int ct_output_format_from_name(const char *name, enum ct_output_format *ret);

enum ct_output_time {
	CT_TIME_CLOCK = 0, /// -T: wall clock
	CT_TIME_RELATIVE,  /// -t: seconds since the stream began
};

/// Where a process is now.
enum ct_process_place {
	CT_PROCESS_UNKNOWN = 0,
	CT_PROCESS_THERE,     /// in the network namespace that was asked for
	CT_PROCESS_ELSEWHERE, /// in another one
	CT_PROCESS_ENDED,
};

struct ct_output_options {
	enum ct_output_format format;
	enum ct_output_time time;
	bool utc;      /// wall clock in UTC, not local time
	bool color;    /// decided: no sink asks the terminal
	bool utf8;     /// the locale takes UTF-8
	size_t width;  /// columns at which sentences for people go to the next line; 0: none
	bool headless; /// table, CSV: the names of the columns stand above already
	/// list: what it saw when it looked before, borrowed; NULL: it looks once
	struct ct_list_memory *memory;
	const char *fields; /// --fields LIST, comma-separated column or key names; NULL all
	uint64_t idle_ns;   /// doctor: silent for less is no symptom; 0: its default
	/// doctor: looks, at finish(), whether the process is in the namespace with this inode
	/// number; NULL: nobody can, what is told is long over
	enum ct_process_place (*find_process)(uint32_t pid, uint32_t netns);
	/// doctor: how the tracer is called, for a command that calls it again; NULL: by its name
	const char *program;
	/// doctor: the recording that is read, which can be read again by this name; NULL: it is
	/// live, or cannot
	const char *recording;
	uint8_t by;	     /// report's text: enum ct_report_by
	size_t page_lives;   /// report's page: the most lives in it; 0: CT_REPORT_PAGE_LIVES
	uint64_t page_bytes; /// and of their JSON; 0: CT_REPORT_PAGE_BYTES
	int *worst; /// doctor: raised to 1 + the severity of its worst finding; NULL: not wanted
	/// doctor, JSON: gets the lines that the text has, where nothing was found; borrowed, NULL:
	/// not wanted
	struct ct_buf *totals;
	/// What is wrong with the recording that is read, known at finish(); NULL or "": nothing
	const char *problem;
};

/**
 * Makes the sink that prints updates in the format that the options name.
 *
 * @session and @out are borrowed and outlive the sink. Nothing but the sink writes to @out.
 * @ret_sink is the caller's, freed by ct_sink_free().
 * @ret_bad_field names the first unknown word of options->fields on -EINVAL; points into fields.
 * @return 0; -ENOMEM; -EINVAL; *ret_sink is unchanged on failure.
 */
int ct_sink_output_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);
