// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "timeline.h"

#include <inttypes.h>
#include <stdbool.h>

#include "conntrace/names.h"
#include "conntrace/sink_words.h"

#define NS_PER_US UINT64_C(1000)
#define US_PER_S  UINT64_C(1000000)

/* Widths of the columns. */
#define SECONDS_WIDTH  8 /* before the point */
#define OFFSET_WIDTH   (SECONDS_WIDTH + 7)
#define STATE_WIDTH    11
#define DURATION_WIDTH 8
#define BAR_WIDTH      40

struct timeline {
	const struct ct_report_context *context;
	const struct ct_conn *conn;
	struct ct_buf *buf;
	uint64_t from_ns; /// where the offsets begin
	uint64_t until_ns;
};

static uint64_t begin_of(const struct ct_conn *conn)
{
	const struct ct_history *history = &conn->history;

	if (conn->opened_ns != CT_NS_UNKNOWN)
		return conn->opened_ns;
	if (conn->found_ns != CT_NS_UNKNOWN)
		return conn->found_ns;
	for (size_t i = 0; i < history->n_steps; i++)
		if (history->steps[i].at_ns != CT_NS_UNKNOWN)
			return history->steps[i].at_ns;
	return CT_NS_UNKNOWN;
}

static struct timeline timeline_of(const struct ct_report_context *context,
				   const struct ct_conn *conn, struct ct_buf *buf)
{
	struct timeline t = {
		.context = context,
		.conn = conn,
		.buf = buf,
		.from_ns = begin_of(conn),
		.until_ns = conn->closed_ns != CT_NS_UNKNOWN ? conn->closed_ns : context->now_ns,
	};

	if (t.from_ns == CT_NS_UNKNOWN || t.from_ns > t.until_ns) /* two CPUs' clocks */
		t.from_ns = t.until_ns;
	return t;
}

uint64_t ct_timeline_span_ns(const struct ct_report_context *context, const struct ct_conn *conn)
{
	const struct timeline t = timeline_of(context, conn, NULL);

	return t.until_ns - t.from_ns;
}

static void put_offset(const struct timeline *t, uint64_t at_ns)
{
	uint64_t us = at_ns > t->from_ns ? (at_ns - t->from_ns) / NS_PER_US : 0;

	if (at_ns == CT_NS_UNKNOWN)
		ct_buf_printf(t->buf, "%*s  ", OFFSET_WIDTH, "-");
	else
		ct_buf_printf(t->buf, "%*" PRIu64 ".%06" PRIu64 "  ", SECONDS_WIDTH, us / US_PER_S,
			      us % US_PER_S);
}

/// So many columns of the bar lie before AT_NS.
static size_t columns_before(const struct timeline *t, uint64_t at_ns)
{
	uint64_t span = t->until_ns - t->from_ns;
	uint64_t offset = at_ns > t->from_ns ? at_ns - t->from_ns : 0;

	if (offset >= span)
		return BAR_WIDTH;
	return (size_t)((unsigned __int128)offset * BAR_WIDTH / span);
}

/// What is shorter than a column takes one: it was there.
static void put_bar(const struct timeline *t, uint64_t at_ns, uint64_t for_ns)
{
	size_t first = columns_before(t, at_ns), end = BAR_WIDTH;
	uint64_t end_ns;

	if (!__builtin_add_overflow(at_ns, for_ns, &end_ns))
		end = columns_before(t, end_ns);
	if (first >= BAR_WIDTH)
		first = BAR_WIDTH - 1;
	if (end <= first)
		end = first + 1;
	ct_buf_fill(t->buf, ' ', 2 + first);
	for (size_t i = first; i < end; i++)
		ct_buf_puts(t->buf, t->context->options->utf8 ? "━" : "=");
}

/// Of the state that it is in still, how long by now.
static uint64_t time_in(const struct timeline *t, const struct ct_step *step, bool is_still_there)
{
	if (!is_still_there || step->at_ns == CT_NS_UNKNOWN)
		return step->for_ns;
	return t->until_ns > step->at_ns ? t->until_ns - step->at_ns : 0;
}

static void put_state(const struct timeline *t, const struct ct_step *step, bool is_last)
{
	bool is_still_there = is_last && t->conn->closed_ns == CT_NS_UNKNOWN &&
			      step->for_ns == CT_NS_UNKNOWN;
	uint64_t for_ns = time_in(t, step, is_still_there);
	struct ct_buf *buf = t->buf;
	size_t start;

	put_offset(t, step->at_ns);
	start = buf->len;
	ct_words_put(buf, ct_state_name(step->state));
	ct_report_pad(buf, start, STATE_WIDTH);
	ct_buf_putc(buf, ' ');
	start = buf->len;
	ct_words_duration(t->context->options, buf, for_ns);
	ct_report_align_right(buf, start, DURATION_WIDTH);
	if (step->at_ns != CT_NS_UNKNOWN && for_ns != CT_NS_UNKNOWN)
		put_bar(t, step->at_ns, for_ns);
	ct_report_remarks(buf, t->conn, step, is_last);
	ct_buf_putc(buf, '\n');
}

static void put_flag(const struct timeline *t, const struct ct_mark *mark)
{
	const struct ct_output_options *options = t->context->options;

	put_offset(t, mark->at_ns);
	ct_words_flags(options, t->buf, 1U << mark->flag);
	ct_report_evidence(options, t->buf, mark);
	ct_buf_putc(t->buf, '\n');
}

/// Those that were raised before LIMIT_NS; CT_NS_UNKNOWN: all. Returns the first that was not.
static const struct ct_mark *put_flags(const struct timeline *t, const struct ct_mark *mark,
				       uint64_t limit_ns)
{
	for (; mark && (limit_ns == CT_NS_UNKNOWN || mark->at_ns < limit_ns); mark = mark->next)
		put_flag(t, mark);
	return mark;
}

static void put_end(const struct timeline *t)
{
	put_offset(t, t->until_ns);
	ct_words_outcome(t->context->options, t->buf, t->conn, t->context->now_ns);
	ct_buf_putc(t->buf, '\n');
}

void ct_timeline_put(const struct ct_report_context *context, const struct ct_conn *conn,
		     struct ct_buf *buf)
{
	const struct timeline t = timeline_of(context, conn, buf);
	const struct ct_history *history = &conn->history;
	const struct ct_mark *mark = conn->marks;

	ct_report_title(context, conn, buf);
	for (size_t i = 0; i < history->n_steps; i++) {
		const struct ct_step *step = &history->steps[i];

		if (i == CT_HISTORY_MAX / 2 && history->n_dropped)
			ct_buf_printf(buf, "%*s  (%" PRIu32 " left out)\n", OFFSET_WIDTH, "-",
				      history->n_dropped);
		if (step->at_ns != CT_NS_UNKNOWN)
			mark = put_flags(&t, mark, step->at_ns);
		put_state(&t, step, i + 1 == history->n_steps);
	}
	mark = put_flags(&t, mark, t.until_ns);
	put_end(&t);
	(void)put_flags(&t, mark, CT_NS_UNKNOWN);
	ct_buf_putc(buf, '\n');
}
