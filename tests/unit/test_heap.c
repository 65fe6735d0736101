// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../../src/table/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define N 500

/// Entries 1 to N, and the deadlines that they were given.
struct fixture {
	struct ct_heap heap;
	uint64_t deadlines[N + 1];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	for (size_t i = 0; i <= N; i++)
		f->deadlines[i] = CT_NS_UNKNOWN;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ct_heap_fini(&f->heap);
	free(f);
	return 0;
}

static void set(struct fixture *f, uint32_t number, uint64_t deadline_ns)
{
	assert_int_equal(ct_heap_set(&f->heap, number, deadline_ns), 0);
	f->deadlines[number] = deadline_ns;
}

/// Every member knows its place, and none is earlier than its parent; no other has a place.
static void check(const struct fixture *f)
{
	const struct ct_heap *heap = &f->heap;
	size_t n = 0;

	for (size_t i = 0; i < heap->n; i++) {
		assert_int_equal(heap->places[heap->dues[i].number], i + 1);
		assert_true(heap->dues[i].deadline_ns == f->deadlines[heap->dues[i].number]);
		assert_true(heap->dues[(i ? i - 1 : 0) / 2].deadline_ns <=
			    heap->dues[i].deadline_ns);
	}
	for (size_t i = 0; i < heap->n_places; i++)
		n += heap->places[i] != 0;
	assert_int_equal(n, heap->n);
}

/// The same numbers in every run.
static uint32_t random_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void entries_leave_in_order_of_their_deadlines(void **state)
{
	struct fixture *f = *state;
	uint64_t before = 0;
	uint32_t seed = 1, first;

	for (uint32_t i = 1; i <= N; i++)
		set(f, i, random_number(&seed) % 1000);
	check(f);
	while ((first = ct_heap_first(&f->heap))) {
		assert_true(ct_heap_first_ns(&f->heap) == f->deadlines[first]);
		assert_true(f->deadlines[first] >= before);
		before = f->deadlines[first];
		set(f, first, CT_NS_UNKNOWN);
	}
	assert_int_equal(f->heap.n, 0);
	check(f);
}

static void first_is_the_earliest_whatever_is_moved_or_taken_out(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 2;

	for (int round = 0; round < 20000; round++) {
		uint32_t number = 1 + random_number(&seed) % N;
		uint64_t deadline_ns = random_number(&seed) % 1000;

		set(f, number, deadline_ns < 300 ? CT_NS_UNKNOWN : deadline_ns);
		if (round % 100 == 0)
			check(f);
	}
	check(f);
}

static void entry_without_a_deadline_is_not_in_it(void **state)
{
	struct fixture *f = *state;

	set(f, 1, CT_NS_UNKNOWN);
	assert_int_equal(ct_heap_first(&f->heap), 0);
	assert_true(ct_heap_first_ns(&f->heap) == CT_NS_UNKNOWN);
	set(f, 1, 7);
	assert_int_equal(ct_heap_first(&f->heap), 1);
	assert_true(ct_heap_first_ns(&f->heap) == 7);
	set(f, 1, CT_NS_UNKNOWN);
	assert_int_equal(ct_heap_first(&f->heap), 0);
}

/// The first that has a deadline need not be the first that there is, and many may be without.
static void entry_of_a_high_number_finds_a_place(void **state)
{
	struct fixture *f = *state;

	set(f, N, CT_NS_UNKNOWN);
	assert_null(f->heap.places);
	set(f, N, 7);
	set(f, 1, 8);
	check(f);
	assert_int_equal(ct_heap_first(&f->heap), N);
	set(f, N, 9);
	assert_int_equal(ct_heap_first(&f->heap), 1);
	check(f);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(entries_leave_in_order_of_their_deadlines),
		test(first_is_the_earliest_whatever_is_moved_or_taken_out),
		test(entry_without_a_deadline_is_not_in_it),
		test(entry_of_a_high_number_finds_a_place),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
