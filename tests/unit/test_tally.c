// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../src/cli/tally.h"
#include "conntrace/cleanup.h"

static void assert_recorded(const struct ct_recorded *recorded, const char *wanted)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_recorded_put(&buf, recorded);
	assert_int_equal(buf.error, 0);
	assert_string_equal(buf.data, wanted);
}

static void one_event_is_one_event(void **state)
{
	struct ct_recorded recorded = {.events = 1,
				       .connections = 1,
				       .counts_connections = true,
				       .files = 1,
				       .path = "x.ctr"};

	assert_recorded(&recorded, "1 event of 1 connection recorded to x.ctr, 0 lost");
	recorded.connections = 0;
	assert_recorded(&recorded, "1 event of 0 connections recorded to x.ctr, 0 lost");
	recorded.events = 17;
	recorded.connections = 2;
	recorded.lost = 3;
	assert_recorded(&recorded, "17 events of 2 connections recorded to x.ctr, 3 lost");
}

static void connections_that_nobody_counted_are_not_told(void **state)
{
	struct ct_recorded recorded = {.events = 2, .connections = 5, .files = 1, .path = "x.ctr"};

	assert_recorded(&recorded, "2 events recorded to x.ctr, 0 lost");
	recorded.counts_connections = true;
	recorded.files = 2;
	assert_recorded(&recorded, "2 events recorded to 2 files, the last of them x.ctr, 0 lost");
}

static void recording_that_a_limit_ended_is_cut(void **state)
{
	assert_true(ct_recorded_is_cut(4, 4));
	assert_false(ct_recorded_is_cut(3, 4)); /* it ended before */
	assert_false(ct_recorded_is_cut(4, 0));
}

static void what_could_not_be_held_is_explained(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_unheld_put(&buf, 63183);
	assert_string_equal(
		buf.data,
		"hold 63183: so much came of connections of which it was not known yet whether "
		"they are selected (by a process, a state, a flag, an age), more than is held; "
		"select by port or address, -P or -H, which is known at once: a larger --buffer "
		"does not help here");
}

static void those_that_left_early_are_counted(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_evicted_put(&buf, 1);
	assert_string_equal(buf.data,
			    "1 connection left before its end, there were too many at once");
	ct_buf_reset(&buf);
	ct_evicted_put(&buf, 2);
	assert_string_equal(buf.data,
			    "2 connections left before their end, there were too many at once");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_event_is_one_event),
		cmocka_unit_test(connections_that_nobody_counted_are_not_told),
		cmocka_unit_test(recording_that_a_limit_ended_is_cut),
		cmocka_unit_test(what_could_not_be_held_is_explained),
		cmocka_unit_test(those_that_left_early_are_counted),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
