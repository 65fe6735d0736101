// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ring that the programs write: its records are handed over, and what found no place in it. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "conntrace.skel.h"
#include "conntrace/clock.h"
#include "conntrace/event.h"
#include "live.h"
#include "moment.h"

/* A ring that is filled as fast as it is read is never empty: time, output and signals get their
 * turn. */
#define BATCH_MAX 65536

int ct_live_hand_over(struct ct_source_live *live, const struct ct_event *event, size_t len)
{
	live->records++;
	return live->fn(live->context, event, len);
}

static int hand_over_both(struct ct_source_live *live, const union ct_moment *moment, size_t len)
{
	struct ct_event first, then;
	size_t first_len = ct_moment_take_apart(moment, len, &first, &then);
	int r = ct_live_hand_over(live, &first, first_len);

	return r ? r : ct_live_hand_over(live, &then, CT_EVENT_SIZE(to));
}

static int on_sample(void *context, void *bytes, size_t len)
{
	struct ct_source_live *live = context;
	const struct ct_event *event = bytes;

	if (len >= CT_EVENT_CORE_SIZE && event->ts_ns > live->newest_ns)
		live->newest_ns = event->ts_ns;
	live->lost |= len >= CT_EVENT_CORE_SIZE && event->kind == CT_EVENT_LOST;
	live->stopped = ct_moment_is(event, len) ? hand_over_both(live, bytes, len)
						 : ct_live_hand_over(live, event, len);
	if (live->stopped)
		return -ECANCELED;
	live->more = live->records >= BATCH_MAX;
	return live->more ? -EAGAIN : 0;
}

/*
 * The ring is readable almost always, since events do not wake anybody: edge-triggered, a wait ends
 * at its time, or when the programs call because the ring fills up.
 */
int ct_live_open_ring(struct ct_source_live *live)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int fd = bpf_map__fd(live->skel->maps.ring);

	live->ring = ring_buffer__new(fd, on_sample, live, NULL);
	if (!live->ring)
		return -errno;
	live->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (live->epoll_fd < 0 || epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

int ct_live_tell_lost(struct ct_source_live *live, uint64_t events, uint64_t since_ns,
		      enum ct_lost_where where, uint8_t uncounted)
{
	struct ct_event event = {
		.ts_ns = ct_clock_ns(CLOCK_MONOTONIC),
		.kind = CT_EVENT_LOST,
		.generation = CT_GENERATION_ANY,
		.lost = {.events = events,
			 .since_ns = since_ns,
			 .where = (__u8)where,
			 .uncounted = uncounted},
	};

	live->lost = true;
	return ct_live_hand_over(live, &event, CT_EVENT_SIZE(lost));
}

static uint64_t exchange_zero(__u64 *shared)
{
	return __atomic_exchange_n(shared, 0, __ATOMIC_RELAXED);
}

/* The ring is empty: what could not get a place in it belongs behind everything that did. */
static int tell_ring_losses(struct ct_source_live *live)
{
	uint64_t since = live->skel->bss->lost_since_ns;
	uint64_t events = exchange_zero(&live->skel->bss->lost_events);
	uint8_t uncounted = 0;

	if (!events)
		return 0;
	if (exchange_zero(&live->skel->bss->lost_sockets))
		uncounted |= CT_UNCOUNTED_SOCKETS;
	if (exchange_zero(&live->skel->bss->lost_minis))
		uncounted |= CT_UNCOUNTED_MINIS;
	return ct_live_tell_lost(live, events, since, CT_LOST_RING, uncounted);
}

/* What a map had no room for is missing later on: of whom, nobody knows. */
static int tell_map_losses(struct ct_source_live *live)
{
	uint64_t events = exchange_zero(&live->skel->bss->unkept);

	return events ? ct_live_tell_lost(live, events, 0, CT_LOST_MAP, CT_UNCOUNTED_ALL) : 0;
}

int ct_live_tell_losses(struct ct_source_live *live)
{
	int r = tell_ring_losses(live);

	return r ? r : tell_map_losses(live);
}

int ct_live_consume(struct ct_source_live *live)
{
	int r;

	live->stopped = 0;
	live->more = false;
	live->records = 0;
	r = ring_buffer__consume(live->ring);
	live->skel->bss->wakeup_sent = 0;
	if (live->stopped)
		return live->stopped;
	return r < 0 && !live->more ? r : 0;
}

int ct_live_drain(struct ct_source_live *live)
{
	int r = ct_live_consume(live);

	return r == 0 && !live->more ? ct_live_tell_losses(live) : r;
}
