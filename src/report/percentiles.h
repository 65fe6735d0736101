/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long connections took: their handshakes, their lives, each of their states. */
#pragma once

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/sink.h"

struct ct_percentiles;

/// NULL: there is no memory. Freed by ct_percentiles_free().
struct ct_percentiles *ct_percentiles_new(void);

/// Adds a connection, which is no listener. One whose history is not whole is left out, and
/// counted. 0; -ENOMEM.
int ct_percentiles_add(struct ct_percentiles *percentiles, const struct ct_conn *conn);

/// Appends the table, an empty line before it, and how many were left out. Of no connections
/// nothing. 0; -ENOMEM.
int ct_percentiles_put(const struct ct_output_options *options,
		       const struct ct_percentiles *percentiles, struct ct_buf *buf);

/// Frees it and nulls the pointer; NULL is fine.
void ct_percentiles_free(struct ct_percentiles **percentiles);
