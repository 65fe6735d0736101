// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../../src/table/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"

#define KEY 0x1a2b

/// What is kept of an entry.
#define KEPT offsetof(struct ct_entry, key)

/// So many of the code's malloc() are granted before one is not; the linker hands them to us
/// (--wrap, in the Makefile).
static size_t granted = SIZE_MAX;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	/* behind the one that is refused all are granted */
	return granted != SIZE_MAX && granted-- == 0 ? NULL : __real_malloc(size);
}

static struct ct_entry *an_entry(uint64_t key)
{
	struct ct_entry *entry = malloc(sizeof(*entry));

	assert_non_null(entry);
	*entry = ct_entry_unknown;
	entry->key = key;
	return entry;
}

static void free_entry(struct ct_entry **entry)
{
	ct_history_fini(&(*entry)->conn.history);
	free(*entry);
}

/// Takes ENTRY, and fails unless it is the same again behind being frozen.
static void assert_comes_back(struct ct_entry *entry)
{
	struct ct_entry before = *entry;
	_cleanup_(free_entry) struct ct_entry *thawed = NULL;
	struct ct_step steps[CT_HISTORY_MAX];
	size_t size = before.conn.history.n_steps * sizeof(*steps);
	uint32_t *frozen;

	if (size)
		memcpy(steps, before.conn.history.steps, size);
	frozen = ct_entry_freeze(entry);
	assert_non_null(frozen);
	assert_int_equal(ct_entry_frozen_generation(frozen), before.conn.id.generation);
	thawed = ct_entry_thaw(frozen, before.key);
	assert_non_null(thawed);
	assert_true(thawed->key == before.key);
	if (size)
		assert_memory_equal(thawed->conn.history.steps, steps, size);
	before.conn.history.steps = thawed->conn.history.steps;
	assert_memory_equal(thawed, &before, KEPT);
}

/// The history is memory of its own, and has to be true.
static bool is_of_history(size_t offset)
{
	size_t begin = offsetof(struct ct_entry, conn.history);

	return offset >= begin && offset < begin + sizeof(struct ct_history);
}

static void fill(struct ct_entry *entry, size_t offset, unsigned char byte)
{
	if (!is_of_history(offset))
		((unsigned char *)entry)[offset] = byte;
}

static void unknown_entry_comes_back(void **state)
{
	assert_comes_back(an_entry(KEY));
}

static void each_byte_comes_back(void **state)
{
	static const unsigned char bytes[] = {0x00, 0x01, 0x80, 0xff};

	for (size_t offset = 0; offset < KEPT; offset++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			struct ct_entry *entry = an_entry(KEY);

			fill(entry, offset, bytes[i]);
			assert_comes_back(entry);
		}
	}
}

/// The same numbers in every run.
static uint32_t random_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void whatever_is_known_comes_back(void **state)
{
	uint32_t seed = 1;

	for (unsigned int round = 0; round < 1000; round++) {
		struct ct_entry *entry = an_entry(random_number(&seed));
		uint32_t share = random_number(&seed) % 101;

		for (size_t offset = 0; offset < KEPT; offset++)
			if (random_number(&seed) % 100 < share)
				fill(entry, offset, (unsigned char)random_number(&seed));
		assert_comes_back(entry);
	}
}

static void history_of_any_length_comes_back(void **state)
{
	for (unsigned int length = 0; length <= 2 * CT_HISTORY_MAX; length++) {
		struct ct_entry *entry = an_entry(KEY);

		for (unsigned int i = 0; i < length; i++)
			assert_int_equal(ct_history_enter(&entry->conn.history,
							  (uint8_t)(1 + i % 11), (uint8_t)(i % 3),
							  i % 5 ? i * 7000000007ULL : CT_NS_UNKNOWN,
							  NULL),
					 0);
		assert_comes_back(entry);
	}
}

/// Whatever times are told: those that follow from each other, and those that do not.
static void times_come_back_whether_they_follow_or_not(void **state)
{
	static const uint64_t times[] = {CT_NS_UNKNOWN, 0, 1000, 5000000000, 700};

	for (size_t i = 0; i < 125; i++) {
		struct ct_entry *entry = an_entry(KEY);
		struct ct_history *history = &entry->conn.history;

		ct_history_enter(history, CT_STATE_SYN_RECV, 0, times[i % 5], NULL);
		ct_history_enter(history, CT_STATE_ESTABLISHED, 0, times[i / 5 % 5], NULL);
		ct_history_enter(history, CT_STATE_CLOSE_WAIT, 0, times[i / 25], NULL);
		entry->conn.opened_ns = times[i / 5 % 5];
		entry->conn.established_ns = times[i / 25];
		assert_int_equal(history->n_steps, 3);
		assert_comes_back(entry);
	}
}

