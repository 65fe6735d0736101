// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_words.h"

#include <inttypes.h>
#include <string.h>

#include "conntrace/names.h"
#include "conntrace/text.h"
#include "conntrace/timefmt.h"

/// Columns behind the indent that words need to be read in.
#define NARROWEST 20

#define NS_PER_US UINT64_C(1000)
#define US_PER_S  UINT64_C(1000000)

/* ECMA-48, SGR. */
static const char *const style_on[_CT_STYLE_MAX] = {
	[CT_STYLE_CALM] = "\033[2m",
	[CT_STYLE_HEAD] = "\033[1m",
	[CT_STYLE_NOTE] = "\033[33m",
	[CT_STYLE_BAD] = "\033[1;31m",
};

static const uint8_t flag_styles[_CT_FLAG_MAX] = {
	[CT_FLAG_HALF_CLOSE_LOCAL] = CT_STYLE_NOTE,
	[CT_FLAG_HALF_CLOSE_REMOTE] = CT_STYLE_NOTE,
	[CT_FLAG_HALF_OPEN] = CT_STYLE_NOTE,
	[CT_FLAG_RST_SENT] = CT_STYLE_BAD,
	[CT_FLAG_RST_RECEIVED] = CT_STYLE_BAD,
	[CT_FLAG_KEEPALIVE_PROBE] = CT_STYLE_NOTE,
	[CT_FLAG_KEEPALIVE_DEAD] = CT_STYLE_BAD,
	[CT_FLAG_ZERO_WINDOW] = CT_STYLE_NOTE,
	[CT_FLAG_RETRANSMIT] = CT_STYLE_NOTE,
	[CT_FLAG_SIMULTANEOUS_OPEN] = CT_STYLE_NOTE,
	[CT_FLAG_SIMULTANEOUS_CLOSE] = CT_STYLE_NOTE,
	[CT_FLAG_TIME_WAIT_KILLED] = CT_STYLE_BAD,
	[CT_FLAG_CLOSE_WAIT_STUCK] = CT_STYLE_BAD,
	[CT_FLAG_FIN_WAIT2_STUCK] = CT_STYLE_BAD,
	[CT_FLAG_REFUSED] = CT_STYLE_BAD,
	[CT_FLAG_TIMEOUT] = CT_STYLE_BAD,
	[CT_FLAG_GAP] = CT_STYLE_BAD,
};

static const char *const lost_words[_CT_LOST_MAX] = {
	[CT_LOST_NONE] = "nobody knows where",
	[CT_LOST_RING] = "ring buffer full",
	[CT_LOST_RECURSION] = "skipped by the kernel",
	[CT_LOST_HOLD] = "too many held for a filter",
	[CT_LOST_TABLE] = "connection table full",
	[CT_LOST_DECODE] = "unreadable",
	[CT_LOST_DISK] = "no room on the disk",
	[CT_LOST_MAP] = "no room in the kernel's maps",
	[CT_LOST_SWEEP] = "sweep too late",
};

static const char *const left_by_words[_CT_LEFT_BY_MAX] = {
	[CT_LEFT_BY_EXPIRED] = "expired",
	[CT_LEFT_BY_REUSED] = "reused by connect()",
	[CT_LEFT_BY_RECYCLED] = "recycled by a new SYN",
	[CT_LEFT_BY_RST] = "reset by the peer",
	[CT_LEFT_BY_ANSWERED] = "answered a segment with a reset",
	[CT_LEFT_BY_KILLED] = "killed from outside (ss -K)",
	[CT_LEFT_BY_NETNS] = "its network namespace is gone",
};

static const char *const handshake_words[_CT_HANDSHAKE_MAX] = {
	[CT_HANDSHAKE_SYNCOOKIE] = "syncookie",
	[CT_HANDSHAKE_FASTOPEN] = "fast open",
};

void ct_words_begin(const struct ct_output_options *options, struct ct_buf *buf,
		    enum ct_style style)
{
	if (options->color && style_on[style])
		ct_buf_puts(buf, style_on[style]);
}

void ct_words_end(const struct ct_output_options *options, struct ct_buf *buf, enum ct_style style)
{
	if (options->color && style_on[style])
		ct_buf_puts(buf, "\033[0m");
}

void ct_words_styled(const struct ct_output_options *options, struct ct_buf *buf,
		     enum ct_style style, const char *text)
{
	ct_words_begin(options, buf, style);
	ct_buf_puts(buf, text);
	ct_words_end(options, buf, style);
}

enum ct_style ct_words_flag_style(unsigned int flag)
{
	return flag < _CT_FLAG_MAX ? flag_styles[flag] : CT_STYLE_PLAIN;
}

void ct_words_put(struct ct_buf *buf, const char *word)
{
	ct_buf_puts(buf, word && *word ? word : "-");
}

const char *ct_words_arrow(const struct ct_output_options *options)
{
	return options->utf8 ? " → " : " -> ";
}

size_t ct_words_width(const char *text, size_t n)
{
	bool in_colour = false;
	size_t width = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (in_colour)
			in_colour = c != 'm';
		else if (c == '\033')
			in_colour = true;
		else if ((c & 0xc0) != 0x80) /* not in the middle of a character */
			width++;
	}
	return width;
}

