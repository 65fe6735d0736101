// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "full.h"

#include <errno.h>
#include <stdlib.h>

/// There are not many listeners on one host; a recording may hold any number.
#define FULL_MAX 10000

static struct ct_full *find(const struct ct_full *all, uint32_t netns, uint16_t port)
{
	const struct ct_full_key key = {netns, port};
	struct ct_full *full;

	HASH_FIND(hh, all, &key, sizeof(key), full);
	return full;
}

static int note(struct ct_full **all, const struct ct_conn_id *id, bool by_handshake)
{
	struct ct_full *full = find(*all, id->netns, id->lport);

	if (!full) {
		if (HASH_COUNT(*all) >= FULL_MAX)
			return 0;
		full = calloc(1, sizeof(*full));
		if (!full)
			return -ENOMEM;
		full->key = (struct ct_full_key){id->netns, id->lport};
		HASH_ADD(hh, *all, key, sizeof(full->key), full);
		if (!full->hh.tbl) {
			free(full);
			return -ENOMEM;
		}
	}
	full->by_handshake |= by_handshake;
	return 0;
}

int ct_full_look(struct ct_full **all, const struct ct_update *update)
{
	const struct ct_event *event = update->event;

	/* the kernel lets one more wait than listen() allowed: that one makes it full */
	if (!event || event->kind != CT_EVENT_FOUND || !update->has_id ||
	    event->found.backlog <= event->found.backlog_max)
		return 0;
	return note(all, &update->id, false);
}

int ct_full_note_handshake(struct ct_full **all, const struct ct_conn_id *id)
{
	return note(all, id, true);
}

const struct ct_full *ct_full_find(const struct ct_full *all, const struct ct_conn_id *id)
{
	return find(all, id->netns, id->rport);
}

void ct_full_free(struct ct_full **all)
{
	struct ct_full *full, *next;

	HASH_ITER(hh, *all, full, next) {
		HASH_DELETE(hh, *all, full);
		free(full);
	}
}
