/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One run of a workload, under a tracer or untraced. */
#pragma once

#include <stdbool.h>

#define BENCH_ARGS_MAX 16

/// A word of a tracer's command line that stands for the file that it writes.
#define BENCH_OUTPUT "OUTPUT"

struct bench_tracer {
	const char *name;
	const char *const argv[BENCH_ARGS_MAX]; /// NULL-terminated; without any: untraced
	const char *ready; /// what it says on stderr once it traces; NULL: it says nothing
	bool inside;	   /// has to run in the network namespace of the workload
};

/// The last word of argv is the number of its units.
struct bench_workload {
	const char *name;
	const char *unit;
	const char *const argv[BENCH_ARGS_MAX];
	unsigned units;	    /// of a run, if nobody says otherwise
	const char *inside; /// option with which it stays in the namespace that it is started in
};

struct bench_result {
	double rate;	  /// units a second
	double cpu_us;	  /// the workload's own CPU time a unit
	double tracer_us; /// the tracer's, from when it traces until it has ended
	double bytes;	  /// that it wrote a unit, 0 if it writes no file
	double lost;	  /// events that it says it has lost
};

/// Whether the program of a command line can be found.
bool bench_is_installed(const char *program);

/**
 * Runs a workload of UNITS under a tracer. SCRATCH is a directory for what is written meanwhile.
 *
 * @return 0; -errno, and a line on stderr says what went wrong; *ret is unchanged on failure.
 */
int bench_run(const struct bench_workload *workload, unsigned units,
	      const struct bench_tracer *tracer, const char *scratch, struct bench_result *ret);

/**
 * Prints what `conntrace check --cost` says while the workload runs.
 *
 * @return 0; -errno, and a line on stderr says what went wrong.
 */
int bench_programs(const struct bench_workload *workload, const char *scratch);
