/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A full socket's transition, and what becomes known with it. */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "identity.bpf.h"
#include "notes.bpf.h"
#include "options.bpf.h"
#include "requests.bpf.h"
#include "timers.bpf.h"
#include "tuples.bpf.h"

/*
 * connect() enters SYN_SENT before it has a port, unless bind() has given one, and inet_sport is
 * that of the socket's last life until then: tcp_v4_connect(). Where no port is left for it, the
 * call leaves SYN_SENT with nothing else to see. A port that happens to be the same again is not
 * known.
 */
static __always_inline void ct_doubt_port(struct ct_event *event, const struct sock *sk,
					  struct ct_sk *st, int old, int new)
{
	__u16 port = sk->__sk_common.skc_num;

	if (new == CT_STATE_SYN_SENT) {
		st->former_port = port ? 0 : event->lport;
		event->lport = port;
	} else if (old == CT_STATE_SYN_SENT && !port && event->lport == st->former_port) {
		event->lport = 0;
	}
}

static __always_inline void ct_fill_state(struct ct_event *event, struct sock *sk,
					  struct tcp_sock *tp, struct ct_sk *st, int old, int new,
					  __u16 err, __u8 context, __u8 handshake)
{
	ct_read_sock(event, sk, tp);
	ct_doubt_port(event, sk, st, old, new);
	event->state = new;
	event->context = context;
	event->to.old_state = old;
	event->to.handshake = handshake;
	event->to.shutdown = sk->sk_shutdown;
	event->to.sk_err = err;
	event->to.own_fin = ct_own_fin(tp, old, new);
	event->to.write_seq = tp->write_seq;
	event->to.unread = ct_unread(tp, sk, old);
	event->to.unacked = ct_unacked(tp, old);
	if (context == CT_CONTEXT_PROCESS) {
		event->to.how = ct_current_how();
		event->to.actor_pid = ct_current_pid();
	}
}

/*
 * The first event of a socket is its end: it may live on as a mini-socket, which has no cookie then
 * that it could be known by, or which came before the first look.
 */
static __always_inline bool ct_goes_on_unknown(const struct sock *sk)
{
	struct ct_notes *notes = ct_notes();

	if (ct_is_just_running())
		return true;
	return notes && notes->nameless_hash == sk->__sk_common.skc_hash &&
	       bpf_ktime_get_ns() - notes->nameless_ns < CT_NEAR_NS;
}

/*
 * Before 6.15 a child is in SYN_RECV before it has its addresses and the cookie that it takes over
 * from its request: inet_csk_clone_lock(). A cookie that were made now would be lost. Its next
 * transition tells of it.
 */
static __always_inline bool ct_is_unready(const struct sock *sk, int old, int new)
{
	return old == CT_STATE_LISTEN && new == CT_STATE_SYN_RECV && !sk->__sk_common.skc_dport;
}

/* When a flag may be raised, now or by the time that passes: what was in force belongs to it. */
static __always_inline bool ct_may_be_flagged(const struct sock *sk, int new)
{
	switch (new) {
	case CT_STATE_CLOSE_WAIT:
	case CT_STATE_CLOSING:
		return true;
	case CT_STATE_FIN_WAIT2:
		return !(sk->__sk_common.skc_flags & (1UL << SOCK_DEAD));
	default:
		return false;
	}
}

/* Told with its next transition, in its place and with its time. */
static __always_inline void ct_emit_birth(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st)
{
	struct ct_event *event;

	ct_emit_owner(sk, tp, st);
	event = ct_emit_begin(CT_EVENT_SIZE(to), CT_EVENT_STATE, st);
	if (!event)
		return;
	ct_read_sock(event, sk, tp);
	event->ts_ns = st->born_ns;
	event->state = CT_STATE_SYN_RECV;
	event->to.old_state = CT_STATE_LISTEN;
	event->to.write_seq = tp->write_seq;
	st->born_ns = 0;
	ct_emit_end(event);
}

/* What is told with a transition. One thing finds place with it: the owner goes ahead of others. */
static __always_inline void ct_tell_more(union ct_moment *moment, struct sock *sk,
					 struct tcp_sock *tp, struct ct_sk *st, bool is_owner_new)
{
	__u8 old = moment->event.to.old_state, new = moment->event.state;

