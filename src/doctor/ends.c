// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "finder.h"

struct ct_end_key ct_end_key_of(const struct ct_conn_id *id)
{
	struct ct_end_key key;

	_Static_assert(sizeof(key) == 40, "no padding: it is compared as bytes");

	memcpy(key.laddr, id->laddr, sizeof(key.laddr));
	memcpy(key.raddr, id->raddr, sizeof(key.raddr));
	key.lport = id->lport;
	key.rport = id->rport;
	key.family = id->family;
	return key;
}

struct ct_end_key ct_end_key_of_other(const struct ct_conn_id *id)
{
	struct ct_conn_id other = *id;

	memcpy(other.laddr, id->raddr, sizeof(other.laddr));
	memcpy(other.raddr, id->laddr, sizeof(other.raddr));
	other.lport = id->rport;
	other.rport = id->lport;
	return ct_end_key_of(&other);
}

static struct ct_end_here *find(const struct ct_end_here *ends, const struct ct_end_key *key)
{
	struct ct_end_here *end;

	HASH_FIND(hh, ends, key, sizeof(*key), end);
	return end;
}

/// One more with these addresses hangs on the first.
static int add(struct ct_end_here **ends, const struct ct_conn_id *id)
{
	struct ct_end_here *first, *end = calloc(1, sizeof(*end));

	if (!end)
		return -ENOMEM;
	end->key = ct_end_key_of(id);
	end->netns = id->netns;
	first = find(*ends, &end->key);
	if (first) {
		end->next = first->next;
		first->next = end;
		return 0;
	}
	HASH_ADD(hh, *ends, key, sizeof(end->key), end);
	if (!end->hh.tbl) {
		free(end);
		return -ENOMEM;
	}
	return 0;
}

/// The first is the one in the hash: if another one is left it takes its place.
static void remove_first(struct ct_end_here **ends, struct ct_end_here *first)
{
	struct ct_end_here *second = first->next;

	if (second) {
		first->netns = second->netns;
		first->next = second->next;
		free(second);
		return;
	}
	HASH_DELETE(hh, *ends, first);
	free(first);
}

/// That of its own namespace: another one may have the same addresses.
static void forget(struct ct_end_here **ends, const struct ct_conn_id *id)
{
	const struct ct_end_key key = ct_end_key_of(id);
	struct ct_end_here *first = find(*ends, &key), **link, *end;

	if (!first)
		return;
	if (first->netns == id->netns) {
		remove_first(ends, first);
		return;
	}
	for (link = &first->next; *link && (*link)->netns != id->netns;)
		link = &(*link)->next;
	end = *link;
	if (!end)
		return;
	*link = end->next;
	free(end);
}

int ct_ends_note(struct ct_end_here **ends, const struct ct_update *update)
{
	if (ct_finder_is_within_host(&update->id))
		return 0;
	if (update->kind == CT_UPDATE_FOUND && update->found.state == CT_STATE_ESTABLISHED)
		return add(ends, &update->id);
	if (update->kind != CT_UPDATE_STATE)
		return 0;
	if (update->state.to == CT_STATE_ESTABLISHED)
		return add(ends, &update->id);
	if (update->state.from == CT_STATE_ESTABLISHED)
		forget(ends, &update->id);
	return 0;
}

bool ct_ends_have_other(const struct ct_end_here *ends, const struct ct_conn_id *id)
{
	const struct ct_end_key key = ct_end_key_of_other(id);

	return find(ends, &key);
}

void ct_ends_free(struct ct_end_here **ends)
{
	struct ct_end_here *end, *next;

	HASH_ITER(hh, *ends, end, next) {
		while (end->next)
			remove_first(ends, end);
		remove_first(ends, end);
	}
}
