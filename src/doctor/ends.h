/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ends of connections that were there when tracing began and are ESTABLISHED still, by their
 * addresses: of a connection between two containers of one host both are here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/hash.h"
#include "conntrace/update.h"

/// Compared as bytes: no padding. No namespace: in which one an end's other end is, is not known.
struct ct_end_key {
	uint8_t laddr[16];
	uint8_t raddr[16];
	uint16_t lport;
	uint16_t rport;
	uint32_t family;
};

/// The key of an end; and that of its peer, who has the addresses the other way round.
struct ct_end_key ct_end_key_of(const struct ct_conn_id *id);
struct ct_end_key ct_end_key_of_other(const struct ct_conn_id *id);

struct ct_end_here {
	struct ct_end_key key;
	uint32_t netns;		  /// inode number
	struct ct_end_here *next; /// owned, of the same addresses, in no hash: namespaces that know
				  /// nothing of each other may have them all
	UT_hash_handle hh;
};

/**
 * Looks at an update: notes an end that was found ESTABLISHED, forgets one that is so no more. One
 * within the host is passed over: ct_finder_is_within_host().
 *
 * @ends uthash of them, each owned; freed by ct_ends_free().
 * @return 0 or -ENOMEM.
 */
int ct_ends_note(struct ct_end_here **ends, const struct ct_update *update);

/// Whether the other end of the connection is among them, in whichever namespace: that of two
/// containers is in another one.
bool ct_ends_have_other(const struct ct_end_here *ends, const struct ct_conn_id *id);

void ct_ends_free(struct ct_end_here **ends);
