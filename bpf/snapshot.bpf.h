/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What was there before, row by row of the kernel's iterators.
 *
 * A row leaves a byte in the iterator's file, so that a read() of N bytes ends behind N rows: user
 * space takes them out of the ring before it goes on.
 */
#pragma once

#include "conntrace/runs.h"

#include "common.bpf.h"
#include "emit.bpf.h"
#include "identity.bpf.h"
#include "options.bpf.h"
#include "process.bpf.h"
#include "sock_read.bpf.h"
#include "timers.bpf.h"
#include "transition.bpf.h"
#include "tuples.bpf.h"

/*
 * Set before a walk. 0: every socket; otherwise only the mini-sockets in TIME_WAIT that have more
 * than this left, which they entered a short while ago.
 */
__u64 sweep_left_ns;

/*
 * Which walk over files is at hand, set before it. What an earlier one found may have been passed
 * on since, or left alone.
 */
__u8 file_walk;

static __always_inline int ct_leave_byte(struct seq_file *seq)
{
	const __u8 byte = 1;

	bpf_seq_write(seq, &byte, sizeof(byte));
	return 0;
}

static __always_inline bool ct_is_scanned_before(const struct ct_sk *st)
{
	return st->owner == CT_OWNER_SCAN && st->scanned != file_walk;
}

/* Whoever has a descriptor owns it, where nothing better is known. Nothing is told of it yet. */
static __always_inline void ct_scan(const struct task_struct *task, struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct ct_sk *st;
	struct sock *sk;

	if (!socket || task->flags & PF_KTHREAD)
		return;
	sk = socket->sk;
	if (!sk || !bpf_skc_to_tcp_sock(sk))
		return;
	st = ct_sk_get(sk);
	if (!st || (st->owner != CT_OWNER_UNKNOWN && !ct_is_scanned_before(st)))
		return;
	ct_task_comm(task, st->comm);
	st->pid = task->tgid;
	st->scanned = file_walk;
	st->owner = CT_OWNER_SCAN;
}

/*
 * Every file leaves its byte: those that are closed while they are at hand are really closed only
 * when the read() is over, and it must not be long.
 */
static __always_inline int ct_on_file(struct seq_file *seq, const struct task_struct *task,
				      struct file *file)
{
	ct_walk(NULL);
	if (!task || !file)
		return 0;
	ct_scan(task, file);
	return ct_leave_byte(seq);
}

/*
 * Who connected has sent a SYN, and it was acknowledged beyond what was sent as data; who accepted
 * counts from behind its SYN. A FIN that has been sent counts like a SYN.
 */
static __always_inline __u8 ct_found_role(const struct tcp_sock *tp, __u8 state)
{
	__u64 acked = tp->bytes_acked + (tp->snd_nxt - tp->snd_una);
	__u64 sent = tp->bytes_sent - tp->bytes_retrans;

	switch (state) {
	case CT_STATE_LISTEN:
		return CT_ROLE_LISTENER;
	case CT_STATE_FIN_WAIT1:
	case CT_STATE_FIN_WAIT2:
	case CT_STATE_CLOSING:
	case CT_STATE_LAST_ACK:
		if (tp->snd_nxt == tp->write_seq)
			acked--;
		break;
	default:
		break;
	}
	if (acked == sent)
		return CT_ROLE_PASSIVE;
	return acked == sent + 1 ? CT_ROLE_ACTIVE : CT_ROLE_UNKNOWN;
}

/* The counters have told the options. */
static __always_inline void ct_note_options(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st)
{
	struct ct_options options;

	if (!st || !ct_has_options(sk, tp))
		return;
	ct_read_options(&options, sk, tp);
	st->options = ct_options_print(&options);
}

static __always_inline void ct_emit_counters(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st)
{
	struct ct_event *event = ct_emit_begin(CT_EVENT_SIZE(counters), CT_EVENT_COUNTERS, st);

	if (!event)
		return;
	ct_read_sock(event, sk, tp);
	ct_read_counters(&event->counters, sk, tp);
	ct_emit_end(event);
}

