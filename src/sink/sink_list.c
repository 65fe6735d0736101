// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_list_memory.h"

/// Columns of each format; NULL: all that it has.
static const char *const fields[_CT_OUTPUT_MAX] = {
	[CT_OUTPUT_TABLE] = "state,age,timer,pid,comm,laddr,lport,raddr,rport,owner,flags,detail",
	[CT_OUTPUT_WIDE] = "state,age,timer,pid,comm,laddr,lport,raddr,rport,conn,netns,uid,role,"
			   "owner,recvq,sendq,flags,detail",
};

/// Adds what was seen before to what is found, and hands it on; what people read in an order.
struct list_sink {
	struct ct_sink sink;
	struct ct_sink *format;	       /// owned
	struct ct_list_memory *memory; /// NULL: nothing was seen before
	bool sorts;
	struct ct_update *rows; /// owned; those that wait for the others
	size_t n_rows;
	size_t max_rows;
};

/// Who listens, and then through a life.
static const uint8_t places[] = {
	[CT_STATE_LISTEN] = 1,	    [CT_STATE_CLOSE] = 2,	[CT_STATE_SYN_SENT] = 3,
	[CT_STATE_SYN_RECV] = 4,    [CT_STATE_ESTABLISHED] = 5, [CT_STATE_FIN_WAIT1] = 6,
	[CT_STATE_FIN_WAIT2] = 7,   [CT_STATE_CLOSING] = 8,	[CT_STATE_TIME_WAIT] = 9,
	[CT_STATE_CLOSE_WAIT] = 10, [CT_STATE_LAST_ACK] = 11,
};
_Static_assert(CT_COUNT(places) == _CT_STATE_MAX, "every state has its place");

static uint8_t place_of(const struct ct_update *found)
{
	return found->found.state < _CT_STATE_MAX ? places[found->found.state] : UINT8_MAX;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_name(const struct ct_conn_id *a, const struct ct_conn_id *b)
{
	if (!*a->comm != !*b->comm) /* of nobody that is known: behind the others */
		return *a->comm ? -1 : 1;
	return strcmp(a->comm, b->comm) ?: compare(a->pid, b->pid);
}

static int by_ends(const struct ct_conn_id *a, const struct ct_conn_id *b)
{
	return compare(a->lport, b->lport)			   ?:
	       compare(a->rport, b->rport)			   ?:
	       memcmp(a->laddr, b->laddr, sizeof(a->laddr))	   ?:
	       memcmp(a->raddr, b->raddr, sizeof(a->raddr));
}

/// The last is no order that anybody looks for, but the same in each round.
static int by_place(const void *first, const void *second)
{
	const struct ct_update *a = first, *b = second;

	return compare(place_of(a), place_of(b)) ?:
	       by_name(&a->id, &b->id)				       ?:
	       by_ends(&a->id, &b->id)				       ?:
	       compare(a->id.netns, b->id.netns)		       ?:
	       compare(a->id.cookie, b->id.cookie);
}

static int keep_row(struct list_sink *s, const struct ct_update *found)
{
	size_t max = s->max_rows ? 2 * s->max_rows : 64;
	struct ct_update *rows;

	if (s->n_rows == s->max_rows) {
		rows = reallocarray(s->rows, max, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		s->rows = rows;
		s->max_rows = max;
	}
	s->rows[s->n_rows] = *found;
	s->rows[s->n_rows++].event = NULL; /* it is gone by then */
	return 0;
}

static int list_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct list_sink *s = (struct list_sink *)sink;
	struct ct_update found;
	int r = 0;

	if (update->kind != CT_UPDATE_FOUND)
		return 0;
	found = *update;
	if (s->memory)
		r = ct_list_memory_note(s->memory, update, &found.found.since_ns);
	if (r)
		return r;
	return s->sorts ? keep_row(s, &found) : s->format->ops->update(s->format, &found);
}

static int hand_on_rows(struct list_sink *s)
{
	int r = 0;

	if (s->n_rows)
		qsort(s->rows, s->n_rows, sizeof(*s->rows), by_place);
	for (size_t i = 0; i < s->n_rows; i++)
		ct_sink_table_fit(s->format, &s->rows[i]);
	for (size_t i = 0; i < s->n_rows && r == 0; i++)
		r = s->format->ops->update(s->format, &s->rows[i]);
	s->n_rows = 0;
	return r;
}

static int list_flush(struct ct_sink *sink)
{
	struct list_sink *s = (struct list_sink *)sink;

	return s->format->ops->flush ? s->format->ops->flush(s->format) : 0;
}

static int list_finish(struct ct_sink *sink)
{
	struct list_sink *s = (struct list_sink *)sink;
	int r = hand_on_rows(s);

	return r || !s->format->ops->finish ? r : s->format->ops->finish(s->format);
}

static void list_free(struct ct_sink *sink)
{
	struct list_sink *s = (struct list_sink *)sink;

	ct_sink_free(&s->format);
	free(s->rows);
	free(s);
}

static const struct ct_sink_ops list_ops = {
	.name = "list",
	.update = list_update,
	.flush = list_flush,
	.finish = list_finish,
	.free = list_free,
};

/// Takes FORMAT over, also on failure.
static int wrap(struct ct_sink *format, const struct ct_output_options *options, bool sorts,
		struct ct_sink **ret_sink)
{
	struct list_sink *s = calloc(1, sizeof(*s));

	if (!s) {
		ct_sink_free(&format);
		return -ENOMEM;
	}
	s->sink.ops = &list_ops;
	s->format = format;
	s->memory = options->memory;
	s->sorts = sorts;
	*ret_sink = &s->sink;
	return 0;
}

int ct_sink_list_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct ct_output_options chosen = *options;
	struct ct_sink *format = NULL;
	bool sorts;
	int r;

	if (!chosen.fields)
		chosen.fields = fields[chosen.format];
	r = ct_sink_format_new(&chosen, session, out, CT_KIND(FOUND), &format, ret_bad_field);
	if (r)
		return r;
	sorts = chosen.format == CT_OUTPUT_TABLE || chosen.format == CT_OUTPUT_WIDE;
	if (sorts || chosen.memory)
		return wrap(format, &chosen, sorts, ret_sink);
	*ret_sink = format;
	return 0;
}
