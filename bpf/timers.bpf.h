/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP's timers. A program on a timer tracepoint sees every timer of the machine: the handler's
 * address is compared first, and strangers are left at once.
 *
 * Between entry and exit of a handler the CPU keeps a bracket, so that what happens inside is known
 * to come from the timer: a retransmission time-out, a probe, the end of a connection.
 */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "minis.bpf.h"
#include "options.bpf.h"
#include "requests.bpf.h"
#include "sock_read.bpf.h"

struct ct_bracket {
	__u64 timer; /* 0: no handler is running on this CPU */
	__u64 sk;
	__u8 context; /* enum ct_context */
	__u8 probes;  /* icsk_probes_out at entry */
	__u8 closed;  /* the socket ended inside: it may be freed at exit */
	__u8 reserved[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ct_bracket);
} brackets SEC(".maps");

static __always_inline struct ct_bracket *ct_bracket(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&brackets, &zero);
}

/* icsk_pending, include/net/inet_connection_sock.h: ICSK_TIME_PROBE0, ICSK_TIME_LOSS_PROBE */
#define CT_PENDING_RETRANSMIT 1
#define CT_PENDING_PROBE0     3
#define CT_PENDING_TLP	      5

/*
 * The probe timer also runs for what could not be sent for want of memory or of a way: a probe is
 * only what a closed window asks for, RFC 9293 3.8.6.1.
 */
static __always_inline __u8 ct_write_timer_context(__u8 pending, __u32 send_window)
{
	switch (pending) {
	case CT_PENDING_RETRANSMIT:
		return CT_CONTEXT_RETRANSMIT;
	case CT_PENDING_PROBE0:
		return send_window ? CT_CONTEXT_NONE : CT_CONTEXT_WINDOW;
	case CT_PENDING_TLP:
		return CT_CONTEXT_TLP;
	default:
		return CT_CONTEXT_NONE;
	}
}

/* On whose behalf the CPU is working on SK. */
static __always_inline __u8 ct_context(const struct sock *sk)
{
	struct ct_bracket *bracket;

	if (sk->sk_lock.owned)
		return ct_current_walks(sk) ? CT_CONTEXT_NONE : CT_CONTEXT_PROCESS;
	bracket = ct_bracket();
	if (bracket && bracket->timer && bracket->sk == (__u64)sk)
		return bracket->context;
	return CT_CONTEXT_NONE;
}

#define CT_PROBE_SLOTS 4 /* a power of two: the verifier follows a mask, not a remainder */
_Static_assert(_CT_PROBE_MAX <= CT_PROBE_SLOTS, "a slot for each type");

/* What the timers keep of a socket's probes: they know its address and cookie, not its storage. */
struct ct_probes {
	__u64 sent_ns; /* when the last one was sent, 0 once it is answered */
	__u32 total[CT_PROBE_SLOTS];
	__u32 segments_in; /* when the last one was sent */
	__u32 options;	   /* ct_options_print() of those told last, 0 none */
	__u8 type;	   /* enum ct_probe_type, of the last */
	__u8 reserved[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20); /* as many as user space follows; taken as they come */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* cookie */
	__type(value, struct ct_probes);
} probing SEC(".maps");

__u32 probes_seen; /* nobody has sent one so far: transitions need not look */

static __always_inline void ct_emit_probe(const struct sock_common *skc, __u8 type, __u8 outcome,
					  __u32 unanswered, __u32 total, __u64 answer_ns)
{
	struct ct_event *event = ct_emit_begin(CT_EVENT_SIZE(probe), CT_EVENT_PROBE, NULL);

	if (!event)
		return;
	ct_probe_common(event, skc);
	if (outcome != CT_PROBE_RECEIVED)
		event->context = type == CT_PROBE_KEEPALIVE ? CT_CONTEXT_KEEPALIVE
							    : CT_CONTEXT_WINDOW;
	event->probe.type = type;
	event->probe.outcome = outcome;
	event->probe.unanswered = unanswered;
	event->probe.total = total;
	event->probe.answer_ns = answer_ns;
	if (outcome == CT_PROBE_SENT && type == CT_PROBE_WINDOW &&
	    bpf_core_field_exists(struct inet_connection_sock, icsk_backoff))
		event->probe.backoff = BPF_CORE_READ((const struct inet_connection_sock *)skc,
						     icsk_backoff);
	ct_emit_end(event);
}

/*
 * From the last probe to the segment received since, at most: rcv_tstamp dates that to the jiffy,
 * and where in a jiffy we are is not known. When more than one has come, it dates the last of them,
 * and that of the answer is not known: 0.
 */
static __always_inline __u64 ct_answer_ns(const struct tcp_sock *tp, const struct ct_probes *probes)
{
	__u32 ago = (__u32)bpf_jiffies64() - BPF_CORE_READ(tp, rcv_tstamp);
	__u64 took = bpf_ktime_get_ns() - probes->sent_ns;
	__u64 since = ago ? (__u64)(ago - 1) * tick_ns : 0;

	if (BPF_CORE_READ(tp, segs_in) - probes->segments_in != 1)
		return 0;
	return took > since ? took - since : took;
}

