// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "report_text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "conntrace/count.h"
#include "conntrace/names.h"
#include "conntrace/sink_words.h"
#include "conntrace/text.h"
#include "conntrace/timefmt.h"

/* Widths of a row's columns: TIME and PID as in the table. */
#define TIME_WIDTH	15
#define PID_WIDTH	8
#define COMM_WIDTH	15
#define ENDPOINTS_WIDTH 45 /* two IPv4 addresses with their ports */

#define LABEL_WIDTH 18 /* the longest flag */

static void put_untrusted(const struct ct_output_options *options, struct ct_buf *buf,
			  const char *text)
{
	if (*text)
		ct_text_escape(buf, text, strlen(text), options->utf8);
	else
		ct_words_put(buf, NULL);
}

/// How many columns are missing in what was appended since the buffer was START long.
static size_t missing(const struct ct_buf *buf, size_t start, size_t width)
{
	size_t text = buf->error ? width : ct_words_width(buf->data + start, buf->len - start);

	return text < width ? width - text : 0;
}

void ct_report_pad(struct ct_buf *buf, size_t start, size_t width)
{
	ct_buf_fill(buf, ' ', missing(buf, start, width));
}

void ct_report_align_right(struct ct_buf *buf, size_t start, size_t width)
{
	size_t n = missing(buf, start, width);
	size_t text = buf->len - start;

	ct_report_pad(buf, start, width);
	if (n == 0 || buf->error)
		return;
	memmove(buf->data + start + n, buf->data + start, text);
	memset(buf->data + start, ' ', n);
}

static void put_padded(struct ct_buf *buf, const char *text, size_t width)
{
	size_t start = buf->len;

	ct_buf_puts(buf, text);
	ct_report_pad(buf, start, width);
}

void ct_report_endpoint(struct ct_buf *buf, uint8_t family, const uint8_t addr[16], uint16_t port)
{
	char text[CT_ADDR_STRLEN];

	if (family == AF_INET6)
		ct_buf_putc(buf, '[');
	ct_buf_puts(buf, ct_addr_format(family, addr, text));
	ct_buf_puts(buf, family == AF_INET6 ? "]:" : ":");
	if (port)
		ct_buf_u64(buf, port);
	else
		ct_words_put(buf, NULL);
}

/// Who opened it is where the arrow starts.
static const char *arrow_of(const struct ct_output_options *options, uint8_t role)
{
	static const char *const arrows[][2] = {
		[CT_ROLE_UNKNOWN] = {" -- ", " — "},
		[CT_ROLE_ACTIVE] = {" -> ", " → "},
		[CT_ROLE_PASSIVE] = {" <- ", " ← "},
	};

	return arrows[role < CT_COUNT(arrows) ? role : CT_ROLE_UNKNOWN][options->utf8];
}

static void put_endpoints(const struct ct_output_options *options, struct ct_buf *buf,
			  const struct ct_conn_id *id)
{
	ct_report_endpoint(buf, id->family, id->laddr, id->lport);
	ct_buf_puts(buf, arrow_of(options, id->role));
	ct_report_endpoint(buf, id->family, id->raddr, id->rport);
}

/// A remark behind a step: " (found)", " (inferred, expired)".
static const char *put_remark(struct ct_buf *buf, const char *before, const char *remark)
{
	if (!remark)
		return before;
	ct_buf_puts(buf, before);
	ct_buf_puts(buf, remark);
	return ", ";
}

void ct_report_remarks(struct ct_buf *buf, const struct ct_conn *conn, const struct ct_step *step,
		       bool is_last)
{
	static const char opening[] = " (";
	const char *before = opening;

	if (step->basis != CT_BASIS_SEEN)
		before = put_remark(buf, before, ct_basis_name(step->basis));
	if (step->state == CT_STATE_SYN_RECV)
		before = put_remark(buf, before, ct_words_handshake(conn->handshake));
	if (is_last)
		before = put_remark(buf, before, ct_words_left_by(conn->left_by, step->state));
	if (before != opening)
		ct_buf_putc(buf, ')');
}

