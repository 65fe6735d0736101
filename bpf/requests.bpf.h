/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Handshakes that are not completed: a request socket, the same as its timer lives, and what its
 * child came from.
 */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "notes.bpf.h"
#include "process.bpf.h"
#include "sock_read.bpf.h"
#include "tuples.bpf.h"

static __always_inline void ct_fill_listener(struct ct_event_request *ret,
					     const struct sock *listener)
{
	struct ct_common common;

	ct_take_common(&common, &listener->__sk_common);
	ret->listener = CT_TAKEN(&common, skc_cookie.counter);
	ret->listening = CT_TAKEN(&common, skc_state) == CT_STATE_LISTEN;
	ret->backlog = BPF_CORE_READ(listener, sk_ack_backlog);
	ret->backlog_max = BPF_CORE_READ(listener, sk_max_ack_backlog);
}

static __always_inline void ct_fill_request(struct ct_event *event, const struct request_sock *req,
					    __u8 op)
{
	const struct inet_request_sock *inet = (const struct inet_request_sock *)req;
	struct ct_common common;

	ct_take_common(&common, &req->__req_common);
	ct_fill_common(event, &common);
	event->state = CT_STATE_SYN_RECV;
	event->role = CT_ROLE_PASSIVE;
	event->request.op = op;
	/* counted behind the tracepoint: reqsk_timer_handler() */
	event->request.timeouts = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout) +
				  (op == CT_TIMER_EXPIRE);
	event->request.acked = BPF_CORE_READ_BITFIELD_PROBED(inet, acked);
	ct_fill_listener(&event->request, CT_TAKEN(&common, skc_listener));
	if (op == CT_TIMER_START)
		event->request.timeout_ns = ct_timer_left_ns(&req->rsk_timer);
}

/* A child takes its request's place in the table of connections, under the same hash. */
static __always_inline bool ct_is_completed(const struct ct_notes *notes,
					    const struct request_sock *req)
{
	const struct sock *child = (const struct sock *)notes->child;
	struct ct_common a, b;

	if (!child || notes->completed)
		return false;
	ct_take_common(&a, &child->__sk_common);
	ct_take_common(&b, &req->__req_common);
	return ct_has_place_of(&a, &b);
}

static __always_inline void ct_emit_request(struct ct_notes *notes, const struct request_sock *req,
					    __u8 op)
{
	struct ct_event *event = ct_emit_begin_of(CT_EVENT_SIZE(request), CT_EVENT_REQUEST, NULL,
						  true);

	if (!event)
		return;
	ct_fill_request(event, req, op);
	if (op == CT_TIMER_CANCEL) {
		event->request.how = ct_current_deed(BPF_CORE_READ(req, __req_common.skc_net.net));
		if (event->request.how != CT_HOW_UNKNOWN) {
			event->context = CT_CONTEXT_PROCESS;
			event->request.actor_pid = ct_current_pid();
		} else {
			notes->dropped_ns = event->ts_ns;
			ct_note_tuple(&notes->dropped, event);
		}
	}
	ct_emit_end(event);
}

static __always_inline void ct_on_request_timer(struct timer_list *timer, __u8 op)
{
	const struct request_sock *req = (void *)timer -
					 bpf_core_field_offset(struct request_sock, rsk_timer);
	struct ct_notes *notes = ct_notes();

	if (!notes)
		return;
	notes->dropped_ns = 0;
	notes->ended = 0; /* by a SYN: that one is not dropped */
	if (op == CT_TIMER_START)
		ct_tuples_add(&req->__req_common);
	else
		ct_tuples_remove(&req->__req_common);
	if (op == CT_TIMER_CANCEL && ct_is_completed(notes, req))
		notes->completed = 1;
	else
		ct_emit_request(notes, req, op);
}

/*
 * A Fast Open's child is there before the handshake is completed, and repeats its own SYN-ACK by
 * its write timer. Kernels that do not say so themselves show it by that, or by the data.
 */
static __always_inline bool ct_is_fastopen(const struct ct_notes *notes, const struct sock *sk,
					   const struct tcp_sock *tp)
{
	if (BPF_CORE_READ_BITFIELD_PROBED(tp, syn_data_acked))
		return true;
	if (bpf_core_field_exists(tp->syn_fastopen_child))
		return BPF_CORE_READ_BITFIELD_PROBED(tp, syn_fastopen_child);
	return notes->child == (__u64)sk && notes->child_timer != ct_write_timer_expires(sk);
}

/*
 * What a child that becomes ESTABLISHED came from. Of a segment that completes a handshake the CPU
 * sees in one go the child, its request taken off, and this; a cookie has no request.
 */
