/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Listeners whose accept queue was seen full, by network namespace and port. Of the SYNs that come
 * then the kernel makes nothing, and no event tells of them: tcp_conn_request(),
 * sk_acceptq_is_full().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/hash.h"
#include "conntrace/update.h"

/// Compared as bytes: no padding.
struct ct_full_key {
	uint32_t netns; /// inode number
	uint32_t port;	/// host order
};

struct ct_full {
	struct ct_full_key key;
	struct ct_conn_id id; /// of the listener, or while none was seen of a handshake with it
	bool by_handshake;    /// one found no room there, and tells so itself
	uint32_t backlog;     /// so many waited for accept() when it was looked at, at most
	uint32_t backlog_max; /// … and so many listen() allowed
	uint64_t syns_again;  /// sent again by those on its host that ask it
	UT_hash_handle hh;
};

/**
 * Looks at an update: a row of a listener, or of a handshake with one, tells how many wait and how
 * many may.
 *
 * @all uthash of them, each owned; freed by ct_full_free().
 * @return 0, also when there are too many to note another one; -ENOMEM.
 */
int ct_full_look(struct ct_full **all, const struct ct_update *update);

/// Notes that a handshake at the local port of ID found no room. As ct_full_look().
int ct_full_note_handshake(struct ct_full **all, const struct ct_conn_id *id);

/// That at the port, in host order, of a network namespace; NULL: none was seen full.
struct ct_full *ct_full_find(const struct ct_full *all, uint32_t netns, uint16_t port);

void ct_full_free(struct ct_full **all);
