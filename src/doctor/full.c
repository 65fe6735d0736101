// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "full.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/// There are not many listeners on one host; a recording may hold any number.
#define FULL_MAX 10000

struct ct_full *ct_full_find(const struct ct_full *all, uint32_t netns, uint16_t port)
{
	struct ct_full_key key;
	struct ct_full *full;

	memset(&key, 0, sizeof(key));
	key.netns = netns;
	key.port = port;
	HASH_FIND(hh, all, &key, sizeof(key), full);
	return full;
}

static int note(struct ct_full **all, const struct ct_conn_id *id, struct ct_full **ret)
{
	struct ct_full *full = ct_full_find(*all, id->netns, id->lport);

	*ret = full;
	if (full || HASH_COUNT(*all) >= FULL_MAX)
		return 0;
	full = calloc(1, sizeof(*full));
	if (!full)
		return -ENOMEM;
	full->key = (struct ct_full_key){id->netns, id->lport};
	full->id = *id;
	HASH_ADD(hh, *all, key, sizeof(full->key), full);
	if (!full->hh.tbl) {
		free(full);
		return -ENOMEM;
	}
	*ret = full;
	return 0;
}

int ct_full_look(struct ct_full **all, const struct ct_update *update)
{
	const struct ct_event *event = update->event;
	struct ct_full *full;
	int r;

	/* the kernel lets one more wait than listen() allowed: that one makes it full */
	if (!event || event->kind != CT_EVENT_FOUND || !update->has_id ||
	    event->found.backlog <= event->found.backlog_max)
		return 0;
	r = note(all, &update->id, &full);
	if (r || !full)
		return r;
	if (event->found.backlog >= full->backlog) {
		full->backlog = event->found.backlog;
		full->backlog_max = event->found.backlog_max;
	}
	if (update->id.role == CT_ROLE_LISTENER)
		full->id = update->id;
	return 0;
}

int ct_full_note_handshake(struct ct_full **all, const struct ct_conn_id *id)
{
	struct ct_full *full;
	int r = note(all, id, &full);

	if (r == 0 && full)
		full->by_handshake = true;
	return r;
}

void ct_full_free(struct ct_full **all)
{
	struct ct_full *full, *next;

	HASH_ITER(hh, *all, full, next) {
		HASH_DELETE(hh, *all, full);
		free(full);
	}
}
