// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether a tracer that has run for long has stayed as it was: by samples, without a look at
// anything.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct soak_sample {
	uint64_t rss_kib;    /// RssAnon: without the ring, which is mapped
	uint64_t fds;	     /// descriptors
	uint64_t maps_kib;   /// what the kernel says its maps take
	uint64_t kernel_kib; /// SUnreclaim of the whole machine: what maps do not count is in there
};

/// What of a sample is judged.
enum soak_figure {
	SOAK_RSS,
	SOAK_FDS,
	SOAK_MAPS,
	SOAK_KERNEL,
	_SOAK_FIGURE_MAX,
};

/// How much more the last quarter may have than the second one: so many percent, and so much. The
/// first quarter is for growing to size.
struct soak_bound {
	const char *name;
	unsigned percent;
	uint64_t slack;
};
extern const struct soak_bound soak_bounds[_SOAK_FIGURE_MAX];

/// Fewer tell nothing.
#define SOAK_SAMPLES_MIN 8

uint64_t soak_value(const struct soak_sample *sample, enum soak_figure figure);

/// The most of a figure in one quarter (0 to 3) of at least SOAK_SAMPLES_MIN samples.
uint64_t soak_most(const struct soak_sample *samples, size_t n, enum soak_figure figure,
		   unsigned quarter);

/// 0 when it is flat, 1 when it has grown (a descriptor: when it has changed), or when the samples
/// are too few.
int soak_judge(const struct soak_sample *samples, size_t n, enum soak_figure figure);

/// A socket as one of the two witnesses has it.
struct soak_socket {
	char conn[24];	/// its cookie, in hex
	char state[16]; /// as conntrace spells it
	int is_brief;	/// of those that come and go all the time
};

struct soak_drift {
	size_t rows;	/// of the list
	size_t missing; /// that stood the same before and behind the list, and are not in it like
			/// that
	size_t extra;	/// of the list, and there neither before nor behind
	size_t excused; /// extra too, but brief: it may have been there in between
};

/// Compares what was listed with two looks around it. Sorts all three.
void soak_compare(struct soak_socket *before, size_t n_before, struct soak_socket *listed,
		  size_t n_listed, struct soak_socket *behind, size_t n_behind,
		  struct soak_drift *ret);
