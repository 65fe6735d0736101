/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A sink that prints into memory. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink.h"
#include "conntrace/sink_formats.h"
#include "unit/builders.h"

struct printed {
	struct ct_session session;
	FILE *file;
	char *text; /// valid after print_all()
	size_t len;
};

static inline void printed_init(struct printed *printed)
{
	*printed = (struct printed){.session = a_session()};
	printed->file = open_memstream(&printed->text, &printed->len);
	assert_non_null(printed->file);
}

/// Hands the updates to the sink, finishes and frees it. The text is printed->text.
static inline void print_all(struct printed *printed, struct ct_sink *sink,
			     const struct ct_update *updates, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sink->ops->update(sink, &updates[i]), 0);
	assert_int_equal(sink->ops->finish(sink), 0);
	sink->ops->free(sink);
}

static inline void printed_fini(struct printed *printed)
{
	if (printed->file)
		fclose(printed->file);
	free(printed->text);
}

/// What JSON makes of one update, the newline included; the caller's, free().
static inline char *print_json(struct ct_update update, const char *fields)
{
	struct ct_output_options options = {.format = CT_OUTPUT_JSON, .fields = fields};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(ct_sink_json_new(&options, &printed.session, printed.file, CT_KINDS_ALL,
					  &sink, NULL),
			 0);
	print_all(&printed, sink, &update, 1);
	fclose(CT_TAKE_PTR(printed.file));
	return CT_TAKE_PTR(printed.text);
}

static inline void expect_json(struct ct_update update, const char *fields, const char *expected)
{
	_cleanup_(ct_freep) char *text = print_json(update, fields);

	assert_string_equal(text, expected);
}

/// The key "options" when nothing is known of them.
#define NO_OPTIONS                                                                              \
	"{\"keepalive\":null,\"keepalive_time_s\":null,\"keepalive_interval_s\":null,"          \
	"\"keepalive_probes\":null,\"user_timeout_ms\":null,\"linger\":null,\"linger_s\":null," \
	"\"nodelay\":null}"