/*
 * For how long nothing has come or gone. The stamp is that of the last segment that came, the
 * peer's keepalive probes too; of data that was sent or read; and of a timer of the socket that has
 * run out: tcp_mstamp_refresh() in net/ipv4/tcp_input.c, tcp_output.c, tcp_timer.c. So it is silent
 * for at least so long. The times that the kernel's own keepalive goes by, keepalive_time_elapsed()
 * in include/net/tcp.h, do not know of the peer's probes.
 */
static __always_inline __u64 ct_idle_ns(const struct tcp_sock *tp, __u64 now_ns)
{
	__u64 stamp_ns = tp->tcp_mstamp * 1000;

	return stamp_ns && stamp_ns < now_ns ? now_ns - stamp_ns : 0;
}

/*
 * What an earlier walk knew may not be so any more: the socket may listen by now, or have listened,
 * and nobody may have a descriptor of it.
 */
static __always_inline void ct_note_found(struct ct_sk *st, const struct tcp_sock *tp, __u8 state)
{
	if (st->role == CT_ROLE_UNKNOWN ||
	    (st->role == CT_ROLE_LISTENER) != (state == CT_STATE_LISTEN))
		st->role = ct_found_role(tp, state);
	if (ct_is_scanned_before(st)) {
		st->owner = CT_OWNER_UNKNOWN;
		st->pid = 0;
		__builtin_memset(st->comm, 0, CT_COMM_LEN);
	}
	st->lived = 1;
}

/* What this file alone reads of it. */
struct inet_connection_sock___timeouts {
	__u8 icsk_retransmits;
	__u32 icsk_probes_tstamp;
} __attribute__((preserve_access_index));

struct tcp_sock___timeouts {
	__u32 retrans_stamp;
	__u32 lsndtime;
	__u32 mss_cache;
	__u8 tcp_usec_ts : 1;
} __attribute__((preserve_access_index));

/* icsk_pending: ICSK_TIME_REO_TIMEOUT; the others are in timers.bpf.h */
#define CT_PENDING_REORDER 6

/* What the write timer is set for. */
static __always_inline __u8 ct_runs(__u8 pending)
{
	switch (pending) {
	case CT_PENDING_RETRANSMIT:
		return CT_RUNS_RTO;
	case CT_PENDING_PROBE0:
		return CT_RUNS_PERSIST;
	case CT_PENDING_TLP:
		return CT_RUNS_TLP;
	case CT_PENDING_REORDER:
		return CT_RUNS_REORDER;
	default:
		return CT_RUNS_OTHER;
	}
}

static __always_inline __u8 ct_timeouts(const struct inet_connection_sock *icsk)
{
	const struct inet_connection_sock___timeouts *of = (const void *)icsk;

	return BPF_CORE_READ(of, icsk_retransmits);
}

/* Since STAMP, of tcp_jiffies32. */
static __always_inline __u32 ct_ago_ms(__u32 stamp)
{
	return ((__u32)bpf_jiffies64() - stamp) * tick_ns / 1000000;
}

