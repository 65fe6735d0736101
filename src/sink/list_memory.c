// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_list_memory.h"

#define SLOTS_MIN 256 /// a power of two

/// One connection. An empty slot has no cookie.
struct seen {
	uint64_t cookie;
	uint64_t since_ns;
	uint32_t ends; /// of its addresses: a socket may be connected anew between two looks
	uint16_t generation;
	uint8_t state; /// enum ct_state
};

/// Open addressing, a power of two of slots, never more than half of them taken.
struct look {
	struct seen *slots; /// owned; NULL: nothing was seen
	size_t n_slots;
	size_t n;
};

struct ct_list_memory {
	struct look before;
	struct look now;
	uint64_t counts[_CT_STATE_MAX]; /// of this look
};

/// FNV-1a.
static uint32_t add_to_hash(uint32_t hash, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 16777619U;
	return hash;
}

static uint32_t hash_ends(const struct ct_conn_id *id)
{
	uint32_t hash = add_to_hash(2166136261U, id->laddr, sizeof(id->laddr));

	hash = add_to_hash(hash, id->raddr, sizeof(id->raddr));
	hash = add_to_hash(hash, &id->lport, sizeof(id->lport));
	return add_to_hash(hash, &id->rport, sizeof(id->rport));
}

/// Where it is, or the empty slot where it would be.
static struct seen *find(const struct look *look, const struct seen *wanted)
{
	size_t mask = look->n_slots - 1;
	size_t i = add_to_hash(wanted->generation, &wanted->cookie, sizeof(wanted->cookie)) & mask;

	while (look->slots[i].cookie && (look->slots[i].cookie != wanted->cookie ||
					 look->slots[i].generation != wanted->generation))
		i = (i + 1) & mask;
	return &look->slots[i];
}

static int grow(struct look *look)
{
	struct look larger = {.n_slots = look->n_slots ? look->n_slots * 2 : SLOTS_MIN,
			      .n = look->n};

	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < look->n_slots; i++)
		if (look->slots[i].cookie)
			*find(&larger, &look->slots[i]) = look->slots[i];
	free(look->slots);
	*look = larger;
	return 0;
}

static int keep(struct look *look, const struct seen *seen)
{
	struct seen *slot;
	int r = look->n * 2 >= look->n_slots ? grow(look) : 0;

	if (r)
		return r;
	slot = find(look, seen);
	look->n += slot->cookie == 0;
	*slot = *seen;
	return 0;
}

/// When it was first seen so; 0: it was not.
static uint64_t since(const struct look *look, const struct seen *seen)
{
	const struct seen *slot = look->n_slots ? find(look, seen) : NULL;

	if (!slot || !slot->cookie || slot->state != seen->state || slot->ends != seen->ends)
		return 0;
	return slot->since_ns;
}

int ct_list_memory_new(struct ct_list_memory **ret)
{
	struct ct_list_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return -ENOMEM;
	*ret = memory;
	return 0;
}

void ct_list_memory_free(struct ct_list_memory **memory)
{
	struct ct_list_memory *m = CT_TAKE_PTR(*memory);

	if (!m)
		return;
	free(m->before.slots);
	free(m->now.slots);
	free(m);
}

int ct_list_memory_note(struct ct_list_memory *memory, const struct ct_update *update,
			uint64_t *ret_since_ns)
{
	struct seen seen = {
		.cookie = update->id.cookie,
		.ends = hash_ends(&update->id),
		.generation = update->id.generation,
		.state = update->found.state,
	};
	uint64_t since_ns = seen.cookie ? since(&memory->before, &seen) : 0;
	int r = 0;

	seen.since_ns = since_ns ? since_ns : update->ts_ns;
	if (seen.cookie) /* by its addresses alone nobody knows it again */
		r = keep(&memory->now, &seen);
	if (r)
		return r;
	if (seen.state < _CT_STATE_MAX)
		memory->counts[seen.state]++;
	*ret_since_ns = since_ns;
	return 0;
}

const uint64_t *ct_list_memory_counts(const struct ct_list_memory *memory)
{
	return memory->counts;
}

void ct_list_memory_turn(struct ct_list_memory *memory)
{
	free(memory->before.slots);
	memory->before = memory->now;
	memory->now = (struct look){};
	memset(memory->counts, 0, sizeof(memory->counts));
}
