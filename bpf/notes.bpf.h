/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a CPU remembers from one hook to the next: what the kernel does in one go shows itself as
 * several events, and only their nearness tells that they belong together.
 */
#pragma once

#include "common.bpf.h"

struct ct_notes {
	__u64 child;	   /* socket of the last transition if it was LISTEN → SYN_RECV, else 0 */
	__u64 child_ns;	   /* when that was */
	__u64 child_timer; /* for when its write timer was set then */
	__u64 connecting;  /* the last socket that began to connect */
	__u64 dropped_ns;  /* when a segment took away the request of DROPPED, 0: told */
	struct ct_tuple dropped;
	__u64 nameless_ns; /* when a mini-socket without a cookie came last */
	__u64 ended;	   /* the last mini-socket that a segment has ended, 0: told, or none */
	__u64 ended_ns;	   /* when that was */
	__u64 refused;	  /* the last socket for which an ICMP error was queued, RFC 1122 4.2.3.9 */
	__u64 refused_ns; /* when that was */
	__u64 told;	  /* the socket whose TRANSITION a program took last */
	__u32 nameless_hash;
	__u16 refused_err; /* errno, positive */
	__u8 completed;	   /* the child has taken its request's place */
	__u8 transition;   /* ct_transition() of TOLD's */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ct_notes);
} noted SEC(".maps");

static __always_inline struct ct_notes *ct_notes(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&noted, &zero);
}

static __always_inline void ct_note_told(const struct sock *sk, __u8 transition)
{
	struct ct_notes *notes = ct_notes();

	if (!notes)
		return;
	notes->told = (__u64)sk;
	notes->transition = transition;
}

static __always_inline bool ct_is_told(const struct sock *sk, __u8 transition)
{
	struct ct_notes *notes = ct_notes();

	return notes && notes->told == (__u64)sk && notes->transition == transition;
}

static __always_inline void ct_note_tuple(struct ct_tuple *ret, const struct ct_event *event)
{
	__builtin_memcpy(ret->laddr, event->laddr, sizeof(ret->laddr));
	__builtin_memcpy(ret->raddr, event->raddr, sizeof(ret->raddr));
	ret->netns = event->netns;
	ret->lport = event->lport;
	ret->rport = event->rport;
	ret->family = event->family;
}

static __always_inline void ct_recall_tuple(struct ct_event *ret, const struct ct_tuple *tuple)
{
	__builtin_memcpy(ret->laddr, tuple->laddr, sizeof(ret->laddr));
	__builtin_memcpy(ret->raddr, tuple->raddr, sizeof(ret->raddr));
	ret->netns = tuple->netns;
	ret->lport = tuple->lport;
	ret->rport = tuple->rport;
	ret->family = tuple->family;
}