static __always_inline __u8 ct_handshake(const struct ct_notes *notes, const struct sock *sk,
					 const struct tcp_sock *tp)
{
	if (ct_is_fastopen(notes, sk, tp))
		return CT_HANDSHAKE_FASTOPEN;
	if (notes->child != (__u64)sk)
		return CT_HANDSHAKE_UNKNOWN;
	if (notes->completed)
		return CT_HANDSHAKE_REQUEST;
	if (!timer_request || bpf_ktime_get_ns() - notes->child_ns > CT_NEAR_NS)
		return CT_HANDSHAKE_UNKNOWN;
	return CT_HANDSHAKE_SYNCOOKIE;
}

static __always_inline void ct_note_transition(struct ct_notes *notes, const struct sock *sk,
					       const struct tcp_sock *tp, int old, int new)
{
	notes->child = 0;
	if (new == CT_STATE_SYN_SENT)
		notes->connecting = (__u64)sk;
	if (old != CT_STATE_LISTEN || new != CT_STATE_SYN_RECV)
		return;
	notes->child = (__u64)sk;
	notes->child_ns = bpf_ktime_get_ns();
	notes->completed = 0;
	if (!bpf_core_field_exists(tp->syn_fastopen_child))
		notes->child_timer = ct_write_timer_expires(sk);
}

/* The notes' part of a transition. Returns the handshake that it completes, if it does. */
__noinline int ct_notes_at_state(__u64 address, __u32 role, __u32 old, __u32 new)
{
	const struct sock *sk = (const void *)address;
	const struct tcp_sock *tp = (const void *)address;
	struct ct_notes *notes = ct_notes();
	__u8 handshake = CT_HANDSHAKE_UNKNOWN;

	if (!notes)
		return handshake;
	if (old == CT_STATE_SYN_RECV && new == CT_STATE_ESTABLISHED && role == CT_ROLE_PASSIVE)
		handshake = ct_handshake(notes, sk, tp);
	ct_note_transition(notes, sk, tp, old, new);
	return handshake;
}

static __always_inline bool ct_is_dropped(const struct ct_notes *notes, const struct sk_buff *skb,
					  const struct tcphdr *tcp)
{
	return notes->dropped_ns && bpf_ktime_get_ns() - notes->dropped_ns <= CT_NEAR_NS &&
	       ct_is_for(skb, tcp, &notes->dropped);
}

/* A reset took the request away: the listener drops the segment when all is done. */
static __always_inline void ct_emit_request_reset(const struct ct_tuple *request, __u8 packet)
{
	struct ct_event *event = ct_emit_begin_of(CT_EVENT_SIZE(reset), CT_EVENT_RESET, NULL, true);

	if (!event)
		return;
	ct_recall_tuple(event, request);
	event->state = CT_STATE_LISTEN;
	event->reset.direction = CT_DIRECTION_RECEIVED;
	event->reset.packet = packet;
	ct_emit_end(event);
}

/* The handshake's last segment, for whose connection there is no room: it may come again. */
static __always_inline void ct_emit_overflow(const struct sk_buff *skb, const struct sock *listener)
{
	struct ct_event *event = ct_emit_begin_of(CT_EVENT_SIZE(request), CT_EVENT_REQUEST, NULL,
						  true);

	if (!event)
		return;
	ct_read_packet(event, skb);
	ct_map_addresses(event, listener);
	event->netns = BPF_CORE_READ(listener, __sk_common.skc_net.net, ns.inum);
	event->state = CT_STATE_SYN_RECV;
	event->role = CT_ROLE_PASSIVE;
	event->request.op = CT_TIMER_UNTOUCHED;
	event->request.acked = CT_ACKED_NO_ROOM;
	ct_fill_listener(&event->request, listener);
	ct_emit_end(event);
}

/* Kernels that give the drop no reason show it by the listener's queue: sk_acceptq_is_full(). */
static __always_inline bool ct_is_overflow(const struct sock *listener, __u32 reason, __u8 flags)
{
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW))
		return reason == bpf_core_enum_value(enum skb_drop_reason,
						     SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
	return flags == CT_PACKET_ACK && BPF_CORE_READ(listener, sk_ack_backlog) >
						 BPF_CORE_READ(listener, sk_max_ack_backlog);
}

/* The segment that has just taken a request away; true if it was that one. */
static __always_inline bool ct_on_request_dropped(struct ct_notes *notes, const struct sk_buff *skb,
						  const struct tcphdr *tcp)
{
	bool dropped = ct_is_dropped(notes, skb, tcp);

	if (dropped && tcp->flags & CT_PACKET_RST)
		ct_emit_request_reset(&notes->dropped, tcp->flags);
	notes->dropped_ns = 0;
	return dropped;
}

static __always_inline void ct_on_listener_dropped(const struct sk_buff *skb, __u32 reason,
						   struct sock *listener)
{
	struct ct_notes *notes = ct_notes();
	struct tcphdr tcp = {};

	if (!notes || listener->sk_protocol != IPPROTO_TCP)
		return;
	ct_read_tcp(&tcp, skb);
	if (!ct_on_request_dropped(notes, skb, &tcp) && ct_is_overflow(listener, reason, tcp.flags))
		ct_emit_overflow(skb, listener);
}
