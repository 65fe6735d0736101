/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that held a connection when the observation ended, or came to hold a listener while it
 * lasted, by network namespace: through one of them a command gets in. */
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
 * Notes the process of a connection or a listener, if it is known.
 *
 * @all uthash of them, each owned; freed by ct_holders_free().
 * @return 0 or -ENOMEM.
 */
int ct_holders_note(struct ct_holders **all, const struct ct_conn_id *id);

/// Those of a namespace; NULL: none is known.
const struct ct_holders *ct_holders_of(const struct ct_holders *all, uint32_t netns);

void ct_holders_free(struct ct_holders **all);
