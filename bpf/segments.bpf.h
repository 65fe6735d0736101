/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Single segments that matter to a life: resets, retransmissions, a peer's keepalive probes. */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "identity.bpf.h"
#include "minis.bpf.h"
#include "options.bpf.h"
#include "requests.bpf.h"
#include "timers.bpf.h"
#include "tuples.bpf.h"

static __always_inline void ct_fill_reset_full(struct ct_event *event, struct sock *sk,
					       struct tcp_sock *tp)
{
	ct_read_sock(event, sk, tp);
	event->context = ct_context(sk);
	event->reset.shutdown = sk->sk_shutdown;
	event->reset.sk_err = sk->sk_err;
	if (tp) {
		/* close() has closed it by now, and has not touched these */
		event->reset.unread = ct_unread(
			tp, sk,
			event->state == CT_STATE_CLOSE ? CT_STATE_ESTABLISHED : event->state);
		event->reset.unacked = ct_unacked(tp, event->state);
	}
	if (event->context == CT_CONTEXT_PROCESS) {
		event->reset.how = ct_current_how();
		event->reset.actor_pid = ct_current_pid();
	}
}

static __always_inline void ct_fill_reset_mini(struct ct_event *event, const struct sock *sk)
{
	const struct inet_timewait_sock *tw = (const struct inet_timewait_sock *)sk;
	struct ct_common mini;

	ct_take_mini(&mini, tw);
	ct_fill_mini(event, &mini, tw);
	event->reset.mini = 1;
}

static __always_inline __u8 ct_map_reason(__u32 reason)
{
	if (reason >= CT_RESET_REASON_MAP_LEN)
		return CT_RESET_REASON_NONE;
	barrier_var(reason); /* keeps the mask, which is what the verifier understands */
	return reset_reasons[reason & (CT_RESET_REASON_MAP_LEN - 1)];
}

/*
 * A listener answers a handshake's final ACK with a reset, net.ipv4.tcp_abort_on_overflow. Where no
 * reason comes with it, its queue and the request tell: tcp_check_req().
 */
static __always_inline void ct_on_answered(const struct sk_buff *skb, const struct sock *listener)
{
	const struct tcp_request_sock *req;
	const struct sock_common *skc;
	struct tcphdr tcp = {};

	ct_read_tcp(&tcp, skb);
	if (!(tcp.flags & CT_PACKET_ACK) || tcp.flags & (CT_PACKET_SYN | CT_PACKET_RST) ||
	    BPF_CORE_READ(listener, sk_ack_backlog) <= BPF_CORE_READ(listener, sk_max_ack_backlog))
		return;
	skc = ct_tuples_find(skb, &tcp);
	if (!skc || BPF_CORE_READ(skc, skc_state) != TCP_NEW_SYN_RECV)
		return;
	req = (const struct tcp_request_sock *)skc;
	if (bpf_ntohl(tcp.ack_seq) == BPF_CORE_READ(req, snt_isn) + 1)
		ct_emit_overflow(skb, listener);
}

/*
 * SK is NULL when no socket answers for it, and may be a mini-socket; a listener answers for the
 * handshake of somebody else: then, too, the addresses are the packet's.
 */
static __always_inline int ct_on_send_reset(struct sock *sk, const struct sk_buff *skb,
					    __u32 reason)
{
	bool full = sk && ct_is_full(sk);
	bool owns = full && sk->__sk_common.skc_state != CT_STATE_LISTEN;
	struct tcp_sock *tp = owns ? bpf_skc_to_tcp_sock(sk) : NULL;
	struct ct_sk *st = owns ? ct_sk_get(sk) : NULL;
	struct ct_event *event;

	if (owns)
		ct_tell_options(sk, tp, st, true);
	if (by_tuple && full && !owns && skb && reason == CT_RESET_REASON_MAP_LEN)
		ct_on_answered(skb, sk);
	event = ct_emit_begin(CT_EVENT_SIZE(reset), CT_EVENT_RESET, st);
	if (!event)
		return 0;
	event->reset.direction = CT_DIRECTION_SENT;
	event->reset.reason = ct_map_reason(reason);
	if (owns)
		ct_fill_reset_full(event, sk, tp);
	else if (sk && sk->__sk_common.skc_state == CT_STATE_TIME_WAIT)
		ct_fill_reset_mini(event, sk);
	if (skb) {
		event->reset.answered = 1;
		event->reset.packet = ct_read_packet(event->cookie ? NULL : event, skb);
	}
	if (full && !owns) {
		event->state = CT_STATE_LISTEN;
		ct_map_addresses(event, sk);
	}
	if (!event->cookie && sk)
		event->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	else if (!event->cookie && skb)
		event->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	ct_emit_end(event);
	return 0;
}

