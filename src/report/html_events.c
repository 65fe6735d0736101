// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events come before the summary of their connection: they wait for it here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/sink_words.h"
#include "html.h"

/// Each takes about a kilobyte.
#define CONNECTIONS_MAX 131072

/// As the column EVENT has it.
static const char *word_of(const struct ct_update *update)
{
	switch (update->kind) {
	case CT_UPDATE_RETRANSMIT:
		return "RETRANSMIT";
	case CT_UPDATE_RESET:
		return "RST";
	case CT_UPDATE_PROBE:
		return update->probe.type == CT_PROBE_WINDOW ? "ZERO-WINDOW PROBE" : "KEEPALIVE";
	case CT_UPDATE_ERROR:
		return "ERROR";
	default:
		return NULL;
	}
}

static void make_key(const struct ct_conn_id *id, struct ct_html_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->cookie = id->cookie;
	ret->generation = id->generation;
}

static struct ct_html_events *find(struct ct_html_events *all, const struct ct_conn_id *id)
{
	struct ct_html_events *found;
	struct ct_html_key key;

	make_key(id, &key);
	HASH_FIND(hh, all, &key, sizeof(key), found);
	return found;
}

static int find_or_make(struct ct_html_events **all, const struct ct_conn_id *id,
			struct ct_html_events **ret)
{
	struct ct_html_events *events = find(*all, id);

	if (!events) {
		if (HASH_COUNT(*all) >= CONNECTIONS_MAX)
			return -ENOSPC;
		events = calloc(1, sizeof(*events));
		if (!events)
			return -ENOMEM;
		make_key(id, &events->key);
		HASH_ADD(hh, *all, key, sizeof(events->key), events);
		if (!events->hh.tbl) {
			free(events);
			return -ENOMEM;
		}
	}
	*ret = events;
	return 0;
}

bool ct_html_events_has(const struct ct_update *update)
{
	return word_of(update) != NULL;
}

int ct_html_events_add(struct ct_html_events **all, const struct ct_output_options *options,
		       const struct ct_update *update)
{
	const char *word = word_of(update);
	struct ct_html_events *events;
	int r = find_or_make(all, &update->id, &events);

	if (r)
		return r;
	if (events->n == CT_HTML_EVENTS_MAX) {
		events->left_out++;
		return 0;
	}
	events->events[events->n++] = (struct ct_html_event){
		.at_ns = update->ts_ns,
		.word = word,
		.text_at = events->texts.len,
	};
	ct_words_detail(options, &events->texts, update);
	return ct_buf_putc(&events->texts, '\0');
}

struct ct_html_events *ct_html_events_take(struct ct_html_events **all, const struct ct_conn_id *id)
{
	struct ct_html_events *events = id->cookie ? find(*all, id) : NULL;

	if (events)
		HASH_DEL(*all, events);
	return events;
}

uint64_t ct_html_events_count(const struct ct_html_events *all)
{
	uint64_t n = 0;

	for (; all; all = all->hh.next)
		n += all->n + all->left_out;
	return n;
}

void ct_html_events_drop(struct ct_html_events **events)
{
	if (*events)
		ct_buf_fini(&(*events)->texts);
	free(*events);
	*events = NULL;
}

void ct_html_events_free(struct ct_html_events **all)
{
	struct ct_html_events *events, *next;

	HASH_ITER(hh, *all, events, next) {
		HASH_DEL(*all, events);
		ct_html_events_drop(&events);
	}
}
