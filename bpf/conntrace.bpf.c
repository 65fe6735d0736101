// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hooks: each a few lines over a body. Tracepoints and iterators only; which of the variants of
 * a hook is loaded is decided in src/live/hooks.c by what the running kernel's BTF offers.
 */
#include "again.bpf.h"
#include "common.bpf.h"
#include "emit.bpf.h"
#include "follow.bpf.h"
#include "identity.bpf.h"
#include "minis.bpf.h"
#include "notes.bpf.h"
#include "options.bpf.h"
#include "process.bpf.h"
#include "requests.bpf.h"
#include "segments.bpf.h"
#include "snapshot.bpf.h"
#include "sock_read.bpf.h"
#include "timers.bpf.h"
#include "transition.bpf.h"
#include "tuples.bpf.h"

/* Several helpers are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ct_set_state, struct sock *sk, int old, int new)
{
	return ct_is_running() ? ct_on_state(sk, old, new, 0) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ct_set_state_again, struct sock *sk, int old, int new)
{
	return ct_takes_over_transition(sk, old, new) ? ct_on_state(sk, old, new, 1) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ct_set_state_again_2, struct sock *sk, int old, int new)
{
	return ct_takes_over_transition(sk, old, new) ? ct_on_state(sk, old, new, 2) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ct_set_state_again_3, struct sock *sk, int old, int new)
{
	return ct_takes_over_transition(sk, old, new) ? ct_on_state(sk, old, new, 3) : 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(ct_error_report, struct sock *sk)
{
	return ct_is_running() ? ct_on_error(sk) : 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(ct_send_reset, struct sock *sk, struct sk_buff *skb, int reason)
{
	if (!ct_is_running())
		return 0;
	return ct_on_send_reset(ct_is_null(ctx, 0) ? NULL : sk, ct_is_null(ctx, 1) ? NULL : skb,
				reason);
}

/* before the reason became an argument */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(ct_send_reset_bare, struct sock *sk, struct sk_buff *skb)
{
	if (!ct_is_running())
		return 0;
	return ct_on_send_reset(ct_is_null(ctx, 0) ? NULL : sk, ct_is_null(ctx, 1) ? NULL : skb,
				CT_RESET_REASON_MAP_LEN);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(ct_receive_reset, struct sock *sk)
{
	return ct_is_running() ? ct_on_receive_reset(sk) : 0;
}

/* err: why the segment did not leave; then nothing was retransmitted */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(ct_retransmit, struct sock *sk, struct sk_buff *skb, int err)
{
	return err || !ct_is_running() ? 0 : ct_on_retransmit(sk, skb);
}

/* before it told of failures: it was called for successes only */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(ct_retransmit_bare, struct sock *sk, struct sk_buff *skb)
{
	return ct_is_running() ? ct_on_retransmit(sk, skb) : 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(ct_retransmit_synack, struct sock *sk, struct request_sock *req)
{
	return ct_is_running() ? ct_on_retransmit_synack(req) : 0;
}

SEC("tp_btf/timer_start")
int BPF_PROG(ct_timer_start, struct timer_list *timer)
{
	return ct_is_running() ? ct_on_timer(timer, CT_TIMER_START) : 0;
}

SEC("tp_btf/timer_cancel")
int BPF_PROG(ct_timer_cancel, struct timer_list *timer)
{
	return ct_is_running() ? ct_on_timer(timer, CT_TIMER_CANCEL) : 0;
}

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(ct_timer_expire_entry, struct timer_list *timer)
{
	if (ct_is_running())
		ct_timer_entry(timer);
	return 0;
}

SEC("tp_btf/timer_expire_exit")
int BPF_PROG(ct_timer_expire_exit, struct timer_list *timer)
{
	if (ct_is_running())
		ct_bracket_close(timer);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(ct_kfree_skb, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	if (!ct_begin())
		return 0;
	if (!ct_is_null(ctx, 3))
		ct_on_dropped(skb, reason, rx_sk);
	return ct_end();
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(ct_kfree_skb_again, struct sk_buff *skb, void *location, __u32 reason,
	     struct sock *rx_sk)
{
	if (!ct_takes_over() || ct_is_null(ctx, 3))
		return 0;
	return ct_on_dropped(skb, reason, rx_sk);
}

/* before it named the socket */
SEC("tp_btf/kfree_skb")
int BPF_PROG(ct_kfree_skb_by_tuple, struct sk_buff *skb, void *location, __u32 reason)
{
	if (!ct_begin())
		return 0;
	ct_on_dropped_by_tuple(skb, (__u64)location, reason);
	return ct_end();
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(ct_kfree_skb_by_tuple_again, struct sk_buff *skb, void *location, __u32 reason)
{
	return ct_takes_over() ? ct_on_dropped_by_tuple(skb, (__u64)location, reason) : 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ct_send_length, struct sock *sk)
{
	return ct_is_running() ? ct_on_io(sk) : 0;
}

/* before there was that: a send shows itself by what leaves */
SEC("tp_btf/timer_start")
int BPF_PROG(ct_timer_start_io, struct timer_list *timer)
{
	if (ct_is_running() && timer_write_io && (__u64)timer->function == timer_write_io)
		ct_on_write_timer(timer);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(ct_recv_length, struct sock *sk)
{
	return ct_is_running() ? ct_on_io(sk) : 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(ct_rcv_space_adjust, struct sock *sk)
{
	/* softirqs read for kernel TLS and the like: then nobody holds the lock */
	return ct_is_running() && sk->sk_lock.owned ? ct_on_io(sk) : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(ct_process_fork, struct task_struct *parent, struct task_struct *child)
{
	return ct_is_running() ? ct_on_fork(parent, child) : 0;
}

SEC("iter/task_file")
int ct_found_file(struct bpf_iter__task_file *ctx)
{
	return ct_on_file(ctx->meta->seq, ctx->task, ctx->file);
}

SEC("iter/tcp")
int ct_found_socket(struct bpf_iter__tcp *ctx)
{
	return ct_on_socket(ctx->meta->seq, ctx->sk_common);
}