static void history_goes_on_where_it_was(void **state)
{
	struct ct_entry *entry = an_entry(KEY);
	struct ct_history *history = &entry->conn.history;
	uint64_t in_state_ns;

	assert_int_equal(ct_history_enter(history, CT_STATE_SYN_SENT, 0, 100, NULL), 0);
	entry = ct_entry_thaw(ct_entry_freeze(entry), KEY);
	history = &entry->conn.history;
	for (unsigned int i = 0; i < CT_HISTORY_MAX + 3; i++)
		assert_int_equal(ct_history_enter(history, CT_STATE_ESTABLISHED, 0, 200 + i * 10,
						  &in_state_ns),
				 0);
	assert_int_equal(history->n_steps, CT_HISTORY_MAX);
	assert_int_equal(history->n_dropped, 4);
	assert_int_equal(history->steps[0].for_ns, 100);
	assert_int_equal(in_state_ns, 10);
	free_entry(&entry);
}

/// Cookie and key are the same, or there is no cookie; but who is to say?
static void cookie_comes_back_whatever_the_key(void **state)
{
	static const uint64_t keys[] = {0x1a2b, CT_KEY_MADE | 7, UINT64_MAX, 0};

	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++) {
			struct ct_entry *entry = an_entry(keys[i]);

			entry->conn.id.cookie = keys[j];
			assert_comes_back(entry);
		}
	}
}

static void melted_entry_has_all_but_its_history(void **state)
{
	struct ct_entry *entry = an_entry(KEY), melted;

	entry->conn.id.cookie = KEY;
	entry->conn.unread = 7;
	entry->conn.opened_ns = 1;
	entry->conn.marks = (struct ct_mark *)&melted;
	assert_int_equal(ct_history_enter(&entry->conn.history, CT_STATE_SYN_SENT, 0, 1, NULL), 0);
	ct_entry_melt(ct_entry_freeze(entry), KEY, &melted);
	assert_int_equal(melted.conn.id.cookie, KEY);
	assert_int_equal(melted.conn.unread, 7);
	assert_ptr_equal(melted.conn.marks, &melted);
	assert_true(melted.conn.opened_ns == 1);
	assert_null(melted.conn.history.steps);
	assert_int_equal(melted.conn.history.n_steps, 0);
}

static struct ct_entry *a_closing_entry(void)
{
	struct ct_entry *entry = an_entry(KEY);

	entry->conn.id.cookie = KEY;
	entry->conn.id.generation = 7;
	entry->conn.opened_ns = 100;
	ct_history_enter(&entry->conn.history, CT_STATE_SYN_SENT, 0, 100, NULL);
	ct_history_enter(&entry->conn.history, CT_STATE_ESTABLISHED, 0, 300, NULL);
	ct_history_enter(&entry->conn.history, CT_STATE_CLOSE_WAIT, 0, 900, NULL);
	return entry;
}

static void entry_is_unchanged_when_it_cannot_be_frozen(void **state)
{
	struct ct_entry *entry = a_closing_entry(), before = *entry;
	struct ct_step steps[3];

	memcpy(steps, entry->conn.history.steps, sizeof(steps));
	granted = 0;
	assert_null(ct_entry_freeze(entry));
	assert_memory_equal(entry, &before, KEPT);
	assert_memory_equal(entry->conn.history.steps, steps, sizeof(steps));
	assert_comes_back(entry);
}

static void entry_stays_frozen_when_it_cannot_be_thawed(void **state)
{
	_cleanup_(free_entry) struct ct_entry *thawed = NULL;
	uint32_t *frozen = ct_entry_freeze(a_closing_entry());

	for (size_t before = 0; before < 2; before++) {
		granted = before;
		assert_null(ct_entry_thaw(frozen, KEY));
		assert_true(granted == SIZE_MAX);
	}
	thawed = ct_entry_thaw(frozen, KEY);
	assert_non_null(thawed);
	assert_int_equal(thawed->conn.id.generation, 7);
	assert_int_equal(thawed->conn.history.n_steps, 3);
	assert_true(thawed->conn.history.steps[1].for_ns == 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_entry_comes_back),
		cmocka_unit_test(each_byte_comes_back),
		cmocka_unit_test(whatever_is_known_comes_back),
		cmocka_unit_test(history_of_any_length_comes_back),
		cmocka_unit_test(times_come_back_whether_they_follow_or_not),
		cmocka_unit_test(history_goes_on_where_it_was),
		cmocka_unit_test(cookie_comes_back_whatever_the_key),
		cmocka_unit_test(melted_entry_has_all_but_its_history),
		cmocka_unit_test(entry_is_unchanged_when_it_cannot_be_frozen),
		cmocka_unit_test(entry_stays_frozen_when_it_cannot_be_thawed),
	};

	return cmocka_run_group_tests_name("frozen", tests, NULL, NULL);
}
