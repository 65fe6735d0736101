// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What all connections tell together, and then each of them, the flagged ones first. Which those
 * are, and what was lost, is known at the end only: until then each section waits in a spool of its
 * own.
 */
#include "conntrace/report.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/diagnosis.h"
#include "conntrace/sink_field.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_out.h"
#include "conntrace/sink_spool.h"
#include "conntrace/sink_words.h"
#include "groups.h"
#include "percentiles.h"
#include "report_text.h"
#include "timeline.h"

/// Rows of each table where nobody asked for one.
#define FEW_GROUPS 10

/// Lives of each section unless all that is known was asked for: nobody reads more of them, and
/// who searches takes -o wide or JSON. Telling of each takes a tenth of the time of a report.
#define FEW_LIVES 1000

enum section {
	SECTION_BAD = 0,
	SECTION_NOTED,
	SECTION_PLAIN,
	_SECTION_MAX,
};

static const struct {
	const char *title;
	enum ct_style style;
} sections[] = {
	[SECTION_BAD] = {"TROUBLE", CT_STYLE_BAD},
	[SECTION_NOTED] = {"WORTH A LOOK", CT_STYLE_NOTE},
	[SECTION_PLAIN] = {"THE OTHERS", CT_STYLE_HEAD},
};

_Static_assert(sizeof(sections) / sizeof(sections[0]) == _SECTION_MAX, "each section has a title");

/// By what connections are counted where nobody says it.
static const uint8_t usual_groups[] = {
	CT_REPORT_BY_PEER,
	CT_REPORT_BY_PROCESS,
	CT_REPORT_BY_PORT,
};

struct report_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	const struct ct_session *session;
	struct ct_output_options options;
	struct ct_report_totals totals;
	struct ct_diagnosis *diagnosis;			  /// owned
	struct ct_groups *groups[CT_COUNT(usual_groups)]; /// owned; NULL behind the last
	struct ct_percentiles *percentiles;		  /// owned
	struct ct_worst worst;
	struct ct_spool spools[_SECTION_MAX];
	uint64_t sizes[_SECTION_MAX]; /// connections in each
};

static enum section section_of(const struct ct_conn *conn)
{
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++)
		if (conn->flags & (1U << flag) && ct_words_flag_style(flag) == CT_STYLE_BAD)
			return SECTION_BAD;
	return conn->flags ? SECTION_NOTED : SECTION_PLAIN;
}

/// What nobody looks for first is short, unless all that is known was asked for.
static bool is_in_rows(const struct report_sink *s, enum section section)
{
	return section == SECTION_PLAIN && s->options.format != CT_OUTPUT_WIDE;
}

/// N lives of its section came before.
static bool is_left_out(const struct report_sink *s, uint64_t n)
{
	return n >= FEW_LIVES && s->options.format != CT_OUTPUT_WIDE;
}

static void count(struct ct_report_totals *totals, const struct ct_conn *conn)
{
	totals->gaps += conn->gaps;
	totals->connections++;
	totals->uncounted += !conn->counted;
	totals->flagged += conn->flags != 0;
	totals->ends[conn->end]++;
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++)
		totals->flags[flag] += (conn->flags >> flag) & 1;
}

/// What all of them tell together.
static int add_up(struct report_sink *s, const struct ct_report_context *context,
		  const struct ct_conn *conn)
{
	int r = 0;

	for (size_t i = 0; i < CT_COUNT(s->groups) && s->groups[i] && r == 0; i++)
		r = ct_groups_add(s->groups[i], conn);
	if (r == 0)
		r = ct_percentiles_add(s->percentiles, conn);
	return r ? r : ct_worst_add(&s->worst, context, conn);
}

static int add_life(struct report_sink *s, const struct ct_update *update)
{
	struct ct_report_context context = {
		.options = &s->options,
		.session = s->session,
		.now_ns = update->ts_ns,
	};
	enum section section = section_of(update->conn);
	struct ct_spool *spool = &s->spools[section];
	int r;

	count(&s->totals, update->conn);
	r = add_up(s, &context, update->conn);
	if (r)
		return r;
	if (is_left_out(s, s->sizes[section]++))
		return 0;
	if (is_in_rows(s, section))
		ct_report_row(&context, update->conn, &spool->buf);
	else
		ct_report_block(&context, update->conn, &spool->buf);
	return ct_spool_commit(spool);
}

static int report_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct report_sink *s = (struct report_sink *)sink;
	int r = ct_diagnosis_observe(s->diagnosis, update);

	s->totals.strays += ct_report_is_stray(update);
	if (update->kind == CT_UPDATE_LOST)
		s->totals.lost[update->lost.where] += update->lost.events;
	s->totals.listeners += ct_update_shows_listener(update);
	if (r || update->kind != CT_UPDATE_CLOSE)
		return r;
	return add_life(s, update);
}

static void put_title(struct report_sink *s, enum ct_style style, const char *title, uint64_t n)
{
	struct ct_buf *out = &s->out.buf;

	ct_buf_putc(out, '\n');
	ct_words_begin(&s->options, out, style);
	ct_buf_puts(out, title);
	ct_buf_puts(out, ": ");
	ct_buf_u64(out, n);
	ct_words_end(&s->options, out, style);
	ct_buf_puts(out, "\n\n");
}

