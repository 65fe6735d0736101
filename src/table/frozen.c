// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Of a connection that nothing has happened to for a while, what is kept of its entry are the words
 * in which it differs from the entry of one that nothing is known of, each 32 of them behind a
 * bitmap that says which they are. What is behind `key` in struct ct_entry is not kept.
 *
 * What was frozen comes back as it was, to the last bit. Whoever adds a field to struct ct_conn
 * need not think of this: the few that are named here are those that are kept elsewhere, or twice.
 */
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define GROUP		32 /* words that one bitmap is of */
#define WITH_BITMAPS(n) ((n) + ((n) + GROUP - 1) / GROUP)

/* As long as nobody has set others: TCP_KEEPALIVE_TIME …, include/net/tcp.h */
#define KEEPALIVE_TIME_S     7200
#define KEEPALIVE_INTERVAL_S 75
#define KEEPALIVE_PROBES     9

/* A structure is looked at word by word, whatever it is made of. */
typedef uint32_t __attribute__((may_alias)) word;

#define ENTRY_WORDS (offsetof(struct ct_entry, key) / sizeof(word))
#define STEP_WORDS  (sizeof(struct ct_step) / sizeof(word))
#define STEPS_WORDS (CT_HISTORY_MAX * STEP_WORDS)
#define FROZEN_MAX  (WITH_BITMAPS(ENTRY_WORDS) + WITH_BITMAPS(STEPS_WORDS))

_Static_assert(offsetof(struct ct_entry, key) % sizeof(word) == 0, "whole words");
_Static_assert(sizeof(struct ct_step) % sizeof(word) == 0, "whole words");
_Static_assert(offsetof(struct ct_conn, phase) / sizeof(word) ==
		       offsetof(struct ct_conn, options_known) / sizeof(word),
	       "what is known of most is in one word");

const struct ct_entry ct_entry_unknown = {
	.conn = {.opened_ns = CT_NS_UNKNOWN,
		 .closed_ns = CT_NS_UNKNOWN,
		 .established_ns = CT_NS_UNKNOWN,
		 .found_ns = CT_NS_UNKNOWN,
		 .expires_ns = CT_NS_UNKNOWN,
		 .wants_ns = CT_NS_UNKNOWN},
	.cancelled_ns = CT_NS_UNKNOWN,
	.answered_ns = CT_NS_UNKNOWN,
	.overdue_ns = CT_NS_UNKNOWN,
	.gap_at = UINT32_MAX,
};

static const struct ct_step steps_unknown[CT_HISTORY_MAX] = {
	[0 ... CT_HISTORY_MAX - 1] = {.at_ns = CT_NS_UNKNOWN, .for_ns = CT_NS_UNKNOWN},
};

/* Of WORDS those that differ from UNKNOWN. Returns where it ends. */
static uint32_t *pack(uint32_t *to, const void *of, const void *of_unknown, size_t n)
{
	const word *words = of, *unknown = of_unknown;

	for (size_t begin = 0; begin < n; begin += GROUP) {
		uint32_t *bitmap = to++, differ = 0;

		for (size_t i = 0; i < GROUP && begin + i < n; i++) {
			uint32_t differs = words[begin + i] != unknown[begin + i];

			/* without a branch, which nobody could foretell */
			*to = words[begin + i];
			to += differs;
			differ |= differs << i;
		}
		*bitmap = differ;
	}
	return to;
}

/* The other way round: WORDS are unknown as yet. */
static const uint32_t *unpack(const uint32_t *from, void *of, size_t n)
{
	word *words = of;

	for (size_t begin = 0; begin < n; begin += GROUP)
		for (uint32_t differ = *from++; differ; differ &= differ - 1)
			words[begin + (size_t)__builtin_ctz(differ)] = *from++;
	return from;
}

/* By what VALUE differs from what it mostly is; UNKNOWN, and no word of it, if it is that. */
static void fold_value(uint64_t *value, uint64_t mostly)
{
	*value ^= mostly ^ CT_NS_UNKNOWN;
}

static uint64_t between_ns(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns == CT_NS_UNKNOWN || to_ns == CT_NS_UNKNOWN ? CT_NS_UNKNOWN : to_ns - from_ns;
}

/* Whatever byte it is. */
static void fold_truth(void *truth, bool mostly)
{
	*(uint8_t *)truth ^= mostly;
}

