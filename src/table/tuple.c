// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Few are looked for by their addresses: handshakes, whose cookie nobody knows at first, and
 * mini-sockets that have just gone, perhaps for one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

void ct_table_tuple_of(const struct ct_conn_id *id, struct ct_tuple *ret)
{
	_Static_assert(sizeof(*ret) == 44, "no padding: it is compared as bytes");

	memcpy(ret->laddr, id->laddr, sizeof(ret->laddr));
	memcpy(ret->raddr, id->raddr, sizeof(ret->raddr));
	ret->lport = id->lport;
	ret->rport = id->rport;
	ret->netns = id->netns;
	ret->family = id->family;
}

static struct ct_place *find(const struct ct_conn_table *table, const struct ct_tuple *tuple)
{
	struct ct_place *place;

	HASH_FIND(hh, table->places, tuple, sizeof(*tuple), place);
	return place;
}

int ct_table_index(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_tuple tuple;
	struct ct_place *place;
	struct ct_entry *other;

	ct_table_tuple_of(&entry->conn.id, &tuple);
	place = find(table, &tuple);
	if (place) {
		if (place->number != entry->number) {
			other = ct_table_wake(table, place->number);
			if (!other)
				return table->error;
			ct_table_unindex(table, entry);
			other->place = NULL;
		}
	} else {
		ct_table_unindex(table, entry);
		place = calloc(1, sizeof(*place));
		if (!place)
			return -ENOMEM;
		place->tuple = tuple;
		HASH_ADD(hh, table->places, tuple, sizeof(place->tuple), place);
		if (!place->hh.tbl) {
			free(place);
			return -ENOMEM;
		}
	}
	place->number = entry->number;
	entry->place = place;
	return 0;
}

void ct_table_unindex(struct ct_conn_table *table, struct ct_entry *entry)
{
	if (!entry->place)
		return;
	HASH_DELETE(hh, table->places, entry->place);
	free(entry->place);
	entry->place = NULL;
}

struct ct_entry *ct_table_by_tuple(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_conn_id id = {0};
	struct ct_tuple tuple;
	struct ct_place *place;

	if (!table->places)
		return NULL;
	ct_table_merge_id(&id, event);
	ct_table_tuple_of(&id, &tuple);
	place = find(table, &tuple);
	return place ? ct_table_wake(table, place->number) : NULL;
}
