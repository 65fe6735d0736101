// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two ACKs of one handshake on two CPUs make two children of one request, and only one of them is
 * kept: inet_csk_complete_hashdance(). They share a cookie if somebody had asked the request for
 * one; otherwise only their addresses tell that they belong together.
 */
#include <string.h>

#include "table.h"

/* Longer than it takes from one child to the other. */
#define TWINS_NS 100000000ULL

void ct_table_note_child(struct ct_conn_table *table, const struct ct_entry *entry,
			 const struct ct_event *event)
{
	struct ct_child *child = &table->children[table->n_children++ % CT_CHILDREN_MAX];

	ct_table_tuple_of(&entry->conn.id, &child->tuple);
	child->key = entry->key;
	child->born_ns = event->ts_ns;
}

/* Before it is established: its birth, and what is told of it then. */
static bool is_of_child(const struct ct_event *event)
{
	uint8_t state = event->kind == CT_EVENT_STATE ? event->to.old_state : event->state;

	return event->cookie && event->role == CT_ROLE_PASSIVE &&
	       (state == CT_STATE_LISTEN || state == CT_STATE_SYN_RECV);
}

static bool is_opening(const struct ct_step *step)
{
	return step->state == CT_STATE_SYN_RECV || step->state == CT_STATE_ESTABLISHED;
}

/*
 * Whether it was then where a child may still come too late: before 6.15 one is told of when it
 * goes. When that is not known, it was not.
 */
static bool may_have_twin(const struct ct_entry *entry, uint64_t at_ns)
{
	const struct ct_history *history = &entry->conn.history;
	const struct ct_step *step = history->steps, *end = step + history->n_steps;

	if (entry->twins)
		return true;
	if (entry->conn.phase == CT_PHASE_REQUEST || at_ns >= entry->conn.closed_ns)
		return false;
	while (step < end && is_opening(step))
		step++;
	return step == end || (step->at_ns != CT_NS_UNKNOWN && at_ns < step->at_ns);
}

static struct ct_child *find(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_conn_id id = {0};
	struct ct_tuple tuple;

	ct_table_merge_id(&id, event);
	ct_table_tuple_of(&id, &tuple);
	for (size_t i = 0; i < CT_CHILDREN_MAX; i++) {
		struct ct_child *child = &table->children[i];

		if (child->key && event->ts_ns <= child->born_ns + TWINS_NS &&
		    memcmp(&child->tuple, &tuple, sizeof(tuple)) == 0)
			return child;
	}
	return NULL;
}

struct ct_entry *ct_table_twin_of(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_child *child = is_of_child(event) ? find(table, event) : NULL;
	struct ct_entry *entry = child ? ct_table_find_cookie(table, child->key) : NULL;

	if (!entry || !may_have_twin(entry, event->ts_ns))
		return NULL;
	/* it is the one that is kept */
	if (event->kind == CT_EVENT_STATE && event->to.old_state == CT_STATE_SYN_RECV &&
	    event->state != CT_STATE_CLOSE) {
		ct_table_rekey(table, entry, event);
		child->key = entry->key;
	}
	return entry;
}