static void put_step(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct ct_step *step)
{
	ct_words_put(buf, ct_state_name(step->state));
	if (step->for_ns != CT_NS_UNKNOWN) {
		ct_buf_putc(buf, ' ');
		ct_words_duration(options, buf, step->for_ns);
	}
}

static void put_history(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_conn *conn)
{
	const struct ct_history *history = &conn->history;
	const char *arrow = ct_words_arrow(options);

	if (!history->n_steps)
		ct_words_put(buf, NULL);
	for (size_t i = 0; i < history->n_steps; i++) {
		if (i)
			ct_buf_puts(buf, arrow);
		if (i == CT_HISTORY_MAX / 2 && history->n_dropped)
			ct_buf_printf(buf, "(%" PRIu32 " left out)%s", history->n_dropped, arrow);
		put_step(options, buf, &history->steps[i]);
		ct_report_remarks(buf, conn, &history->steps[i], i + 1 == history->n_steps);
	}
}

static void put_label(struct ct_buf *buf, const char *label)
{
	ct_buf_puts(buf, "    ");
	put_padded(buf, label, LABEL_WIDTH);
	ct_buf_putc(buf, ' ');
}

void ct_report_evidence(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_mark *mark)
{
	for (size_t i = 0; i < mark->n_evidence; i++) {
		ct_buf_puts(buf, i ? ", " : "  ");
		ct_words_evidence(options, buf, &mark->evidence[i]);
	}
}

static void put_mark(const struct ct_report_context *context, struct ct_buf *buf,
		     const struct ct_mark *mark)
{
	const struct ct_output_options *options = context->options;
	enum ct_style style = ct_words_flag_style(mark->flag);

	ct_words_begin(options, buf, style);
	put_label(buf, ct_flag_name(mark->flag));
	ct_words_end(options, buf, style);
	ct_words_time(options, context->session, buf, mark->at_ns);
	ct_report_evidence(options, buf, mark);
	ct_buf_putc(buf, '\n');
}

static void put_traffic(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_conn *conn)
{
	const struct ct_event_counters *counters = &conn->counters;

	if (!conn->counted) {
		ct_buf_puts(buf, "not counted\n");
		return;
	}
	ct_words_traffic(buf, "", conn);
	ct_buf_puts(buf, ", ");
	ct_words_count(buf, counters->retransmits, "retransmit");
	if (!(conn->blind & CT_BLIND_PROBES)) {
		ct_buf_puts(buf, ", ");
		ct_words_count(buf, conn->keepalives_sent, "keepalive");
		/* what the socket counts is of its whole life: not so these */
		if (ct_conn_was_met_late(conn))
			ct_buf_puts(buf, " since the trace began");
	}
	if (counters->srtt_us) {
		ct_buf_puts(buf, ", srtt ");
		ct_words_duration(options, buf, counters->srtt_us * UINT64_C(1000));
	}
	if (counters->min_rtt_us != UINT32_MAX) {
		ct_buf_puts(buf, ", min rtt ");
		ct_words_duration(options, buf, counters->min_rtt_us * UINT64_C(1000));
	}
	ct_buf_putc(buf, '\n');
}

static void put_identity(struct ct_buf *buf, const struct ct_conn *conn)
{
	const struct ct_conn_id *id = &conn->id;

	if (id->cookie)
		ct_buf_printf(buf, "%" PRIx64, id->cookie);
	else
		ct_words_put(buf, NULL);
	if (id->generation)
		ct_buf_printf(buf, ".%u", id->generation);
	ct_buf_printf(buf, ", netns %" PRIu32 ", owner %s", id->netns, ct_owner_name(id->owner));
	if (id->uid_known)
		ct_buf_printf(buf, ", uid %" PRIu32, id->uid);
	if (conn->sock_flags & CT_SOCK_MPTCP)
		ct_buf_puts(buf, ", mptcp subflow");
	ct_buf_putc(buf, '\n');
}

