/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run says of itself at its end: counts, with their nouns. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/buf.h"

struct ct_recorded {
	uint64_t events;
	uint64_t connections;
	/// false: what the events mean is found out when they are read, or nobody has counted to
	/// the end
	bool counts_connections;
	uint64_t files;
	const char *path; /// of the last of them
	uint64_t lost;
};

/// A limit of so many updates (0: none) has ended it: the summaries of what was open have not come,
/// and it is by those that connections are counted.
bool ct_recorded_is_cut(uint64_t printed, uint64_t limit);

/// "17 events of 1 connection recorded to lunch.ctr, 0 lost".
void ct_recorded_put(struct ct_buf *buf, const struct ct_recorded *recorded);

/// What no room was left for while the selection was undecided, LOST updates in all, and what
/// helps.
void ct_unheld_put(struct ct_buf *buf, uint64_t lost);

/// "2 connections left before their end, there were too many at once".
void ct_evicted_put(struct ct_buf *buf, uint64_t connections);
