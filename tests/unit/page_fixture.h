/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pages of `report --html`: their block of JSON, parsed. */
#pragma once

#include "unit/sink_fixture.h"

#include <jansson.h>

#include "conntrace/cleanup.h"
#include "conntrace/report.h"

#define DATA_BEGINS "<script type=\"application/json\" id=\"data\">"
#define DATA_ENDS   "</script>"

static const struct ct_output_options in_utc = {.utc = true};

struct page {
	struct printed printed;
	json_t *data; /// owned
};

static inline void page_fini(struct page *page)
{
	json_decref(page->data);
	printed_fini(&page->printed);
}

/// Parses what stands in the block of JSON.
static inline void take_data(struct page *page)
{
	const char *begin = strstr(page->printed.text, DATA_BEGINS), *end;
	json_error_t error;

	assert_non_null(begin);
	begin += strlen(DATA_BEGINS);
	end = strstr(begin, DATA_ENDS);
	assert_non_null(end);
	page->data = json_loadb(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, &error);
	if (!page->data)
		fail_msg("%s at %d: %.80s", error.text, error.position, begin + error.position);
}

static inline void print_page_with(struct page *page, const struct ct_output_options *options,
				   const struct ct_update *updates, size_t n)
{
	struct ct_sink *sink = NULL;

	assert_int_equal(
		ct_sink_html_new(options, &page->printed.session, page->printed.file, &sink, NULL),
		0);
	print_all(&page->printed, sink, updates, n);
	take_data(page);
}

static inline void print_page(struct page *page, const struct ct_update *updates, size_t n)
{
	printed_init(&page->printed);
	print_page_with(page, &in_utc, updates, n);
}

/// A value of the life at that place. Borrowed.
static inline const json_t *value_of(const struct page *page, size_t life, const char *name)
{
	const json_t *fields = json_object_get(page->data, "fields");
	const json_t *values = json_array_get(json_object_get(page->data, "lives"), life);

	assert_int_equal(json_array_size(values), json_array_size(fields));
	for (size_t i = 0; i < json_array_size(fields); i++)
		if (strcmp(json_string_value(json_array_get(fields, i)), name) == 0)
			return json_array_get(values, i);
	fail_msg("no field %s", name);
	return NULL;
}

static inline void assert_dumps(const json_t *value, const char *expected)
{
	_cleanup_(ct_freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
}

static inline void assert_value(const struct page *page, size_t life, const char *name,
				const char *expected)
{
	assert_dumps(value_of(page, life, name), expected);
}

/// A total of the page's.
static inline uint64_t total_of(const struct page *page, const char *name)
{
	const json_t *totals = json_object_get(page->data, "totals");

	assert_true(json_is_integer(json_object_get(totals, name)));
	return (uint64_t)json_integer_value(json_object_get(totals, name));
}

static inline size_t n_lives(const struct page *page)
{
	return json_array_size(json_object_get(page->data, "lives"));
}
