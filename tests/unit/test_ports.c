// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#define UNTOUCHED UINT64_C(0xdeadbeef)

static uint64_t count(const char *text, uint16_t first, uint16_t last)
{
	uint64_t n = UNTOUCHED;

	assert_int_equal(ct_ports_count(text, first, last, &n), 0);
	return n;
}

static void ports_and_ranges_within_are_counted(void **state)
{
	assert_int_equal(count("8080", 8000, 9000), 1);
	assert_int_equal(count("8080,9148-9160", 8000, 9999), 14);
	assert_int_equal(count("1-65535", 32768, 60999), 28232);
	assert_int_equal(count("0,65535", 0, 65535), 2);
	assert_int_equal(count("40000-40000", 40000, 40099), 1);
}

static void what_is_outside_is_not_counted(void **state)
{
	assert_int_equal(count("8080,9148-9160", 32768, 60999), 0);
	assert_int_equal(count("100-40009,40098-50000", 40000, 40099), 12);
	assert_int_equal(count("39999,40100", 40000, 40099), 0);
}

static void empty_list_is_none(void **state)
{
	assert_int_equal(count("", 0, 65535), 0);
}

static void what_is_no_list_is_einval(void **state)
{
	static const char *const refused[] = {
		",",	  "8080,",	 ",8080",
		"80,,81", " 80",	 "80 ",
		"80, 81", "-",		 "80-",
		"-80",	  "80-90-95",	 "90-80",
		"65536",  "80-65536",	 "80,80",
		"81,80",  "80-90,90-95", "+80",
		"0x50",	  "http",	 "99999999999999999999",
		"80\n",	  "80;81",
	};
	uint64_t n = UNTOUCHED;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(ct_ports_count(refused[i], 0, 65535, &n), -EINVAL);
	assert_int_equal(n, UNTOUCHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_and_ranges_within_are_counted),
		cmocka_unit_test(what_is_outside_is_not_counted),
		cmocka_unit_test(empty_list_is_none),
		cmocka_unit_test(what_is_no_list_is_einval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
