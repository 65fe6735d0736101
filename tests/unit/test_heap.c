// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../../src/table/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"

#define N 500

static void set(struct ct_heap *heap, struct ct_entry *entry, uint64_t deadline_ns)
{
	assert_int_equal(ct_heap_set(heap, entry, deadline_ns), 0);
}

/// Every member knows its place, and none is earlier than its parent.
static void check(const struct ct_heap *heap)
{
	for (size_t i = 0; i < heap->n; i++) {
		assert_int_equal(heap->dues[i].entry->heap_index, i);
		assert_true(heap->dues[i].deadline_ns == heap->dues[i].entry->deadline_ns);
		assert_true(heap->dues[(i ? i - 1 : 0) / 2].deadline_ns <=
			    heap->dues[i].deadline_ns);
	}
}

/// The same numbers in every run.
static uint32_t random_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void entries_leave_in_order_of_their_deadlines(void **state)
{
	_cleanup_(ct_heap_fini) struct ct_heap heap = {0};
	struct ct_entry entries[N];
	uint64_t before = 0;
	uint32_t seed = 1;

	for (size_t i = 0; i < N; i++) {
		entries[i].deadline_ns = CT_NS_UNKNOWN;
		set(&heap, &entries[i], random_number(&seed) % 1000);
	}
	check(&heap);
	while (ct_heap_first(&heap)) {
		struct ct_entry *first = ct_heap_first(&heap);

		assert_true(first->deadline_ns >= before);
		before = first->deadline_ns;
		set(&heap, first, CT_NS_UNKNOWN);
	}
	assert_int_equal(heap.n, 0);
}

static void first_is_the_earliest_whatever_is_moved_or_taken_out(void **state)
{
	_cleanup_(ct_heap_fini) struct ct_heap heap = {0};
	struct ct_entry entries[N];
	uint32_t seed = 2;

	for (size_t i = 0; i < N; i++)
		entries[i].deadline_ns = CT_NS_UNKNOWN;
	for (int round = 0; round < 20000; round++) {
		struct ct_entry *entry = &entries[random_number(&seed) % N];
		uint64_t deadline_ns = random_number(&seed) % 1000;

		set(&heap, entry, deadline_ns < 300 ? CT_NS_UNKNOWN : deadline_ns);
		if (round % 100 == 0)
			check(&heap);
	}
	check(&heap);
}

static void entry_without_a_deadline_is_not_in_it(void **state)
{
	_cleanup_(ct_heap_fini) struct ct_heap heap = {0};
	struct ct_entry entry = {.deadline_ns = CT_NS_UNKNOWN};

	set(&heap, &entry, CT_NS_UNKNOWN);
	assert_null(ct_heap_first(&heap));
	set(&heap, &entry, 7);
	assert_ptr_equal(ct_heap_first(&heap), &entry);
	set(&heap, &entry, CT_NS_UNKNOWN);
	assert_null(ct_heap_first(&heap));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_leave_in_order_of_their_deadlines),
		cmocka_unit_test(first_is_the_earliest_whatever_is_moved_or_taken_out),
		cmocka_unit_test(entry_without_a_deadline_is_not_in_it),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
