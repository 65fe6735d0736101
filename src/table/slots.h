/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is kept of an entry in any case, awake or frozen: its key, its places among the others, and
 * where the rest of it is. A number names it for as long as it is in the table; 0 is none.
 *
 * The same key may be there several times: generations of one cookie. The newest of them is found
 * first, and it alone is in the order of coming.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_entry;

struct ct_slot {
	uint64_t key; /// the cookie, or one of CT_KEY_MADE
	union {
		struct ct_entry *entry; /// owned by the table; NULL: this slot is free
		uint32_t *frozen;	/// owned by the table, when is_frozen; see frozen.c
	};
	uint32_t chained; /// the next of its chain, the older ones of a key behind the newer; of a
			  /// free slot the next that is free
	uint32_t before;  /// in the order of coming
	uint32_t after;
	bool is_frozen;
};
_Static_assert(sizeof(struct ct_slot) == 32, "a million of them take 32 MiB");

/// Begins with all of it 0, or with a factor. Never shrinks.
struct ct_slots {
	struct ct_slot *all; /// owned; all[0] is none
	uint32_t n_all;	     /// of them those that were ever taken, all[0] too
	uint32_t capacity;
	uint32_t free; /// the first that was given back
	uint32_t n_taken;
	uint32_t *chains;  /// owned: the first of each
	unsigned int bits; /// 1 << bits chains
	uint64_t factor;   /// odd: of a key and this one, its chain is made; 0: take one
	uint32_t first;	   /// in the order of coming
	uint32_t last;
	uint64_t
		greatest[2]; /// key that was ever linked: of those below 1 << 63, and of the others
};

/// The slot NUMBER, to be looked at only until the next ct_slots_take().
static inline struct ct_slot *ct_slot(const struct ct_slots *slots, uint32_t number)
{
	return &slots->all[number];
}

/// A slot, all of it 0. 0; -ENOMEM, *ret is unchanged then.
int ct_slots_take(struct ct_slots *slots, uint32_t *ret);
/// It must not be linked.
void ct_slots_give_back(struct ct_slots *slots, uint32_t number);

/// Makes it the newest with KEY, and the last in the order of coming.
void ct_slots_link(struct ct_slots *slots, uint32_t number, uint64_t key);
/// If it was the newest with its key, the next older one is that now, and has come last.
void ct_slots_unlink(struct ct_slots *slots, uint32_t number);

/// The newest with KEY; 0: none.
uint32_t ct_slots_find(const struct ct_slots *slots, uint64_t key);
/// The next older one with the key of NUMBER; 0: none.
uint32_t ct_slots_older(const struct ct_slots *slots, uint32_t number);

void ct_slots_fini(struct ct_slots *slots);
