/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is left of a connection that is closed: its timer is its life. */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "notes.bpf.h"
#include "process.bpf.h"
#include "sock_read.bpf.h"
#include "tuples.bpf.h"

/*
 * The socket for which connect() takes the mini-socket's place, NULL if it is not for one: the last
 * that began to connect on this CPU, its owner still at it, on the same ports to the same peer.
 */
static __always_inline const struct sock *ct_successor(const struct ct_common *mini)
{
	struct ct_notes *notes = ct_notes();
	const struct sock *sk = notes ? (const struct sock *)notes->connecting : NULL;
	struct ct_common common;

	if (!sk || !BPF_CORE_READ(sk, sk_lock.owned))
		return NULL;
	ct_take_common(&common, &sk->__sk_common);
	if (CT_TAKEN(&common, skc_state) != CT_STATE_SYN_SENT || !ct_has_place_of(&common, mini))
		return NULL;
	return sk;
}

static __always_inline void ct_fill_timewait_cancel(struct ct_event *event,
						    const struct ct_common *mini)
{
	const struct sock *successor = ct_successor(mini);

	event->timewait.how = successor ? CT_HOW_CONNECT
					: ct_current_deed(CT_TAKEN(mini, skc_net.net));
	if (event->timewait.how == CT_HOW_UNKNOWN)
		return;
	event->context = CT_CONTEXT_PROCESS;
	event->timewait.actor_pid = ct_current_pid();
	if (successor)
		event->timewait.successor = BPF_CORE_READ(successor,
							  __sk_common.skc_cookie.counter);
}

/* Who it is; false: its socket was never seen, it could be a part of nothing. */
static __always_inline bool ct_take_mini(struct ct_common *ret, const struct inet_timewait_sock *tw)
{
	ct_take_common(ret, &tw->__tw_common);
	return CT_TAKEN(ret, skc_cookie.counter);
}

static __always_inline void ct_fill_mini(struct ct_event *event, const struct ct_common *mini,
					 const struct inet_timewait_sock *tw)
{
	ct_fill_common(event, mini);
	event->state = BPF_CORE_READ(tw, tw_substate);
}

/* Its socket gets a cookie too late to share it: what happens to that one next is not its end. */
static __always_inline void ct_note_nameless(const struct ct_common *mini)
{
	struct ct_notes *notes = ct_notes();

	if (!notes)
		return;
	notes->nameless_ns = bpf_ktime_get_ns();
	notes->nameless_hash = CT_TAKEN(mini, skc_hash);
}

static __always_inline void ct_emit_timewait(const struct inet_timewait_sock *tw, __u8 op)
{
	struct ct_common mini;
	struct ct_event *event;

	if (!ct_take_mini(&mini, tw)) {
		if (op == CT_TIMER_START)
			ct_note_nameless(&mini);
		return;
	}
	event = ct_emit_begin_of(CT_EVENT_SIZE(timewait), CT_EVENT_TIMEWAIT, NULL,
				 op != CT_TIMER_START);
	if (!event)
		return;
	ct_fill_mini(event, &mini, tw);
	event->timewait.op = op;
	if (op == CT_TIMER_CANCEL)
		ct_fill_timewait_cancel(event, &mini);
	if (op == CT_TIMER_START)
		event->timewait.timeout_ns = ct_timer_left_ns(&tw->tw_timer);
	ct_emit_end(event);
}

/* Whether a segment has taken it away, the drop of that segment tells. */
static __always_inline void ct_note_mini(const struct inet_timewait_sock *tw, __u8 op)
{
	struct ct_notes *notes;

	if (!by_tuple)
		return;
	if (op == CT_TIMER_START)
		ct_tuples_add(&tw->__tw_common);
	else
		ct_tuples_remove(&tw->__tw_common);
	notes = ct_notes();
	if (!notes)
		return;
	notes->ended = op == CT_TIMER_CANCEL ? (__u64)tw : 0;
	notes->ended_ns = bpf_ktime_get_ns();
}

static __always_inline void ct_on_timewait_timer(struct timer_list *timer, __u8 op)
{
	const struct inet_timewait_sock *tw =
		(void *)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer);

	ct_emit_timewait(tw, op);
	ct_note_mini(tw, op);
}

/*
 * A segment has reset it, RECEIVED; whether it heeded that, a CANCEL just before tells. Or it has
 * answered one with a reset, SENT.
 */
static __always_inline void ct_emit_mini_reset(const struct inet_timewait_sock *tw, __u8 packet,
					       __u8 direction)
{
	struct ct_common mini;
	struct ct_event *event;

	if (!ct_take_mini(&mini, tw))
		return;
	event = ct_emit_begin_of(CT_EVENT_SIZE(reset), CT_EVENT_RESET, NULL, true);
	if (!event)
		return;
	ct_fill_mini(event, &mini, tw);
	event->reset.direction = direction;
	event->reset.answered = direction == CT_DIRECTION_SENT;
	event->reset.mini = 1;
	event->reset.packet = packet;
	ct_emit_end(event);
}
