// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/source_live.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "conntrace.skel.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/event.h"
#include "live.h"

/* A ring that is nearly full calls often: time need not be told as often. */
#define TICK_PERIOD_NS	    10000000ULL
#define RECURSION_PERIOD_NS 1000000000ULL
#define STOOD_STILL_NS	    1000000000ULL

static int attach(struct ct_source_live *live, char *err_text, size_t err_len)
{
	uint64_t misses = 0;
	int r = conntrace_bpf__attach(live->skel);

	if (r == 0)
		r = ct_live_count_misses(live->skel, &misses);
	if (r == 0) {
		/* so far nobody was to tell of anything */
		live->recursion_told = ct_live_lost_of(live->skel, misses);
		ct_live_open_walks(live);
		if (!live->idle)
			live->skel->bss->running_since_ns = ct_clock_ns(CLOCK_MONOTONIC);
		return 0;
	}
	snprintf(err_text, err_len, "cannot attach to the kernel's tracepoints: %s", strerror(-r));
	return r == -EPERM || r == -EACCES ? -EPERM : -ENOTSUP;
}

static int follow(struct ct_source_live *live, const struct ct_live_config *config)
{
	const __u8 one = 1;

	for (size_t i = 0; i < config->n_followed; i++) {
		int r = bpf_map__update_elem(live->skel->maps.followed, &config->followed[i],
					     sizeof(config->followed[i]), &one, sizeof(one),
					     BPF_ANY);

		if (r < 0)
			return r;
	}
	return 0;
}

int ct_source_live_open(const struct ct_live_config *config, char *err_text, size_t err_len,
			struct ct_source_live **ret)
{
	_cleanup_(ct_source_live_close) struct ct_source_live *live = calloc(1, sizeof(*live));
	_cleanup_(ct_kernel_fini) struct ct_kernel kernel = {0};
	int r;

	if (!live)
		return -ENOMEM;
	live->epoll_fd = -1;
	live->idle = config->idle;
	r = ct_kernel_probe(&kernel, config, err_text, err_len);
	if (r < 0)
		return r;
	r = ct_live_load(&kernel, config, err_text, err_len, &live->skel);
	if (r < 0)
		return r;
	ct_kernel_judge(&kernel, config, &live->capabilities);
	r = ct_live_open_ring(live);
	if (r == 0)
		r = follow(live, config);
	if (r < 0) {
		snprintf(err_text, err_len, "cannot open the ring buffer: %s", strerror(-r));
		return r;
	}
	r = attach(live, err_text, err_len);
	if (r < 0)
		return r;
	*ret = CT_TAKE_PTR(live);
	return 0;
}

const struct ct_capabilities *ct_source_live_capabilities(const struct ct_source_live *live)
{
	return &live->capabilities;
}

/* MISSES: ct_live_count_misses(), in time for those that were taken over to be known of. */
static int tell_recursion_losses(struct ct_source_live *live, uint64_t misses)
{
	uint64_t lost = ct_live_lost_of(live->skel, misses), told = live->recursion_told;
	uint64_t since = live->recursion_checked_ns;

	live->recursion_checked_ns = ct_clock_ns(CLOCK_MONOTONIC);
	if (lost <= told || live->idle)
		return 0;
	live->recursion_told = lost;
	return ct_live_tell_lost(live, lost - told, since, CT_LOST_RECURSION, CT_UNCOUNTED_ALL);
}

static int check_recursion(struct ct_source_live *live)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	uint64_t misses = 0;
	int r = ct_live_count_misses(live->skel, &misses);

	if (r < 0)
		return r;
	if (ct_live_lost_of(live->skel, misses) > live->recursion_told)
		nanosleep(&moment, NULL); /* it may be about to be taken over */
	return tell_recursion_losses(live, misses);
}

/* Who stops polling for long has not asked for sweeps meanwhile either, though there was need. */
static void note_poll(struct ct_source_live *live, uint64_t now_ns)
{
	if (live->polled_ns && now_ns - live->polled_ns > STOOD_STILL_NS) {
		live->stood_ns = now_ns - live->polled_ns;
		live->stood_until_ns = now_ns;
	}
	live->polled_ns = now_ns;
}

int ct_source_live_poll(struct ct_source_live *live, int timeout_ms, uint64_t deadline_ns,
			ct_record_fn fn, void *context, uint64_t *ret_records)
{
	struct epoll_event event;
	uint64_t now;
	int r;

	live->fn = fn;
	live->context = context;
	(void)epoll_wait(live->epoll_fd, &event, 1, live->more ? 0 : timeout_ms);
	r = ct_live_drain(live);
	now = ct_clock_ns(CLOCK_MONOTONIC);
	/* behind what the ring holds */
	if (r == 0 && !live->more && now - live->recursion_checked_ns >= RECURSION_PERIOD_NS)
		r = check_recursion(live);
	if (r == 0 && now >= deadline_ns && now - live->ticked_ns >= TICK_PERIOD_NS) {
		/* what the ring still holds has happened before now */
		struct ct_event tick = {.ts_ns = live->more ? live->newest_ns : now,
					.kind = CT_EVENT_TICK,
					.generation = CT_GENERATION_ANY};

		live->ticked_ns = now;
		r = ct_live_hand_over(live, &tick, CT_EVENT_CORE_SIZE);
	}
	note_poll(live, now);
	if (ret_records)
		*ret_records = live->records;
	return r;
}

int ct_source_live_part(struct ct_source_live *live, ct_record_fn fn, void *context,
			uint64_t *ret_end_ns)
{
	struct ct_event end = {.kind = CT_EVENT_END, .generation = CT_GENERATION_ANY};
	int r;

	live->fn = fn;
	live->context = context;
	/* behind what the ring holds */
	r = live->more ? 0 : check_recursion(live);
	if (r)
		return r;
	end.ts_ns = live->more ? live->newest_ns : ct_clock_ns(CLOCK_MONOTONIC);
	*ret_end_ns = end.ts_ns;
	/* from here on each socket's owner is told again; what is in the ring by now was told
	 * before */
	live->skel->bss->stream_part++;
	return ct_live_hand_over(live, &end, CT_EVENT_CORE_SIZE);
}

int ct_source_live_finish(struct ct_source_live *live, ct_record_fn fn, void *context)
{
	struct ct_event end = {.kind = CT_EVENT_END, .generation = CT_GENERATION_ANY};
	uint64_t misses = 0;
	int r, counted;

	live->fn = fn;
	live->context = context;
	live->skel->bss->running_since_ns = 0;
	/* from now on nobody is to tell of anything */
	counted = ct_live_count_misses(live->skel, &misses);
	conntrace_bpf__detach(live->skel);
	do
		r = ct_live_consume(live);
	while (r == 0 && live->more);
	if (r == 0)
		r = ct_live_tell_losses(live);
	if (r == 0)
		r = counted < 0 ? counted : tell_recursion_losses(live, misses);
	end.ts_ns = ct_clock_ns(CLOCK_MONOTONIC);
	if (r == 0)
		r = ct_live_hand_over(live, &end, CT_EVENT_CORE_SIZE);
	return r;
}

void ct_source_live_close(struct ct_source_live **live)
{
	if (!*live)
		return;
	ring_buffer__free((*live)->ring);
	conntrace_bpf__destroy((*live)->skel);
	ct_closep(&(*live)->epoll_fd);
	free(*live);
	*live = NULL;
}
