/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that hold a connection or a listener when the observation ends, by network namespace:
 * through one of them a command gets in. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/conn.h"
#include "conntrace/hash.h"

#define CT_HOLDERS_MAX 4

struct ct_holders {
	uint32_t netns; /// inode number
	uint32_t n;
	uint32_t pids[CT_HOLDERS_MAX];
	UT_hash_handle hh;
};

/**
 * Looks at a connection as it is at the end.
 *
 * @all uthash of them, each owned; freed by ct_holders_free().
 * @return 0 or -ENOMEM.
 */
int ct_holders_note(struct ct_holders **all, const struct ct_conn *conn);

/// Those of a namespace; NULL: none is known.
const struct ct_holders *ct_holders_of(const struct ct_holders *all, uint32_t netns);

void ct_holders_free(struct ct_holders **all);
