// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A hash table of our own: a handle of uthash takes 56 bytes, which is more than half of what there
 * is to be kept of an idle connection. A number instead of a pointer takes 4.
 */
#include "slots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define CAPACITY_MIN 64
#define CAPACITY_MAX (1U << 30)
#define BITS_MIN     6
/// 1 << 64 by the golden ratio, odd: no fraction comes near it.
#define GOLDEN 0x9E3779B97F4A7C15ULL

/*
 * Each CPU hands out cookies one by one out of its own thousands: they must not meet in one chain.
 * The factor alone would let them: one that lies near half of 1 << 64, or near a third, counts
 * through two chains or three. So what it makes is folded and multiplied once more.
 */
static size_t chain_of(const struct ct_slots *slots, uint64_t key)
{
	uint64_t made = key * slots->factor;

	made ^= made >> 32;
	return made * GOLDEN >> (64 - slots->bits);
}

/*
 * Another one in each process, from what the kernel gives to each (getauxval(3)): who makes a
 * recording cannot choose keys that all meet in one chain.
 */
static uint64_t make_factor(void)
{
	const void *random =
		(const void *)getauxval(AT_RANDOM); // NOLINT(performance-no-int-to-ptr)
	uint64_t factor = GOLDEN, bits;

	if (random) {
		memcpy(&bits, random, sizeof(bits));
		factor ^= bits;
	}
	return factor | 1;
}

/* It becomes two, in each of which the order stays as it was. */
static void split(struct ct_slots *slots, size_t chain)
{
	uint32_t number = slots->chains[chain];
	uint32_t *ends[] = {&slots->chains[2 * chain], &slots->chains[2 * chain + 1]};

	while (number) {
		struct ct_slot *slot = ct_slot(slots, number);
		size_t half = chain_of(slots, slot->key) & 1;

		*ends[half] = number;
		ends[half] = &slot->chained;
		number = slot->chained;
	}
	*ends[0] = 0;
	*ends[1] = 0;
}

static int add_chains(struct ct_slots *slots)
{
	size_t n_before = slots->bits ? (size_t)1 << slots->bits : 0;
	unsigned int bits = slots->bits ? slots->bits + 1 : BITS_MIN;
	uint32_t *chains = realloc(slots->chains, sizeof(*chains) << bits);

	if (!chains)
		return -ENOMEM;
	if (!n_before) {
		memset(chains, 0, sizeof(*chains) << bits);
		if (!slots->factor)
			slots->factor = make_factor();
	}
	slots->chains = chains;
	slots->bits = bits;
	/* the last one first: what is made of it takes the place of none that is to come */
	for (size_t chain = n_before; chain-- > 0;)
		split(slots, chain);
	return 0;
}

static int grow(struct ct_slots *slots)
{
	uint32_t capacity = slots->capacity ? slots->capacity * 2 : CAPACITY_MIN;
	struct ct_slot *all;

	if (slots->n_all < slots->capacity)
		return 0;
	if (capacity > CAPACITY_MAX)
		return -ENOMEM;
	all = realloc(slots->all, capacity * sizeof(*all));
	if (!all)
		return -ENOMEM;
	slots->all = all;
	slots->capacity = capacity;
	if (!slots->n_all) {
		all[0] = (struct ct_slot){0};
		slots->n_all = 1;
	}
	return 0;
}

int ct_slots_take(struct ct_slots *slots, uint32_t *ret)
{
	bool is_full = !slots->bits || slots->n_taken >= (size_t)1 << slots->bits;
	uint32_t number = slots->free;

	/* if there is no memory for more, longer chains will do */
	if (is_full && add_chains(slots) < 0 && !slots->bits)
		return -ENOMEM;
	if (number) {
		slots->free = ct_slot(slots, number)->chained;
	} else {
		if (grow(slots) < 0)
			return -ENOMEM;
		number = slots->n_all++;
	}
	*ct_slot(slots, number) = (struct ct_slot){0};
	slots->n_taken++;
	*ret = number;
	return 0;
}

void ct_slots_give_back(struct ct_slots *slots, uint32_t number)
{
	*ct_slot(slots, number) = (struct ct_slot){.chained = slots->free};
	slots->free = number;
	slots->n_taken--;
}

/* NUMBER, or the next behind it, that has KEY. */
static uint32_t first_with(const struct ct_slots *slots, uint32_t number, uint64_t key)
{
	while (number && ct_slot(slots, number)->key != key)
		number = ct_slot(slots, number)->chained;
	return number;
}

/*
 * The kernel counts cookies up, on each CPU, so that a new socket's is mostly greater than all that
 * were seen: then there is no need to wait for the memory that would tell that nobody has it.
 */
static bool is_greater_than_all(const struct ct_slots *slots, uint64_t key)
{
	return key > slots->greatest[key >> 63];
}

uint32_t ct_slots_find(const struct ct_slots *slots, uint64_t key)
{
	if (is_greater_than_all(slots, key))
		return 0;
	return slots->bits ? first_with(slots, slots->chains[chain_of(slots, key)], key) : 0;
}

uint32_t ct_slots_older(const struct ct_slots *slots, uint32_t number)
{
	const struct ct_slot *slot = ct_slot(slots, number);

	return first_with(slots, slot->chained, slot->key);
}

static void come_last(struct ct_slots *slots, uint32_t number)
{
	struct ct_slot *slot = ct_slot(slots, number);

	slot->before = slots->last;
	slot->after = 0;
	*(slots->last ? &ct_slot(slots, slots->last)->after : &slots->first) = number;
	slots->last = number;
}

static void leave_order(struct ct_slots *slots, uint32_t number)
{
	const struct ct_slot *slot = ct_slot(slots, number);

	*(slot->before ? &ct_slot(slots, slot->before)->after : &slots->first) = slot->after;
	*(slot->after ? &ct_slot(slots, slot->after)->before : &slots->last) = slot->before;
}

void ct_slots_link(struct ct_slots *slots, uint32_t number, uint64_t key)
{
	uint32_t *chain = &slots->chains[chain_of(slots, key)];
	bool is_new = is_greater_than_all(slots, key);
	uint32_t newest = is_new ? 0 : first_with(slots, *chain, key);
	struct ct_slot *slot = ct_slot(slots, number);

	if (is_new)
		slots->greatest[key >> 63] = key;
	if (newest)
		leave_order(slots, newest);
	slot->key = key;
	slot->chained = *chain;
	*chain = number;
	come_last(slots, number);
}

void ct_slots_unlink(struct ct_slots *slots, uint32_t number)
{
	const struct ct_slot *slot = ct_slot(slots, number);
	uint32_t *link = &slots->chains[chain_of(slots, slot->key)];
	uint32_t newest = first_with(slots, *link, slot->key),
		 older = ct_slots_older(slots, number);

	while (*link != number)
		link = &ct_slot(slots, *link)->chained;
	*link = slot->chained;
	if (newest != number)
		return;
	leave_order(slots, number);
	if (older)
		come_last(slots, older);
}

void ct_slots_fini(struct ct_slots *slots)
{
	free(slots->all);
	free(slots->chains);
	*slots = (struct ct_slots){0};
}
