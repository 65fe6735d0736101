// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../src/report/histogram.h"
#include "../../src/report/percentiles.h"
#include "conntrace/cleanup.h"
#include "unit/builders.h"

static const struct ct_output_options in_ascii = {.utf8 = false};

static void add_value(struct ct_histogram *histogram, uint64_t value)
{
	assert_int_equal(ct_histogram_add(histogram, value), 0);
}

static void percentile_is_the_value_that_so_many_do_not_exceed(void **state)
{
	_cleanup_(ct_histogram_fini) struct ct_histogram histogram = {};

	assert_int_equal(ct_histogram_percentile(&histogram, 50), 0);
	for (uint64_t value = 100; value > 0; value--)
		add_value(&histogram, value);
	assert_int_equal(histogram.n, 100);
	for (unsigned int percent = 1; percent <= 100; percent++)
		assert_int_equal(ct_histogram_percentile(&histogram, percent), percent);
	add_value(&histogram, 1000);
	assert_int_equal(ct_histogram_percentile(&histogram, 50), 51);
	assert_int_equal(ct_histogram_percentile(&histogram, 99), 100);
	assert_int_equal(ct_histogram_percentile(&histogram, 100), 1000);
}

static void few_values_have_the_percentiles_of_the_largest(void **state)
{
	_cleanup_(ct_histogram_fini) struct ct_histogram histogram = {};

	for (uint64_t value = 1; value <= 4; value++)
		add_value(&histogram, value * 10);
	assert_int_equal(ct_histogram_percentile(&histogram, 50), 20);
	assert_int_equal(ct_histogram_percentile(&histogram, 90), 40);
	assert_int_equal(ct_histogram_percentile(&histogram, 99), 40);
}

/// Between two others, so that neither bound makes it exact.
static void value_of_any_size_is_kept_to_a_thousandth(void **state)
{
	for (uint64_t value = 1; value < UINT64_MAX / 16; value += value / 7 + 1) {
		_cleanup_(ct_histogram_fini) struct ct_histogram histogram = {};
		uint64_t got, error;

		add_value(&histogram, 0);
		add_value(&histogram, value);
		add_value(&histogram, UINT64_MAX);
		got = ct_histogram_percentile(&histogram, 50);
		error = got > value ? got - value : value - got;
		if (value < 2048 ? error : error > value / 1000)
			fail_msg("%ju is told as %ju", (uintmax_t)value, (uintmax_t)got);
	}
}

static void least_and_largest_are_exact(void **state)
{
	_cleanup_(ct_histogram_fini) struct ct_histogram histogram = {}, ends = {};

	add_value(&histogram, 123456789);
	assert_int_equal(ct_histogram_percentile(&histogram, 1), 123456789);
	assert_int_equal(ct_histogram_percentile(&histogram, 100), 123456789);
	add_value(&ends, UINT64_MAX);
	add_value(&ends, 0);
	assert_int_equal(ct_histogram_percentile(&ends, 50), 0);
	assert_true(ct_histogram_percentile(&ends, 51) > UINT64_MAX / 1000 * 999);
	assert_true(ends.max == UINT64_MAX);
	assert_true(ends.min == 0);
}

static struct ct_percentiles *some_percentiles(void)
{
	struct ct_percentiles *percentiles = ct_percentiles_new();

	assert_non_null(percentiles);
	return percentiles;
}

/// Takes them as well.
static void expect(struct ct_percentiles *percentiles, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_buf_puts(&buf, "");
	assert_int_equal(ct_percentiles_put(&in_ascii, percentiles, &buf), 0);
	assert_string_equal(buf.data, expected);
	ct_percentiles_free(&percentiles);
}

static void each_time_of_a_life_has_its_row(void **state)
{
	struct ct_percentiles *percentiles = some_percentiles();
	struct ct_step steps[3];
	struct ct_conn conn = a_conn();

	memcpy(steps, plain_life, sizeof(steps));
	conn.history.steps = steps;
	for (uint64_t i = 1; i <= 10; i++) {
		steps[1].for_ns = i * 10 * MS;
		conn.closed_ns = BEGAN + i * S;
		conn.established_ns = BEGAN + i * 100;
		assert_int_equal(ct_percentiles_add(percentiles, &conn), 0);
	}
	expect(percentiles, "\n"
			    "TIME        KNOWN UNKNOWN     P50     P90     P99     MAX\n"
			    "handshake      10       0  500 ns  900 ns 1.00 us 1.00 us\n"
			    "lifetime       10       0  5.00 s  9.00 s  10.0 s  10.0 s\n"
			    "SYN_SENT       10       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
			    "ESTABLISHED    10       0 50.0 ms 90.0 ms  100 ms  100 ms\n"
			    "FIN_WAIT1      10       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n");
}

