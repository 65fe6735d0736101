// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `list` has to say of a connection: as it is now. */
#include <inttypes.h>

#include "conntrace/names.h"
#include "conntrace/sink_words.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/// One DETAIL as it grows.
struct detail {
	const struct ct_output_options *options;
	struct ct_buf *buf;
	const struct ct_update *update;
	size_t began; /// length of the buffer before it
};

/// Behind another word there is a comma.
static struct ct_buf *next(const struct detail *detail)
{
	if (detail->buf->len > detail->began)
		ct_buf_puts(detail->buf, ", ");
	return detail->buf;
}

static bool is_wide(const struct detail *detail)
{
	return detail->options->format == CT_OUTPUT_WIDE;
}

static void put_backlog(const struct detail *detail)
{
	const struct ct_event_found *what = &detail->update->found.what;

	ct_buf_printf(next(detail), "backlog %" PRIu32 " of %" PRIu32, what->backlog,
		      what->backlog_max);
}

/// Wide has a column for it, and a listener is told by its state.
static void put_role(const struct detail *detail)
{
	const char *role = ct_role_name(detail->update->id.role);

	if (role && !is_wide(detail) && detail->update->id.role != CT_ROLE_LISTENER)
		ct_buf_puts(next(detail), role);
}

static void put_request(const struct detail *detail)
{
	if (!detail->update->found.what.request)
		return;
	ct_words_count(next(detail), detail->update->found.what.timeouts, "SYN-ACK");
	ct_buf_puts(detail->buf, " unanswered");
	put_backlog(detail);
}

/// Wide has columns for them.
static void put_queues(const struct detail *detail)
{
	const struct ct_event_found *what = &detail->update->found.what;

	if (is_wide(detail))
		return;
	if (what->unread) {
		ct_words_bytes(next(detail), what->unread);
		ct_buf_puts(detail->buf, " unread");
	}
	if (what->unacked) {
		ct_words_bytes(next(detail), what->unacked);
		ct_buf_puts(detail->buf, " unacknowledged");
	}
}

static void put_keepalive(const struct detail *detail)
{
	const struct ct_event_counters *counters = &detail->update->found.counters;

	if (!(detail->update->found.sock_flags & CT_SOCK_KEEPALIVE))
		return;
	ct_buf_puts(next(detail), "keepalive");
	if (!detail->update->found.full)
		return;
	ct_buf_putc(detail->buf, ' ');
	ct_words_duration(detail->options, detail->buf, counters->keepalive_time_s * NS_PER_S);
	if (!is_wide(detail))
		return;
	ct_buf_puts(detail->buf, " (");
	ct_words_count(detail->buf, counters->keepalive_probes, "probe");
	ct_buf_puts(detail->buf, " every ");
	ct_words_duration(detail->options, detail->buf, counters->keepalive_interval_s * NS_PER_S);
	ct_buf_putc(detail->buf, ')');
}

static void put_linger(const struct detail *detail)
{
	uint8_t flags = detail->update->found.sock_flags;

	if (flags & CT_SOCK_LINGER0) {
		ct_buf_puts(next(detail), "linger 0");
	} else if (flags & CT_SOCK_LINGER) {
		ct_buf_puts(next(detail), "linger");
		if (!detail->update->found.full)
			return;
		ct_buf_putc(detail->buf, ' ');
		ct_words_duration(detail->options, detail->buf,
				  detail->update->found.counters.linger_s * NS_PER_S);
	}
}

static void put_options(const struct detail *detail)
{
	const struct ct_event_counters *counters = &detail->update->found.counters;
	uint8_t flags = detail->update->found.sock_flags;

	if (flags & CT_SOCK_MPTCP)
		ct_buf_puts(next(detail), "mptcp subflow");
	if (flags & CT_SOCK_ORPHAN)
		ct_buf_puts(next(detail), "held by no process");
	put_keepalive(detail);
	if (detail->update->found.full && counters->user_timeout_ms) {
		ct_buf_puts(next(detail), "user timeout ");
		ct_words_duration(detail->options, detail->buf,
				  counters->user_timeout_ms * NS_PER_MS);
	}
	put_linger(detail);
	if (flags & CT_SOCK_NODELAY)
		ct_buf_puts(next(detail), "nodelay");
}

/// What the socket has counted so far.
static void put_counted(const struct detail *detail)
{
	const struct ct_event_counters *counters = &detail->update->found.counters;
	uint64_t again = counters->bytes_retransmitted;

	if (!is_wide(detail) || !detail->update->found.full)
		return;
	ct_buf_puts(next(detail), "sent ");
	ct_words_bytes(detail->buf,
		       counters->bytes_sent > again ? counters->bytes_sent - again : 0);
	ct_buf_puts(next(detail), "received ");
	ct_words_bytes(detail->buf, counters->bytes_received);
	if (counters->retransmits)
		ct_words_count(next(detail), counters->retransmits, "retransmit");
	if (counters->srtt_us) {
		ct_buf_puts(next(detail), "rtt ");
		ct_words_duration(detail->options, detail->buf, counters->srtt_us * UINT64_C(1000));
	}
}

void ct_words_found(const struct ct_output_options *options, struct ct_buf *buf,
		    const struct ct_update *update)
{
	const struct detail detail = {options, buf, update, buf->len};

	put_role(&detail);
	if (update->found.state == CT_STATE_LISTEN)
		put_backlog(&detail);
	put_request(&detail);
	put_queues(&detail);
	put_options(&detail);
	put_counted(&detail);
	if (buf->len == detail.began)
		ct_words_put(buf, NULL);
}

/// What is no full socket has neither queue.
static void put_queue(struct ct_buf *buf, const struct ct_event_found *what, uint32_t number)
{
	if (what->mini || what->request)
		ct_words_put(buf, NULL);
	else
		ct_buf_u64(buf, number);
}

void ct_words_found_recvq(struct ct_buf *buf, const struct ct_update *update)
{
	const struct ct_event_found *what = &update->found.what;

	put_queue(buf, what, update->found.state == CT_STATE_LISTEN ? what->backlog : what->unread);
}

void ct_words_found_sendq(struct ct_buf *buf, const struct ct_update *update)
{
	const struct ct_event_found *what = &update->found.what;

	put_queue(buf, what,
		  update->found.state == CT_STATE_LISTEN ? what->backlog_max : what->unacked);
}

void ct_words_found_flags(const struct ct_output_options *options, struct ct_buf *buf,
			  const struct ct_update *update)
{
	if (update->raised)
		ct_words_flags(options, buf, update->raised);
	else
		ct_words_put(buf, NULL);
}

void ct_words_found_age(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_update *update)
{
	uint64_t ns = ct_found_in_state_ns(update);

	if (ns != CT_NS_UNKNOWN)
		ct_buf_puts(buf, options->utf8 ? "≥" : ">=");
	ct_words_duration(options, buf, ns);
}

void ct_words_found_timer(const struct ct_output_options *options, struct ct_buf *buf,
			  const struct ct_update *update)
{
	const struct ct_event_found *what = &update->found.what;

	if (!what->mini && !what->request)
		ct_words_put(buf, ct_runs_name(what->runs));
	if (!ct_found_has_timer(update))
		return;
	if (!what->mini && !what->request)
		ct_buf_putc(buf, ' ');
	ct_words_duration(options, buf, what->timeout_ns);
	if (what->runs > CT_RUNS_NONE && what->timeouts)
		ct_buf_printf(buf, "/%u", what->timeouts);
}