static int put_findings(struct report_sink *s)
{
	struct ct_buf *out = &s->out.buf;
	const struct ct_finding *findings;
	size_t n;
	int r = ct_diagnosis_conclude(s->diagnosis, &s->options, s->session);

	if (r)
		return r;
	findings = ct_diagnosis_findings(s->diagnosis, &n);
	if (n)
		put_title(s, CT_STYLE_HEAD, "FINDINGS", n);
	else
		ct_buf_putc(out, '\n');
	ct_diagnosis_put_totals(&s->options, out, s->diagnosis);
	for (size_t i = 0; i < n; i++)
		ct_finding_put_text(&s->options, out, &findings[i]);
	return ct_sink_out_commit(&s->out);
}

static int put_groups(struct report_sink *s)
{
	bool is_short = !s->options.by && s->options.format != CT_OUTPUT_WIDE;
	int r = 0;

	for (size_t i = 0; i < CT_COUNT(s->groups) && s->groups[i] && r == 0; i++)
		r = ct_groups_put(&s->options, s->groups[i], is_short ? FEW_GROUPS : 0,
				  &s->out.buf);
	if (r)
		return r;
	ct_groups_put_uncounted(&s->out.buf, s->totals.uncounted);
	return ct_sink_out_commit(&s->out);
}

static int put_worst(struct report_sink *s)
{
	if (!s->worst.n)
		return 0;
	put_title(s, CT_STYLE_HEAD, "THE WORST LIVES", s->worst.n);
	ct_worst_put_rule(&s->out.buf);
	for (size_t i = 0; i < s->worst.n; i++)
		ct_buf_append(&s->out.buf, s->worst.lives[i].text.data, s->worst.lives[i].text.len);
	return ct_sink_out_commit(&s->out);
}

static void put_left_out(struct report_sink *s, uint64_t n)
{
	ct_buf_puts(&s->out.buf, "and ");
	ct_words_count(&s->out.buf, n, "more connection");
	ct_buf_puts(&s->out.buf, ": -o wide shows all\n");
}

static int put_section(struct report_sink *s, enum section section)
{
	uint64_t n = s->sizes[section];
	int r;

	if (!n)
		return 0;
	put_title(s, sections[section].style, sections[section].title, n);
	if (is_in_rows(s, section))
		ct_report_row_head(&s->options, &s->out.buf);
	r = ct_spool_copy(&s->spools[section], &s->out);
	if (r == 0 && is_left_out(s, n - 1))
		put_left_out(s, n - FEW_LIVES);
	return r;
}

static int report_finish(struct ct_sink *sink)
{
	struct report_sink *s = (struct report_sink *)sink;
	int r;

	ct_report_head(&s->options, s->session, &s->totals, &s->out.buf);
	r = put_findings(s);
	if (r == 0)
		r = put_groups(s);
	if (r == 0)
		r = ct_percentiles_put(&s->options, s->percentiles, &s->out.buf);
	if (r == 0)
		r = put_worst(s);
	for (enum section section = 0; section < _SECTION_MAX && r == 0; section++)
		r = put_section(s, section);
	if (r == 0)
		r = ct_report_totals_put(&s->totals, &s->out.buf);
	return r ? r : ct_sink_out_flush(&s->out);
}

static void report_free(struct ct_sink *sink)
{
	struct report_sink *s = (struct report_sink *)sink;

	for (enum section section = 0; section < _SECTION_MAX; section++)
		ct_spool_fini(&s->spools[section]);
	for (size_t i = 0; i < CT_COUNT(s->groups); i++)
		ct_groups_free(&s->groups[i]);
	ct_diagnosis_free(&s->diagnosis);
	ct_percentiles_free(&s->percentiles);
	ct_worst_fini(&s->worst);
	ct_sink_out_fini(&s->out);
	free(s);
}

static const struct ct_sink_ops report_ops = {
	.name = "report",
	.update = report_update,
	.finish = report_finish,
	.free = report_free,
};

/// What is missing then is for report_free() as well. 0; -ENOMEM.
static int make_parts(struct report_sink *s)
{
	size_t n = s->options.by ? 1 : CT_COUNT(usual_groups);

	s->diagnosis = ct_diagnosis_new();
	s->percentiles = ct_percentiles_new();
	if (!s->diagnosis || !s->percentiles)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		s->groups[i] = ct_groups_new(s->options.by ? s->options.by : usual_groups[i]);
		if (!s->groups[i])
			return -ENOMEM;
	}
	return 0;
}

static int text_new(const struct ct_output_options *options, const struct ct_session *session,
		    FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct report_sink *s;
	int r = ct_field_refuse(options->fields, ret_bad_field);

	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink.ops = &report_ops;
	s->session = session;
	s->options = *options;
	ct_sink_out_init(&s->out, out);
	if (make_parts(s)) {
		report_free(&s->sink);
		return -ENOMEM;
	}
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
