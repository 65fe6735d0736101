// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Some virtual machines have a process, mostly PID 1, that even root may not
// look into, and a kernel that runs neither BPF programs nor perf's handlers while that process is
// the current one. What an interrupt does for TCP in its time, no tracer sees, nor is it counted as
// a miss. ftrace sees it: a test that failed while it happened is not judged, but run again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct e2e_disturbance {
	char instance[96]; /// of ftrace; empty: nothing to look for, or nothing to look with
};

/// An event that no program has seen.
struct e2e_unseen {
	int64_t at_ns;	/// CLOCK_MONOTONIC, to the microsecond
	char text[256]; /// "EVENT: FIELDS", as the kernel prints it
};

/// Starts to look. Where root may look into every process there is nothing that could disturb.
void e2e_disturbance_begin(struct e2e_disturbance *ret);

/// What has happened so far, in turn: at most `max` of them. Returns how many it gave.
size_t e2e_disturbance_read(const struct e2e_disturbance *disturbance, struct e2e_unseen *ret,
			    size_t max);

/// Ends it. True if any of the kernel's TCP events came in the time of such a process.
bool e2e_disturbance_end(struct e2e_disturbance *disturbance);
