// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/timefmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define NS_PER_S INT64_C(1000000000)

static void rfc3339_is_utc_with_nanoseconds(void **state)
{
	char out[CT_TIME_RFC3339_STRLEN];

	assert_string_equal(ct_time_rfc3339(1795253723 * NS_PER_S + 123456789, out),
			    "2026-11-21T09:35:23.123456789Z");
	assert_string_equal(ct_time_rfc3339(0, out), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(ct_time_rfc3339(951782400 * NS_PER_S, out),
			    "2000-02-29T00:00:00.000000000Z");
}

static void times_at_the_ends_of_the_range_are_right(void **state)
{
	char out[CT_TIME_RFC3339_STRLEN];

	assert_string_equal(ct_time_rfc3339(-1, out), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(ct_time_rfc3339(INT64_MAX, out), "2262-04-11T23:47:16.854775807Z");
	assert_string_equal(ct_time_rfc3339(INT64_MIN, out), "1677-09-21T00:12:43.145224192Z");
}

static void clock_follows_the_zone_unless_utc_is_asked_for(void **state)
{
	int64_t now = 1795253723 * NS_PER_S + 123456789;
	char out[CT_TIME_CLOCK_STRLEN];

	setenv("TZ", "XXX-5:30", 1);
	tzset();
	assert_string_equal(ct_time_clock(now, true, out), "09:35:23.123456");
	assert_string_equal(ct_time_clock(now, false, out), "15:05:23.123456");
}

static void zone_is_told_by_its_distance_from_utc(void **state)
{
	static const struct {
		const char *tz, *zone;
	} cases[] = {
		{"XXX-5:30", "UTC+05:30"},
		{"XXX11", "UTC-11:00"},
		{"XXX-24:59", "UTC+24:59"},
		{"XXX0", "UTC"},
	};
	char out[CT_ZONE_STRLEN];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("TZ", cases[i].tz, 1);
		tzset();
		assert_string_equal(ct_time_zone(0, false, out), cases[i].zone);
		assert_string_equal(ct_time_zone(0, true, out), "UTC");
	}
	unsetenv("TZ");
	tzset();
}

static void zoned_time_says_its_zone(void **state)
{
	int64_t now = 1795253723 * NS_PER_S + 123456789;
	char out[CT_TIME_ZONED_STRLEN];

	setenv("TZ", "XXX-5:30", 1);
	tzset();
	assert_string_equal(ct_time_zoned(now, true, out), "2026-11-21T09:35:23.123456789Z");
	assert_string_equal(ct_time_zoned(now, false, out), "2026-11-21T15:05:23.123456789+05:30");
	setenv("TZ", "XXX11", 1);
	tzset();
	assert_string_equal(ct_time_zoned(now, false, out), "2026-11-20T22:35:23.123456789-11:00");
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(ct_time_zoned(now, false, out), "2026-11-21T09:35:23.123456789+00:00");
}

static void durations_have_three_digits_and_a_unit(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{0, "0 ns"},
		{999, "999 ns"},
		{1000, "1.00 us"},
		{1234, "1.23 us"},
		{9994, "9.99 us"},
		{9995, "10.0 us"},
		{15300, "15.3 us"},
		{99949, "99.9 us"},
		{99950, "100 us"},
		{999499, "999 us"},
		{999500, "1.00 ms"},
		{1234567, "1.23 ms"},
		{999499999, "999 ms"},
		{999500000, "1.00 s"},
		{12 * UINT64_C(1000000000), "12.0 s"},
		{UINT64_C(59949999999), "59.9 s"},
		{UINT64_C(59950000000), "1m00s"},
		{UINT64_C(185999999999), "3m05s"},
		{UINT64_C(3599999999999), "59m59s"},
		{UINT64_C(7620000000000), "2h07m"},
		{UINT64_C(86400000000000) * 4 + UINT64_C(3600000000000) * 3, "4d03h"},
		{UINT64_MAX, "213503d23h"},
	};
	char out[CT_DURATION_STRLEN];

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		assert_string_equal(ct_duration_format(durations[i].ns, false, out),
				    durations[i].text);
}

static void micro_sign_needs_utf8(void **state)
{
	char out[CT_DURATION_STRLEN];

	assert_string_equal(ct_duration_format(15300, true, out), "15.3 \xc2\xb5s");
	assert_string_equal(ct_duration_format(15300000, true, out), "15.3 ms");
}

static void durations_are_read_in_any_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} durations[] = {
		{"0", 0},
		{"10", UINT64_C(10000000000)},
		{"10s", UINT64_C(10000000000)},
		{"1.5s", 1500000000},
		{"1.5", 1500000000},
		{".5", 500000000},
		{".25ms", 250000},
		{"0.000000001", 1},
		{"1.0000000009s", 1000000000},
		{"0.1000000000000000000000000001s", 100000000},
		{"500ms", 500000000},
		{"7us", 7000},
		{"42ns", 42},
		{"5m", UINT64_C(300000000000)},
		{"2h", UINT64_C(7200000000000)},
		{"0.5d", UINT64_C(43200000000000)},
		{"18446744073709551615ns", UINT64_MAX},
		{"18446744073.709551615s", UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		uint64_t ns = 1;

		assert_int_equal(ct_duration_parse(durations[i].text, &ns), 0);
		assert_int_equal(ns, durations[i].ns);
	}
}

static void what_is_no_duration_is_refused_and_leaves_the_result(void **state)
{
	static const char *const refused[] = {
		"",   "s",     "-1s", "+1s", " 1s",   "1 s",	"1.s",
		".",  ".s",    "..5", "-.5", "1..5s", "1.5.5s", "1sec",
		"1S", "1m30s", "0x1", "1e3", "inf",   "nan",	"99999999999999999999q",
	};
	uint64_t ns = 77;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(ct_duration_parse(refused[i], &ns), -EINVAL);
	assert_int_equal(ct_duration_parse("99999999999999999999", &ns), -ERANGE);
	assert_int_equal(ct_duration_parse("213504d", &ns), -ERANGE);
	assert_int_equal(ct_duration_parse("18446744073.709551616s", &ns), -ERANGE);
	assert_int_equal(ns, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3339_is_utc_with_nanoseconds),
		cmocka_unit_test(times_at_the_ends_of_the_range_are_right),
		cmocka_unit_test(clock_follows_the_zone_unless_utc_is_asked_for),
		cmocka_unit_test(zoned_time_says_its_zone),
		cmocka_unit_test(zone_is_told_by_its_distance_from_utc),
		cmocka_unit_test(durations_have_three_digits_and_a_unit),
		cmocka_unit_test(micro_sign_needs_utf8),
		cmocka_unit_test(durations_are_read_in_any_unit),
		cmocka_unit_test(what_is_no_duration_is_refused_and_leaves_the_result),
	};

	return cmocka_run_group_tests_name("timefmt", tests, NULL, NULL);
}
