// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/event.h"

static void enter(struct ct_history *history, uint8_t step, uint64_t at_ns)
{
	assert_int_equal(ct_history_enter(history, step, CT_BASIS_SEEN, at_ns, NULL), 0);
}

static void each_step_says_how_long_the_one_before_lasted(void **state)
{
	_cleanup_(ct_history_fini) struct ct_history history = {0};
	uint64_t in_state = 0;

	assert_null(ct_history_last(&history));
	ct_history_enter(&history, CT_STATE_SYN_SENT, CT_BASIS_SEEN, 100, &in_state);
	assert_true(in_state == CT_NS_UNKNOWN);
	ct_history_enter(&history, CT_STATE_ESTABLISHED, CT_BASIS_SEEN, 130, &in_state);
	assert_int_equal(in_state, 30);
	assert_int_equal(history.steps[0].for_ns, 30);
	assert_true(ct_history_last(&history)->for_ns == CT_NS_UNKNOWN);
	ct_history_end(&history, 200, &in_state);
	assert_int_equal(in_state, 70);
	assert_int_equal(ct_history_last(&history)->for_ns, 70);
}

static void time_of_a_found_state_is_not_known(void **state)
{
	_cleanup_(ct_history_fini) struct ct_history history = {0};
	uint64_t in_state = 0;

	ct_history_enter(&history, CT_STATE_ESTABLISHED, CT_BASIS_FOUND, CT_NS_UNKNOWN, NULL);
	ct_history_enter(&history, CT_STATE_CLOSE_WAIT, CT_BASIS_SEEN, 500, &in_state);
	assert_true(in_state == CT_NS_UNKNOWN);
	assert_true(history.steps[0].for_ns == CT_NS_UNKNOWN);
	assert_int_equal(history.steps[0].basis, CT_BASIS_FOUND);
}

static void time_that_runs_backwards_is_zero(void **state)
{
	_cleanup_(ct_history_fini) struct ct_history history = {0};
	uint64_t in_state = 1;

	enter(&history, CT_STATE_SYN_SENT, 1000);
	ct_history_enter(&history, CT_STATE_ESTABLISHED, CT_BASIS_SEEN, 900, &in_state);
	assert_int_equal(in_state, 0);
	ct_history_end(&history, 0, &in_state);
	assert_int_equal(in_state, 0);
}

static void first_and_last_steps_are_kept_and_those_between_counted(void **state)
{
	_cleanup_(ct_history_fini) struct ct_history history = {0};
	const size_t half = CT_HISTORY_MAX / 2, steps = 200;

	for (size_t i = 0; i < steps; i++)
		enter(&history, (uint8_t)i, i);
	assert_int_equal(history.n_steps, CT_HISTORY_MAX);
	assert_int_equal(history.n_dropped, steps - CT_HISTORY_MAX);
	for (size_t i = 0; i < half; i++) {
		assert_int_equal(history.steps[i].state, i);
		assert_int_equal(history.steps[half + i].state, steps - half + i);
	}
}

static void history_that_just_fits_drops_nothing(void **state)
{
	_cleanup_(ct_history_fini) struct ct_history history = {0};

	for (uint8_t i = 0; i < CT_HISTORY_MAX; i++)
		enter(&history, i, i);
	assert_int_equal(history.n_dropped, 0);
	enter(&history, CT_HISTORY_MAX, CT_HISTORY_MAX);
	assert_int_equal(history.n_dropped, 1);
	assert_int_equal(history.steps[CT_HISTORY_MAX / 2].state, CT_HISTORY_MAX / 2 + 1);
}

static void end_of_an_empty_history_is_harmless(void **state)
{
	struct ct_history history = {0};
	uint64_t in_state = 0;

	ct_history_end(&history, 100, &in_state);
	assert_true(in_state == CT_NS_UNKNOWN);
	ct_history_end(&history, 100, NULL);
	ct_history_fini(&history);
	ct_history_fini(&history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_says_how_long_the_one_before_lasted),
		cmocka_unit_test(time_of_a_found_state_is_not_known),
		cmocka_unit_test(time_that_runs_backwards_is_zero),
		cmocka_unit_test(first_and_last_steps_are_kept_and_those_between_counted),
		cmocka_unit_test(history_that_just_fits_drops_nothing),
		cmocka_unit_test(end_of_an_empty_history_is_harmless),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
