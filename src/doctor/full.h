/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Listeners whose accept queue was seen full, by network namespace, address and port. Of the SYNs
 * that come then the kernel makes nothing, and no event tells of them: tcp_conn_request(),
 * sk_acceptq_is_full().
 *
 * A SYN is for the listener at its address, else for that at any address; one of IPv6 at any
 * address is taken to serve IPv4 as well: whether it has IPV6_V6ONLY is not known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/hash.h"
#include "conntrace/update.h"

/// Compared as bytes: no padding.
struct ct_full_key {
	uint8_t addr[16]; /// of the listener; IPv4 as v4-mapped
	uint32_t netns;	  /// inode number
	uint32_t port;	  /// host order
};

struct ct_full {
	struct ct_full_key key;
	struct ct_conn_id id; /// of the listener, or while none was seen of a handshake with it
	bool is_listener;     /// it was seen itself, full or not; else by handshakes alone
	bool by_look;	      /// full when it was looked at
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

/// Notes that a handshake at the local end of ID found no room. As ct_full_look().
int ct_full_note_handshake(struct ct_full **all, const struct ct_conn_id *id);

/// To be called when all is noted: what handshakes have told of a listener that was seen itself, at
/// any address or theirs, is the listener's.
void ct_full_join(struct ct_full *all);

/// The listener at the local end of ID, NULL: it was not seen full; before ct_full_join() what was
/// told by handshakes at an address may be missing.
struct ct_full *ct_full_find(const struct ct_full *all, const struct ct_conn_id *id);

/// The same at its other end, of the network namespace of ID: who asks for it is within the host.
struct ct_full *ct_full_find_asked(const struct ct_full *all, const struct ct_conn_id *id);

void ct_full_free(struct ct_full **all);