static __always_inline __u32 ct_min(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/*
 * Since the first try to send again, by which retransmits_timed_out() in net/ipv4/tcp_timer.c goes;
 * it may be that of a segment before, which the last acknowledgement that came was of.
 */
static __always_inline __u32 ct_retried_ms(const struct tcp_sock *tp)
{
	const struct tcp_sock___timeouts *of = (const void *)tp;
	__u64 now_us = bpf_ktime_get_ns() / 1000;
	__u32 stamp = BPF_CORE_READ(of, retrans_stamp), ago, unit = 1;

	if (bpf_core_field_exists(of->tcp_usec_ts) &&
	    BPF_CORE_READ_BITFIELD_PROBED(of, tcp_usec_ts))
		unit = 1000;
	ago = (__u32)(unit == 1 ? now_us / 1000 : now_us) - stamp;
	/* pacing may have dated it ahead */
	return stamp && (__s32)ago > 0 ? ct_min(ago / unit, ct_ago_ms(tp->rcv_tstamp)) : 0;
}

/*
 * Since the first probe, tcp_probe_timer(); it may be that of a stall before, for tcp_ack_probe()
 * forgets it only when all of a large segment fits: probes move no lsndtime, but tries do.
 */
static __always_inline __u32 ct_probed_ms(const struct tcp_sock *tp, __u8 room)
{
	const struct inet_connection_sock___timeouts *of = (const void *)tp;
	__u32 stamp = 0, last;

	if (bpf_core_field_exists(of->icsk_probes_tstamp))
		stamp = BPF_CORE_READ(of, icsk_probes_tstamp);
	if (room == CT_ROOM_ENOUGH)
		last = tp->rcv_tstamp;
	else
		last = BPF_CORE_READ((const struct tcp_sock___timeouts *)tp, lsndtime);
	return stamp ? ct_min(ct_ago_ms(stamp), ct_ago_ms(last)) : 0;
}

/*
 * tcp_snd_wnd_test() in net/ipv4/tcp_output.c asks of the segment that would be sent next. It is
 * not known how long that is: not longer than all that waits, nor than the MSS.
 */
static __always_inline __u8 ct_room(const struct tcp_sock *tp)
{
	__u32 waits = tp->write_seq - tp->snd_nxt;
	__u32 mss = BPF_CORE_READ((const struct tcp_sock___timeouts *)tp, mss_cache);
	__s32 room = tp->snd_una + tp->snd_wnd - tp->snd_nxt;

	if (room <= 0)
		return CT_ROOM_NONE;
	return waits && room >= (__s32)ct_min(waits, mss) ? CT_ROOM_ENOUGH : CT_ROOM_UNKNOWN;
}

/* What the write timer waits for in vain. */
static __always_inline void ct_fill_timeouts(struct ct_event_found *ret, const struct tcp_sock *tp)
{
	const struct inet_connection_sock *icsk = &tp->inet_conn;

	if (ret->runs == CT_RUNS_PERSIST) {
		ret->timeouts = icsk->icsk_probes_out;
		ret->room = ct_room(tp);
		ret->unanswered_ms = ct_probed_ms(tp, ret->room);
		return;
	}
	ret->timeouts = ct_timeouts(icsk);
	if (ret->runs == CT_RUNS_RTO && ret->timeouts)
		ret->unanswered_ms = ct_retried_ms(tp);
}

/*
 * The timer that `ss -o` shows. The write timer of a kernel may be left in its place when nothing
 * waits for it any more: icsk_pending tells whether something does. Where the kernel has
 * icsk_timeout besides, before 6.15, that is what the timer was set to.
 */
static __always_inline void ct_fill_timer(struct ct_event_found *ret, const struct sock *sk,
					  const struct tcp_sock *tp)
{
	const struct inet_connection_sock *icsk = &tp->inet_conn;
	const struct timer_list *keepalive = ct_keepalive_timer(sk);
	__u8 pending = icsk->icsk_pending;

	if (pending) {
		ret->runs = ct_runs(pending);
		ret->timeout_ns = ct_timer_left_ns(ct_write_timer(sk));
		ct_fill_timeouts(ret, tp);
	} else if (BPF_CORE_READ(keepalive, entry.pprev)) {
		ret->runs = sk->__sk_common.skc_state == CT_STATE_FIN_WAIT2 &&
					    sk->__sk_common.skc_flags & (1UL << SOCK_DEAD)
				    ? CT_RUNS_FIN_WAIT2
				    : CT_RUNS_KEEPALIVE;
		ret->timeout_ns = ct_timer_left_ns(keepalive);
		ret->timeouts = ret->runs == CT_RUNS_KEEPALIVE ? icsk->icsk_probes_out : 0;
	} else {
		ret->runs = CT_RUNS_NONE;
	}
}

/* The walk holds the socket's lock: what is told here is in its place among its transitions. */
static __always_inline bool ct_tell_full(struct sock *sk, struct tcp_sock *tp)
{
	__u8 state = sk->__sk_common.skc_state;
	struct ct_sk *st = ct_sk_get(sk);
	struct ct_event *event;

	if (st) {
		ct_note_found(st, tp, state);
		ct_emit_owner(sk, tp, st);
	}
	if (state != CT_STATE_LISTEN) {
		ct_tuples_add(&sk->__sk_common);
		ct_emit_counters(sk, tp, st);
		ct_note_options(sk, tp, st);
	}
	event = ct_emit_begin(CT_EVENT_SIZE(found), CT_EVENT_FOUND, st);
	if (!event)
		return true;
	ct_read_sock(event, sk, tp);
	event->found.unread = ct_unread(tp, sk, state);
	event->found.unacked = ct_unacked(tp, state);
	event->found.write_seq = tp->write_seq;
	event->found.shutdown = sk->sk_shutdown;
	if (state == CT_STATE_LISTEN) {
		event->found.backlog = sk->sk_ack_backlog;
		event->found.backlog_max = sk->sk_max_ack_backlog;
	} else {
		event->found.idle_ns = ct_idle_ns(tp, event->ts_ns);
		ct_fill_timer(&event->found, sk, tp);
	}
	ct_emit_end(event);
	return true;
}

/*
 * Nobody holds a mini-socket or a request socket still. One whose timer is off is at its end, and
 * that has been told: the record's place is taken before looking, so that an end that comes behind
 * the look stands behind the record as well.
 */
static __always_inline void ct_emit_if_pending(struct ct_event *event,
					       const struct sock_common *skc,
					       const struct timer_list *timer)
{
	if (!BPF_CORE_READ(timer, entry.pprev)) {
		ct_emit_drop(event);
		return;
	}
	event->found.timeout_ns = ct_timer_left_ns(timer);
	ct_emit_end(event);
	ct_tuples_add(skc);
}

static __always_inline bool ct_tell_mini(struct sock_common *skc,
					 const struct inet_timewait_sock *tw)
{
	struct ct_event *event;
	__u8 state = BPF_CORE_READ(tw, tw_substate);

	if (sweep_left_ns &&
	    (state != CT_STATE_TIME_WAIT || ct_timer_left_ns(&tw->tw_timer) <= sweep_left_ns))
		return false;
	event = ct_emit_begin_of(CT_EVENT_SIZE(found), CT_EVENT_FOUND, NULL, true);
	if (!event)
		return true;
	ct_read_common(event, skc);
	event->cookie = bpf_get_socket_cookie(skc);
	event->state = state;
	event->found.mini = 1;
	ct_emit_if_pending(event, skc, &tw->tw_timer);
	return true;
}

static __always_inline bool ct_tell_request(struct sock_common *skc, const struct request_sock *req)
{
	struct ct_event *event = ct_emit_begin(CT_EVENT_SIZE(found), CT_EVENT_FOUND, NULL);
	const struct sock *listener;

	if (!event)
		return true;
	listener = BPF_CORE_READ(req, __req_common.skc_listener);
	ct_read_common(event, skc);
	event->cookie = bpf_get_socket_cookie(skc);
	event->state = CT_STATE_SYN_RECV;
	event->role = CT_ROLE_PASSIVE;
	event->found.request = 1;
	event->found.timeouts = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout);
	event->found.listener = BPF_CORE_READ(listener, __sk_common.skc_cookie.counter);
	event->found.backlog = BPF_CORE_READ(listener, sk_ack_backlog);
	event->found.backlog_max = BPF_CORE_READ(listener, sk_max_ack_backlog);
	ct_emit_if_pending(event, skc, &req->rsk_timer);
	return true;
}

/* True if the row was told. MPTCP's own sockets are none of these: their subflows are. */
static __always_inline bool ct_tell_socket(struct sock_common *skc)
{
	struct tcp_sock *tp;
	void *other;

	if (skc->skc_state == CT_STATE_TIME_WAIT) {
		other = bpf_skc_to_tcp_timewait_sock(skc);
		return other && ct_tell_mini(skc, other);
	}
	if (sweep_left_ns)
		return false;
	if (skc->skc_state == TCP_NEW_SYN_RECV) {
		other = bpf_skc_to_tcp_request_sock(skc);
		return other && ct_tell_request(skc, other);
	}
	tp = bpf_skc_to_tcp_sock(skc);
	return tp && ct_tell_full((struct sock *)tp, tp);
}

static __always_inline int ct_on_socket(struct seq_file *seq, struct sock_common *skc)
{
	ct_walk(skc);
	return skc && ct_tell_socket(skc) ? ct_leave_byte(seq) : 0;
}
