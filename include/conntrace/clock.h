/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the ends of the pipeline alone: no stage between source and sink reads a clock. */
#pragma once

#include <stdint.h>
#include <time.h>

/// The clock's time in nanoseconds; 0 for a clock that this kernel has not.
static inline uint64_t ct_clock_ns(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}
