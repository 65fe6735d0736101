// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reports for which there is no memory. The linker hands each allocation of the program's own code
// to this file (--wrap, in the Makefile): one of them is refused, whichever it is.
#include "unit/report_fixture.h"

#include <errno.h>

#include "../../src/report/groups.h"
#include "../../src/report/html.h"
#include "conntrace/count.h"

/// So many are granted before one is not.
static size_t granted = SIZE_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__real_reallocarray(void *ptr, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_reallocarray(void *ptr, size_t n, size_t size);

/// Behind the one that is refused all are granted: what has failed must not be forgotten.
static bool is_refused(void)
{
	return granted != SIZE_MAX && granted-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
	return is_refused() ? NULL : __real_realloc(ptr, size);
}

void *__wrap_reallocarray(void *ptr, size_t n, size_t size)
{
	return is_refused() ? NULL : __real_reallocarray(ptr, n, size);
}

/// Runs it with each of its allocations refused in turn, until it has as many as it wants. How many
/// those are.
static size_t refuse_each(int (*run)(void))
{
	for (size_t n = 0;; n++) {
		bool was_refused;
		int r;

		granted = n;
		r = run();
		was_refused = granted == SIZE_MAX;
		granted = SIZE_MAX;
		assert_int_equal(r, was_refused ? -ENOMEM : 0);
		if (!was_refused)
			return n;
	}
}

/// More than a table of uthash has room for without growing.
#define MANY 400

static int add_groups(void)
{
	struct ct_groups *groups = ct_groups_new(CT_REPORT_BY_PEER);
	struct ct_conn conn = a_conn();
	int r = groups ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < MANY && r == 0; i++) {
		memcpy(conn.id.raddr, &i, sizeof(i));
		r = ct_groups_add(groups, &conn);
	}
	ct_groups_free(&groups);
	return r;
}

/// Each has an allocation, and the table of them some.
static void groups_say_that_there_is_no_memory(void **state)
{
	assert_in_range(refuse_each(add_groups), MANY + 4, 2 * MANY);
}

static int add_events(void)
{
	struct ct_update u = a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1);
	struct ct_html_events *all = NULL;
	int r = 0;

	for (uint64_t i = 1; i <= MANY && r == 0; i++) {
		u.id.cookie = i;
		r = ct_html_events_add(&all, &in_utf8, &u);
	}
	ct_html_events_free(&all);
	return r;
}

static void events_say_that_there_is_no_memory(void **state)
{
	assert_in_range(refuse_each(add_events), 2 * MANY + 3, 3 * MANY);
}

static FILE *nowhere; /// no allocation of stdio's own is refused

/// One for each peer, each with an event: what the page has no room for is sifted out.
static int run_sink(int (*make)(const struct ct_output_options *options,
				const struct ct_session *session, FILE *out,
				struct ct_sink **ret_sink, const char **ret_bad_field))
{
	struct ct_output_options options = in_utf8;
	struct ct_session session = a_session();
	struct ct_update u = a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1);
	struct ct_conn conn = a_conn();
	struct ct_sink *sink = NULL;
	int r;

	options.page_lives = 5;
	conn.gaps = 1; /* no case of the doctor's */
	r = make(&options, &session, nowhere, &sink, NULL);
	for (uint32_t i = 1; i <= 20 && r == 0; i++) {
		struct ct_update close;

		memcpy(conn.id.raddr, &i, sizeof(i));
		u.id.cookie = conn.id.cookie = i;
		close = a_close(&conn);
		r = sink->ops->update(sink, &u);
		if (r == 0)
			r = sink->ops->update(sink, &close);
	}
	if (r == 0)
		r = sink->ops->finish(sink);
	if (sink)
		sink->ops->free(sink);
	return r;
}

static int run_page(void)
{
	return run_sink(ct_sink_html_new);
}

static void page_says_that_there_is_no_memory(void **state)
{
	assert_true(refuse_each(run_page) > 50);
}

static int run_text(void)
{
	return run_sink(ct_sink_report_new);
}

static void text_says_that_there_is_no_memory(void **state)
{
	assert_true(refuse_each(run_text) > 50);
}

static int open_nowhere(void **state)
{
	nowhere = fopen("/dev/null", "w");
	return nowhere ? 0 : -1;
}

static int close_nowhere(void **state)
{
	return fclose(nowhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_say_that_there_is_no_memory),
		cmocka_unit_test(events_say_that_there_is_no_memory),
		cmocka_unit_test(page_says_that_there_is_no_memory),
		cmocka_unit_test(text_says_that_there_is_no_memory),
	};

	return cmocka_run_group_tests_name("report_memory", tests, open_nowhere, close_nowhere);
}
