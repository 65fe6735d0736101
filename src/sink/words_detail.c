// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last column of the table: what there is to know of one event, in a few words. */
#include <inttypes.h>

#include "conntrace/names.h"
#include "conntrace/sink_words.h"

/// Why the mini-socket is gone, and who has taken its place.
static void put_left_by(struct ct_buf *buf, const struct ct_update *u)
{
	const char *words = ct_words_left_by(u->state.left_by, u->state.from);
	const char *of = u->state.left_by == CT_LEFT_BY_REUSED ? "of" : "by";

	if (!words)
		return;
	ct_buf_printf(buf, ", %s", words);
	if (u->state.by_pid)
		ct_buf_printf(buf, " %s pid %" PRIu32, of, u->state.by_pid);
	if (u->state.by_cookie)
		ct_buf_printf(buf, " (conn %" PRIx64 ")", u->state.by_cookie);
}

static void put_mptcp(struct ct_buf *buf, uint8_t sock_flags)
{
	if (sock_flags & CT_SOCK_MPTCP)
		ct_buf_puts(buf, ", mptcp subflow");
}

static void detail_state(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_update *u)
{
	const char *how = ct_how_name(u->state.how);
	const char *handshake = ct_words_handshake(u->state.handshake);

	/* A call says enough: nobody asks how long a fresh socket was CLOSE. */
	if (u->state.in_state_ns != CT_NS_UNKNOWN || !how)
		ct_words_duration(options, buf, u->state.in_state_ns);
	if (u->state.in_state_ns != CT_NS_UNKNOWN && how)
		ct_buf_putc(buf, ' ');
	if (how)
		ct_buf_puts(buf, how);
	if (u->state.basis == CT_BASIS_INFERRED)
		ct_buf_puts(buf, " inferred");
	put_left_by(buf, u);
	if (handshake)
		ct_buf_printf(buf, ", %s", handshake);
	/* Only now is it known whether the peer speaks MPTCP, RFC 8684 3.1. */
	if (u->state.to == CT_STATE_ESTABLISHED && u->event)
		put_mptcp(buf, u->event->sock_flags);
}

static void put_backlog(struct ct_buf *buf, const struct ct_event_found *what)
{
	ct_buf_printf(buf, ", backlog %" PRIu32 " of %" PRIu32, what->backlog, what->backlog_max);
}

static void detail_found(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_update *u)
{
	const struct ct_event_found *what = &u->found.what;
	const char *role = ct_role_name(u->id.role);

	ct_words_put(buf, ct_state_name(u->found.state));
	if (u->found.state == CT_STATE_LISTEN)
		put_backlog(buf, what);
	else if (role)
		ct_buf_printf(buf, ", %s", role);
	if (u->id.owner == CT_OWNER_SCAN)
		ct_buf_puts(buf, ", owner by scan");
	put_mptcp(buf, u->found.sock_flags);
	if (what->request) {
		ct_buf_puts(buf, ", ");
		ct_words_count(buf, what->timeouts, "SYN-ACK");
		ct_buf_puts(buf, " unanswered");
		put_backlog(buf, what);
	} else if (what->mini) {
		ct_buf_puts(buf, ", expires in ");
		ct_words_duration(options, buf, what->timeout_ns);
	}
}

static void detail_retransmit(const struct ct_output_options *options, struct ct_buf *buf,
			      const struct ct_update *u)
{
	const char *segment = ct_segment_name(u->retransmit.segment);

	(void)options;
	ct_buf_puts(buf, segment ? segment : "segment");
	if (u->retransmit.kind != CT_RETRANSMIT_UNKNOWN &&
	    u->retransmit.kind != CT_RETRANSMIT_SYNACK) {
		ct_buf_puts(buf, " by ");
		ct_words_put(buf, ct_retransmit_kind_name(u->retransmit.kind));
	}
	ct_buf_printf(buf, ", %" PRIu32 " so far", u->retransmit.count);
}