static __always_inline int ct_on_receive_reset(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct ct_sk *st = ct_sk_get(sk);
	struct ct_event *event;

	ct_tell_options(sk, tp, st, true);
	event = ct_emit_begin(CT_EVENT_SIZE(reset), CT_EVENT_RESET, st);
	if (!event)
		return 0;
	event->reset.direction = CT_DIRECTION_RECEIVED;
	ct_fill_reset_full(event, sk, tp);
	event->reset.how = CT_HOW_UNKNOWN;
	ct_emit_end(event);
	return 0;
}

/* tcp_ca_state, include/uapi/linux/tcp.h */
#define CT_CA_RECOVERY 3
#define CT_CA_LOSS     4

static __always_inline __u8 ct_retransmit_kind(__u8 context, __u8 ca_state)
{
	if (context == CT_CONTEXT_TLP)
		return CT_RETRANSMIT_TLP;
	if (context == CT_CONTEXT_RETRANSMIT || ca_state == CT_CA_LOSS)
		return CT_RETRANSMIT_RTO;
	if (ca_state == CT_CA_RECOVERY)
		return CT_RETRANSMIT_FAST;
	return CT_RETRANSMIT_UNKNOWN;
}

static __always_inline __u8 ct_segment(__u8 tcp_flags)
{
	if (tcp_flags & CT_PACKET_SYN)
		return tcp_flags & CT_PACKET_ACK ? CT_SEGMENT_SYNACK : CT_SEGMENT_SYN;
	return tcp_flags & CT_PACKET_FIN ? CT_SEGMENT_FIN : CT_SEGMENT_DATA;
}

static __always_inline int ct_on_retransmit(struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb =
		(const struct tcp_skb_cb *)((const char *)skb +
					    bpf_core_field_offset(struct sk_buff, cb));
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct ct_sk *st = ct_sk_get(sk);
	struct ct_event *event;

	ct_tell_options(sk, tp, st, true);
	event = ct_emit_begin(CT_EVENT_SIZE(retransmit), CT_EVENT_RETRANSMIT, st);
	if (!event)
		return 0;
	ct_read_sock(event, sk, tp);
	event->context = ct_context(sk);
	event->retransmit.segment = ct_segment(BPF_CORE_READ(cb, tcp_flags));
	event->retransmit.seq = BPF_CORE_READ(cb, seq);
	event->retransmit.length = BPF_CORE_READ(skb, len);
	if (tp) {
		event->retransmit.kind = ct_retransmit_kind(
			event->context, BPF_CORE_READ_BITFIELD(&tp->inet_conn, icsk_ca_state));
		event->retransmit.count = tp->total_retrans;
	}
	ct_emit_end(event);
	return 0;
}

/* The request socket is not a full one: its child will carry the same cookie. */
static __always_inline int ct_on_retransmit_synack(struct request_sock *req)
{
	struct ct_event *event = ct_emit_begin(CT_EVENT_SIZE(retransmit), CT_EVENT_RETRANSMIT,
					       NULL);

	if (!event)
		return 0;
	ct_probe_common(event, &req->__req_common);
	event->cookie = bpf_get_socket_cookie(req);
	event->state = CT_STATE_SYN_RECV;
	event->role = CT_ROLE_PASSIVE;
	event->retransmit.kind = CT_RETRANSMIT_SYNACK;
	event->retransmit.segment = CT_SEGMENT_SYNACK;
	/* counted behind the tracepoint: inet_rtx_syn_ack() */
	event->retransmit.count = BPF_CORE_READ(req, num_retrans) + 1;
	ct_emit_end(event);
	return 0;
}

