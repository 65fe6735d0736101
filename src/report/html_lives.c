// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "html_lives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xxhash.h>

#include "conntrace/cleanup.h"
#include "trouble.h"

#define FIRST_ROOM 256

struct ct_html_life {
	uint64_t key;	   /// as that of an example
	uint64_t since_ns; /// when it came into sight; CT_NS_UNKNOWN
	uint32_t trouble;
	uint32_t bytes;
	bool is_example;
	bool is_first; /// among those that there is room for
	bool is_bar;   /// the first that there is no room for
};

/// By what the page finds the life of an example: findLife() in page/lives.js.
static uint64_t key_of(const struct ct_conn_id *id)
{
	size_t address_bytes = id->family == AF_INET ? 4 : sizeof(id->laddr);
	struct {
		uint64_t cookie;
		uint8_t laddr[16];
		uint8_t raddr[16];
		uint16_t lport;
		uint16_t rport;
		uint16_t generation;
		uint16_t family;
	} key;

	_Static_assert(sizeof(key) == 48, "no padding");
	memset(&key, 0, sizeof(key));
	if (id->cookie) {
		key.cookie = id->cookie;
		key.generation = id->generation;
	} else {
		memcpy(key.laddr, id->laddr, address_bytes);
		memcpy(key.raddr, id->raddr, address_bytes);
		key.lport = id->lport;
		key.rport = id->rport;
		key.family = id->family;
	}
	return XXH3_64bits(&key, sizeof(key));
}

static uint64_t since(const struct ct_conn *conn)
{
	if (conn->opened_ns != CT_NS_UNKNOWN)
		return conn->opened_ns;
	if (conn->found_ns != CT_NS_UNKNOWN)
		return conn->found_ns;
	return conn->history.n_steps ? conn->history.steps[0].at_ns : CT_NS_UNKNOWN;
}

/// That of a gap is no trouble of the life's own, but a flag.
static uint32_t trouble_of(uint32_t flags)
{
	return ct_trouble_of(flags) + ((flags >> CT_FLAG_GAP) & 1);
}

/// Room for one more than N. NULL: there is no memory, and ITEMS is as it was.
static void *grow(void *items, size_t size, size_t n, size_t *room)
{
	size_t more = *room ? 2 * *room : FIRST_ROOM;

	if (n < *room)
		return items;
	items = reallocarray(items, more, size);
	if (items)
		*room = more;
	return items;
}

int ct_html_examples_add(struct ct_html_examples *examples, const struct ct_conn_id *id)
{
	struct ct_html_example *of = grow(examples->of, sizeof(*of), examples->n, &examples->room);

	if (!of)
		return -ENOMEM;
	examples->of = of;
	of[examples->n++] = (struct ct_html_example){.key = key_of(id)};
	return 0;
}

void ct_html_examples_fini(struct ct_html_examples *examples)
{
	free(examples->of);
	*examples = (struct ct_html_examples){};
}

int ct_html_lives_add(struct ct_html_lives *lives, const struct ct_conn *conn,
		      struct ct_html_json *w)
{
	struct ct_html_life *all = grow(lives->lives, sizeof(*all), lives->n, &lives->room);
	size_t before = lives->texts.buf.len;
	struct ct_html_life *life;
	int r;

	if (!all)
		return -ENOMEM;
	lives->lives = all;
	r = ct_html_json_move(w, &lives->texts.buf);
	if (r)
		return r;
	life = &all[lives->n++];
	*life = (struct ct_html_life){
		.key = key_of(&conn->id),
		.since_ns = since(conn),
		.trouble = trouble_of(conn->flags),
		.bytes = (uint32_t)(lives->texts.buf.len - before),
	};
	lives->bytes += life->bytes;
	lives->seen++;
	return ct_spool_commit(&lives->texts);
}

bool ct_html_lives_is_full(const struct ct_html_lives *lives, const struct ct_html_bound *bound)
{
	size_t n = lives->sifted_n > bound->lives ? lives->sifted_n : bound->lives;
	uint64_t bytes = lives->sifted_bytes > bound->bytes ? lives->sifted_bytes : bound->bytes;

	return lives->n >= n + bound->lives || lives->bytes >= bytes + bound->bytes;
}

static int by_key(const void *a, const void *b)
{
	const struct ct_html_example *one = a, *other = b;

	return one->key < other->key ? -1 : one->key > other->key;
}

