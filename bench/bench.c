// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: bench -p [-w WORKLOAD]
//        bench [-r ROUNDS] [-w WORKLOAD] [-n UNITS] [ROW...]
//
// What it costs to be traced: each round runs the workload untraced and then under every tracer,
// and takes the ratio of both rates; the median of the rounds is printed. With ROWs, only those.
// -p: what each of conntrace's programs takes under the workload, and nothing else.
// README.md says how to read it.
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "conntrace/number.h"
#include "run.h"

#define ROUNDS	   5
#define ROUNDS_MAX 101

/* The first is what runs when none is named. */
static const struct bench_workload workloads[] = {
	{.name = "churn",
	 .unit = "pair",
	 .argv = {"build/bench/churn"},
	 .units = 30000,
	 .inside = "--here"},
	{.name = "rpc",
	 .unit = "pair",
	 .argv = {"build/bench/churn", "-e", "1000"},
	 .units = 100,
	 .inside = "--here"},
	{.name = "bulk",
	 .unit = "MiB",
	 .argv = {"build/bench/bulk"},
	 .units = 8000,
	 .inside = "--here"},
};
#define N_WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

/* The first is what the others are compared with. */
static const struct bench_tracer tracers[] = {
	{.name = "untraced"},
	{.name = "floor",
	 .argv = {"build/conntrace", "watch", "--do-nothing", "--no-snapshot"},
	 .ready = "conntrace: attached"},
	{.name = "record",
	 .argv = {"build/conntrace", "record", "--force", "-w", BENCH_OUTPUT},
	 .ready = "conntrace: attached"},
	{.name = "io-owner",
	 .argv = {"build/conntrace", "record", "--io-owner", "--force", "-w", BENCH_OUTPUT},
	 .ready = "conntrace: attached"},
	{.name = "watch", .argv = {"build/conntrace", "watch"}, .ready = "conntrace: attached"},
	{.name = "perf",
	 .argv = {"perf", "record", "--quiet", "--all-cpus", "--no-buildid", "--event",
		  "sock:inet_sock_set_state", "--output", BENCH_OUTPUT}},
	{.name = "tcpdump",
	 .argv = {"tcpdump", "-n", "-i", "lo", "-w", BENCH_OUTPUT,
		  "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0"},
	 .ready = "listening on",
	 .inside = true},
	{.name = "trace-cmd",
	 .argv = {"trace-cmd", "record", "-e", "sock:inet_sock_set_state", "-o", BENCH_OUTPUT}},
	{.name = "tcpstates", .argv = {"tcpstates"}},
	{.name = "tcplife", .argv = {"tcplife"}},
	{.name = "bpftrace",
	 .argv = {"bpftrace", "-e",
		  "tracepoint:sock:inet_sock_set_state { printf(\"%llu %d %s %d %d %d %d\\n\", "
		  "nsecs, pid, comm, args->sport, args->dport, args->oldstate, args->newstate); }"}},
};
#define N_TRACERS (sizeof(tracers) / sizeof(tracers[0]))

struct row {
	bool wanted;
	unsigned n;
	struct bench_result results[ROUNDS_MAX];
	double ratios[ROUNDS_MAX];
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/// Sorts VALUES.
static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// Median of the figure that stands at OFFSET in struct bench_result.
static double median_of(const struct row *row, size_t offset)
{
	double values[ROUNDS_MAX];

	for (unsigned i = 0; i < row->n; i++)
		values[i] = *(const double *)((const char *)&row->results[i] + offset);
	return median(values, row->n);
}

#define MEDIAN(row, figure) median_of(row, offsetof(struct bench_result, figure))

static void print_row(const char *name, struct row *row)
{
	double ratio = median(row->ratios, row->n), bytes = MEDIAN(row, bytes), lost = 0;

	for (unsigned i = 0; i < row->n; i++)
		lost += row->results[i].lost;
	printf("%-10s %6.3f  %5.3f … %5.3f %10.0f %9.1f %10.2f ", name, ratio, row->ratios[0],
	       row->ratios[row->n - 1], MEDIAN(row, rate), MEDIAN(row, cpu_us),
	       MEDIAN(row, tracer_us));
	if (bytes > 0)
		printf("%9.1f", bytes);
	else
		printf("%9s", "-");
	printf(" %6.0f\n", lost);
}

static void print_rows(const struct bench_workload *workload, unsigned units, unsigned rounds,
		       struct row *rows)
{
	printf("%s: %u %ss a run, medians of %u rounds; us and bytes are a %s\n", workload->name,
	       units, workload->unit, rounds, workload->unit);
	printf("%-10s %6s  %13s %10s %9s %10s %9s %6s\n", "", "ratio", "spread", "rate/s", "own us",
	       "tracer us", "bytes", "lost");
	for (size_t i = 0; i < N_TRACERS; i++)
		if (rows[i].n)
			print_row(tracers[i].name, &rows[i]);
}

/// One run of each row. A tracer that cannot run is left out from then on.
static int run_round(const struct bench_workload *workload, unsigned units, const char *scratch,
		     struct row *rows)
{
	double untraced = 0;