/* The kernel forgets its unanswered probes as soon as anything valid comes in: tcp_ack(). */
static __always_inline void ct_check_answer(const struct sock *sk, __u8 probes_out)
{
	struct ct_probes *probes;
	__u64 cookie;

	if (probes_out || !probes_seen)
		return;
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	probes = bpf_map_lookup_elem(&probing, &cookie);
	if (!probes || !probes->sent_ns)
		return;
	ct_emit_probe(&sk->__sk_common, probes->type, CT_PROBE_ANSWERED, 0,
		      probes->total[probes->type & (CT_PROBE_SLOTS - 1)],
		      ct_answer_ns((const struct tcp_sock *)sk, probes));
	probes->sent_ns = 0;
}

static __always_inline struct ct_probes *ct_probes_get(const struct sock *sk)
{
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	struct ct_probes fresh = {}, *probes;

	probes_seen = 1;
	probes = bpf_map_lookup_elem(&probing, &cookie);
	if (probes)
		return probes;
	ct_count_unkept(bpf_map_update_elem(&probing, &cookie, &fresh, BPF_ANY));
	return bpf_map_lookup_elem(&probing, &cookie);
}

static __always_inline void ct_probe_sent(const struct sock *sk, __u8 type, __u8 unanswered)
{
	struct ct_probes *probes = ct_probes_get(sk);

	if (!probes) {
		ct_emit_probe(&sk->__sk_common, type, CT_PROBE_SENT, unanswered, 0, 0);
		return;
	}
	if (unanswered == 1)
		ct_probe_tell_options(sk, &probes->options);
	probes->type = type;
	probes->sent_ns = bpf_ktime_get_ns();
	probes->segments_in = BPF_CORE_READ((const struct tcp_sock *)sk, segs_in);
	ct_emit_probe(&sk->__sk_common, type, CT_PROBE_SENT, unanswered,
		      ++probes->total[type & (CT_PROBE_SLOTS - 1)], 0);
}

/*
 * The probes' part of a transition: an answer that no timer has noticed yet, or the death to which
 * silence led. tcp_keepalive_timer() and tcp_probe_timer() set sk_err before they give up.
 */
__noinline int ct_probes_at_state(__u64 address, __u32 probes_out, __u32 new, __u32 err,
				  __u32 context)
{
	const struct sock *sk = (const void *)address;
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	__u8 type = context == CT_CONTEXT_KEEPALIVE ? CT_PROBE_KEEPALIVE : CT_PROBE_WINDOW;
	struct ct_bracket *bracket;

	ct_check_answer(sk, probes_out);
	if (new != CT_STATE_CLOSE)
		return 0;
	bracket = ct_bracket();
	if (bracket && bracket->sk == address) {
		bracket->closed = 1;
		if (probes_out && err &&
		    (context == CT_CONTEXT_KEEPALIVE || context == CT_CONTEXT_WINDOW))
			ct_emit_probe(&sk->__sk_common, type, CT_PROBE_DEAD, probes_out, probes_out,
				      0);
	}
	if (probes_seen)
		bpf_map_delete_elem(&probing, &cookie);
	return 0;
}

static __always_inline void ct_bracket_open(struct timer_list *timer, const struct sock *sk,
					    __u8 context)
{
	struct ct_bracket *bracket = ct_bracket();
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)sk;

	if (!bracket)
		return;
	bracket->timer = (__u64)timer;
	bracket->sk = (__u64)sk;
	bracket->context = context;
	bracket->probes = BPF_CORE_READ(icsk, icsk_probes_out);
	bracket->closed = 0;
	if (context == CT_CONTEXT_KEEPALIVE || context == CT_CONTEXT_WINDOW)
		ct_check_answer(sk, bracket->probes);
}

static __always_inline void ct_bracket_close(struct timer_list *timer)
{
	struct ct_bracket *bracket = ct_bracket();
	const struct sock *sk;
	__u8 probes;

	if (!bracket || !timer || bracket->timer != (__u64)timer)
		return;
	bracket->timer = 0;
	if (bracket->closed)
		return;
	sk = (const struct sock *)bracket->sk;
	probes = BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_probes_out);
	if (probes <= bracket->probes)
		return;
	if (bracket->context == CT_CONTEXT_KEEPALIVE)
		ct_probe_sent(sk, CT_PROBE_KEEPALIVE, probes);
	else if (bracket->context == CT_CONTEXT_WINDOW)
		ct_probe_sent(sk, CT_PROBE_WINDOW, probes);
}

/* START and CANCEL: what lives by its timer. */
static __always_inline int ct_on_timer(struct timer_list *timer, __u8 op)
{
	if (timer_timewait && (__u64)timer->function == timer_timewait)
		ct_on_timewait_timer(timer, op);
	else if (timer_request && (__u64)timer->function == timer_request)
		ct_on_request_timer(timer, op);
	return 0;
}

static __always_inline void ct_timer_entry(struct timer_list *timer)
{
	__u64 handler = (__u64)timer->function;
	const struct sock *sk;

	if (!handler)
		return;
	if (handler == timer_timewait) {
		ct_on_timewait_timer(timer, CT_TIMER_EXPIRE);
	} else if (handler == timer_request) {
		ct_on_request_timer(timer, CT_TIMER_EXPIRE);
	} else if (handler == timer_keepalive) {
		sk = (void *)timer - ct_keepalive_timer_offset();
		ct_bracket_open(timer, sk, CT_CONTEXT_KEEPALIVE);
	} else if (handler == timer_write) {
		sk = (void *)timer - ct_write_timer_offset();
		ct_bracket_open(timer, sk,
				ct_write_timer_context(
					BPF_CORE_READ((const struct inet_connection_sock *)sk,
						      icsk_pending),
					BPF_CORE_READ((const struct tcp_sock *)sk, snd_wnd)));
	}
}