/// Of each the first life: the page links to that.
static void mark_examples(struct ct_html_lives *lives, struct ct_html_examples *examples)
{
	if (examples->n)
		qsort(examples->of, examples->n, sizeof(*examples->of), by_key);
	for (size_t i = 0; i < lives->n; i++) {
		struct ct_html_life *life = &lives->lives[i];
		const struct ct_html_example wanted = {.key = life->key};
		struct ct_html_example *example = NULL;

		if (examples->n)
			example = bsearch(&wanted, examples->of, examples->n, sizeof(*examples->of),
					  by_key);
		life->is_example = example && !example->taken;
		if (life->is_example)
			example->taken = true;
	}
}

/// Lives by pointers into one array: of those that are alike the one that came first.
static int by_trouble(const void *a, const void *b)
{
	const struct ct_html_life *one = *(struct ct_html_life *const *)a;
	const struct ct_html_life *other = *(struct ct_html_life *const *)b;

	if (one->trouble != other->trouble)
		return one->trouble > other->trouble ? -1 : 1;
	if (one->since_ns != other->since_ns)
		return one->since_ns < other->since_ns ? -1 : 1;
	return one < other ? -1 : one > other;
}

static int by_example(const void *a, const void *b)
{
	const struct ct_html_life *one = *(struct ct_html_life *const *)a;
	const struct ct_html_life *other = *(struct ct_html_life *const *)b;

	if (one->is_example != other->is_example)
		return one->is_example ? -1 : 1;
	return by_trouble(a, b);
}

/// Marks what there is room for, and what shuts out all behind it: a small one that would fit is
/// not wanted more than that. 0; -ENOMEM.
static int mark_first(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		      int (*compare)(const void *a, const void *b))
{
	_cleanup_(ct_freep) struct ct_html_life **order = NULL;
	uint64_t bytes = 0;

	if (!lives->n)
		return 0;
	order = calloc(lives->n, sizeof(struct ct_html_life *));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < lives->n; i++) {
		order[i] = &lives->lives[i];
		order[i]->is_first = order[i]->is_bar = false;
	}
	qsort(order, lives->n, sizeof(struct ct_html_life *), compare);
	for (size_t i = 0; i < lives->n && i < bound->lives; i++) {
		bytes += order[i]->bytes;
		order[i]->is_bar = bytes > bound->bytes;
		if (order[i]->is_bar)
			break;
		order[i]->is_first = true;
	}
	return 0;
}

/// Moves what is marked to KEPT.
static int move_marked(struct ct_html_lives *lives, struct ct_spool *kept)
{
	size_t n = 0;
	int r = ct_spool_rewind(&lives->texts);

	lives->bytes = 0;
	for (size_t i = 0; i < lives->n && r == 0; i++) {
		const struct ct_html_life *life = &lives->lives[i];
		bool is_wanted = life->is_first || life->is_bar || life->is_example;

		r = ct_spool_take(&lives->texts, life->bytes, is_wanted ? &kept->buf : NULL);
		if (r || !is_wanted)
			continue;
		lives->bytes += life->bytes;
		lives->lives[n++] = *life;
		r = ct_spool_commit(kept);
	}
	lives->n = n;
	return r;
}

/*
 * What is no example and has so many before it has no place: later ones only come before it or
 * behind it, and none of them is taken away. What is too large for the bytes that are left stays,
 * for otherwise a smaller one that comes later, and is wanted less, would find its place free. An
 * example may be none at the end, so that it must not take another's place here.
 */
int ct_html_lives_sift(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		       struct ct_html_examples *examples)
{
	_cleanup_(ct_spool_fini) struct ct_spool kept = {};
	int r;

	mark_examples(lives, examples);
	r = mark_first(lives, bound, by_trouble);
	if (r == 0)
		r = move_marked(lives, &kept);
	if (r)
		return r;
	ct_spool_fini(&lives->texts);
	lives->texts = kept;
	kept = (struct ct_spool){};
	lives->sifted_n = lives->n;
	lives->sifted_bytes = lives->bytes;
	return 0;
}

int ct_html_lives_put(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		      struct ct_html_examples *examples, struct ct_sink_out *out)
{
	bool is_behind_another = false;
	int r;

	mark_examples(lives, examples);
	r = mark_first(lives, bound, by_example);
	if (r == 0)
		r = ct_spool_rewind(&lives->texts);
	for (size_t i = 0; i < lives->n && r == 0; i++) {
		const struct ct_html_life *life = &lives->lives[i];

		if (life->is_first) {
			ct_buf_puts(&out->buf, is_behind_another ? ",\n" : "\n");
			is_behind_another = true;
		}
		r = ct_spool_take(&lives->texts, life->bytes, life->is_first ? &out->buf : NULL);
		if (r == 0)
			r = ct_sink_out_commit(out);
	}
	return r;
}

void ct_html_lives_fini(struct ct_html_lives *lives)
{
	ct_spool_fini(&lives->texts);
	free(lives->lives);
	lives->lives = NULL;
	lives->n = lives->room = 0;
}
