/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A walk through the machine's network namespaces, the only place that leaves the own one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// What is done with each namespace.
struct ct_netns_visitor {
	/// Called inside. Gives a descriptor, which the walk closes, or -errno.
	int (*open)(void *context);
	/// Called in the own namespace again, with that descriptor. 0 to go on; anything else ends
	/// the walk.
	int (*read)(void *context, int fd);
	void *context;
};

#define CT_NETNS_PATH_LEN 512

/// Namespaces that could not be entered.
struct ct_netns_left_out {
	size_t n;
	int error;		       /// errno of the first
	char first[CT_NETNS_PATH_LEN]; /// its path
};

/**
 * Visits each network namespace that a process lives in or that has a name in /run/netns, once, the
 * own one first. Only the calling thread moves.
 *
 * @ret_left_out is filled, also on failure.
 * @return 0; what VISITOR's functions returned that was not 0; -errno of getting back into the own
 *         namespace (-ENOTRECOVERABLE: whoever gets this must not go on) or -ENOMEM.
 */
int ct_netns_walk(const struct ct_netns_visitor *visitor, struct ct_netns_left_out *ret_left_out);

/// True if this process may enter other network namespaces: CAP_SYS_ADMIN, setns(2).
bool ct_netns_may_enter(void);
