// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../../src/table/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"

/// More than there are chains at first, several times over.
#define MANY 5000

static uint32_t add(struct ct_slots *slots, uint64_t key)
{
	uint32_t number = 0;

	assert_int_equal(ct_slots_take(slots, &number), 0);
	assert_int_not_equal(number, 0);
	ct_slots_link(slots, number, key);
	return number;
}

static void take_off(struct ct_slots *slots, uint32_t number)
{
	ct_slots_unlink(slots, number);
	ct_slots_give_back(slots, number);
}

/// The keys in the order of coming, forwards and backwards.
static void check_order(const struct ct_slots *slots, const uint64_t *keys, size_t n)
{
	uint32_t number = slots->first, before = 0;

	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(number, 0);
		assert_true(ct_slot(slots, number)->key == keys[i]);
		assert_int_equal(ct_slot(slots, number)->before, before);
		before = number;
		number = ct_slot(slots, number)->after;
	}
	assert_int_equal(number, 0);
	assert_int_equal(slots->last, before);
}

static void nothing_is_found_where_nothing_is(void **state)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {0};
	uint32_t number;

	assert_int_equal(ct_slots_find(&slots, 7), 0);
	number = add(&slots, 7);
	assert_int_equal(ct_slots_find(&slots, 8), 0);
	assert_int_equal(ct_slots_find(&slots, 7), number);
	take_off(&slots, number);
	assert_int_equal(ct_slots_find(&slots, 7), 0);
	check_order(&slots, NULL, 0);
}

/// Cookies come one by one, or in the thousands of another CPU.
static uint64_t key_of(size_t i)
{
	return i % 2 ? i : i << 44;
}

static void each_of_many_is_found_by_its_key(void **state)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {0};
	uint32_t numbers[MANY];

	for (size_t i = 0; i < MANY; i++)
		numbers[i] = add(&slots, key_of(i + 1));
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(ct_slots_find(&slots, key_of(i + 1)), numbers[i]);
	for (size_t i = 0; i < MANY; i += 3)
		take_off(&slots, numbers[i]);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(ct_slots_find(&slots, key_of(i + 1)), i % 3 ? numbers[i] : 0);
}

/// Those of what has no cookie are greater than all that the kernel gives.
static void greater_key_does_not_hide_a_smaller_one(void **state)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {0};
	const uint64_t keys[] = {1ULL << 63 | 2, 9, 1ULL << 63 | 1, 7, 11, 1ULL << 63};
	uint32_t numbers[CT_COUNT(keys)];

	for (size_t i = 0; i < CT_COUNT(keys); i++) {
		assert_int_equal(ct_slots_find(&slots, keys[i]), 0);
		numbers[i] = add(&slots, keys[i]);
	}
	for (size_t i = 0; i < CT_COUNT(keys); i++)
		assert_int_equal(ct_slots_find(&slots, keys[i]), numbers[i]);
	take_off(&slots, numbers[4]);
	assert_int_equal(ct_slots_find(&slots, 11), 0);
	assert_int_equal(ct_slots_find(&slots, 9), numbers[1]);
}

/// Of MANY keys that were counted up one by one.
static size_t longest_chain(uint64_t factor)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {.factor = factor};
	size_t longest = 0;

	for (size_t i = 0; i < MANY; i++)
		add(&slots, 0x1000 + i);
	for (size_t chain = 0; chain < (size_t)1 << slots.bits; chain++) {
		size_t length = 0;

		for (uint32_t n = slots.chains[chain]; n; n = ct_slot(&slots, n)->chained)
			length++;
		longest = length > longest ? length : longest;
	}
	return longest;
}

/// Whatever factor the process was given. Of MANY keys thrown by dice into 8192 chains, one with
/// more than twelve comes once in a thousand million times.
static void chains_stay_short(void **state)
{
	const uint64_t factors[] = {
		0, /* this process's own */
		1,
		3,
		UINT64_MAX,
		1ULL << 32 | 1,
		1ULL << 62 | 1,
		1ULL << 63 | 1,
		UINT64_MAX / 3,
		UINT64_MAX / 5,
	};

	for (size_t i = 0; i < CT_COUNT(factors); i++)
		assert_in_range(longest_chain(factors[i]), 1, 12);
}

static void slot_that_was_given_back_is_taken_again(void **state)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {0};
	uint32_t first = add(&slots, 1), n_all;

	add(&slots, 2);
	n_all = slots.n_all;
	take_off(&slots, first);
	assert_null(ct_slot(&slots, first)->entry);
	assert_int_equal(add(&slots, 3), first);
	assert_int_equal(slots.n_all, n_all);
	assert_int_equal(slots.n_taken, 2);
}

static void newest_of_a_key_is_found_and_the_others_behind_it(void **state)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {0};
	uint32_t lives[3];

	for (size_t i = 0; i < 3; i++) {
		lives[i] = add(&slots, 7);
		for (size_t j = 0; j < MANY; j++) /* the chains are split between them */
			add(&slots, 0x10000 * (i + 1) + j);
	}
	assert_int_equal(ct_slots_find(&slots, 7), lives[2]);
	assert_int_equal(ct_slots_older(&slots, lives[2]), lives[1]);
	assert_int_equal(ct_slots_older(&slots, lives[1]), lives[0]);
	assert_int_equal(ct_slots_older(&slots, lives[0]), 0);
	take_off(&slots, lives[1]);
	assert_int_equal(ct_slots_older(&slots, lives[2]), lives[0]);
	take_off(&slots, lives[2]);
	assert_int_equal(ct_slots_find(&slots, 7), lives[0]);
}

static void newest_of_each_key_are_in_the_order_of_coming(void **state)
{
	_cleanup_(ct_slots_fini) struct ct_slots slots = {0};
	uint32_t one = add(&slots, 1), two = add(&slots, 2), three = add(&slots, 3), again;

	check_order(&slots, (uint64_t[]){1, 2, 3}, 3);
	again = add(&slots, 1);
	check_order(&slots, (uint64_t[]){2, 3, 1}, 3);
	assert_int_equal(slots.last, again);
	add(&slots, 4);
	take_off(&slots, again); /* who was before it comes anew */
	check_order(&slots, (uint64_t[]){2, 3, 4, 1}, 4);
	assert_int_equal(slots.last, one);
	again = add(&slots, 2);
	check_order(&slots, (uint64_t[]){3, 4, 1, 2}, 4);
	take_off(&slots, two); /* it stood behind another */
	check_order(&slots, (uint64_t[]){3, 4, 1, 2}, 4);
	assert_int_equal(slots.last, again);
	take_off(&slots, three);
	check_order(&slots, (uint64_t[]){4, 1, 2}, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_found_where_nothing_is),
		cmocka_unit_test(each_of_many_is_found_by_its_key),
		cmocka_unit_test(greater_key_does_not_hide_a_smaller_one),
		cmocka_unit_test(chains_stay_short),
		cmocka_unit_test(slot_that_was_given_back_is_taken_again),
		cmocka_unit_test(newest_of_a_key_is_found_and_the_others_behind_it),
		cmocka_unit_test(newest_of_each_key_are_in_the_order_of_coming),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
