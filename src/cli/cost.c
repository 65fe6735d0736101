// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cost.h"

#include <string.h>

#include "conntrace/timefmt.h"

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
	return (double)sum * NS_PER_S / (double)ns;
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
	ct_buf_printf(buf, "%-28s %-22s", program, hook);
	if (cost->at_work_ns)
		ct_buf_printf(buf, " %9.0f", per_second(at_work->runs, cost->at_work_ns));
	else
		ct_buf_printf(buf, " %9s", "-");
	put_run(buf, at_work);
	put_run(buf, idle);
	/* of one CPU: of a second that it has, so many hundredths */
	if (at_work->runs && cost->at_work_ns)
		ct_buf_printf(buf, " %7.3f%%\n",
			      per_second(at_work->ns, cost->at_work_ns) / NS_PER_S * 100);
	else
		ct_buf_printf(buf, " %8s\n", "-");
}

static void add(struct ct_cost_figure *sum, const struct ct_cost_figure *more)
{
	sum->runs += more->runs;
	sum->ns += more->ns;
}

/// TCP's own: the others are called for every timer and every dropped packet of the machine.
static bool is_of_tcp(const struct ct_cost_row *row)
{
	return strncmp(row->hook, "tcp_", 4) == 0 || strncmp(row->hook, "inet_", 5) == 0;
}

static uint64_t tcp_runs(const struct ct_cost *cost)
{
	uint64_t runs = 0;

	for (size_t i = 0; i < cost->n; i++)
		if (is_of_tcp(&cost->rows[i]))
			runs += cost->rows[i].at_work.runs;
	return runs;
}

/// What no figure of the table says by itself: without traffic it is about nothing, or not about
/// TCP. ANY: one program at least has run.
static void put_remark(struct ct_buf *buf, const struct ct_cost *cost, bool any)
{
	char at_work[CT_DURATION_STRLEN];

	if (tcp_runs(cost))
		return;
	ct_buf_printf(buf,
		      "none of TCP's own tracepoints was reached in the %s at work: %s; try it "
		      "again while connections are opened and closed, or for longer (--duration)\n",
		      ct_duration_format(cost->at_work_ns, false, at_work),
		      any ? "this is what timers and dropped packets cost" : "nothing to measure");
}

void ct_cost_put_table(struct ct_buf *buf, const struct ct_cost *cost)
{
	struct ct_cost_figure at_work = {0}, idle = {0};

	for (size_t i = 0; i < cost->n; i++) {
		add(&at_work, &cost->rows[i].at_work);
		add(&idle, &cost->rows[i].idle);
	}
	if (at_work.runs || idle.runs) {
		ct_buf_printf(buf, "%-28s %-22s %9s %7s %7s %8s\n", "PROGRAM", "HOOK", "RUNS/S",
			      "NS/RUN", "IDLE", "CPU");
		for (size_t i = 0; i < cost->n; i++)
			put_row(buf, cost->rows[i].program, cost->rows[i].hook, cost,
				&cost->rows[i].at_work, &cost->rows[i].idle);
		put_row(buf, "all", "", cost, &at_work, &idle);
	}
	put_remark(buf, cost, at_work.runs || idle.runs);
}