	if (new == CT_STATE_CLOSE && old != CT_STATE_LISTEN) {
		moment->event.with = CT_EVENT_COUNTERS; /* the options are in there */
		ct_read_counters(&moment->more.counters, sk, tp);
	} else if (ct_options_are_due(sk, tp, st, ct_may_be_flagged(sk, new),
				      &moment->more.options)) {
		moment->event.with = CT_EVENT_OPTIONS;
	} else if (is_owner_new) {
		moment->event.with = CT_EVENT_OWNER;
		if (!ct_awaits_io(st))
			ct_forget_io(sk);
		ct_fill_owner(&moment->more.who, sk, st);
		return;
	}
	if (is_owner_new)
		ct_emit_owner(sk, tp, st);
}

#define CT_ORIGIN_ICMP	2 /* SO_EE_ORIGIN_ICMP, include/uapi/linux/errqueue.h */
#define CT_ORIGIN_ICMP6 3

/* An ICMP error is queued, and that wakes the process, before the handshake is given up for it:
 * tcp_v4_err(). */
static __always_inline void ct_note_refused(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state, origin;
	const struct sock_exterr_skb *last;
	const struct sk_buff *skb;
	struct ct_notes *notes;

	if ((state != CT_STATE_SYN_SENT && state != CT_STATE_SYN_RECV) ||
	    !BPF_CORE_READ(sk, sk_error_queue.qlen))
		return;
	notes = ct_notes();
	if (!notes)
		return;
	skb = BPF_CORE_READ(sk, sk_error_queue.prev);
	last = (const void *)((const char *)skb + bpf_core_field_offset(struct sk_buff, cb));
	origin = BPF_CORE_READ(last, ee.ee_origin);
	if (origin != CT_ORIGIN_ICMP && origin != CT_ORIGIN_ICMP6)
		return;
	notes->refused = (__u64)sk;
	notes->refused_ns = bpf_ktime_get_ns();
	notes->refused_err = BPF_CORE_READ(last, ee.ee_errno);
}

/* What a socket dies of, positive; 0 nothing. A process that was woken may have taken it away. */
static __always_inline __u16 ct_error(const struct sock *sk, int old, int new)
{
	__u16 err = READ_ONCE(sk->sk_err);
	struct ct_notes *notes;

	if (err || new != CT_STATE_CLOSE || sk->sk_lock.owned ||
	    (old != CT_STATE_SYN_SENT && old != CT_STATE_SYN_RECV))
		return err;
	notes = ct_notes();
	if (!notes || notes->refused != (__u64)sk ||
	    bpf_ktime_get_ns() - notes->refused_ns > CT_NEAR_NS)
		return 0;
	return notes->refused_err;
}

static __always_inline void ct_tell_state(struct sock *sk, int old, int new,
					  union ct_moment *moment)
{
	__u16 err = ct_any(ct_error(sk, old, new)); /* first: it may be taken away meanwhile */
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct ct_sk *st = ct_sk_get(sk);
	__u8 context, handshake;
	bool is_owner_new, unheard_of;
	__u64 address;
	__u32 told;

