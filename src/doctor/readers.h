/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is at the other end of connections on which somebody waits for the window to open: who reads
 * too slowly, or not at all. Of a connection within one network namespace both ends are here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "case.h"
#include "conntrace/hash.h"
#include "conntrace/update.h"
#include "ends.h"

/// The reading end's addresses, and where it is. Compared as bytes: no padding.
struct ct_reader_key {
	struct ct_end_key end;
	uint32_t netns; /// inode number
};

struct ct_reader {
	struct ct_reader_key key;
	struct ct_conn_id sender; /// whose probes were seen; as it was when it was judged
	uint64_t since_ns;	  /// when the first of those was sent, CLOCK_MONOTONIC
	struct ct_conn_id id;	  /// the reading end, once it is known
	bool is_judged;		  /// the sender speaks for zero-window-stall
	bool is_known;
	bool is_there; /// the reading end was, when tracing ended
	UT_hash_handle hh;
};

/**
 * Looks at an update: a probe of a closed window has somebody looked for at the other end, and the
 * summary of that end tells who it is.
 *
 * @readers uthash of them, each owned; freed by ct_readers_free().
 * @return 0, also when there are too many to look for another one: it stays unknown; -ENOMEM.
 */
int ct_readers_look(struct ct_reader **readers, const struct ct_update *update);

/// SENDER has become part of a case.
void ct_readers_note_judged(struct ct_reader *readers, const struct ct_conn_id *sender);

/// SENDER is over: nobody is looked for at its other end any more unless it is part of a case.
void ct_readers_forget(struct ct_reader **readers, const struct ct_conn_id *sender);

/// Counts those that are known with the cases of their senders, which are BY_SERVICE.
void ct_readers_join(const struct ct_reader *readers, struct ct_case *cases);

void ct_readers_free(struct ct_reader **readers);
