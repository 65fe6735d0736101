/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which life of a socket this is, and who owns it: DESIGN's ladder, each answer with its origin. */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "process.bpf.h"
#include "sock_read.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct ct_sk);
} sockets SEC(".maps");

/* Of two CPUs that make it at the same time one gets none, and finds the other's. */
static __always_inline struct ct_sk *ct_sk_get(const struct sock *sk)
{
	struct ct_sk *st = bpf_sk_storage_get(&sockets, (struct sock *)sk, 0,
					      BPF_SK_STORAGE_GET_F_CREATE);

	return st
		       ?: bpf_sk_storage_get(&sockets, (struct sock *)sk, 0,
					     BPF_SK_STORAGE_GET_F_CREATE);
}

/* A new life: of the same socket another generation, of a child its first, its owner provisional.
 */
static __always_inline void ct_begin_life(struct ct_sk *st, int old, int new)
{
	if (old == CT_STATE_LISTEN) {
		__u8 owner = st->owner == CT_OWNER_UNKNOWN ? CT_OWNER_UNKNOWN : CT_OWNER_INHERITED;

		st->generation = 0;
		st->missed = 0;
		st->options = 0;
		st->role = CT_ROLE_PASSIVE;
		st->owner = owner;
	} else {
		if (st->lived && st->generation < CT_GENERATION_ANY - 1)
			st->generation++;
		st->options = 0;
		st->role = new == CT_STATE_LISTEN ? CT_ROLE_LISTENER : CT_ROLE_ACTIVE;
		st->owner = CT_OWNER_UNKNOWN;
		st->pid = 0;
	}
}

static __always_inline bool ct_begins_life(int old, int new)
{
	return (old == CT_STATE_CLOSE && (new == CT_STATE_SYN_SENT || new == CT_STATE_LISTEN)) ||
	       (old == CT_STATE_LISTEN && new == CT_STATE_SYN_RECV);
}

/* connect(), listen() and first I/O tell more than a later transition by the same process. */
static __always_inline bool ct_is_provisional(__u8 owner)
{
	return owner == CT_OWNER_UNKNOWN || owner == CT_OWNER_INHERITED || owner == CT_OWNER_SCAN;
}

/* `current` owns the socket from here on, by what it did; false if that was known already. */
static __always_inline bool ct_learn_owner(struct ct_sk *st, __u8 origin)
{
	__u64 comm[CT_COMM_LEN / 8] = {};
	__u64 *known = (__u64 *)st->comm;
	__u32 pid = ct_current_pid();
	bool same;

	ct_current_comm(comm);
	same = st->pid == pid && known[0] == comm[0] && known[1] == comm[1];
	if (st->pid != pid || ct_is_provisional(st->owner))
		st->owner = origin;
	st->pid = pid;
	known[0] = comm[0];
	known[1] = comm[1];
	return !same;
}

static __always_inline __u8 ct_origin(int old, int new)
{
	if (old != CT_STATE_CLOSE)
		return CT_OWNER_ACTOR;
	return new == CT_STATE_LISTEN ? CT_OWNER_LISTEN : CT_OWNER_CONNECT;
}

/* tcp_abort(), by `ss -K` or a BPF program: whoever called it has nothing to do with the
 * connection. */
static __always_inline bool ct_is_killed(const struct sock *sk, int old, int new)
{
	if (new != CT_STATE_CLOSE)
		return false;
	/* a listener's error is set behind its state */
	return sk->sk_err == ECONNABORTED ||
	       (old == CT_STATE_LISTEN && ct_current_how() == CT_HOW_OTHER);
}

static __always_inline void ct_emit_owner(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st)
{
	struct ct_event *event = ct_emit_begin(CT_EVENT_SIZE(who), CT_EVENT_OWNER, st);

	if (!event)
		return;
	ct_read_sock(event, sk, tp);
	__builtin_memcpy(event->who.comm, st->comm, CT_COMM_LEN);
	event->who.uid = sk->sk_uid.val;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		event->who.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	ct_emit_end(event);
}

/* The owner's part of a transition. Says so in the stream when something about the owner is new. */
static __always_inline void ct_update_owner(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st,
					    int old, int new, bool by_process)
{
	bool born = ct_any(ct_begins_life(old, new)), learned = false;
	bool is_new = born || !st->lived;

	if (born)
		ct_begin_life(st, old, new);
	if (old == CT_STATE_LISTEN && new == CT_STATE_CLOSE)
		st->role = CT_ROLE_LISTENER;
	if (by_process && ct_is_by_call(old, new, sk->sk_err) && old != new &&
	    !ct_is_killed(sk, old, new) && !ct_current_owns_nothing())
		learned = ct_learn_owner(st, ct_origin(old, new));
	st->lived = 1;
	if (ct_any(is_new || learned))
		ct_emit_owner(sk, tp, st);
}
