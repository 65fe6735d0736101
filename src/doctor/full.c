// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "full.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrace/addr.h"

/// Where the IPv4 address stands in a v4-mapped one.
#define V4_AT	 12
#define V4_BYTES 4

/// There are not many listeners on one host; a recording may hold any number.
#define FULL_MAX 10000

static struct ct_full_key make_key(uint32_t netns, uint8_t family, const uint8_t addr[16],
				   uint16_t port)
{
	struct ct_full_key key = {.netns = netns, .port = port};

	_Static_assert(sizeof(key) == 24, "no padding: it is compared as bytes");

	if (family == AF_INET) {
		memset(key.addr + V4_AT - 2, 0xff, 2);
		memcpy(key.addr + V4_AT, addr, V4_BYTES);
	} else {
		memcpy(key.addr, addr, sizeof(key.addr));
	}
	return key;
}

static struct ct_full *find(const struct ct_full *all, const struct ct_full_key *key)
{
	struct ct_full *full;

	HASH_FIND(hh, all, key, sizeof(*key), full);
	return full;
}

/// As inet_lookup_listener(): at its address, else at any; else what handshakes tell of it alone.
static struct ct_full *find_listener(const struct ct_full *all, const struct ct_full_key *key)
{
	struct ct_full *exact = find(all, key), *any = NULL;
	struct ct_full_key at_any = *key;

	if (exact && exact->is_listener)
		return exact;
	if (ct_addr_is_v4mapped(key->addr)) {
		memset(at_any.addr + V4_AT, 0, V4_BYTES);
		any = find(all, &at_any);
	}
	if (!any || !any->is_listener) {
		memset(at_any.addr, 0, sizeof(at_any.addr));
		any = find(all, &at_any);
	}
	return any && any->is_listener ? any : exact;
}

static struct ct_full *find_full(const struct ct_full *all, const struct ct_full_key *key)
{
	struct ct_full *full = find_listener(all, key);

	return full && (full->by_look || full->by_handshake) ? full : NULL;
}

struct ct_full *ct_full_find(const struct ct_full *all, const struct ct_conn_id *id)
{
	const struct ct_full_key key = make_key(id->netns, id->family, id->laddr, id->lport);

	return find_full(all, &key);
}

struct ct_full *ct_full_find_asked(const struct ct_full *all, const struct ct_conn_id *id)
{
	const struct ct_full_key key = make_key(id->netns, id->family, id->raddr, id->rport);

	return find_full(all, &key);
}

static int note(struct ct_full **all, const struct ct_conn_id *id, struct ct_full **ret)
{
	const struct ct_full_key key = make_key(id->netns, id->family, id->laddr, id->lport);
	struct ct_full *full = find(*all, &key);

	*ret = full;
	if (full || HASH_COUNT(*all) >= FULL_MAX)
		return 0;
	full = calloc(1, sizeof(*full));
	if (!full)
		return -ENOMEM;
	full->key = key;
	full->id = *id;
	HASH_ADD(hh, *all, key, sizeof(full->key), full);
	if (!full->hh.tbl) {
		free(full);
		return -ENOMEM;
	}
	*ret = full;
	return 0;
}

static void note_backlog(struct ct_full *full, uint32_t backlog, uint32_t backlog_max)
{
	full->by_look = true;
	if (backlog < full->backlog)
		return;
	full->backlog = backlog;
	full->backlog_max = backlog_max;
}

int ct_full_look(struct ct_full **all, const struct ct_update *update)
{
	const struct ct_event *event = update->event;
	bool is_listener = update->id.role == CT_ROLE_LISTENER, is_full;
	struct ct_full *full;
	int r;

	if (!event || event->kind != CT_EVENT_FOUND || !update->has_id)
		return 0;
	/* the kernel lets one more wait than listen() allowed: that one makes it full */
	is_full = event->found.backlog > event->found.backlog_max;
	/* one with room takes what is for its address, and so no other one has dropped it */
	if (!is_full && !is_listener)
		return 0;
	r = note(all, &update->id, &full);
	if (r || !full)
		return r;
	/* of several at one address (SO_REUSEPORT) the fullest is told */
	if (is_listener &&
	    (!full->is_listener || (is_full && event->found.backlog >= full->backlog)))
		full->id = update->id;
	full->is_listener |= is_listener;
	if (is_full)
		note_backlog(full, event->found.backlog, event->found.backlog_max);
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

void ct_full_join(struct ct_full *all)
{
	for (struct ct_full *full = all; full; full = full->hh.next) {
		struct ct_full *listener = find_listener(all, &full->key);

		if (listener == full)
			continue;
		listener->by_handshake |= full->by_handshake;
		if (full->by_look)
			note_backlog(listener, full->backlog, full->backlog_max);
		/* it is told by the listener */
		full->by_handshake = full->by_look = false;
	}
}

void ct_full_free(struct ct_full **all)
{
	struct ct_full *full, *next;

	HASH_ITER(hh, *all, full, next) {
		HASH_DELETE(hh, *all, full);
		free(full);
	}
}
