// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../../src/cli/file_names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOON	1767268800 /* 2026-01-01 12:00:00 UTC */
#define HOUR	3600
#define HOUR_NS UINT64_C(3600000000000)

static struct ct_rotation rotation;
static struct ct_file_names names;

static void begin(const char *pattern, struct ct_rotation wanted)
{
	rotation = wanted;
	assert_int_equal(ct_file_names_begin(&names, pattern, &rotation, NOON), 0);
	ct_file_names_note(&names);
}

static void expect_next(bool period_over, time_t now, const char *path)
{
	assert_int_equal(ct_file_names_next(&names, period_over, now), 0);
	assert_string_equal(names.path, path);
	ct_file_names_note(&names);
}

static void one_file_has_its_name(void **state)
{
	begin("100%Y.ctr", (struct ct_rotation){0});
	assert_string_equal(names.path, "100%Y.ctr");
}

static void size_appends_a_number_from_the_second_on(void **state)
{
	begin("x.ctr", (struct ct_rotation){.bytes = 1});
	assert_string_equal(names.path, "x.ctr");
	expect_next(false, 0, "x.ctr1");
	expect_next(false, 0, "x.ctr2");
	for (int i = 0; i < 97; i++)
		assert_int_equal(ct_file_names_next(&names, false, 0), 0);
	expect_next(false, 0, "x.ctr100");
	assert_false(ct_file_names_are_ring(&rotation));
}

static void ring_has_as_many_digits_as_its_last_file(void **state)
{
	static const struct {
		uint64_t files;
		const char *first, *second;
	} rings[] = {
		{1, "x", "x"},	    {2, "x0", "x1"},	 {10, "x0", "x1"},
		{11, "x00", "x01"}, {100, "x00", "x01"}, {101, "x000", "x001"},
	};

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		begin("x", (struct ct_rotation){.bytes = 1, .files = rings[i].files});
		assert_string_equal(names.path, rings[i].first);
		expect_next(false, 0, rings[i].second);
	}
}

static void ring_comes_back_to_its_oldest(void **state)
{
	begin("x", (struct ct_rotation){.bytes = 1, .files = 3});
	assert_int_equal(ct_file_names_next(&names, false, 0), 0);
	assert_false(ct_file_names_is_reused(&names));
	ct_file_names_note(&names);
	expect_next(false, 0, "x2");
	assert_int_equal(ct_file_names_next(&names, false, 0), 0);
	assert_string_equal(names.path, "x0");
	assert_true(ct_file_names_is_reused(&names));
}

static void full_disk_makes_the_ring_smaller(void **state)
{
	begin("x", (struct ct_rotation){.bytes = 1, .files = 9});
	assert_int_equal(ct_file_names_reuse(&names), -ENOSPC);
	assert_string_equal(names.path, "x0");
	expect_next(false, 0, "x1");
	expect_next(false, 0, "x2");
	assert_int_equal(ct_file_names_reuse(&names), 0);
	assert_string_equal(names.path, "x0");
	assert_true(ct_file_names_is_reused(&names));
	ct_file_names_note(&names);
	assert_int_equal(ct_file_names_reuse(&names), 0);
	assert_string_equal(names.path, "x1");
	expect_next(false, 0, "x2");
	assert_int_equal(ct_file_names_next(&names, false, 0), 0);
	assert_string_equal(names.path, "x3");
	assert_false(ct_file_names_is_reused(&names));
}

static void time_goes_into_the_name(void **state)
{
	begin("x-%Y%m%d-%H%M%S.ctr", (struct ct_rotation){.period_ns = HOUR_NS});
	assert_string_equal(names.path, "x-20260101-120000.ctr");
	expect_next(true, NOON + HOUR + 1, "x-20260101-130001.ctr");
	/* a name that somebody else has taken is passed over */
	expect_next(false, 0, "x-20260101-130001.ctr1");
	expect_next(true, NOON + 2 * HOUR, "x-20260101-140000.ctr");
}

static void name_that_the_time_does_not_change_gets_a_number(void **state)
{
	begin("x.ctr", (struct ct_rotation){.period_ns = HOUR_NS, .files = 12});
	assert_string_equal(names.path, "x.ctr");
	expect_next(true, NOON + HOUR, "x.ctr1");
	expect_next(true, NOON + 2 * HOUR, "x.ctr2");
	begin("%d.ctr", (struct ct_rotation){.period_ns = HOUR_NS});
	expect_next(true, NOON + HOUR, "01.ctr1");
	expect_next(true, NOON + 12 * HOUR, "02.ctr");
}

static void size_and_time_number_the_files_of_each_time(void **state)
{
	begin("x%H.", (struct ct_rotation){.bytes = 1, .period_ns = HOUR_NS});
	assert_string_equal(names.path, "x12.");
	expect_next(false, NOON + HOUR - 1, "x12.1");
	expect_next(false, NOON + HOUR - 1, "x12.2");
	expect_next(true, NOON + HOUR, "x13.");
	expect_next(false, NOON + HOUR, "x13.1");
}

static void ring_is_one_of_each_time(void **state)
{
	begin("x%H.", (struct ct_rotation){.bytes = 1, .period_ns = HOUR_NS, .files = 2});
	assert_string_equal(names.path, "x12.0");
	expect_next(false, 0, "x12.1");
	expect_next(false, 0, "x12.0");
	assert_int_equal(ct_file_names_next(&names, true, NOON + HOUR), 0);
	assert_string_equal(names.path, "x13.0");
	assert_false(ct_file_names_is_reused(&names));
}

static void name_that_cannot_be_is_refused(void **state)
{
	static char long_name[PATH_MAX + 1];
	char path[PATH_MAX] = "";

	memset(long_name, 'x', PATH_MAX);
	rotation = (struct ct_rotation){0};
	assert_int_equal(ct_file_names_begin(&names, long_name, &rotation, NOON), -ENAMETOOLONG);
	long_name[PATH_MAX - 1] = '\0';
	assert_int_equal(ct_file_names_begin(&names, long_name, &rotation, NOON), 0);
	rotation.bytes = 1;
	assert_int_equal(ct_file_names_of(&names, 1, path), -ENAMETOOLONG);
	assert_int_equal(ct_file_names_next(&names, false, 0), -ENAMETOOLONG);
	assert_string_equal(names.path, long_name);
	rotation = (struct ct_rotation){.period_ns = HOUR_NS};
	assert_int_equal(ct_file_names_begin(&names, long_name, &rotation, NOON), 0);
	assert_int_equal(ct_file_names_begin(&names, "", &rotation, NOON), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file_has_its_name),
		cmocka_unit_test(size_appends_a_number_from_the_second_on),
		cmocka_unit_test(ring_has_as_many_digits_as_its_last_file),
		cmocka_unit_test(ring_comes_back_to_its_oldest),
		cmocka_unit_test(full_disk_makes_the_ring_smaller),
		cmocka_unit_test(time_goes_into_the_name),
		cmocka_unit_test(name_that_the_time_does_not_change_gets_a_number),
		cmocka_unit_test(size_and_time_number_the_files_of_each_time),
		cmocka_unit_test(ring_is_one_of_each_time),
		cmocka_unit_test(name_that_cannot_be_is_refused),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
