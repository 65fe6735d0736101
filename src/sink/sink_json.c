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
	struct ct_field_set fields;
};

static int json_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct json_sink *s = (struct json_sink *)sink;
	struct ct_field_source source = {.session = s->session, .update = update};
	uint32_t kind = 1U << update->kind;
	struct ct_json json;

	if (update->kind == CT_UPDATE_SILENT || !(s->kinds & kind))
		return 0;
	ct_json_init(&json, &s->out.buf);
	ct_json_object_begin(&json);
	for (size_t i = 0; i < s->fields.n; i++)
		if (s->fields.fields[i]->kinds & kind)
			ct_field_put_json(s->fields.fields[i], &source, &json);
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

int ct_sink_json_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		     const char **ret_bad_field)
{
	_cleanup_(ct_freep) struct json_sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = ct_field_set_init(&s->fields, kinds, options->fields, "event", ret_bad_field);
	if (r)
		return r;
	s->sink.ops = &json_ops;
	s->session = session;
	s->kinds = kinds;
	ct_sink_out_init(&s->out, out);
	*ret_sink = &CT_TAKE_PTR(s)->sink;
	return 0;
}
