/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every body needs: kernel types, helpers, the events, and what is kept for a socket. */
#pragma once

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "conntrace/event.h"
#include "conntrace/moment.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define READ_ONCE(x)	   (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, val) (*(volatile typeof(x) *)&(x) = (val))

#define IPPROTO_TCP	 6
#define AF_INET		 2
#define AF_INET6	 10
#define ETH_P_IP	 0x0800
#define ETH_P_IPV6	 0x86dd
#define ECONNABORTED	 103
#define PF_EXITING	 0x00000004 /* include/linux/sched.h */
#define PF_KTHREAD	 0x00200000
#define TCP_NEW_SYN_RECV 12 /* a request socket, include/net/tcp_states.h */

/*
 * The longest that a segment may take from one of its hooks to the next. Microseconds, were it not
 * for what takes the CPU away meanwhile: an interrupt, a hypervisor. That it is the same one, its
 * addresses tell; this only keeps what is long over from being taken for it.
 */
#define CT_NEAR_NS 10000000

/* Kept with the socket and freed with it; a child starts with a copy of its listener's. */
struct ct_sk {
	__u32 pid;
	__u16 generation;
	__u8 lived;	 /* it has begun a life: the next one is another generation */
	__u8 owner;	 /* enum ct_owner */
	__u8 role;	 /* enum ct_role */
	__u8 missed;	 /* events lost since the last one that was not */
	__u8 transition; /* ct_transition() of the last one, 0 none */
	__u8 scanned;	 /* the file_walk that found the owner, of CT_OWNER_SCAN */
	__u32 options;	 /* ct_options_print() of those told last, 0 none */
	__u64 born_ns;	 /* a child that nothing was told of so far, 0: it was */
	__u8 comm[CT_COMM_LEN];
	__u32 part;	   /* of the stream, in which its owner was told last: stream_part */
	__u16 former_port; /* that its last life left in inet_sport when this one began, 0 none */
	__u16 unused;
};

/* Both ends of a connection, and where they are. */
struct ct_tuple {
	__u8 laddr[16];
	__u8 raddr[16];
	__u32 netns;
	__u16 lport;
	__u16 rport;
	__u8 family;
	__u8 reserved[7];
};

/*
 * True when a tracepoint's argument N is NULL. The kernels between 6.5 and 6.12 take every such
 * argument for a valid pointer and drop the test of it as dead code: the raw word is what is
 * tested.
 */
static __always_inline bool ct_is_null(const unsigned long long *ctx, int n)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), &ctx[n]);
	return !word;
}

__u32 nothing; /* always 0, which the verifier does not know */

/*
 * The same number, of which the verifier knows nothing any more: paths that differ by it alone are
 * one path from here on, and are followed once.
 */
static __always_inline __u32 ct_any(__u32 number)
{
	return number ^ READ_ONCE(nothing);
}

/*
 * What follows asks without a branch: the verifier follows each branch both ways, and everything
 * behind it twice.
 */

/* 1; of 0: 0 */
static __always_inline __u64 ct_is_set(__u64 number)
{
	__u64 negative = -number;

	barrier_var(negative); /* or the compiler makes a branch of it again */
	return (number | negative) >> 63;
}

/* NUMBER ?: OTHER */
static __always_inline __u32 ct_or(__u32 number, __u32 other)
{
	__u64 mask = -ct_is_set(number);

	return (number & mask) | (other & ~mask);
}

/* Set before loading. */
const volatile __u64 tick_ns;	      /* a jiffy */
const volatile __u64 timer_keepalive; /* addresses of the kernel's timer handlers, 0 unknown */
const volatile __u64 timer_write;
const volatile __u64 timer_write_io; /* the same, for those who tell the owner by it */
const volatile __u64 timer_timewait;
const volatile __u64 timer_request;
const volatile __s64 preempt_count_behind_rq;		    /* bytes, 0 unknown; x86 */
const volatile __u8 reset_reasons[CT_RESET_REASON_MAP_LEN]; /* the kernel's number → ours */
