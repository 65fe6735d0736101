// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process that looks at /proc/net/tcp again and again and notes when each TIME_WAIT is gone: how
// long one truly lasts, however late the kernel's timer is.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "support/netns.h"

struct e2e;

struct e2e_witness {
	struct e2e *e2e;
	pid_t pid;
	const char *path; /// where its notes are
};

/// Starts to look, in a namespace, until `count` have gone.
void e2e_witness_start(struct e2e *e2e, const struct e2e_netns *netns, unsigned count,
		       struct e2e_witness *ret_witness);

/// Waits until all have gone; fails the test if they do not within limit_ms.
void e2e_witness_wait(struct e2e_witness *witness, int limit_ms);

/// When the TIME_WAIT of a local port was gone, nanoseconds since 1970, at most 20 ms late and what
/// the machine adds; 0: it was not seen to go.
long long e2e_witness_gone_ns(const struct e2e_witness *witness, uint16_t port);
