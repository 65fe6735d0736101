// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `list --watch` knows of a connection from the looks before. */
#include "conntrace/sink_list_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/found_fixture.h"

#define MANY 5000

static struct ct_update an_established(uint64_t ts_ns)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	u.ts_ns = ts_ns;
	return u;
}

static uint64_t note(struct ct_list_memory *memory, struct ct_update u)
{
	uint64_t since_ns = 12345;

	assert_int_equal(ct_list_memory_note(memory, &u, &since_ns), 0);
	return since_ns;
}

static int make(void **state)
{
	struct ct_list_memory *memory = NULL;
	int r = ct_list_memory_new(&memory);

	*state = memory;
	return r;
}

static int forget(void **state)
{
	struct ct_list_memory *memory = *state;

	ct_list_memory_free(&memory);
	return 0;
}

static void first_look_goes_back_to_the_beginning(void **state)
{
	assert_true(note(*state, an_established(S)) == 0);
	ct_list_memory_turn(*state);
	assert_true(note(*state, an_established(2 * S)) == S);
	ct_list_memory_turn(*state);
	assert_true(note(*state, an_established(3 * S)) == S);
}

static void another_state_begins_anew(void **state)
{
	struct ct_update u = an_established(2 * S);

	note(*state, an_established(S));
	ct_list_memory_turn(*state);
	u.found.state = CT_STATE_CLOSE_WAIT;
	assert_true(note(*state, u) == 0);
	ct_list_memory_turn(*state);
	u.ts_ns = 3 * S;
	assert_true(note(*state, u) == 2 * S);
}

static void what_was_not_found_in_between_is_forgotten(void **state)
{
	note(*state, an_established(S));
	ct_list_memory_turn(*state);
	ct_list_memory_turn(*state);
	assert_true(note(*state, an_established(3 * S)) == 0);
}

static void another_life_of_the_socket_is_another_connection(void **state)
{
	struct ct_update next = an_established(2 * S), elsewhere = an_established(2 * S);

	next.id.generation = 1;
	elsewhere.id.rport = 81;
	note(*state, an_established(S));
	ct_list_memory_turn(*state);
	assert_true(note(*state, next) == 0);
	assert_true(note(*state, elsewhere) == 0);
}

static void what_has_no_number_is_never_known_again(void **state)
{
	struct ct_update u = a_found_request();

	assert_true(note(*state, u) == 0);
	ct_list_memory_turn(*state);
	u.ts_ns += S;
	assert_true(note(*state, u) == 0);
	assert_int_equal(ct_list_memory_counts(*state)[CT_STATE_SYN_RECV], 1);
}

static void counts_are_those_of_the_look(void **state)
{
	struct ct_update u = a_found_mini();

	note(*state, an_established(S));
	note(*state, u);
	assert_int_equal(ct_list_memory_counts(*state)[CT_STATE_ESTABLISHED], 1);
	assert_int_equal(ct_list_memory_counts(*state)[CT_STATE_TIME_WAIT], 1);
	ct_list_memory_turn(*state);
	assert_int_equal(ct_list_memory_counts(*state)[CT_STATE_ESTABLISHED], 0);
}

static void many_are_told_apart(void **state)
{
	struct ct_update u = an_established(0);

	for (uint64_t i = 1; i <= MANY; i++) {
		u.id.cookie = i;
		u.ts_ns = i;
		note(*state, u);
	}
	ct_list_memory_turn(*state);
	for (uint64_t i = 1; i <= MANY; i++) {
		u.id.cookie = i;
		u.ts_ns = MANY + i;
		assert_true(note(*state, u) == i);
	}
	assert_int_equal(ct_list_memory_counts(*state)[CT_STATE_ESTABLISHED], MANY);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_look_goes_back_to_the_beginning),
		TEST(another_state_begins_anew),
		TEST(what_was_not_found_in_between_is_forgotten),
		TEST(another_life_of_the_socket_is_another_connection),
		TEST(what_has_no_number_is_never_known_again),
		TEST(counts_are_those_of_the_look),
		TEST(many_are_told_apart),
	};

	return cmocka_run_group_tests_name("list_memory", tests, NULL, NULL);
}
