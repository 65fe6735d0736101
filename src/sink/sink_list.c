// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_list.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/sink_formats.h"
#include "conntrace/sink_list_memory.h"

/// Columns of each format; NULL: all that it has.
static const char *const fields[_CT_OUTPUT_MAX] = {
	[CT_OUTPUT_TABLE] = "state,age,timer,pid,comm,laddr,lport,raddr,rport,owner,detail",
	[CT_OUTPUT_WIDE] = "state,age,timer,pid,comm,laddr,lport,raddr,rport,conn,netns,uid,role,"
			   "owner,recvq,sendq,detail",
};

/// Adds what was seen before to what is found, and hands it on.
struct list_sink {
	struct ct_sink sink;
	struct ct_sink *format; /// owned
	struct ct_list_memory *memory;
};

static int list_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct list_sink *s = (struct list_sink *)sink;
	struct ct_update found;
	int r;

	if (update->kind != CT_UPDATE_FOUND)
		return 0;
	found = *update;
	r = ct_list_memory_note(s->memory, update, &found.found.since_ns);
	return r ? r : s->format->ops->update(s->format, &found);
}

static int list_flush(struct ct_sink *sink)
{
	struct list_sink *s = (struct list_sink *)sink;

	return s->format->ops->flush ? s->format->ops->flush(s->format) : 0;
}

static int list_finish(struct ct_sink *sink)
{
	struct list_sink *s = (struct list_sink *)sink;

	return s->format->ops->finish ? s->format->ops->finish(s->format) : 0;
}

static void list_free(struct ct_sink *sink)
{
	struct list_sink *s = (struct list_sink *)sink;

	ct_sink_free(&s->format);
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
static int remember(struct ct_list_memory *memory, struct ct_sink *format,
		    struct ct_sink **ret_sink)
{
	struct list_sink *s = calloc(1, sizeof(*s));

	if (!s) {
		ct_sink_free(&format);
		return -ENOMEM;
	}
	s->sink.ops = &list_ops;
	s->format = format;
	s->memory = memory;
	*ret_sink = &s->sink;
	return 0;
}

int ct_sink_list_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct ct_output_options chosen = *options;
	struct ct_sink *format = NULL;
	int r;

	if (!chosen.fields)
		chosen.fields = fields[chosen.format];
	r = ct_sink_format_new(&chosen, session, out, CT_KIND(FOUND), &format, ret_bad_field);
	if (r)
		return r;
	if (chosen.memory)
		return remember(chosen.memory, format, ret_sink);
	*ret_sink = format;
	return 0;
}
