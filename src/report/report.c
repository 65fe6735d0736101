// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Connections, the flagged ones first. Which those are, and what was lost, is known at the end
 * only: until then each section waits in a spool of its own.
 */
#include "conntrace/report.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_out.h"
#include "conntrace/sink_spool.h"
#include "conntrace/sink_words.h"
#include "report_text.h"

enum section {
	SECTION_BAD = 0,
	SECTION_NOTED,
	SECTION_PLAIN,
	SECTION_LISTENER,
	_SECTION_MAX,
};

static const struct {
	const char *title;
	enum ct_style style;
} sections[] = {
	[SECTION_BAD] = {"TROUBLE", CT_STYLE_BAD},
	[SECTION_NOTED] = {"WORTH A LOOK", CT_STYLE_NOTE},
	[SECTION_PLAIN] = {"THE OTHERS", CT_STYLE_HEAD},
	[SECTION_LISTENER] = {"LISTENERS", CT_STYLE_HEAD},
};

_Static_assert(sizeof(sections) / sizeof(sections[0]) == _SECTION_MAX, "each section has a title");

struct report_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	const struct ct_session *session;
	struct ct_output_options options;
	struct ct_report_totals totals;
	struct ct_spool spools[_SECTION_MAX];
	uint64_t sizes[_SECTION_MAX]; /// connections in each
};

static enum section section_of(const struct ct_conn *conn)
{
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++)
		if (conn->flags & (1U << flag) && ct_words_flag_style(flag) == CT_STYLE_BAD)
			return SECTION_BAD;
	if (conn->flags)
		return SECTION_NOTED;
	return conn->id.role == CT_ROLE_LISTENER ? SECTION_LISTENER : SECTION_PLAIN;
}

/// What nobody looks for first is short, unless all that is known was asked for.
static bool is_in_rows(const struct report_sink *s, enum section section)
{
	return section >= SECTION_PLAIN && s->options.format != CT_OUTPUT_WIDE;
}

static void count(struct ct_report_totals *totals, const struct ct_conn *conn)
{
	totals->gaps += conn->gaps;
	if (conn->id.role == CT_ROLE_LISTENER) {
		totals->listeners++;
		return;
	}
	totals->connections++;
	totals->flagged += conn->flags != 0;
	totals->ends[conn->end]++;
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++)
		totals->flags[flag] += (conn->flags >> flag) & 1;
}

/// A listener has no end that is told: it counts where it comes into sight.
static bool is_listener(const struct ct_update *update)
{
	return (update->kind == CT_UPDATE_STATE && update->state.to == CT_STATE_LISTEN) ||
	       (update->kind == CT_UPDATE_FOUND && update->found.state == CT_STATE_LISTEN);
}

static int report_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct report_sink *s = (struct report_sink *)sink;
	struct ct_report_context context = {
		.options = &s->options,
		.session = s->session,
		.now_ns = update->ts_ns,
	};
	enum section section;

	if (update->kind == CT_UPDATE_LOST)
		s->totals.lost[update->lost.where] += update->lost.events;
	s->totals.listeners += is_listener(update);
	if (update->kind != CT_UPDATE_CLOSE)
		return 0;
	count(&s->totals, update->conn);
	section = section_of(update->conn);
	s->sizes[section]++;
	if (is_in_rows(s, section))
		ct_report_row(&context, update->conn, &s->spools[section].buf);
	else
		ct_report_block(&context, update->conn, &s->spools[section].buf);
	return ct_spool_commit(&s->spools[section]);
}

static int put_section(struct report_sink *s, enum section section)
{
	struct ct_buf *out = &s->out.buf;

	if (!s->sizes[section])
		return 0;
	ct_buf_putc(out, '\n');
	ct_words_begin(&s->options, out, sections[section].style);
	ct_buf_puts(out, sections[section].title);
	ct_buf_puts(out, ": ");
	ct_buf_u64(out, s->sizes[section]);
	ct_words_end(&s->options, out, sections[section].style);
	ct_buf_puts(out, "\n\n");
	if (is_in_rows(s, section))
		ct_report_row_head(&s->options, out);
	return ct_spool_copy(&s->spools[section], &s->out);
}

static int report_finish(struct ct_sink *sink)
{
	struct report_sink *s = (struct report_sink *)sink;
	int r;

	ct_report_head(&s->options, s->session, &s->totals, &s->out.buf);
	for (enum section section = 0; section < _SECTION_MAX; section++) {
		r = put_section(s, section);
		if (r)
			return r;
	}
	r = ct_report_totals_put(&s->totals, &s->out.buf);
	if (r)
		return r;
	return ct_sink_out_flush(&s->out);
}

static void report_free(struct ct_sink *sink)
{
	struct report_sink *s = (struct report_sink *)sink;

	for (enum section section = 0; section < _SECTION_MAX; section++)
		ct_spool_fini(&s->spools[section]);
	ct_sink_out_fini(&s->out);
	free(s);
}

static const struct ct_sink_ops report_ops = {
	.name = "report",
	.update = report_update,
	.finish = report_finish,
	.free = report_free,
};

static int text_new(const struct ct_output_options *options, const struct ct_session *session,
		    FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct report_sink *s;

	if (options->fields) {
		if (ret_bad_field)
			*ret_bad_field = options->fields;
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink.ops = &report_ops;
	s->session = session;
	s->options = *options;
	ct_sink_out_init(&s->out, out);
	*ret_sink = &s->sink;
	return 0;
}

int ct_sink_report_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	switch (options->format) {
	case CT_OUTPUT_JSON:
		return ct_sink_json_new(options, session, out, CT_KIND(CLOSE), ret_sink,
					ret_bad_field);
	case CT_OUTPUT_CSV:
		return ct_sink_csv_new(options, session, out, CT_KIND(CLOSE), ret_sink,
				       ret_bad_field);
	default:
		return text_new(options, session, out, ret_sink, ret_bad_field);
	}
}
