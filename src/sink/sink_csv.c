// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * CSV after RFC 4180: a header line, records of equal length, lines that end in CR LF. A value that
 * is not known, or that this event does not have, is empty; an array is one text. What others chose
 * is escaped as in the table, and never begins a formula.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/sink_field.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_out.h"
#include "conntrace/text.h"
#include "conntrace/utf8.h"

struct csv_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	struct ct_buf text; /// of one value, before its quotes are doubled
	const struct ct_session *session;
	uint32_t kinds;
	size_t n_columns;
	const char *names[CT_FIELD_SET_MAX];
	/// what a kind of update has for each column; NULL nothing
	const struct ct_field *cells[_CT_UPDATE_MAX][CT_FIELD_SET_MAX];
};

static void put_header(struct csv_sink *s)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		if (i)
			ct_buf_putc(&s->out.buf, ',');
		ct_buf_puts(&s->out.buf, s->names[i]);
	}
	ct_buf_puts(&s->out.buf, "\r\n");
}

/// Spreadsheets run a cell that begins with one of these, quoted or not, in Japanese locales in
/// full width, U+FF01 and up, too.
static bool begins_formula(uint32_t c)
{
	uint32_t narrow = c > 0xff00 && c < 0xff5f ? c - 0xfee0 : c;

	return narrow == '=' || narrow == '+' || narrow == '-' || narrow == '@';
}

/// Appends a text that is escaped already; what would make a formula of it is escaped like the
/// rest.
static void put_quoted(struct ct_buf *out, const char *text, size_t n)
{
	uint32_t first = 0;
	size_t len = ct_utf8_decode(text, n, &first);

	ct_buf_putc(out, '"');
	if (len && begins_formula(first)) {
		ct_buf_printf(out, len == 1 ? "\\x%02x" : "\\u{%x}", first);
		text += len;
		n -= len;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"')
			ct_buf_putc(out, '"');
		ct_buf_putc(out, text[i]);
	}
	ct_buf_putc(out, '"');
}

static void put_untrusted(struct csv_sink *s, const char *str)
{
	struct ct_buf *out = &s->out.buf;

	ct_buf_reset(&s->text);
	if (ct_text_escape(&s->text, str, strlen(str), true)) {
		out->error = s->text.error;
		return;
	}
	put_quoted(out, s->text.data, s->text.len);
}

static void put_str(struct csv_sink *s, const char *name, const char *str)
{
	/* What others chose is quoted always, so that a reader need not look whether it is. */
	if (strcmp(name, "comm") == 0)
		put_untrusted(s, str);
	else
		ct_buf_puts(&s->out.buf, str);
}

static void put_cell(struct csv_sink *s, const struct ct_field *field,
		     const struct ct_field_source *source)
{
	struct ct_buf *out = &s->out.buf;
	struct ct_value value;

	value.type = CT_VALUE_NULL;
	field->get(source, &value);
	switch (value.type) {
	case CT_VALUE_U64:
		ct_buf_u64(out, value.u64);
		break;
	case CT_VALUE_I64:
		ct_buf_i64(out, value.i64);
		break;
	case CT_VALUE_BOOL:
		ct_buf_puts(out, value.truth ? "true" : "false");
		break;
	case CT_VALUE_STR:
		put_str(s, field->name, value.str);
		break;
	case CT_VALUE_COMPOUND:
		field->put_text(out, source);
		break;
	case CT_VALUE_NULL:
	case CT_VALUE_ABSENT:
		break;
	}
}

static int csv_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct csv_sink *s = (struct csv_sink *)sink;
	struct ct_field_source source = {.session = s->session, .update = update};

	if (update->kind == CT_UPDATE_SILENT || !(s->kinds & (1U << update->kind)))
		return 0;
	for (size_t i = 0; i < s->n_columns; i++) {
		const struct ct_field *field = s->cells[update->kind][i];

		if (i)
			ct_buf_putc(&s->out.buf, ',');
		if (field)
			put_cell(s, field, &source);
	}
	ct_buf_puts(&s->out.buf, "\r\n");
	return ct_sink_out_commit(&s->out);
}

static int csv_flush(struct ct_sink *sink)
{
	return ct_sink_out_flush(&((struct csv_sink *)sink)->out);
}

static void csv_free(struct ct_sink *sink)
{
	struct csv_sink *s = (struct csv_sink *)sink;

	ct_sink_out_fini(&s->out);
	ct_buf_fini(&s->text);
	free(s);
}

static const struct ct_sink_ops csv_ops = {
	.name = "csv",
	.update = csv_update,
	.flush = csv_flush,
	.finish = csv_flush,
	.free = csv_free,
};

/// The column of that name, a new one behind the others if there is none.
static size_t column_of(struct csv_sink *s, const char *name)
{
	for (size_t i = 0; i < s->n_columns; i++)
		if (strcmp(s->names[i], name) == 0)
			return i;
	s->names[s->n_columns] = name;
	return s->n_columns++;
}

static void lay_out(struct csv_sink *s, const struct ct_field_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct ct_field *field = set->fields[i];
		size_t column = column_of(s, field->name);

		for (size_t kind = 0; kind < _CT_UPDATE_MAX; kind++)
			if (field->kinds & (1U << kind))
				s->cells[kind][column] = field;
	}
}

int ct_sink_csv_new(const struct ct_output_options *options, const struct ct_session *session,
		    FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		    const char **ret_bad_field)
{
	struct ct_field_set set;
	struct csv_sink *s;
	int r;

	r = ct_field_set_init(&set, kinds, options->fields, NULL, ret_bad_field);
	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink.ops = &csv_ops;
	s->session = session;
	s->kinds = kinds;
	ct_sink_out_init(&s->out, out);
	lay_out(s, &set);
	if (!options->headless)
		put_header(s);
	*ret_sink = &s->sink;
	return 0;
}
