/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only place that reserves and submits: counts what was lost, and says so in the stream. */
#pragma once

#include "common.bpf.h"

/* Programs that make moments: ct_set_state and those that do its work, each with a number below. */
#define CT_MAKERS 4

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24); /* set from user space before loading */
} ring SEC(".maps");

/* Shared with user space, which reads them when it has drained the ring. */
__u64 lost_events;
__u64 lost_since_ns;
__u64 lost_sockets;	      /* of them CT_UNCOUNTED_SOCKETS */
__u64 lost_minis;	      /* of them CT_UNCOUNTED_MINIS */
__u64 wakeup_bytes = 1 << 22; /* fill at which the consumer is woken before its tick */
__u32 wakeup_sent;	      /* set here, cleared by the consumer */

__u64 unkept; /* what maps had no room for: whom it is about, nobody knows */

/*
 * Set by user space when every program is in its place, 0 again before it takes them off: they come
 * and go one after the other, and what one of them tells is true only together with the others. The
 * stream begins and ends for all of them at once.
 */
__u64 running_since_ns;

static __always_inline bool ct_is_running(void)
{
	return running_since_ns;
}

/* What one hook has not told yet, the next one may tell of the same segment. */
#define CT_JUST_NS 500000

static __always_inline bool ct_is_just_running(void)
{
	return bpf_ktime_get_ns() - running_since_ns < CT_JUST_NS;
}

/*
 * Functions that are not static the verifier follows once, and not from each place that calls them.
 * They may take no pointers to what the kernel has.
 */