	ct_note_told(sk, ct_transition(old, new));
	if (st)
		st->transition = ct_transition(old, new);
	if (!tp) /* MPTCP's own socket, SCTP, DCCP: not TCP, though they share the tracepoint */
		return;
	if (!moment) {
		ct_count_lost(NULL, false);
		return;
	}
	address = ct_address(moment, sk);
	if (by_tuple)
		ct_tuples_at_state(address, old, new);
	if (new == CT_STATE_CLOSE)
		ct_forget_io(sk);
	if (!st) { /* no memory for its storage */
		ct_count_unkept(-1);
		return;
	}
	if (new == CT_STATE_CLOSE && !st->lived && ct_goes_on_unknown(sk))
		return;
	if (ct_is_unready(sk, old, new)) {
		ct_begin_life(st, old, new);
		st->born_ns = bpf_ktime_get_ns();
		ct_notes_at_state(address, st->role, old, new);
		return;
	}
	if (st->born_ns)
		ct_emit_birth(sk, tp, st);
	old = ct_any(old), new = ct_any(new);
	context = ct_any(ct_context(sk));
	unheard_of = ct_any(!st->lived && !ct_begins_life(old, new));
	is_owner_new = ct_any(ct_update_owner(st, old, new, err, context == CT_CONTEXT_PROCESS));
	old = ct_any(old), new = ct_any(new), err = ct_any(err);
	if (unheard_of) { /* who it is goes ahead of everything */
		ct_emit_owner(sk, tp, st);
		is_owner_new = false;
	}
	ct_probes_at_state(address, tp->inet_conn.icsk_probes_out, new, err, context);
	if (ct_awaits_io(st) && new == CT_STATE_ESTABLISHED && st->role == CT_ROLE_PASSIVE)
		ct_await_io(sk);
	old = ct_any(old), new = ct_any(new);
	handshake = ct_notes_at_state(address, st->role, old, new);
	told = st->options;
	ct_emit_moment_begin(moment, st);
	ct_fill_state(&moment->event, sk, tp, st, old, new, err, context, handshake);
	ct_tell_more(moment, sk, tp, st, ct_any(is_owner_new));
	if (!ct_emit_moment_end(moment, st))
		st->options = told;
}

/* MAKER: which of the programs that make moments this is. */
static __always_inline int ct_on_state(struct sock *sk, int old, int new, __u32 maker)
{
	struct ct_making *place = ct_making_take(maker);

	ct_tell_state(sk, old, new, place ? &place->moment : NULL);
	ct_making_give_back(place);
	return 0;
}

/* One that closes has woken the process before it is reported: that may have taken it away. */
static __always_inline int ct_on_error(struct sock *sk)
{
	struct tcp_sock *tp;
	struct ct_event *event;
	struct ct_sk *st;
	int err = sk->sk_err;

	if (!ct_is_full(sk))
		return 0;
	if (!err && sk->__sk_common.skc_state != CT_STATE_CLOSE) {
		ct_note_refused(sk);
		return 0;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	st = ct_sk_get(sk);
	ct_tell_options(sk, tp, st, true);
	event = ct_emit_begin(CT_EVENT_SIZE(error), CT_EVENT_ERROR, st);
	if (!event)
		return 0;
	ct_read_sock(event, sk, tp);
	event->context = ct_context(sk);
	event->error.sk_err = err;
	event->error.sk_err_soft = sk->sk_err_soft;
	ct_emit_end(event);
	return 0;
}

/* The first to send or receive on an accepted connection is the one who serves it. */
static __always_inline int ct_on_io(struct sock *sk)
{
	struct tcp_sock *tp;
	struct ct_sk *st;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	st = ct_sk_get(sk);
	if (!st || !ct_awaits_io(st) || ct_current_owns_nothing())
		return 0;
	ct_learn_owner(st, CT_OWNER_IO);
	ct_emit_owner(sk, tp, st);
	return 0;
}

/*
 * The write timer is set for the first data that leaves while nothing else is under way. By whom:
 * whoever holds the socket's lock.
 */
static __always_inline void ct_on_write_timer(const struct timer_list *timer)
{
	const struct sock *sk = (const void *)timer - ct_write_timer_offset();
	struct ct_first_io *io;
	struct ct_event *event;
	__u64 cookie;

	if (!BPF_CORE_READ(sk, sk_lock.owned) || ct_current_owns_nothing())
		return;
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	io = bpf_map_lookup_elem(&first_io, &cookie);
	if (!io || io->pid)
		return;
	io->pid = ct_current_pid();
	ct_current_comm(io->comm);
	event = ct_emit_begin(CT_EVENT_SIZE(who), CT_EVENT_OWNER, NULL);
	if (!event)
		return;
	ct_probe_common(event, &sk->__sk_common);
	event->generation = 0; /* the first of a socket is the one that was accepted */
	event->sock_flags = ct_probe_sock_flags(sk, (const struct tcp_sock *)sk);
	event->role = CT_ROLE_PASSIVE;
	event->owner = CT_OWNER_IO;
	event->pid = io->pid;
	__builtin_memcpy(event->who.comm, io->comm, CT_COMM_LEN);
	event->who.uid = BPF_CORE_READ(sk, sk_uid.val);
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		event->who.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	ct_emit_end(event);
}