/* Before 6.6 old segments had no reason of their own. */
static __always_inline bool ct_is_old(__u32 reason)
{
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_TCP_OLD_SEQUENCE))
		return reason ==
		       bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_TCP_OLD_SEQUENCE);
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_TCP_INVALID_SEQUENCE))
		return reason == bpf_core_enum_value(enum skb_drop_reason,
						     SKB_DROP_REASON_TCP_INVALID_SEQUENCE);
	return false;
}

/*
 * A keepalive probe repeats the last byte before what is expected next, RFC 9293 3.8.4; the kernel
 * answers it and drops it as old.
 */
static __always_inline bool ct_is_probe(const struct sk_buff *skb, __u32 rcv_nxt)
{
	const struct tcp_skb_cb *cb =
		(const struct tcp_skb_cb *)((const char *)skb +
					    bpf_core_field_offset(struct sk_buff, cb));

	return BPF_CORE_READ(cb, seq) == rcv_nxt - 1 &&
	       !(BPF_CORE_READ(cb, tcp_flags) & (CT_PACKET_SYN | CT_PACKET_RST));
}

/* With a window of 0 it is a window probe, RFC 9293 3.8.6.1. */
static __always_inline __u8 ct_received_type(__u32 rcv_wnd)
{
	return rcv_wnd ? CT_PROBE_KEEPALIVE : CT_PROBE_WINDOW;
}

static __always_inline int ct_on_old_segment(const struct sk_buff *skb, struct sock *sk)
{
	struct tcp_sock *tp;
	struct ct_event *event;
	struct ct_sk *st;

	if (!ct_is_full(sk))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !ct_is_probe(skb, tp->rcv_nxt))
		return 0;
	st = ct_sk_get(sk);
	ct_tell_options(sk, tp, st, true);
	event = ct_emit_begin(CT_EVENT_SIZE(probe), CT_EVENT_PROBE, st);
	if (!event)
		return 0;
	ct_read_sock(event, sk, tp);
	event->probe.type = ct_received_type(tp->rcv_wnd);
	event->probe.outcome = CT_PROBE_RECEIVED;
	ct_emit_end(event);
	return 0;
}

/*
 * A mini-socket answers a segment without keeping it. The peer's FIN turns FIN_WAIT2 into
 * TIME_WAIT, and mod_timer() leaves a timer where it is that stays in its bucket: no timer event
 * tells of it. No other hook tells of a reset either.
 */
static __always_inline void ct_on_mini_dropped(const struct sk_buff *skb, const struct sock *sk)
{
	const struct inet_timewait_sock *tw = (const struct inet_timewait_sock *)sk;
	__u8 flags = ct_read_packet(NULL, skb);

	if (flags & CT_PACKET_RST)
		ct_emit_mini_reset(tw, flags, CT_DIRECTION_RECEIVED);
	else if (flags & CT_PACKET_FIN)
		ct_emit_timewait(tw, CT_TIMER_UNTOUCHED);
}

static __always_inline int ct_on_dropped(const struct sk_buff *skb, __u32 reason, struct sock *sk)
{
	__u8 state;

	if (!sk)
		return 0;
	if (ct_is_old(reason))
		return ct_on_old_segment(skb, sk);
	state = sk->__sk_common.skc_state;
	if (state == CT_STATE_TIME_WAIT && timer_timewait)
		ct_on_mini_dropped(skb, sk);
	else if (state == CT_STATE_LISTEN && timer_request)
		ct_on_listener_dropped(skb, reason, sk);
	return 0;
}

