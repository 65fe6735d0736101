// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cost.h"

#define NS_PER_S 1e9

void ct_cost_put_json(struct ct_json *json, const struct ct_cost *cost)
{
	ct_json_key(json, "cost");
	ct_json_object_begin(json);
	ct_json_kv_u64(json, "at_work_ns", cost->at_work_ns);
	ct_json_kv_u64(json, "idle_ns", cost->idle_ns);
	ct_json_key(json, "programs");
	ct_json_array_begin(json);
	for (size_t i = 0; i < cost->n; i++) {
		const struct ct_cost_row *row = &cost->rows[i];

		ct_json_object_begin(json);
		ct_json_kv_str(json, "program", row->program);
		ct_json_kv_str(json, "hook", row->hook);
		ct_json_kv_u64(json, "runs", row->at_work.runs);
		ct_json_kv_u64(json, "run_ns", row->at_work.ns);
		ct_json_kv_u64(json, "idle_runs", row->idle.runs);
		ct_json_kv_u64(json, "idle_run_ns", row->idle.ns);
		ct_json_object_end(json);
	}
	ct_json_array_end(json);
	ct_json_object_end(json);
}

static double per_second(uint64_t sum, uint64_t ns)
{
	return ns ? (double)sum * NS_PER_S / (double)ns : 0;
}

/// Nanoseconds a run, "-" for what has never run.
static void put_run(struct ct_buf *buf, const struct ct_cost_figure *figure)
{
	if (figure->runs)
		ct_buf_printf(buf, " %7.0f", (double)figure->ns / (double)figure->runs);
	else
		ct_buf_printf(buf, " %7s", "-");
}

static void put_row(struct ct_buf *buf, const char *program, const char *hook,
		    const struct ct_cost *cost, const struct ct_cost_figure *at_work,
		    const struct ct_cost_figure *idle)
{
	ct_buf_printf(buf, "%-28s %-22s %9.0f", program, hook,
		      per_second(at_work->runs, cost->at_work_ns));
	put_run(buf, at_work);
	put_run(buf, idle);
	/* of one CPU: of a second that it has, so many hundredths */
	ct_buf_printf(buf, " %7.3f%%\n",
		      per_second(at_work->ns, cost->at_work_ns) / NS_PER_S * 100);
}

void ct_cost_put_table(struct ct_buf *buf, const struct ct_cost *cost)
{
	struct ct_cost_figure at_work = {0}, idle = {0};

	ct_buf_printf(buf, "%-28s %-22s %9s %7s %7s %8s\n", "PROGRAM", "HOOK", "RUNS/S", "NS/RUN",
		      "IDLE", "CPU");
	for (size_t i = 0; i < cost->n; i++) {
		const struct ct_cost_row *row = &cost->rows[i];

		put_row(buf, row->program, row->hook, cost, &row->at_work, &row->idle);
		at_work.runs += row->at_work.runs;
		at_work.ns += row->at_work.ns;
		idle.runs += row->idle.runs;
		idle.ns += row->idle.ns;
	}
	put_row(buf, "all", "", cost, &at_work, &idle);
}
