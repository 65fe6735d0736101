// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/source_live_cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conntrace.skel.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "live.h"

/* Work and idleness take turns, so that what else the machine does falls on both alike. */
#define TURNS	  10
#define NS_PER_MS 1000000

/* What a program has run so far; false: it is not attached to anything. */
static bool look(const struct bpf_program *program, struct ct_cost_figure *ret)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_program__fd(program);

	if (fd < 0 || !bpf_program__autoattach(program) ||
	    bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return false;
	*ret = (struct ct_cost_figure){.runs = info.run_cnt, .ns = info.run_time_ns};
	return true;
}

static void name_rows(const struct conntrace_bpf *skel, struct ct_cost *cost)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj)
	{
		struct ct_cost_row *row = &cost->rows[cost->n];
		const char *hook = strchr(bpf_program__section_name(program), '/');
		struct ct_cost_figure unused;

		if (cost->n == CT_COST_ROWS_MAX || !hook || !look(program, &unused))
			continue;
		snprintf(row->program, sizeof(row->program), "%s", bpf_program__name(program));
		snprintf(row->hook, sizeof(row->hook), "%s", hook + 1);
		cost->n++;
	}
}

/* SIGN is 1 at the end of a turn and -1 at its beginning. */
static void count(const struct conntrace_bpf *skel, struct ct_cost *cost, bool at_work,
		  uint64_t sign)
{
	struct bpf_program *program;
	struct ct_cost_figure figure;
	size_t i = 0;

	bpf_object__for_each_program(program, skel->obj)
	{
		struct ct_cost_row *row = &cost->rows[i];
		struct ct_cost_figure *sum = at_work ? &row->at_work : &row->idle;

		if (i == cost->n || !look(program, &figure))
			continue;
		sum->runs += sign * figure.runs;
		sum->ns += sign * figure.ns;
		i++;
	}
}

static int discard(void *context, const void *bytes, size_t len)
{
	(void)context, (void)bytes, (void)len;
	return 0;
}

static int take_turn(struct ct_source_live *live, struct ct_cost *cost, bool at_work,
		     uint64_t duration_ns, bool (*is_over)(void))
{
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC), began = now;
	int r = 0;

	live->skel->bss->running_since_ns = at_work ? now : 0;
	count(live->skel, cost, at_work, UINT64_MAX);
	while (r == 0 && now - began < duration_ns) {
		int left_ms = (int)((duration_ns - (now - began)) / NS_PER_MS) + 1;

		r = ct_source_live_poll(live, left_ms < 100 ? left_ms : 100, UINT64_MAX, discard,
					NULL, NULL);
		if (r == 0 && is_over())
			r = -EINTR;
		now = ct_clock_ns(CLOCK_MONOTONIC);
	}
	count(live->skel, cost, at_work, 1);
	*(at_work ? &cost->at_work_ns : &cost->idle_ns) += now - began;
	return r;
}

int ct_live_cost(const struct ct_live_config *config, uint64_t duration_ns, bool (*is_over)(void),
		 struct ct_cost *ret, char *err_text, size_t err_len)
{
	_cleanup_(ct_source_live_close) struct ct_source_live *live = NULL;
	_cleanup_(ct_closep) int stats_fd = -1;
	struct ct_cost cost = {0};
	int r = ct_source_live_open(config, err_text, err_len, &live);

	if (r < 0)
		return r;
	stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats_fd < 0) {
		r = -errno;
		snprintf(err_text, err_len, "the kernel does not count what programs cost: %s",
			 strerror(-r));
		return r;
	}
	name_rows(live->skel, &cost);
	for (int turn = 0; turn < 2 * TURNS && r == 0; turn++)
		r = take_turn(live, &cost, turn % 2, duration_ns / 2 / TURNS, is_over);
	if (r < 0) {
		snprintf(err_text, err_len, "cannot read events from the kernel: %s", strerror(-r));
		return r;
	}
	*ret = cost;
	return 0;
}