/// Options that are not as every socket has them at first; without any, no line.
static void put_options(struct ct_buf *buf, const struct ct_conn *conn)
{
	const struct ct_event_options *values = &conn->options;
	uint8_t on = conn->sock_flags & (CT_SOCK_KEEPALIVE | CT_SOCK_LINGER | CT_SOCK_NODELAY);
	uint32_t user_timeout_ms = conn->options_known ? values->user_timeout_ms : 0;
	const char *before = "";

	if (!on && !user_timeout_ms)
		return;
	put_label(buf, "options");
	if (on & CT_SOCK_KEEPALIVE)
		before = put_remark(buf, before, "keepalive");
	if (on & CT_SOCK_KEEPALIVE && conn->options_known)
		ct_buf_printf(buf, " after %" PRIu32 " s, %" PRIu32 " probes every %" PRIu32 " s",
			      values->keepalive_time_s, values->keepalive_probes,
			      values->keepalive_interval_s);
	if (on & CT_SOCK_LINGER)
		before = put_remark(buf, before, "linger");
	if (on & CT_SOCK_LINGER && conn->options_known)
		ct_buf_printf(buf, " %" PRIu32 " s", values->linger_s);
	if (on & CT_SOCK_NODELAY)
		before = put_remark(buf, before, "nodelay");
	if (user_timeout_ms) {
		(void)put_remark(buf, before, "user timeout");
		ct_buf_printf(buf, " %" PRIu32 " ms", user_timeout_ms);
	}
	ct_buf_putc(buf, '\n');
}

void ct_report_title(const struct ct_report_context *context, const struct ct_conn *conn,
		     struct ct_buf *buf)
{
	const struct ct_output_options *options = context->options;
	const char *role = ct_role_name(conn->id.role);

	ct_words_begin(options, buf, CT_STYLE_HEAD);
	put_endpoints(options, buf, &conn->id);
	ct_words_end(options, buf, CT_STYLE_HEAD);
	ct_buf_puts(buf, "  ");
	put_untrusted(options, buf, conn->id.comm);
	ct_buf_putc(buf, ' ');
	ct_words_pid(buf, &conn->id);
	if (role)
		ct_buf_printf(buf, "  %s", role);
	if (conn->opened_ns != CT_NS_UNKNOWN) {
		ct_buf_puts(buf, "  opened ");
		ct_words_time(options, context->session, buf, conn->opened_ns);
	} else if (conn->found_ns != CT_NS_UNKNOWN) {
		ct_buf_puts(buf, "  found ");
		ct_words_time(options, context->session, buf, conn->found_ns);
	} else if (conn->unseen) {
		ct_buf_puts(buf, "  opening not seen");
	}
	ct_buf_putc(buf, '\n');
}

void ct_report_block(const struct ct_report_context *context, const struct ct_conn *conn,
		     struct ct_buf *buf)
{
	const struct ct_output_options *options = context->options;
	const char *how = ct_how_name(conn->closed_how);

	ct_report_title(context, conn, buf);
	for (const struct ct_mark *mark = conn->marks; mark; mark = mark->next)
		put_mark(context, buf, mark);
	put_label(buf, "end");
	ct_words_outcome(options, buf, conn, context->now_ns);
	if (how)
		ct_buf_printf(buf, ", on our side by %s", how);
	ct_buf_putc(buf, '\n');
	put_label(buf, "history");
	put_history(options, buf, conn);
	ct_buf_putc(buf, '\n');
	put_label(buf, "traffic");
	put_traffic(options, buf, conn);
	put_options(buf, conn);
	put_label(buf, "conn");
	put_identity(buf, conn);
	ct_buf_putc(buf, '\n');
}