/* A request that was seen says how long the queue is; few have other times for keepalive. */
static void fold_sockets(struct ct_entry *entry)
{
	struct ct_conn *conn = &entry->conn;
	bool has_queue = conn->request.backlog_max != 0;

	fold_truth(&entry->requested, has_queue);
	fold_truth(&conn->request.known, has_queue);
	if (!*(const uint8_t *)&conn->options_known)
		return;
	conn->options.keepalive_time_s ^= KEEPALIVE_TIME_S;
	conn->options.keepalive_interval_s ^= KEEPALIVE_INTERVAL_S;
	conn->options.keepalive_probes ^= KEEPALIVE_PROBES;
}

/*
 * What mostly follows from something else that is kept: the cookie from the key, the last look and
 * its silence from the first, a duration from the times before and behind it, when it was opened
 * and established from its history. Whether it does or not, doing so again makes of it what it was.
 */
static void fold(struct ct_entry *entry, struct ct_step *steps)
{
	struct ct_conn *conn = &entry->conn;
	size_t n = conn->history.n_steps, established = 0;

	fold_sockets(entry);
	conn->id.cookie ^= entry->key;
	conn->silent_ns ^= conn->idle_ns;
	if (conn->found_ns != CT_NS_UNKNOWN)
		conn->looked_ns ^= conn->found_ns;
	for (size_t i = 0; i + 1 < n; i++)
		fold_value(&steps[i].for_ns, between_ns(steps[i].at_ns, steps[i + 1].at_ns));
	while (established < n && steps[established].state != CT_STATE_ESTABLISHED)
		established++;
	if (n)
		fold_value(&conn->opened_ns, steps[0].at_ns);
	if (established < n)
		fold_value(&conn->established_ns, steps[established].at_ns);
}

uint32_t *ct_entry_freeze(struct ct_entry *entry)
{
	struct ct_history *history = &entry->conn.history;
	struct ct_step *steps = history->steps;
	uint32_t packed[FROZEN_MAX], *end, *frozen;
	size_t size;

	fold(entry, steps);
	history->steps = NULL;
	end = pack(packed, entry, &ct_entry_unknown, ENTRY_WORDS);
	end = pack(end, steps, steps_unknown, history->n_steps * STEP_WORDS);
	size = (size_t)(end - packed) * sizeof(*packed);
	frozen = malloc(size);
	if (!frozen) {
		history->steps = steps;
		fold(entry, steps);
		return NULL;
	}
	memcpy(frozen, packed, size);
	free(steps);
	free(entry);
	return frozen;
}

/* The entry, and its steps beside it. */
static void read_frozen(const uint32_t *frozen, uint64_t key, struct ct_entry *ret,
			struct ct_step ret_steps[CT_HISTORY_MAX])
{
	*ret = ct_entry_unknown;
	ret->key = key;
	memcpy(ret_steps, steps_unknown, sizeof(steps_unknown));
	frozen = unpack(frozen, ret, ENTRY_WORDS);
	unpack(frozen, ret_steps, ret->conn.history.n_steps * STEP_WORDS);
	fold(ret, ret_steps);
}

uint16_t ct_entry_frozen_generation(const uint32_t *frozen)
{
	const size_t offset = offsetof(struct ct_entry, conn.id.generation);
	uint32_t bit = UINT32_C(1) << offset / sizeof(word);
	const uint32_t *kept = frozen + 1 + __builtin_popcount(*frozen & (bit - 1));
	uint16_t generation = 0; /* as of one that nothing is known of */

	_Static_assert(offsetof(struct ct_entry, conn.id.generation) / sizeof(word) < GROUP,
		       "the first bitmap knows it");
	if (*frozen & bit)
		memcpy(&generation, (const uint8_t *)kept + offset % sizeof(word),
		       sizeof(generation));
	return generation;
}

struct ct_entry *ct_entry_thaw(uint32_t *frozen, uint64_t key)
{
	struct ct_entry *entry = malloc(sizeof(*entry));
	struct ct_step steps[CT_HISTORY_MAX];
	struct ct_history *history;
	size_t size;

	if (!entry)
		return NULL;
	read_frozen(frozen, key, entry, steps);
	history = &entry->conn.history;
	size = history->capacity * sizeof(*steps);
	history->steps = size ? malloc(size) : NULL;
	if (size && !history->steps) {
		free(entry);
		return NULL;
	}
	if (size)
		memcpy(history->steps, steps, size);
	free(frozen);
	return entry;
}

void ct_entry_melt(uint32_t *frozen, uint64_t key, struct ct_entry *ret)
{
	struct ct_step steps[CT_HISTORY_MAX];

	read_frozen(frozen, key, ret, steps);
	ret->conn.history = (struct ct_history){0};
	free(frozen);
}
