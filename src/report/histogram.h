/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How often each value came, in memory that does not grow: a value below 2048 is kept as it is, a
 * larger one by its first eleven binary digits, which is exact to 0.1 %.
 */
#pragma once

#include <stdint.h>

/// Starts as all zeroes.
struct ct_histogram {
	uint64_t *counts; /// owned; NULL: nothing was added yet
	uint64_t n;	  /// of values
	uint64_t min;	  /// exact, as max is; 0 while there is none
	uint64_t max;
};

/// 0; -ENOMEM, nothing is added then.
int ct_histogram_add(struct ct_histogram *histogram, uint64_t value);

/// The least value that PERCENT (1 to 100) of all values do not exceed, to 0.1 %; never outside of
/// min and max. 0 without values.
uint64_t ct_histogram_percentile(const struct ct_histogram *histogram, unsigned int percent);

void ct_histogram_fini(struct ct_histogram *histogram);
