/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs cost on this machine, as the kernel counts it: BPF_STATS_RUN_TIME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/source_live.h"

#define CT_COST_ROWS_MAX 48

/// A program's runs, and the time that they took together. The counting itself is in it, some
/// fifty nanoseconds a run.
struct ct_cost_figure {
	uint64_t runs;
	uint64_t ns;
};

struct ct_cost_row {
	char program[64];
	char hook[64]; /// the tracepoint that it is attached to
	struct ct_cost_figure at_work;
	struct ct_cost_figure idle; /// told to do nothing: what it costs to be called at all
};

struct ct_cost {
	uint64_t at_work_ns; /// for so long the programs were at work
	uint64_t idle_ns;
	size_t n;
	struct ct_cost_row rows[CT_COST_ROWS_MAX];
};

/**
 * Attaches for DURATION_NS and has the kernel count, the programs at work and idle in turn. What
 * they tell meanwhile is thrown away.
 *
 * @config as for ct_source_live_open().
 * @is_over is asked again and again: true ends it, with -EINTR.
 * @err_text gets one line on failure.
 * @return as ct_source_live_open(); *ret is unchanged on failure.
 */
int ct_live_cost(const struct ct_live_config *config, uint64_t duration_ns, bool (*is_over)(void),
		 struct ct_cost *ret, char *err_text, size_t err_len);
