/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text that waits until all before it is known: in memory while short, then in a temporary file,
 * where none can be made in memory too. */
#pragma once

#include <stdio.h>

#include "conntrace/buf.h"
#include "conntrace/sink_out.h"

/// Starts as all zeroes.
struct ct_spool {
	struct ct_buf buf; /// append here; the end of the text
	FILE *file;	   /// its beginning; NULL: there is none yet. Has no name: gone when closed
	size_t taken;	   /// of buf, by ct_spool_take()
};

/// Moves what has gathered in buf to the file, if it is much. 0; -errno of the file; -ENOMEM.
int ct_spool_commit(struct ct_spool *spool);

/// Puts the whole text into OUT. Nothing may be appended after it. As ct_spool_commit().
int ct_spool_copy(struct ct_spool *spool, struct ct_sink_out *out);

/// Goes to the beginning of the text, for ct_spool_take(). Nothing may be appended after it. As
/// ct_spool_commit().
int ct_spool_rewind(struct ct_spool *spool);

/// Appends the next N bytes to TO, or passes over them if TO is NULL. 0; -EIO: there are not so
/// many; as ct_spool_commit().
int ct_spool_take(struct ct_spool *spool, size_t n, struct ct_buf *to);

void ct_spool_fini(struct ct_spool *spool);