/* The same, the socket found by the segment's addresses. */
static __always_inline void ct_on_old_segment_by_tuple(const struct sk_buff *skb)
{
	const struct sock_common *skc;
	const struct tcp_sock *tp;
	struct ct_probes *probes;
	struct tcphdr tcp = {};
	__u8 state;

	ct_read_tcp(&tcp, skb);
	skc = ct_tuples_find(skb, &tcp);
	if (!skc)
		return;
	state = BPF_CORE_READ(skc, skc_state);
	tp = (const struct tcp_sock *)skc;
	if (state == CT_STATE_TIME_WAIT || state == TCP_NEW_SYN_RECV ||
	    !ct_is_probe(skb, BPF_CORE_READ(tp, rcv_nxt)))
		return;
	probes = ct_probes_get((const struct sock *)skc);
	if (probes)
		ct_probe_tell_options((const struct sock *)skc, &probes->options);
	ct_emit_probe(skc, ct_received_type(BPF_CORE_READ(tp, rcv_wnd)), CT_PROBE_RECEIVED, 0, 0,
		      0);
}

/*
 * A segment has just taken a mini-socket away, and was dropped then: a reset, or what FIN_WAIT2
 * answers with one, tcp_timewait_state_process(). A new SYN is not dropped. False: it was another.
 */
static __always_inline bool ct_on_mini_ended(struct ct_notes *notes, const struct sk_buff *skb,
					     const struct tcphdr *tcp)
{
	const struct inet_timewait_sock *tw = (const struct inet_timewait_sock *)notes->ended;
	struct ct_tuple tuple;

	if (!tw || bpf_ktime_get_ns() - notes->ended_ns > CT_NEAR_NS)
		return false;
	ct_tuple_of(&tuple, &tw->__tw_common);
	if (!ct_is_for(skb, tcp, &tuple))
		return false;
	notes->ended = 0;
	if (tcp->flags & CT_PACKET_RST)
		ct_emit_mini_reset(tw, tcp->flags, CT_DIRECTION_RECEIVED);
	else if (resets_untold && BPF_CORE_READ(tw, tw_substate) == CT_STATE_FIN_WAIT2)
		ct_emit_mini_reset(tw, tcp->flags, CT_DIRECTION_SENT);
	return true;
}

/* What is wrong with the segment itself has its own reason. */
static __always_inline bool ct_is_unnamed(__u32 reason)
{
	if (reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED))
		return true;
	return bpf_core_enum_value_exists(enum skb_drop_reason,
					  SKB_DROP_REASON_TCP_LISTEN_OVERFLOW) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason,
					     SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
}

static __always_inline int ct_on_dropped_by_tuple(const struct sk_buff *skb, __u64 location,
						  __u32 reason)
{
	struct ct_notes *notes = ct_notes();
	const struct sock_common *skc;
	const struct sock *listener;
	struct tcphdr tcp = {};
	__u8 state;

	if (ct_is_old(reason)) {
		ct_on_old_segment_by_tuple(skb);
		return 0;
	}
	if (!notes || !ct_is_in_receive(location))
		return 0;
	ct_read_tcp(&tcp, skb);
	if (reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NO_SOCKET))
		return resets_untold && !(tcp.flags & CT_PACKET_RST)
			       ? ct_on_send_reset(NULL, skb, CT_RESET_REASON_MAP_LEN)
			       : 0;
	if (!ct_is_unnamed(reason))
		return 0;
	if (ct_on_request_dropped(notes, skb, &tcp) || ct_on_mini_ended(notes, skb, &tcp))
		return 0;
	skc = ct_tuples_find(skb, &tcp);
	if (!skc)
		return 0;
	state = BPF_CORE_READ(skc, skc_state);
	listener = BPF_CORE_READ(skc, skc_listener);
	if (state == CT_STATE_TIME_WAIT && timer_timewait)
		ct_on_mini_dropped(skb, (const struct sock *)skc);
	else if (state == TCP_NEW_SYN_RECV && timer_request &&
		 ct_is_overflow(listener, reason, tcp.flags))
		ct_emit_overflow(skb, listener);
	return 0;
}
