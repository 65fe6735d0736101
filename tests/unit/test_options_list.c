// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `list --watch`: how often, how long. */
#include "options_fixture.h"

static void list_is_repeated_as_often_and_as_long_as_asked_for(void **state)
{
	const struct ct_options *options =
		parsed(CT_COMMAND_LIST, "--watch 0.5 --duration 1m --count 3 --json -p 1");

	assert_true(options->watch_ns == 500000000);
	assert_true(options->duration_ns == UINT64_C(60000000000));
	assert_true(options->count == 3);
	assert_true(parsed(CT_COMMAND_LIST, "--watch 2")->watch_ns == 2000000000);
	assert_true(parsed(CT_COMMAND_LIST, "--watch=100ms")->watch_ns == 100000000);
	assert_true(parsed(CT_COMMAND_LIST, "")->watch_ns == 0);
}

static void interval_that_is_none_is_refused(void **state)
{
	assert_refused(CT_COMMAND_LIST, "--watch 0", "--watch: '0'");
	assert_refused(CT_COMMAND_LIST, "--watch 99ms", "'99ms'");
	assert_refused(CT_COMMAND_LIST, "--watch often", "'often'");
	assert_refused(CT_COMMAND_LIST, "--watch", "'--watch' needs a value");
}

static void only_list_is_repeated(void **state)
{
	assert_refused(CT_COMMAND_WATCH, "--watch 1", "'--watch'");
	assert_refused(CT_COMMAND_REPLAY, "x.ctr --watch 1", "'--watch'");
	assert_refused(CT_COMMAND_DOCTOR, "--watch 1", "'--watch'");
}

static void limits_of_a_list_go_with_its_repetition(void **state)
{
	assert_refused(CT_COMMAND_LIST, "--duration 1", "--duration goes with --watch");
	assert_refused(CT_COMMAND_LIST, "--count 1", "--count goes with --watch");
	assert_true(parsed(CT_COMMAND_LIST, "--duration 1 --watch 1")->duration_ns == 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_is_repeated_as_often_and_as_long_as_asked_for),
		cmocka_unit_test(interval_that_is_none_is_refused),
		cmocka_unit_test(only_list_is_repeated),
		cmocka_unit_test(limits_of_a_list_go_with_its_repetition),
	};

	return cmocka_run_group_tests_name("options_list", tests, NULL, forget_line);
}
