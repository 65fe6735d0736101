/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the report as text and the report as a page have in common to be tested. */
#pragma once

#include "unit/sink_fixture.h"

#include <errno.h>

typedef int (*report_new_fn)(const struct ct_output_options *options,
			     const struct ct_session *session, FILE *out, struct ct_sink **ret_sink,
			     const char **ret_bad_field);

/// Everything that a recording says of where it was made is this word, and what it was made
/// without.
static inline void session_say(struct ct_session *session, const char *word)
{
	struct ct_capability *errors = &session->capabilities.of[CT_CAPABILITY_ERRORS];

	strcpy(session->host, word);
	strcpy(session->kernel, word);
	strcpy(session->machine, word);
	strcpy(session->command_line, word);
	strcpy(session->tool_version, word);
	errors->level = CT_CAPABILITY_ABSENT;
	strcpy(errors->detail, word);
}

#define FIRST_PID 1000000

/// Prints a report of so many lives, with the pids from FIRST_PID on.
static inline void print_many(struct printed *printed, report_new_fn new_report,
			      const struct ct_output_options *options, size_t n)
{
	struct ct_conn conn = a_conn();
	struct ct_sink *sink = NULL;

	printed_init(printed);
	assert_int_equal(new_report(options, &printed->session, printed->file, &sink, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct ct_update u;

		conn.id.pid = (uint32_t)(FIRST_PID + i);
		u = a_close(&conn);
		assert_int_equal(sink->ops->update(sink, &u), 0);
	}
	print_all(printed, sink, NULL, 0);
}

static inline void expect_no_fields_to_choose(report_new_fn new_report)
{
	struct ct_output_options options = {.fields = "pid"};
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(new_report(&options, &session, stdout, &sink, &bad), -EINVAL);
	assert_null(sink);
	assert_ptr_equal(bad, options.fields);
}

static inline void expect_full_disk_returned(report_new_fn new_report,
					     const struct ct_output_options *options)
{
	_cleanup_(ct_fclosep) FILE *full = fopen("/dev/full", "w");
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;

	assert_non_null(full);
	assert_int_equal(new_report(options, &session, full, &sink, NULL), 0);
	assert_int_equal(sink->ops->finish(sink), -ENOSPC);
	sink->ops->free(sink);
}