	for (size_t i = 0; i < N_TRACERS; i++) {
		struct bench_result *result = &rows[i].results[rows[i].n];
		int r;

		if (!rows[i].wanted)
			continue;
		r = bench_run(workload, units, &tracers[i], scratch, result);
		if (r && i == 0)
			return r;
		if (r) {
			fprintf(stderr, "bench: skipped: %s cannot run here\n", tracers[i].name);
			rows[i].wanted = false;
			rows[i].n = 0;
			continue;
		}
		if (i == 0)
			untraced = result->rate;
		rows[i].ratios[rows[i].n++] = result->rate / untraced;
	}
	return 0;
}

static void choose_rows(char *const names[], struct row *rows)
{
	for (size_t i = 0; i < N_TRACERS; i++) {
		const char *program = tracers[i].argv[0];

		rows[i].wanted = i == 0 || !*names;
		for (char *const *name = names; *name; name++)
			rows[i].wanted |= strcmp(*name, tracers[i].name) == 0;
		if (!rows[i].wanted || !program || bench_is_installed(program))
			continue;
		rows[i].wanted = false;
		fprintf(stderr, "bench: skipped: %s is not installed\n", program);
	}
}

static int usage(void)
{
	fprintf(stderr,
		"usage: bench -p [-w WORKLOAD]\n"
		"       bench [-r ROUNDS] [-w WORKLOAD] [-n UNITS] [ROW...]; at most %d rounds; "
		"workloads:",
		ROUNDS_MAX);
	for (size_t i = 0; i < N_WORKLOADS; i++)
		fprintf(stderr, " %s", workloads[i].name);
	fprintf(stderr, "; rows:");
	for (size_t i = 1; i < N_TRACERS; i++)
		fprintf(stderr, " %s", tracers[i].name);
	fputc('\n', stderr);
	return 2;
}

/// Then the kernel times every run of every program, which costs as much as a short one does.
static bool are_programs_timed(void)
{
	_cleanup_(ct_fclosep) FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");

	return file && fgetc(file) == '1';
}

static const struct bench_workload *find_workload(const char *name)
{
	for (size_t i = 0; i < N_WORKLOADS; i++)
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	return NULL;
}

int main(int argc, char *argv[])
{
	static struct row rows[N_TRACERS];
	char scratch[] = "/tmp/conntrace-bench.XXXXXX";
	const struct bench_workload *workload = &workloads[0];
	uint64_t rounds = ROUNDS, units = 0;
	bool programs = false, rated = false;
	int option, r = 0;

	while ((option = getopt(argc, argv, "pr:w:n:")) != -1) {
		if (option == 'p') {
			programs = true;
			continue;
		}
		rated |= option != 'w';
		if (option == 'r' && ct_parse_u64(optarg, 1, ROUNDS_MAX, &rounds) == 0)
			continue;
		if (option == 'w' && (workload = find_workload(optarg)))
			continue;
		if (option != 'n' || ct_parse_u64(optarg, 1, 1000000, &units))
			return usage();
	}
	if (programs && (rated || argv[optind]))
		return usage();
	if (!units)
		units = workload->units;
	if (geteuid() != 0) {
		fprintf(stderr, "bench: skipped: needs root\n");
		return EXIT_FAILURE;
	}
	if (!programs && are_programs_timed()) {
		fprintf(stderr,
			"bench: kernel.bpf_stats_enabled is 1, which would be measured as well: "
			"set it to 0\n");
		return EXIT_FAILURE;
	}
	choose_rows(argv + optind, rows);
	if (!mkdtemp(scratch)) {
		fprintf(stderr, "bench: %s: %s\n", scratch, strerror(errno));
		return EXIT_FAILURE;
	}
	if (programs)
		r = bench_programs(workload, scratch);
	for (uint64_t round = 0; round < rounds && r == 0 && !programs; round++)
		r = run_round(workload, (unsigned)units, scratch, rows);
	rmdir(scratch);
	if (r || programs)
		return r ? EXIT_FAILURE : EXIT_SUCCESS;
	print_rows(workload, (unsigned)units, (unsigned)rounds, rows);
	return EXIT_SUCCESS;
}