void ct_words_wrap(struct ct_buf *buf, const char *text, size_t indent, size_t width)
{
	size_t column = indent;

	if (width < indent + NARROWEST)
		width = SIZE_MAX;
	while (text && *text) {
		size_t blanks = strspn(text, " "), n = strcspn(text + blanks, " ");
		size_t columns = ct_words_width(text + blanks, n);

		if (n && column > indent && column + blanks + columns > width) {
			ct_buf_putc(buf, '\n');
			ct_buf_fill(buf, ' ', indent);
			column = indent;
		} else {
			ct_buf_fill(buf, ' ', blanks);
			column += blanks;
		}
		ct_buf_append(buf, text + blanks, n);
		column += columns;
		text += blanks + n;
	}
}

void ct_words_time(const struct ct_output_options *options, const struct ct_session *session,
		   struct ct_buf *buf, uint64_t ts_ns)
{
	char clock[CT_TIME_CLOCK_STRLEN];
	uint64_t us;

	if (ts_ns == CT_NS_UNKNOWN) {
		ct_words_put(buf, NULL);
	} else if (options->time == CT_TIME_CLOCK) {
		ct_buf_puts(buf,
			    ct_time_clock(ct_session_real_ns(session, ts_ns), options->utc, clock));
	} else {
		/* What happened while tracing began may carry a time just before it. */
		us = ts_ns > session->mono_ns ? (ts_ns - session->mono_ns) / NS_PER_US : 0;
		ct_buf_printf(buf, "%" PRIu64 ".%06" PRIu64, us / US_PER_S, us % US_PER_S);
	}
}

void ct_words_duration(const struct ct_output_options *options, struct ct_buf *buf, uint64_t ns)
{
	char text[CT_DURATION_STRLEN];

	if (ns == CT_NS_UNKNOWN)
		ct_words_put(buf, NULL);
	else
		ct_buf_puts(buf, ct_duration_format(ns, options->utf8, text));
}

void ct_words_count(struct ct_buf *buf, uint64_t n, const char *noun)
{
	ct_buf_u64(buf, n);
	ct_buf_putc(buf, ' ');
	ct_buf_puts(buf, noun);
	if (n != 1)
		ct_buf_putc(buf, 's');
}

void ct_words_bytes(struct ct_buf *buf, uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	/* In thousandths of the unit, cut: 999.9 kB is not yet 1 MB. */
	uint64_t thousandths = bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		ct_buf_u64(buf, bytes);
		ct_buf_puts(buf, " B");
		return;
	}
	while (thousandths >= 1000000) {
		thousandths /= 1000;
		unit++;
	}
	if (thousandths < 10000)
		ct_buf_printf(buf, "%" PRIu64 ".%02" PRIu64 " %s", thousandths / 1000,
			      thousandths % 1000 / 10, units[unit]);
	else if (thousandths < 100000)
		ct_buf_printf(buf, "%" PRIu64 ".%" PRIu64 " %s", thousandths / 1000,
			      thousandths % 1000 / 100, units[unit]);
	else
		ct_buf_printf(buf, "%" PRIu64 " %s", thousandths / 1000, units[unit]);
}

void ct_words_pid(struct ct_buf *buf, const struct ct_conn_id *id)
{
	if (!id->pid) {
		ct_words_put(buf, NULL);
		return;
	}
	if (id->owner == CT_OWNER_INHERITED || id->owner == CT_OWNER_UNKNOWN)
		ct_buf_putc(buf, '~');
	ct_buf_u64(buf, id->pid);
}

void ct_words_comm(const struct ct_output_options *options, struct ct_buf *buf,
		   const struct ct_conn_id *id)
{
	if (id->comm[0])
		ct_text_escape(buf, id->comm, strlen(id->comm), options->utf8);
	else
		ct_words_put(buf, NULL);
}

void ct_words_conn(struct ct_buf *buf, const struct ct_conn_id *id)
{
	if (!id->cookie)
		ct_words_put(buf, NULL);
	else if (id->generation)
		ct_buf_printf(buf, "%" PRIx64 ".%u", id->cookie, id->generation);
	else
		ct_buf_printf(buf, "%" PRIx64, id->cookie);
}

void ct_words_flags(const struct ct_output_options *options, struct ct_buf *buf, uint32_t flags)
{
	const char *separator = "";

	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++) {
		if (!(flags & (1U << flag)))
			continue;
		ct_buf_puts(buf, separator);
		ct_words_begin(options, buf, ct_words_flag_style(flag));
		ct_buf_putc(buf, '[');
		ct_buf_puts(buf, ct_flag_name(flag));
		ct_buf_putc(buf, ']');
		ct_words_end(options, buf, ct_words_flag_style(flag));
		separator = " ";
	}
}

const char *ct_words_lost_where(unsigned int where)
{
	return lost_words[where < _CT_LOST_MAX ? where : CT_LOST_NONE];
}

