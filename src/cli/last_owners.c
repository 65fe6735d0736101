// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "last_owners.h"

#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/event.h"
#include "conntrace/hash.h"

/// It is emptied as the walk goes on.
#define RING_BYTES (256u << 10)

/// A connection that is known by its listener, and what was told of its owner.
struct unheld {
	uint64_t cookie;
	struct ct_event told;
	UT_hash_handle hh;
};

struct ct_last_owners {
	struct ct_source_live *walker; /// owned
	struct ct_feed *feed;	       /// borrowed
	struct unheld *unheld;	       /// owned, a hash
	uint64_t end_ns;
};

static void forget(struct ct_last_owners *owners, struct unheld *one)
{
	HASH_DELETE(hh, owners->unheld, one);
	free(one);
}

static struct unheld *find(const struct ct_last_owners *owners, uint64_t cookie)
{
	struct unheld *one;

	HASH_FIND(hh, owners->unheld, &cookie, sizeof(cookie), one);
	return one;
}

/// One that there is no memory for stays what it is.
static struct unheld *add(struct ct_last_owners *owners, uint64_t cookie)
{
	struct unheld *one = calloc(1, sizeof(*one));

	if (!one)
		return NULL;
	one->cookie = cookie;
	HASH_ADD(hh, owners->unheld, cookie, sizeof(one->cookie), one);
	if (one->hh.tbl)
		return one;
	free(one);
	return NULL;
}

/// Only a full socket knows its owner. What is known better by now is left alone.
static void note(struct ct_last_owners *owners, const struct ct_event *event, size_t len)
{
	struct unheld *one;

	if (!event->cookie || event->generation == CT_GENERATION_ANY)
		return;
	one = find(owners, event->cookie);
	if (event->owner != CT_OWNER_INHERITED) {
		if (one)
			forget(owners, one);
		return;
	}
	if (event->kind != CT_EVENT_OWNER || len < CT_EVENT_SIZE(who))
		return;
	if (!one)
		one = add(owners, event->cookie);
	if (one)
		memcpy(&one->told, event, CT_EVENT_SIZE(who));
}

/// What the trace told of it, but for its owner. What was lost of it was told, too.
static int tell(struct ct_last_owners *owners, const struct ct_event *row)
{
	struct unheld *one = find(owners, row->cookie);
	struct ct_event event;

	if (!one)
		return 0;
	event = one->told;
	forget(owners, one);
	event.ts_ns = owners->end_ns;
	event.pid = row->pid;
	event.owner = CT_OWNER_SCAN;
	event.sock_flags &= (__u8)~CT_SOCK_COUNTED;
	event.missed = 0;
	memcpy(event.who.comm, row->who.comm, sizeof(event.who.comm));
	return ct_feed_record(owners->feed, &event, CT_EVENT_SIZE(who));
}

/// A row of the walk; all that counts of it is who has it.
static int take_row(void *context, const void *bytes, size_t len)
{
	const struct ct_event *row = bytes;

	if (len < CT_EVENT_SIZE(who) || row->kind != CT_EVENT_OWNER || !row->cookie ||
	    row->owner != CT_OWNER_SCAN)
		return 0;
	return tell(context, row);
}

/// Where the walk fails, the others stay what they are.
static int look(struct ct_last_owners *owners, uint64_t end_ns)
{
	char err[512];
	int r;

	if (!owners->unheld)
		return 0;
	owners->end_ns = end_ns;
	r = ct_source_live_snapshot(owners->walker, take_row, owners, err, sizeof(err));
	return owners->feed->error || r > 0 ? r : 0;
}

int ct_last_owners_record(void *context, const void *bytes, size_t len)
{
	struct ct_last_owners *owners = context;
	const struct ct_event *event = bytes;
	int r = 0;

	if (len >= CT_EVENT_CORE_SIZE && event->kind == CT_EVENT_END)
		r = look(owners, event->ts_ns);
	else if (len >= CT_EVENT_CORE_SIZE)
		note(owners, event, len);
	return r ? r : ct_feed_record(owners->feed, bytes, len);
}

struct ct_last_owners *ct_last_owners_new(const struct ct_live_config *config, struct ct_feed *feed)
{
	_cleanup_(ct_last_owners_free) struct ct_last_owners *owners = calloc(1, sizeof(*owners));
	const struct ct_live_config walks = {
		.ring_bytes = RING_BYTES,
		.snapshot_only = true,
		.hidden = config->hidden,
		.n_hidden = config->n_hidden,
		.btf_path = config->btf_path,
	};
	char err[512];

	if (!owners)
		return NULL;
	owners->feed = feed;
	if (ct_source_live_open(&walks, err, sizeof(err), &owners->walker))
		return NULL;
	return CT_TAKE_PTR(owners);
}

void ct_last_owners_free(struct ct_last_owners **owners)
{
	struct unheld *one, *next;

	if (!*owners)
		return;
	HASH_ITER(hh, (*owners)->unheld, one, next) {
		forget(*owners, one);
	}
	ct_source_live_close(&(*owners)->walker);
	free(*owners);
	*owners = NULL;
}