void ct_report_row_head(const struct ct_output_options *options, struct ct_buf *buf)
{
	ct_words_begin(options, buf, CT_STYLE_HEAD);
	ct_buf_printf(buf, "%*s %*s %-*s %-*s %s", TIME_WIDTH, "OPENED", PID_WIDTH, "PID",
		      COMM_WIDTH, "COMM", ENDPOINTS_WIDTH, "LOCAL AND REMOTE", "END");
	ct_words_end(options, buf, CT_STYLE_HEAD);
	ct_buf_putc(buf, '\n');
}

void ct_report_row(const struct ct_report_context *context, const struct ct_conn *conn,
		   struct ct_buf *buf)
{
	const struct ct_output_options *options = context->options;
	size_t start = buf->len;

	ct_words_time(options, context->session, buf, conn->opened_ns);
	ct_report_align_right(buf, start, TIME_WIDTH);
	ct_buf_putc(buf, ' ');
	start = buf->len;
	ct_words_pid(buf, &conn->id);
	ct_report_align_right(buf, start, PID_WIDTH);
	ct_buf_putc(buf, ' ');
	start = buf->len;
	put_untrusted(options, buf, conn->id.comm);
	ct_report_pad(buf, start, COMM_WIDTH);
	ct_buf_putc(buf, ' ');
	start = buf->len;
	put_endpoints(options, buf, &conn->id);
	ct_report_pad(buf, start, ENDPOINTS_WIDTH);
	ct_buf_putc(buf, ' ');

	ct_words_outcome(options, buf, conn, context->now_ns);
	ct_words_traffic(buf, ", ", conn);
	ct_buf_puts(buf, "\n    ");
	ct_words_begin(options, buf, CT_STYLE_CALM);
	put_history(options, buf, conn);
	ct_words_end(options, buf, CT_STYLE_CALM);
	ct_buf_putc(buf, '\n');
}

bool ct_report_is_stray(const struct ct_update *update)
{
	return update->kind == CT_UPDATE_RESET && !update->id.cookie &&
	       update->reset.state == CT_STATE_NONE;
}

void ct_report_strays(struct ct_buf *buf, uint64_t resets)
{
	if (!resets)
		return;
	ct_words_count(buf, resets, "reset");
	ct_buf_puts(buf, resets == 1 ? " was" : " were");
	ct_buf_puts(buf,
		    " sent where there was no socket, or none any more; no connection below has ");
	ct_buf_puts(buf, resets == 1 ? "it." : "them.");
}

static uint64_t sum(const uint64_t *counts, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += counts[i];
	return total;
}

/// "LOST 17 events: 17 ring buffer full", "UNREADABLE 803 events"; the tracer did not lose these.
static void put_lost(const struct ct_output_options *options, const struct ct_report_totals *totals,
		     struct ct_buf *buf)
{
	uint64_t unreadable = totals->lost[CT_LOST_DECODE];
	uint64_t lost = sum(totals->lost, _CT_LOST_MAX) - unreadable;
	const char *separator = ": ";

	ct_words_begin(options, buf, CT_STYLE_BAD);
	if (lost) {
		ct_buf_puts(buf, "LOST ");
		ct_words_count(buf, lost, "event");
	}
	for (unsigned int where = 0; where < _CT_LOST_MAX; where++) {
		if (!totals->lost[where] || where == CT_LOST_DECODE)
			continue;
		ct_buf_printf(buf, "%s%" PRIu64 " %s", separator, totals->lost[where],
			      ct_words_lost_where(where));
		separator = ", ";
	}
	if (unreadable) {
		ct_buf_puts(buf, lost ? ". UNREADABLE " : "UNREADABLE ");
		ct_words_count(buf, unreadable, "event");
	}
	ct_buf_puts(buf, ". Connections that may miss one are flagged [gap].");
	ct_words_end(options, buf, CT_STYLE_BAD);
	ct_buf_putc(buf, '\n');
}