const char *ct_words_left_by(unsigned int left_by, unsigned int state)
{
	if (left_by == CT_LEFT_BY_RST && state == CT_STATE_TIME_WAIT)
		return "reset by the peer (RFC 1337)";
	return left_by < _CT_LEFT_BY_MAX ? left_by_words[left_by] : NULL;
}

const char *ct_words_handshake(unsigned int handshake)
{
	return handshake < _CT_HANDSHAKE_MAX ? handshake_words[handshake] : NULL;
}

/// A FIN has its sender; of all other ends it is worth a word who had sent one before.
static void put_first_fin(struct ct_buf *buf, const struct ct_conn *conn)
{
	const char *closed_by = ct_closed_by_name(conn->closed_by);

	if (!closed_by || conn->end == CT_END_FIN || (!conn->fin_sent && !conn->fin_received))
		return;
	ct_buf_puts(buf, ", ");
	ct_buf_puts(buf, closed_by);
	ct_buf_puts(buf, " closed first");
}

static void put_end(struct ct_buf *buf, const struct ct_conn *conn)
{
	const char *closed_by = ct_closed_by_name(conn->closed_by);

	if (ct_conn_was_given_up(conn)) {
		ct_buf_puts(buf, "connect() given up unanswered");
		return;
	}
	ct_words_put(buf, ct_end_name(conn->end));
	if (closed_by && conn->end == CT_END_FIN) {
		ct_buf_puts(buf, " by ");
		ct_buf_puts(buf, closed_by);
	}
}

/// As the socket has counted them; of one that did not, those of a life that was seen whole.
static void put_syns_again(struct ct_buf *buf, const struct ct_conn *conn)
{
	uint32_t again = conn->counted			    ? conn->counters.retransmits
			 : conn->opened_ns != CT_NS_UNKNOWN ? conn->retransmits
							    : 0;

	if (!again || !ct_conn_was_given_up(conn))
		return;
	ct_buf_puts(buf, ", ");
	ct_words_count(buf, again, "SYN");
	ct_buf_puts(buf, " sent again");
}

static void put_age(const struct ct_output_options *options, struct ct_buf *buf,
		    const struct ct_conn *conn, uint64_t now_ns)
{
	if (conn->opened_ns == CT_NS_UNKNOWN) {
		ct_buf_puts(buf, conn->unseen ? ", opening not seen" : ", opened before the trace");
		return;
	}
	ct_buf_puts(buf, ", opened ");
	ct_words_duration(options, buf, now_ns > conn->opened_ns ? now_ns - conn->opened_ns : 0);
	ct_buf_puts(buf, " ago");
}

void ct_words_outcome(const struct ct_output_options *options, struct ct_buf *buf,
		      const struct ct_conn *conn, uint64_t now_ns)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	uint64_t opened = conn->opened_ns, closed = conn->closed_ns;

	if (closed == CT_NS_UNKNOWN) {
		ct_buf_puts(buf, "still ");
		ct_words_put(buf, last ? ct_state_name(last->state) : NULL);
		if (conn->end != CT_END_OPEN) {
			ct_buf_puts(buf, ", ");
			put_end(buf, conn);
		}
		put_age(options, buf, conn, now_ns);
	} else {
		put_end(buf, conn);
		if (conn->lives_on) {
			ct_buf_puts(buf, ", TIME_WAIT not traced");
		} else if (opened != CT_NS_UNKNOWN) {
			ct_buf_puts(buf, " after ");
			ct_words_duration(options, buf, closed > opened ? closed - opened : 0);
		}
	}
	put_syns_again(buf, conn);
	put_first_fin(buf, conn);
}

void ct_words_traffic(struct ct_buf *buf, const char *before, const struct ct_conn *conn)
{
	const struct ct_event_counters *counters = &conn->counters;
	uint64_t again = counters->bytes_retransmitted;

	if (!conn->counted)
		return;
	ct_buf_puts(buf, before);
	ct_buf_puts(buf, "sent ");
	ct_words_bytes(buf, counters->bytes_sent > again ? counters->bytes_sent - again : 0);
	ct_buf_puts(buf, ", received ");
	ct_words_bytes(buf, counters->bytes_received);
}

/// A number of a known unit is written as what it is; the unit leaves the key.
void ct_words_evidence(const struct ct_output_options *options, struct ct_buf *buf,
		       const struct ct_evidence *evidence)
{
	size_t n = strlen(evidence->key);
	bool is_ns = n > 3 && strcmp(evidence->key + n - 3, "_ns") == 0;
	bool is_bytes = n > 6 && strcmp(evidence->key + n - 6, "_bytes") == 0;

	if (!evidence->text)
		n -= is_ns ? 3 : is_bytes ? 6 : 0;
	ct_buf_append(buf, evidence->key, n);
	ct_buf_putc(buf, ' ');
	if (evidence->text)
		ct_buf_puts(buf, evidence->text);
	else if (evidence->number == CT_NS_UNKNOWN)
		ct_words_put(buf, NULL);
	else if (is_ns)
		ct_words_duration(options, buf, evidence->number);
	else if (is_bytes)
		ct_words_bytes(buf, evidence->number);
	else
		ct_buf_u64(buf, evidence->number);
}
