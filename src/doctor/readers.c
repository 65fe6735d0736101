// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "readers.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/runs.h"
#include "culprits.h"

/// Of those that stall, or did. Of others it is said that the reader is not known.
#define READERS_MAX 10000

static struct ct_reader_key key_of(const struct ct_conn_id *id)
{
	_Static_assert(sizeof(struct ct_reader_key) == 44, "no padding: it is compared as bytes");

	return (struct ct_reader_key){ct_end_key_of(id), id->netns};
}

/// As its peer has them, in the same namespace.
static struct ct_reader_key key_of_other(const struct ct_conn_id *id)
{
	return (struct ct_reader_key){ct_end_key_of_other(id), id->netns};
}

static struct ct_reader *find(struct ct_reader *readers, const struct ct_reader_key *key)
{
	struct ct_reader *reader;

	HASH_FIND(hh, readers, key, sizeof(*key), reader);
	return reader;
}

static bool is_same(const struct ct_conn_id *one, const struct ct_conn_id *other)
{
	return one->cookie == other->cookie && one->generation == other->generation;
}

/// Addresses that come again are another connection's: of the one before nothing is known any more.
static void begin(struct ct_reader *reader, const struct ct_conn_id *sender, uint64_t since_ns)
{
	reader->sender = *sender;
	reader->since_ns = since_ns;
	reader->is_judged = false;
	reader->is_known = false;
}

static int look_for(struct ct_reader **readers, const struct ct_conn_id *sender, uint64_t since_ns)
{
	const struct ct_reader_key key = key_of_other(sender);
	struct ct_reader *reader = find(*readers, &key);

	if (reader && !is_same(&reader->sender, sender))
		begin(reader, sender, since_ns);
	if (reader || HASH_COUNT(*readers) >= READERS_MAX)
		return 0;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->key = key;
	begin(reader, sender, since_ns);
	HASH_ADD(hh, *readers, key, sizeof(reader->key), reader);
	if (!reader->hh.tbl) {
		free(reader);
		return -ENOMEM;
	}
	return 0;
}

/// Of those that had these addresses one after the other it is the one that was there then.
static bool was_there_at(const struct ct_conn *conn, uint64_t at_ns)
{
	return (conn->opened_ns == CT_NS_UNKNOWN || conn->opened_ns <= at_ns) &&
	       (conn->closed_ns == CT_NS_UNKNOWN || conn->closed_ns >= at_ns);
}

static void note_other_end(struct ct_reader *readers, const struct ct_conn *conn)
{
	const struct ct_reader_key key = key_of(&conn->id);
	struct ct_reader *reader = find(readers, &key);

	if (!reader || !conn->id.pid || !was_there_at(conn, reader->since_ns))
		return;
	reader->id = conn->id;
	reader->is_known = true;
	reader->is_there = conn->phase == CT_PHASE_LIVE;
}

/// Its window is probed, or was closed when it was looked at.
static bool shows_stall(const struct ct_update *update)
{
	const struct ct_event *event = update->event;

	if (event && event->kind == CT_EVENT_FOUND)
		return event->found.runs == CT_RUNS_PERSIST && event->found.room == CT_ROOM_NONE;
	return update->kind == CT_UPDATE_PROBE && update->probe.type == CT_PROBE_WINDOW &&
	       update->probe.outcome == CT_PROBE_SENT;
}

int ct_readers_look(struct ct_reader **readers, const struct ct_update *update)
{
	const struct ct_conn_id *id = &update->id;

	if (update->kind == CT_UPDATE_CLOSE)
		note_other_end(*readers, update->conn);
	/* where the namespace is not known, an end with these addresses may be of another one */
	if (!shows_stall(update) || !id->cookie || !id->netns)
		return 0;
	return look_for(readers, id, update->ts_ns);
}

void ct_readers_note_judged(struct ct_reader *readers, const struct ct_conn_id *sender)
{
	const struct ct_reader_key key = key_of_other(sender);
	struct ct_reader *reader = find(readers, &key);

	if (!reader || !is_same(&reader->sender, sender))
		return;
	reader->sender = *sender;
	reader->is_judged = true;
}

void ct_readers_forget(struct ct_reader **readers, const struct ct_conn_id *sender)
{
	const struct ct_reader_key key = key_of_other(sender);
	struct ct_reader *reader = find(*readers, &key);

	if (!reader || reader->is_judged || !is_same(&reader->sender, sender))
		return;
	HASH_DELETE(hh, *readers, reader);
	free(reader);
}

void ct_readers_join(const struct ct_reader *readers, struct ct_case *cases)
{
	for (const struct ct_reader *reader = readers; reader; reader = reader->hh.next) {
		const struct ct_conn sender = {.id = reader->sender};
		const struct ct_conn other = {
			.id = reader->id,
			.phase = reader->is_there ? CT_PHASE_LIVE : CT_PHASE_CLOSED,
		};
		struct ct_case *one;

		if (!reader->is_judged || !reader->is_known)
			continue;
		one = ct_cases_find(cases, CT_CASE_BY_SERVICE, &sender);
		if (!one)
			continue;
		ct_culprits_add(&one->readers, &other);
		one->n_readers++;
	}
}

void ct_readers_free(struct ct_reader **readers)
{
	struct ct_reader *reader, *next;

	HASH_ITER(hh, *readers, reader, next) {
		HASH_DELETE(hh, *readers, reader);
		free(reader);
	}
}
