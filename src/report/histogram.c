// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "histogram.h"

#include <errno.h>
#include <stdlib.h>

/// Buckets of a doubling: each is a thousandth of what it holds.
#define STEPS_LOG2 10
#define STEPS	   ((size_t)1 << STEPS_LOG2)

/// The doublings of 64 bits, and one more for what is below the first.
#define BUCKETS ((64 - STEPS_LOG2 + 1) * STEPS)

/// How many digits of the value are left out.
static unsigned int shift_of(uint64_t value)
{
	unsigned int digits = value ? 64 - (unsigned int)__builtin_clzll(value) : 0;

	return digits > STEPS_LOG2 + 1 ? digits - STEPS_LOG2 - 1 : 0;
}

static size_t bucket_of(uint64_t value)
{
	unsigned int shift = shift_of(value);

	return shift * STEPS + (size_t)(value >> shift);
}

/// The middle of what the bucket holds.
static uint64_t value_of(size_t bucket)
{
	unsigned int shift = bucket < 2 * STEPS ? 0 : (unsigned int)(bucket / STEPS) - 1;
	uint64_t low = (uint64_t)(bucket - shift * STEPS) << shift;

	return low + (((uint64_t)1 << shift) >> 1);
}

int ct_histogram_add(struct ct_histogram *histogram, uint64_t value)
{
	if (!histogram->counts)
		histogram->counts = calloc(BUCKETS, sizeof(*histogram->counts));
	if (!histogram->counts)
		return -ENOMEM;
	if (!histogram->n || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->n++;
	histogram->counts[bucket_of(value)]++;
	return 0;
}

uint64_t ct_histogram_percentile(const struct ct_histogram *histogram, unsigned int percent)
{
	/* the so many-th value, rounded up: n * percent may be too large */
	uint64_t wanted = histogram->n / 100 * percent + (histogram->n % 100 * percent + 99) / 100;
	size_t bucket, last;
	uint64_t value;

	if (!histogram->n)
		return 0;
	last = bucket_of(histogram->max);
	for (bucket = bucket_of(histogram->min); bucket < last; bucket++) {
		if (histogram->counts[bucket] >= wanted)
			break;
		wanted -= histogram->counts[bucket];
	}
	value = value_of(bucket);
	if (value < histogram->min)
		return histogram->min;
	return value < histogram->max ? value : histogram->max;
}

void ct_histogram_fini(struct ct_histogram *histogram)
{
	free(histogram->counts);
	*histogram = (struct ct_histogram){0};
}