/// Its handshake and its beginning lie before the trace, its end behind it.
static void what_the_trace_does_not_hold_is_unknown(void **state)
{
	struct ct_percentiles *percentiles = some_percentiles();
	struct ct_step step = {
		.at_ns = CT_NS_UNKNOWN, .for_ns = CT_NS_UNKNOWN, .state = CT_STATE_CLOSE_WAIT};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = &step, .n_steps = 1, .capacity = 1};
	conn.opened_ns = conn.established_ns = conn.closed_ns = CT_NS_UNKNOWN;
	conn.found_ns = BEGAN;
	assert_int_equal(ct_percentiles_add(percentiles, &conn), 0);
	expect(percentiles, "\n"
			    "TIME       KNOWN UNKNOWN P50 P90 P99 MAX\n"
			    "handshake      0       1   -   -   -   -\n"
			    "lifetime       0       1   -   -   -   -\n"
			    "CLOSE_WAIT     0       1   -   -   -   -\n");
}

/// It is not unknown how long a handshake took that there was none of.
static void connection_that_was_refused_has_no_handshake(void **state)
{
	struct ct_percentiles *percentiles = some_percentiles();
	struct ct_step step = {.at_ns = BEGAN, .for_ns = MS, .state = CT_STATE_SYN_SENT};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = &step, .n_steps = 1, .capacity = 1};
	conn.established_ns = CT_NS_UNKNOWN;
	conn.closed_ns = BEGAN + MS;
	assert_int_equal(ct_percentiles_add(percentiles, &conn), 0);
	expect(percentiles, "\n"
			    "TIME     KNOWN UNKNOWN     P50     P90     P99     MAX\n"
			    "lifetime     1       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
			    "SYN_SENT     1       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n");
}

static void history_that_is_not_whole_is_left_out(void **state)
{
	struct ct_percentiles *percentiles = some_percentiles();
	struct ct_conn gap = a_conn(), cut = a_conn(), whole = a_conn();

	gap.gaps = 1;
	cut.history.n_dropped = 1;
	assert_int_equal(ct_percentiles_add(percentiles, &gap), 0);
	assert_int_equal(ct_percentiles_add(percentiles, &cut), 0);
	assert_int_equal(ct_percentiles_add(percentiles, &whole), 0);
	expect(percentiles, "\n"
			    "TIME        KNOWN UNKNOWN     P50     P90     P99     MAX\n"
			    "handshake       1       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
			    "lifetime        1       0 52.0 ms 52.0 ms 52.0 ms 52.0 ms\n"
			    "SYN_SENT        1       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
			    "ESTABLISHED     1       0 50.0 ms 50.0 ms 50.0 ms 50.0 ms\n"
			    "FIN_WAIT1       1       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
			    "2 connections left out of the times: their histories are not whole\n");
	percentiles = some_percentiles();
	assert_int_equal(ct_percentiles_add(percentiles, &gap), 0);
	expect(percentiles,
	       "\n1 connection left out of the times: their histories are not whole\n");
}

static void no_connection_is_no_table(void **state)
{
	expect(some_percentiles(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentile_is_the_value_that_so_many_do_not_exceed),
		cmocka_unit_test(few_values_have_the_percentiles_of_the_largest),
		cmocka_unit_test(value_of_any_size_is_kept_to_a_thousandth),
		cmocka_unit_test(least_and_largest_are_exact),
		cmocka_unit_test(each_time_of_a_life_has_its_row),
		cmocka_unit_test(what_the_trace_does_not_hold_is_unknown),
		cmocka_unit_test(connection_that_was_refused_has_no_handshake),
		cmocka_unit_test(history_that_is_not_whole_is_left_out),
		cmocka_unit_test(no_connection_is_no_table),
	};

	return cmocka_run_group_tests_name("report_percentiles", tests, NULL, NULL);
}
