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

#include "conntrace/sink.h"
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
