/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel starts no program inside itself on the same CPU: one that is interrupted by an event
 * of its own is left out for that, and the miss is counted. A softirq's event does so to a
 * process', and where tracepoints can be preempted any process' to another's. So a hook that
 * processes come by has a second program, which the kernel does not leave out: it does the first
 * one's work when that one was left out. It has to stand behind the first one in the object, since
 * it is attached and runs in that order. Timers start and are cancelled with interrupts off, under
 * their base's lock: nothing can come in between there, kernel/time/timer.c.
 *
 * A transition has been told if it is the last that this CPU told of, or else if it is the last
 * that the socket's storage knows. Who is preempted inside of a program holds it up for long, and
 * others may be so inside of the second one: for transitions, which all processes cause, there are
 * some more then, PROGRAM_again_N.
 *
 * A dropped segment is taken for left out when the first one is at work on this CPU. That leaves
 * the moments of its coming and going, which are told as lost. Where it can be preempted between
 * the two of them, and only there, a second one may take another's work for its own and tell of a
 * dropped segment twice.
 *
 * A jump into the first one would not do: the two would share a stack, which newer kernels keep for
 * each program and CPU.
 */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "identity.bpf.h"
#include "notes.bpf.h"

/* Of each CPU: the first program of a dropped segment is at work. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} at_work SEC(".maps");

/* Events that first programs missed and second ones told. */
__u64 taken_over;

static __always_inline void ct_mark(__u64 is_at_work)
{
	__u32 zero = 0;
	__u64 *cpu;

	cpu = bpf_map_lookup_elem(&at_work, &zero);
	if (cpu)
		WRITE_ONCE(*cpu, is_at_work);
}

/* A first program begins; false: nothing is traced yet, or any more. */
static __always_inline bool ct_begin(void)
{
	if (!ct_is_running())
		return false;
	ct_mark(1);
	return true;
}

static __always_inline int ct_end(void)
{
	ct_mark(0);
	return 0;
}

/* What was under way when the tracing began was no miss. */
static __always_inline bool ct_take_over(void)
{
	if (!ct_is_just_running())
		__sync_fetch_and_add(&taken_over, 1);
	return true;
}

/* True in a second program whose first one was left out. */
static __always_inline bool ct_takes_over(void)
{
	__u32 zero = 0;
	__u64 *cpu = bpf_map_lookup_elem(&at_work, &zero);

	return cpu && READ_ONCE(*cpu) && ct_is_running() && ct_take_over();
}

/* The same of a transition, of TCP or not. Without its storage the first one may have run. */
static __always_inline bool ct_takes_over_transition(const struct sock *sk, int old, int new)
{
	__u8 transition = ct_transition(old, new);
	struct ct_sk *st;

	if (!ct_is_running() || ct_is_told(sk, transition))
		return false;
	st = ct_sk_get(sk);
	return st && st->transition != transition && ct_take_over();
}
