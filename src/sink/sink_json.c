// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* JSON Lines: an object a line. */
#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/json_writer.h"
#include "conntrace/sink_field.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_out.h"

struct json_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	const struct ct_session *session;
	uint32_t kinds;
	struct ct_field_set fields_of[_CT_UPDATE_MAX]; /// of those that were asked for
};

static int json_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct json_sink *s = (struct json_sink *)sink;
	struct ct_field_source source = {.session = s->session, .update = update};
	const struct ct_field_set *fields = &s->fields_of[update->kind];
	struct ct_json json;

	if (update->kind == CT_UPDATE_SILENT || !(s->kinds & 1U << update->kind))
		return 0;
	ct_json_init(&json, &s->out.buf);
	ct_json_object_begin(&json);
	for (size_t i = 0; i < fields->n; i++)
		ct_field_put_json(fields->fields[i], &source, &json);
	ct_json_object_end(&json);
	ct_buf_putc(&s->out.buf, '\n');
	return ct_sink_out_commit(&s->out);
}

static int json_flush(struct ct_sink *sink)
{
	return ct_sink_out_flush(&((struct json_sink *)sink)->out);
}

static void json_free(struct ct_sink *sink)
{
	struct json_sink *s = (struct json_sink *)sink;

	ct_sink_out_fini(&s->out);
	free(s);
}

static const struct ct_sink_ops json_ops = {
	.name = "json",
	.update = json_update,
	.flush = json_flush,
	.finish = json_flush,
	.free = json_free,
};

/// By kind, so that nobody looks at each line for those that it has.
static void sort_fields(struct json_sink *s, const struct ct_field_set *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct ct_field *field = all->fields[i];

		for (unsigned int kind = 0; kind < _CT_UPDATE_MAX; kind++) {
			struct ct_field_set *of = &s->fields_of[kind];

			if (field->kinds & 1U << kind)
				of->fields[of->n++] = field;
		}
	}
}

int ct_sink_json_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		     const char **ret_bad_field)
{
	_cleanup_(ct_freep) struct json_sink *s = calloc(1, sizeof(*s));
	struct ct_field_set fields;
	int r;

	if (!s)
		return -ENOMEM;
	r = ct_field_set_init(&fields, kinds, options->fields, "event", ret_bad_field);
	if (r)
		return r;
	sort_fields(s, &fields);
	s->sink.ops = &json_ops;
	s->session = session;
	s->kinds = kinds;
	ct_sink_out_init(&s->out, out);
	*ret_sink = &CT_TAKE_PTR(s)->sink;
	return 0;
}