/// Whose silence means nothing.
static void put_not_traced(const struct ct_output_options *options,
			   const struct ct_capabilities *capabilities, struct ct_buf *buf)
{
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		const struct ct_capability *capability = &capabilities->of[i];

		if (!ct_capability_is_lessened(capability))
			continue;
		ct_buf_printf(buf, "%s: %s (",
			      capability->level == CT_CAPABILITY_ABSENT ? "Not traced"
									: "Traced in part",
			      ct_capability_name(i));
		put_untrusted(options, buf, capability->detail);
		ct_buf_puts(buf, ")\n");
	}
}

static void put_problem(const struct ct_output_options *options, struct ct_buf *buf)
{
	ct_words_begin(options, buf, CT_STYLE_BAD);
	ct_buf_puts(buf, "The recording is not whole: ");
	put_untrusted(options, buf, options->problem);
	ct_words_end(options, buf, CT_STYLE_BAD);
	ct_buf_putc(buf, '\n');
}

/// What it ran without, which is why some of the rest may not be traced. With all there is nothing
/// to say.
static void put_privileges(uint64_t privileges, struct ct_buf *buf)
{
	char text[CT_PRIVILEGES_STRLEN];

	if ((privileges & CT_PRIVILEGES_ALL) != CT_PRIVILEGES_ALL)
		ct_buf_printf(buf, "Privileges of the recorder: %s\n",
			      ct_privileges_describe(privileges, text));
}

/// Since when, in the zone that was asked for, and what the times further down are of.
static void put_began(const struct ct_output_options *options, const struct ct_session *session,
		      struct ct_buf *buf)
{
	char began[CT_TIME_ZONED_STRLEN], zone[CT_ZONE_STRLEN];

	ct_buf_printf(buf, ", from %s", ct_time_zoned(session->real_ns, options->utc, began));
	if (options->time != CT_TIME_CLOCK)
		ct_buf_puts(buf, " (times: seconds from then; in a timeline from its beginning)");
	else
		ct_buf_printf(buf, " (times of day: %s%s%s)",
			      options->utc ? "" : "local time where this report was made, ",
			      ct_time_zone(session->real_ns, options->utc, zone),
			      options->utc ? "" : " at that time");
}

void ct_report_head(const struct ct_output_options *options, const struct ct_session *session,
		    const struct ct_report_totals *totals, struct ct_buf *buf)
{
	bool is_damaged = options->problem && *options->problem;

	ct_buf_puts(buf, "Recorded on ");
	put_untrusted(options, buf, session->host);
	ct_buf_puts(buf, ", Linux ");
	put_untrusted(options, buf, session->kernel);
	ct_buf_putc(buf, ' ');
	put_untrusted(options, buf, session->machine);
	put_began(options, session, buf);
	ct_buf_puts(buf, "\nby: ");
	put_untrusted(options, buf, session->command_line);
	ct_buf_puts(buf, " (conntrace ");
	put_untrusted(options, buf, session->tool_version);
	ct_buf_puts(buf, ")\n");
	ct_words_count(buf, totals->connections, "connection");
	ct_buf_printf(buf, ", %" PRIu64 " flagged, ", totals->flagged);
	ct_words_count(buf, totals->listeners, "listener");
	ct_buf_putc(buf, '\n');
	if (totals->strays) {
		ct_report_strays(buf, totals->strays);
		ct_buf_putc(buf, '\n');
	}
	if (is_damaged)
		put_problem(options, buf);
	if (sum(totals->lost, _CT_LOST_MAX))
		put_lost(options, totals, buf);
	else
		ct_buf_puts(buf, is_damaged ? "In what is left of it no loss is told.\n"
					    : "No event was lost.\n");
	put_privileges(session->privileges, buf);
	put_not_traced(options, &session->capabilities, buf);
}
