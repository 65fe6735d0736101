// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#define UNTOUCHED UINT64_C(0xdeadbeef)

static void number_within_its_limits_is_taken(void **state)
{
	uint64_t value;

	assert_int_equal(ct_parse_u64("0", 0, 65535, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(ct_parse_u64("65535", 1, 65535, &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(ct_parse_u64("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(ct_parse_u64("0080", 0, 100, &value), 0);
	assert_int_equal(value, 80);
}

static void number_beyond_its_limits_is_erange(void **state)
{
	uint64_t value = UNTOUCHED;

	assert_int_equal(ct_parse_u64("65536", 0, 65535, &value), -ERANGE);
	assert_int_equal(ct_parse_u64("0", 1, 65535, &value), -ERANGE);
	assert_int_equal(ct_parse_u64("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(ct_parse_u64("99999999999999999999999", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(value, UNTOUCHED);
}

static void what_is_no_number_is_einval(void **state)
{
	static const char *const refused[] = {
		"",
		" 1",
		"1 ",
		"-1",
		"+1",
		"0x10",
		"1e3",
		"12a",
		"1.0",
		"\xc2\xb2",
		"99999999999999999999999x",
	};
	uint64_t value = UNTOUCHED;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(ct_parse_u64(refused[i], 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(value, UNTOUCHED);
}

static void size_suffixes_are_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {
		{"4096", 4096},
		{"64K", 65536},
		{"64k", 65536},
		{"16M", 16 << 20},
		{"1G", UINT64_C(1) << 30},
		{"0", 0},
		{"17179869183G", UINT64_MAX - ((UINT64_C(1) << 30) - 1)},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t bytes = UNTOUCHED;

		assert_int_equal(ct_parse_size(sizes[i].text, &bytes), 0);
		assert_int_equal(bytes, sizes[i].bytes);
	}
}

static void size_that_overflows_is_erange(void **state)
{
	uint64_t bytes = UNTOUCHED;

	assert_int_equal(ct_parse_size("17179869184G", &bytes), -ERANGE);
	assert_int_equal(ct_parse_size("99999999999999999999", &bytes), -ERANGE);
	assert_int_equal(bytes, UNTOUCHED);
}

static void what_is_no_size_is_einval(void **state)
{
	static const char *const refused[] = {"", "K", "1T", "1KB", "1 K", "-1K", "1.5M", "0x1K"};
	uint64_t bytes = UNTOUCHED;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(ct_parse_size(refused[i], &bytes), -EINVAL);
	assert_int_equal(bytes, UNTOUCHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_within_its_limits_is_taken),
		cmocka_unit_test(number_beyond_its_limits_is_erange),
		cmocka_unit_test(what_is_no_number_is_einval),
		cmocka_unit_test(size_suffixes_are_powers_of_1024),
		cmocka_unit_test(size_that_overflows_is_erange),
		cmocka_unit_test(what_is_no_size_is_einval),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