/* A place in the ring for what could not get one before: stands before the next event that can. */
__noinline int ct_emit_lost(void)
{
	struct ct_event *event = bpf_ringbuf_reserve(&ring, CT_EVENT_SIZE(lost), 0);

	if (!event)
		return 0;
	__builtin_memset(event, 0, CT_EVENT_SIZE(lost));
	event->ts_ns = bpf_ktime_get_ns();
	event->kind = CT_EVENT_LOST;
	event->lost.where = CT_LOST_RING;
	event->lost.since_ns = lost_since_ns;
	event->lost.events = __sync_lock_test_and_set(&lost_events, 0);
	if (!event->lost.events) { /* another CPU has told them, and tells of whom they are */
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
		return 0;
	}
	if (__sync_lock_test_and_set(&lost_sockets, 0))
		event->lost.uncounted |= CT_UNCOUNTED_SOCKETS;
	if (__sync_lock_test_and_set(&lost_minis, 0))
		event->lost.uncounted |= CT_UNCOUNTED_MINIS;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline void ct_count_lost(struct ct_sk *st, bool mini)
{
	if (st && st->missed < 255)
		st->missed++;
	if (!st)
		__sync_fetch_and_add(mini ? &lost_minis : &lost_sockets, 1);
	if (__sync_fetch_and_add(&lost_events, 1) == 0)
		lost_since_ns = bpf_ktime_get_ns();
}

/* R is what it came to that a map was to keep something. */
static __always_inline void ct_count_unkept(long r)
{
	if (r)
		__sync_fetch_and_add(&unkept, 1);
}

/* What does not depend on a socket, in SIZE bytes. ST as for ct_emit_begin_of(). */
static __always_inline void ct_emit_fill(struct ct_event *event, __u64 size, __u8 kind,
					 const struct ct_sk *st)
{
	__builtin_memset(event, 0, size);
	event->ts_ns = bpf_ktime_get_ns();
	event->kind = kind;
	event->generation = CT_GENERATION_ANY;
	if (st) {
		event->pid = st->pid;
		event->owner = st->owner;
		event->role = st->role;
		event->generation = st->generation;
		event->missed = st->missed;
		event->sock_flags = CT_SOCK_COUNTED;
	}
}

/*
 * Reserves a record of SIZE bytes and fills in what does not depend on a socket.
 *
 * SIZE is a constant, CT_EVENT_SIZE(payload). ST is the state of the socket that it is about, NULL
 * if there is none at hand; MINI: it is about a mini-socket that was told of before. NULL when the
 * ring is full: it has been counted then.
 */
static __always_inline struct ct_event *ct_emit_begin_of(__u64 size, __u8 kind, struct ct_sk *st,
							 bool mini)
{
	struct ct_event *event;

	if (lost_events)
		ct_emit_lost();
	event = bpf_ringbuf_reserve(&ring, size, 0);
	if (!event) {
		ct_count_lost(st, mini);
		return NULL;
	}
	ct_emit_fill(event, size, kind, st);
	if (st)
		st->missed = 0;
	return event;
}

static __always_inline struct ct_event *ct_emit_begin(__u64 size, __u8 kind, struct ct_sk *st)
{
	return ct_emit_begin_of(size, kind, st, false);
}

/*
 * A wakeup costs fifteen times an event: user space comes by on a tick of its own, and is called
 * only when the ring fills faster than that.
 */
__noinline __u64 ct_wakeup(void)
{
	if (wakeup_sent || bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <= wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	wakeup_sent = 1;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void ct_emit_end(struct ct_event *event)
{
	bpf_ringbuf_submit(event, ct_wakeup());
}

/*
 * Where moments are made: how long one gets turns out on the way. On the stack the verifier would
 * follow what each path leaves in it. Each program that makes them has a place on each CPU, since
 * one may run inside another. Inside itself none does, but for kernels before 6.2, which have a
 * place more each: a process' program may be interrupted by a softirq's.
 */
struct ct_making {
	union ct_moment moment;
	__u64 busy;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * CT_MAKERS);
	__type(key, __u32);
	__type(value, struct ct_making);
} making SEC(".maps");

/* Never NULL, but the verifier cannot know. */
static __always_inline struct ct_making *ct_making_take(__u32 maker)
{
	struct ct_making *place = bpf_map_lookup_elem(&making, &maker);

	if (place && READ_ONCE(place->busy)) {
		maker += CT_MAKERS;
		place = bpf_map_lookup_elem(&making, &maker);
	}
	if (place)
		WRITE_ONCE(place->busy, 1);
	return place;
}

static __always_inline void ct_making_give_back(struct ct_making *place)
{
	if (place)
		WRITE_ONCE(place->busy, 0);
}

/* SK as a number, which may be given to functions that are not static. MOMENT is not begun yet. */
static __always_inline __u64 ct_address(union ct_moment *moment, const struct sock *sk)
{
	WRITE_ONCE(moment->event.cookie, (__u64)sk);
	return READ_ONCE(moment->event.cookie);
}

static __always_inline void ct_emit_moment_begin(union ct_moment *moment, struct ct_sk *st)
{
	if (lost_events)
		ct_emit_lost();
	ct_emit_fill(&moment->event, sizeof(*moment), CT_EVENT_STATE, st);
}

/* False: the ring is full, and that has been counted. */
static __always_inline bool ct_emit_moment_end(union ct_moment *moment, struct ct_sk *st)
{
	__u64 size = CT_EVENT_SIZE(to);

	if (moment->event.with == CT_EVENT_OWNER)
		size += sizeof(moment->more.who);
	else if (moment->event.with == CT_EVENT_COUNTERS)
		size += sizeof(moment->more.counters);
	else if (moment->event.with == CT_EVENT_OPTIONS)
		size += sizeof(moment->more.options);
	moment->event.missed = st->missed;
	if (bpf_ringbuf_output(&ring, moment, size, ct_wakeup()) == 0) {
		st->missed = 0;
		return true;
	}
	ct_count_lost(st, false);
	if (moment->event.with)
		ct_count_lost(st, false);
	return false;
}

/* Gives the place back: what it was taken for turned out not to be so. */
static __always_inline void ct_emit_drop(struct ct_event *event)
{
	bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
}
