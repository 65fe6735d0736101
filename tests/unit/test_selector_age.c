// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long a life lasts: it is held back until it is old enough, and comes whole. */
#include "selector_fixture.h"

#define MIN_AGE (5 * S)

static struct ct_step established[] = {{.state = CT_STATE_ESTABLISHED}};

/// It began with the session.
static void begin_by_age(struct fixture *f)
{
	f->select.min_age_ns = MIN_AGE;
	f->conn.opened_ns = BEGAN;
	f->conn.closed_ns = CT_NS_UNKNOWN;
	f->conn.history = (struct ct_history){.steps = established, .n_steps = 1};
	begin(f);
}

static void closes(struct fixture *f, uint64_t after_ns)
{
	f->conn.phase = CT_PHASE_CLOSED;
	f->conn.closed_ns = BEGAN + after_ns;
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_CLOSE, after_ns);
}

static void life_that_is_old_enough_comes_whole(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	assert_true(f->conn.wants_ns == BEGAN + MIN_AGE); /* nothing else need happen to it */
	passes(f, MIN_AGE - 1);
	assert_silence(&f->told);
	passes(f, MIN_AGE);
	assert_told(&f->told, "CLOSE>SYN_SENT ?", "SYN_SENT>ESTABLISHED ?");
	closes(f, 6 * S);
	assert_told(&f->told, "ESTABLISHED>CLOSE ?");
}

static void life_that_ends_before_is_dropped_whole(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	closes(f, MIN_AGE - 1);
	passes(f, MIN_AGE + S); /* decided is decided */
	leaves(f);
	assert_silence(&f->told);
}

static void life_that_ends_at_the_age_asked_for_is_old_enough(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	closes(f, MIN_AGE);
	assert_told(&f->told, "CLOSE>SYN_SENT ?", "ESTABLISHED>CLOSE ?");
}

static void life_that_is_too_young_at_the_end_of_the_stream_is_dropped(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	passes(f, MIN_AGE - 1);
	assert_int_equal(ct_selector_settle(f->selector, &f->conn), 0);
	leaves(f);
	assert_silence(&f->told);
}

/// Since when it is there nobody knows: it is as old as it has been seen.
static void found_life_is_selected_when_it_was_seen_for_so_long(void **state)
{
	struct fixture *f = *state;
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	begin_by_age(f);
	f->conn.opened_ns = CT_NS_UNKNOWN;
	u.ts_ns = BEGAN + S;
	u.found.state = CT_STATE_ESTABLISHED;
	update(f, u);
	assert_true(f->conn.wants_ns == BEGAN + S + MIN_AGE);
	passes(f, S + MIN_AGE - 1);
	assert_silence(&f->told);
	passes(f, S + MIN_AGE);
	assert_told(&f->told, "found ESTABLISHED");
}

static void found_life_that_ends_before_is_never_taken_for_old(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	f->conn.opened_ns = CT_NS_UNKNOWN;
	passes(f, S);
	closes(f, S + MIN_AGE - 1);
	leaves(f);
	assert_silence(&f->told);
}

/// As `list` looks: once, and that was all.
static uint64_t unknown_ages(struct fixture *f, uint64_t idle_ns)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	begin_by_age(f);
	f->conn.opened_ns = CT_NS_UNKNOWN;
	f->conn.found_ns = u.ts_ns;
	f->conn.idle_ns = idle_ns;
	u.found.state = CT_STATE_ESTABLISHED;
	update(f, u);
	assert_int_equal(ct_selector_settle(f->selector, &f->conn), 0);
	return ct_selector_unknown_ages(f->selector);
}

static void found_life_that_was_silent_for_long_is_old_at_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unknown_ages(f, MIN_AGE), 0);
	assert_told(&f->told, "found ESTABLISHED");
}

static void age_that_is_not_known_is_counted(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unknown_ages(f, MIN_AGE - 1), 1);
	assert_silence(&f->told);
}

static void age_that_nothing_hangs_on_is_not_counted(void **state)
{
	static struct ct_port_range port[] = {{81, 81}};
	struct fixture *f = *state;

	f->select.rports = (struct ct_port_list){port, 1}; /* it is not to that one */
	assert_int_equal(unknown_ages(f, 0), 0);
	assert_silence(&f->told);
}

static void age_that_is_known_to_be_too_low_is_not_counted(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	assert_int_equal(ct_selector_settle(f->selector, &f->conn), 0);
	assert_int_equal(ct_selector_unknown_ages(f->selector), 0);
	assert_silence(&f->told);
}

/// Behind its owner, which is told before it.
static void beginning_that_becomes_known_is_what_counts(void **state)
{
	struct fixture *f = *state;

	begin_by_age(f);
	f->conn.opened_ns = CT_NS_UNKNOWN;
	f->conn.history.n_steps = 0;
	passes(f, 3 * S);
	f->conn.opened_ns = BEGAN + 3 * S;
	f->conn.history.n_steps = 1;
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 3 * S);
	assert_true(f->conn.wants_ns == BEGAN + 3 * S + MIN_AGE);
	assert_silence(&f->told);
}

/// Whoever is selected by others, too, is waited for no longer than needed.
static void other_conditions_are_met_as_well(void **state)
{
	struct fixture *f = *state;

	f->select.lports = (struct ct_port_list){port_45678, 1};
	begin_by_age(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	passes(f, MIN_AGE);
	assert_silence(&f->told); /* its port is not known yet */
	f->conn.id.lport = 45678;
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 6 * S);
	assert_told(&f->told, "CLOSE>SYN_SENT ?", "SYN_SENT>ESTABLISHED ?");
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(life_that_is_old_enough_comes_whole),
		test(life_that_ends_before_is_dropped_whole),
		test(life_that_ends_at_the_age_asked_for_is_old_enough),
		test(life_that_is_too_young_at_the_end_of_the_stream_is_dropped),
		test(found_life_is_selected_when_it_was_seen_for_so_long),
		test(found_life_that_ends_before_is_never_taken_for_old),
		test(found_life_that_was_silent_for_long_is_old_at_once),
		test(age_that_is_not_known_is_counted),
		test(age_that_nothing_hangs_on_is_not_counted),
		test(age_that_is_known_to_be_too_low_is_not_counted),
		test(beginning_that_becomes_known_is_what_counts),
		test(other_conditions_are_met_as_well),
	};

	return cmocka_run_group_tests_name("selector_age", tests, NULL, NULL);
}
