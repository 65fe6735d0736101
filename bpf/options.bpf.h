/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Options that matter to a life, told when they have changed since they were told. */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "sock_read.bpf.h"

/* One number for all of them, never 0: another one means that something has changed. */
static __always_inline __u32 ct_options_print(const struct ct_options *options)
{
	const __u32 prime = 0x9e3779b1;
	__u32 print = options->keepalive_time;

	print = print * prime ^ options->keepalive_interval;
	print = print * prime ^ options->keepalive_probes;
	print = print * prime ^ options->user_timeout_ms;
	print = print * prime ^ options->linger;
	return ct_or(print, 1);
}

static __always_inline void ct_fill_options(struct ct_event_options *ret,
					    const struct ct_options *options)
{
	ret->keepalive_time_s = ct_seconds(options->keepalive_time);
	ret->keepalive_interval_s = ct_seconds(options->keepalive_interval);
	ret->keepalive_probes = options->keepalive_probes;
	ret->user_timeout_ms = options->user_timeout_ms;
	ret->linger_s = ct_seconds(options->linger);
}

static __always_inline bool ct_has_options(const struct sock *sk, const struct tcp_sock *tp)
{
	const unsigned long wanted = 1UL << SOCK_KEEPOPEN | 1UL << SOCK_LINGER;

	return sk->__sk_common.skc_flags & wanted || tp->inet_conn.icsk_user_timeout;
}

/*
 * Before an event of the socket: those that are on, and, if the event may raise a flag, all that
 * are in force. What was told once is told again when it changes: then this is true, and ST knows
 * them as told.
 */
static __always_inline bool ct_options_are_due(const struct sock *sk, const struct tcp_sock *tp,
					       struct ct_sk *st, bool for_flag,
					       struct ct_event_options *ret)
{
	struct ct_options options;
	__u32 print;

	if (!tp || !st || (!st->options && !for_flag && !ct_has_options(sk, tp)))
		return false;
	ct_read_options(&options, sk, tp);
	print = ct_options_print(&options);
	if (print == st->options)
		return false;
	ct_fill_options(ret, &options);
	st->options = print;
	return true;
}

static __always_inline void ct_tell_options(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st,
					    bool for_flag)
{
	struct ct_event_options options = {};
	__u32 told = st ? st->options : 0;
	struct ct_event *event;

	if (!ct_options_are_due(sk, tp, st, for_flag, &options))
		return;
	event = ct_emit_begin(CT_EVENT_SIZE(options), CT_EVENT_OPTIONS, st);
	if (!event) {
		st->options = told;
		return;
	}
	ct_read_sock(event, sk, tp);
	event->options = options;
	ct_emit_end(event);
}

/* The same from a timer, which has no storage at hand. TOLD: what ct_options_print() was. */
static __always_inline void ct_probe_tell_options(const struct sock *sk, __u32 *told)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	struct ct_options options;
	struct ct_event *event;
	__u32 print;

	ct_probe_options(&options, sk, tp);
	print = ct_options_print(&options);
	if (print == *told)
		return;
	event = ct_emit_begin(CT_EVENT_SIZE(options), CT_EVENT_OPTIONS, NULL);
	if (!event)
		return;
	ct_probe_common(event, &sk->__sk_common);
	event->sock_flags = ct_probe_sock_flags(sk, tp);
	ct_fill_options(&event->options, &options);
	*told = print;
	ct_emit_end(event);
}
