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

/*
 * Counted on by user space, from 0, where it goes on in another file of a recording: who reads that
 * knows of nobody what was told before, so that each socket's owner is told once more, with its
 * next transition.
 */
__u32 stream_part;

/*
 * Where no tracepoint tells of a send(), the write timer does when the first data leaves. It knows
 * the socket's cookie, not its storage: whose first send is awaited stands here, and the storage
 * takes it over when it is at hand.
 */
const volatile bool io_by_timer; /* set before loading */

struct ct_first_io {
	__u32 pid; /* 0: still awaited */
	__u32 reserved;
	__u8 comm[CT_COMM_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set from user space before loading */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* cookie */
	__type(value, struct ct_first_io);
} first_io SEC(".maps");

/* Who sends or receives first is its owner; what more telling has happened to it is better. */
static __always_inline bool ct_awaits_io(const struct ct_sk *st)
{
	return st->owner == CT_OWNER_UNKNOWN || st->owner == CT_OWNER_INHERITED;
}

static __always_inline void ct_await_io(struct sock *sk)
{
	struct ct_first_io fresh;
	__u64 cookie;

	if (!io_by_timer)
		return;
	__builtin_memset(&fresh, 0, sizeof(fresh));
	cookie = bpf_get_socket_cookie(sk);
	ct_count_unkept(bpf_map_update_elem(&first_io, &cookie, &fresh, BPF_ANY));
}

static __always_inline void ct_forget_io(const struct sock *sk)
{
	__u64 cookie;

	if (!io_by_timer)
		return;
	cookie = sk->__sk_common.skc_cookie.counter;
	bpf_map_delete_elem(&first_io, &cookie);
}

static __always_inline void ct_adopt_io(const struct sock *sk, struct ct_sk *st)
{
	struct ct_first_io *io;
	__u64 cookie;

	if (!io_by_timer || !st || !ct_awaits_io(st))
		return;
	cookie = sk->__sk_common.skc_cookie.counter;
	io = bpf_map_lookup_elem(&first_io, &cookie);
	if (!io || !io->pid)
		return;
	st->pid = io->pid;
	st->owner = CT_OWNER_IO;
	__builtin_memcpy(st->comm, io->comm, CT_COMM_LEN);
	bpf_map_delete_elem(&first_io, &cookie);
}

/* Of two CPUs that make it at the same time one gets none, and finds the other's. */
static __always_inline struct ct_sk *ct_sk_get(const struct sock *sk)
{
	struct ct_sk *st = bpf_sk_storage_get(&sockets, (struct sock *)sk, 0,
					      BPF_SK_STORAGE_GET_F_CREATE)
				   ?: bpf_sk_storage_get(&sockets, (struct sock *)sk, 0,
							 BPF_SK_STORAGE_GET_F_CREATE);

	ct_adopt_io(sk, st);
	return st;
}

/* Those of a socket differ from one to the next, save CLOSE → CLOSE, which tells nothing. */
static __always_inline __u8 ct_transition(int old, int new)
{
	return old << 4 | new;
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
static __always_inline __u32 ct_is_provisional(__u8 owner)
{
	const __u32 provisional = 1U << CT_OWNER_UNKNOWN | 1U << CT_OWNER_INHERITED |
				  1U << CT_OWNER_SCAN;

	return provisional >> (owner & 31) & 1;
}

/* `current` owns the socket from here on, by what it did; false if that was known already. */
static __always_inline bool ct_learn_owner(struct ct_sk *st, __u8 origin)
{
	__u64 comm[CT_COMM_LEN / 8] = {};
	__u64 *known = (__u64 *)st->comm;
	__u32 pid = ct_current_pid();
	__u64 changed;

	ct_current_comm(comm);
	if ((st->pid ^ pid) | ct_is_provisional(st->owner))
		st->owner = origin;
	changed = (st->pid ^ pid) | (known[0] ^ comm[0]) | (known[1] ^ comm[1]);
	st->pid = pid;
	known[0] = comm[0];
	known[1] = comm[1];
	return ct_is_set(changed);
}

static __always_inline __u8 ct_origin(int old, int new)
{
	if (old != CT_STATE_CLOSE)
		return CT_OWNER_ACTOR;
	return new == CT_STATE_LISTEN ? CT_OWNER_LISTEN : CT_OWNER_CONNECT;
}

/* tcp_abort(), by `ss -K` or a BPF program: whoever called it has nothing to do with the
 * connection. */
static __always_inline bool ct_is_killed(int old, int new, __u16 err)
{
	if (new != CT_STATE_CLOSE)
		return false;
	/* a listener's error is set behind its state */
	return err == ECONNABORTED || (old == CT_STATE_LISTEN && ct_current_how() == CT_HOW_OTHER);
}

static __always_inline void ct_fill_owner(struct ct_event_owner *ret, const struct sock *sk,
					  const struct ct_sk *st)
{
	__builtin_memcpy(ret->comm, st->comm, CT_COMM_LEN);
	ret->uid = sk->sk_uid.val;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		ret->cgroup = sk->sk_cgrp_data.cgroup->kn->id;
}

static __always_inline void ct_emit_owner(struct sock *sk, struct tcp_sock *tp, struct ct_sk *st)
{
	struct ct_event *event;

	st->part = stream_part;
	if (!ct_awaits_io(st))
		ct_forget_io(sk);
	event = ct_emit_begin(CT_EVENT_SIZE(who), CT_EVENT_OWNER, st);
	if (!event)
		return;
	if (st->born_ns)
		event->ts_ns = st->born_ns;
	ct_read_sock(event, sk, tp);
	ct_fill_owner(&event->who, sk, st);
	ct_emit_end(event);
}

/* 1 when nothing was told of the owner in this part of the stream, else 0; it is taken for told
 * now. */
static __always_inline __u64 ct_take_untold(struct ct_sk *st)
{
	__u32 part = stream_part;
	__u64 other = st->part ^ part;

	st->part = part;
	return ct_is_set(other);
}

/*
 * The owner's part of a transition. True when the owner is another one now, or was not told in this
 * part of the stream: it is to be told.
 */
static __always_inline bool ct_update_owner(struct ct_sk *st, int old, int new, __u16 err,
					    bool by_process)
{
	bool born = ct_any(ct_begins_life(old, new)), learned = false;
	__u64 untold = ct_take_untold(st);

	if (born)
		ct_begin_life(st, old, new);
	if (old == CT_STATE_LISTEN && new == CT_STATE_CLOSE)
		st->role = CT_ROLE_LISTENER;
	if (by_process && ct_is_by_call(old, new, err) && old != new &&
	    !ct_is_killed(old, new, err) && !ct_current_owns_nothing())
		learned = ct_learn_owner(st, ct_origin(old, new));
	st->lived = 1;
	return (born || learned) | untold;
}