static void detail_reset(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_update *u)
{
	const char *by = ct_reset_by_name(u->reset.by);
	const char *reason = ct_reset_reason_name(u->reset.reason);

	ct_words_put(buf, ct_direction_name(u->reset.direction));
	if (by) {
		ct_buf_puts(buf, u->reset.direction == CT_DIRECTION_RECEIVED ? " from " : " by ");
		ct_buf_puts(buf, by);
	}
	if (u->reset.cause != CT_RESET_CAUSE_PEER) {
		ct_buf_puts(buf, ": ");
		ct_buf_puts(buf, u->reset.cause == CT_RESET_CAUSE_UNKNOWN
					 ? "unknown cause"
					 : ct_reset_cause_name(u->reset.cause));
	}
	if (u->reset.unread) {
		ct_buf_puts(buf, ", ");
		ct_words_count(buf, u->reset.unread, "byte");
		/* behind a reset that came recv() still hands it out: tcp_recvmsg_locked() */
		ct_buf_puts(buf, u->reset.direction == CT_DIRECTION_RECEIVED ? " not read yet"
									     : " unread lost");
	}
	if (u->reset.unacked) {
		ct_buf_puts(buf, ", ");
		ct_words_count(buf, u->reset.unacked, "byte");
		ct_buf_puts(buf, " unacknowledged");
	}
	if (options->format == CT_OUTPUT_WIDE && reason)
		ct_buf_printf(buf, " (%s)", reason);
}

static void detail_probe(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_update *u)
{
	switch (u->probe.outcome) {
	case CT_PROBE_SENT:
		ct_buf_printf(buf, "sent, %" PRIu32 " unanswered", u->probe.unanswered);
		break;
	case CT_PROBE_ANSWERED:
		ct_buf_puts(buf, "answered");
		if (u->probe.answer_ns != CT_NS_UNKNOWN) {
			ct_buf_puts(buf, " within ");
			ct_words_duration(options, buf, u->probe.answer_ns);
		}
		break;
	case CT_PROBE_DEAD:
		ct_buf_puts(buf, "dead after ");
		ct_words_count(buf, u->probe.unanswered, "probe");
		break;
	case CT_PROBE_RECEIVED:
		ct_buf_puts(buf, "received");
		break;
	default:
		ct_words_put(buf, NULL);
	}
}

static void detail_error(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_update *u)
{
	const char *name = ct_errno_name(u->error.err);

	(void)options;
	if (name || !u->error.err)
		ct_words_put(buf, name);
	else
		ct_buf_printf(buf, "errno %" PRIu16, u->error.err);
	if (u->error.of_own_abort)
		ct_buf_puts(buf, ", of its own abort");
}

static void detail_flag(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_update *u)
{
	ct_words_put(buf, ct_state_name(u->flag.state));
	ct_buf_puts(buf, " for ");
	ct_words_duration(options, buf, u->flag.in_state_ns);
}

static void detail_close(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_update *u)
{
	ct_words_outcome(options, buf, u->conn, u->ts_ns);
	ct_words_traffic(buf, ", ", u->conn);
}

static void detail_lost(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_update *u)
{
	(void)options;
	ct_words_count(buf, u->lost.events, "event");
	/* they are in the recording: not lost by the tracer */
	ct_buf_puts(buf, u->lost.where == CT_LOST_DECODE ? " " : " lost: ");
	ct_buf_puts(buf, ct_words_lost_where(u->lost.where));
}

static void (*const details[_CT_UPDATE_MAX])(const struct ct_output_options *options,
					     struct ct_buf *buf, const struct ct_update *u) = {
	[CT_UPDATE_FOUND] = detail_found,
	[CT_UPDATE_STATE] = detail_state,
	[CT_UPDATE_RETRANSMIT] = detail_retransmit,
	[CT_UPDATE_RESET] = detail_reset,
	[CT_UPDATE_PROBE] = detail_probe,
	[CT_UPDATE_ERROR] = detail_error,
	[CT_UPDATE_FLAG] = detail_flag,
	[CT_UPDATE_CLOSE] = detail_close,
	[CT_UPDATE_LOST] = detail_lost,
};

void ct_words_detail(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct ct_update *update)
{
	details[update->kind](options, buf, update);
	if (update->raised) {
		ct_buf_putc(buf, ' ');
		ct_words_flags(options, buf, update->raised);
	}
}
