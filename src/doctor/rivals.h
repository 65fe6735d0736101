/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The last connections that were made. Who asks several addresses of one service at a time takes
 * the first that answers and gives up the others: RFC 8305 5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/update.h"

/// It takes as many in the life of one that is given up until nothing is known of its rivals.
#define CT_RIVALS_MAX 1024

struct ct_rival {
	uint64_t at_ns; /// when it was answered, CLOCK_MONOTONIC
	uint32_t netns; /// inode number
	uint32_t pid;	/// 0 unknown
	uint16_t rport; /// host order
};

/// All 0 in the beginning; it owns nothing.
struct ct_rivals {
	struct ct_rival last[CT_RIVALS_MAX]; /// a ring
	size_t n;			     /// that there ever were
};

/// Looks at an update: notes a connect() that is answered.
void ct_rivals_look(struct ct_rivals *rivals, const struct ct_update *update);

/// Another connect() of the process of CONN to the same port was answered since it was begun, or
/// may have been.
bool ct_rivals_may_have_won(const struct ct_rivals *rivals, const struct ct_conn *conn);
