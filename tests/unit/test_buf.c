// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"

static void empty_buffer_holds_nothing_and_may_be_freed(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	assert_int_equal(ct_buf_append(&b, NULL, 0), 0);
	assert_int_equal(b.len, 0);
	ct_buf_fini(&b);
	assert_null(b.data);
}

static void pieces_follow_each_other_with_a_nul_behind(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	assert_int_equal(ct_buf_puts(&b, "one"), 0);
	assert_int_equal(ct_buf_putc(&b, ' '), 0);
	assert_int_equal(ct_buf_append(&b, "two\0three", 9), 0);
	assert_int_equal(b.len, 13);
	assert_memory_equal(b.data, "one two\0three", 14);
}

static void filling_takes_no_place_for_none(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	assert_int_equal(ct_buf_fill(&b, 'x', 0), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(ct_buf_fill(&b, 'x', 3), 0);
	assert_int_equal(ct_buf_puts(&b, "y"), 0);
	assert_string_equal(b.data, "xxxy");
	assert_int_equal(ct_buf_fill(&b, 'x', SIZE_MAX), -ENOMEM);
	assert_int_equal(ct_buf_fill(&b, 'x', 1), -ENOMEM);
	assert_int_equal(b.len, 4);
}

static void content_survives_growth(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	for (int i = 0; i < 100000; i++)
		assert_int_equal(ct_buf_putc(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(b.len, 100000);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

static void printf_longer_than_the_room_left_is_whole(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	assert_int_equal(ct_buf_puts(&b, "x="), 0);
	assert_int_equal(ct_buf_printf(&b, "%01000d;", 7), 0);
	assert_int_equal(b.len, 1003);
	assert_string_equal(b.data + 1000, "07;");
}

static void integers_are_exact_at_their_ends(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	ct_buf_u64(&b, 0);
	ct_buf_putc(&b, ' ');
	ct_buf_u64(&b, UINT64_MAX);
	ct_buf_putc(&b, ' ');
	ct_buf_i64(&b, INT64_MAX);
	ct_buf_putc(&b, ' ');
	ct_buf_i64(&b, INT64_MIN);
	ct_buf_putc(&b, ' ');
	ct_buf_i64(&b, -1);
	assert_int_equal(b.error, 0);
	assert_string_equal(b.data, "0 18446744073709551615 9223372036854775807 "
				    "-9223372036854775808 -1");
}

/// Around each power of ten, where a digit more begins.
static void numbers_of_every_length_are_exact(void **state)
{
	for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
		for (uint64_t value = power - 1; value <= power + 1; value++) {
			_cleanup_(ct_buf_fini) struct ct_buf b = {};
			char expected[64];

			snprintf(expected, sizeof(expected), "%" PRIu64 " -%" PRIu64, value, power);
			ct_buf_u64(&b, value);
			ct_buf_putc(&b, ' ');
			ct_buf_i64(&b, -(int64_t)power);
			assert_string_equal(b.data, expected);
		}
	}
}

static void impossible_size_fails_and_keeps_the_content(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	ct_buf_puts(&b, "kept");
	assert_int_equal(ct_buf_append(&b, "x", SIZE_MAX - 2), -ENOMEM);
	assert_string_equal(b.data, "kept");
}

static void error_stays_until_reset(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	assert_int_equal(ct_buf_reserve(&b, SIZE_MAX), -ENOMEM);
	assert_int_equal(ct_buf_puts(&b, "more"), -ENOMEM);
	assert_int_equal(ct_buf_printf(&b, "more"), -ENOMEM);
	assert_int_equal(b.len, 0);
	ct_buf_reset(&b);
	assert_int_equal(ct_buf_puts(&b, "again"), 0);
	assert_string_equal(b.data, "again");
}

static void reset_keeps_the_memory(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	const char *data;

	ct_buf_puts(&b, "first");
	data = b.data;
	ct_buf_reset(&b);
	assert_string_equal(b.data, "");
	ct_buf_puts(&b, "second");
	assert_ptr_equal(b.data, data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_holds_nothing_and_may_be_freed),
		cmocka_unit_test(pieces_follow_each_other_with_a_nul_behind),
		cmocka_unit_test(filling_takes_no_place_for_none),
		cmocka_unit_test(content_survives_growth),
		cmocka_unit_test(printf_longer_than_the_room_left_is_whole),
		cmocka_unit_test(integers_are_exact_at_their_ends),
		cmocka_unit_test(numbers_of_every_length_are_exact),
		cmocka_unit_test(impossible_size_fails_and_keeps_the_content),
		cmocka_unit_test(error_stays_until_reset),
		cmocka_unit_test(reset_keeps_the_memory),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
