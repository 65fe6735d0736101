/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections counted together: by peer, by process, by whatever else they have in common. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/report.h"
#include "conntrace/sink.h"

/// More than this many are not kept apart: what comes then is "(others)".
#define CT_GROUPS_MAX 65536

struct ct_groups;

/// @by not CT_REPORT_BY_NONE. NULL: there is no memory. Freed by ct_groups_free().
struct ct_groups *ct_groups_new(enum ct_report_by by);

/// Adds a connection, which is no listener. 0; -ENOMEM.
int ct_groups_add(struct ct_groups *groups, const struct ct_conn *conn);

/**
 * Appends the table, an empty line before it: the groups of most connections first, and how many
 * are not shown. Of no connections nothing.
 *
 * @most rows; 0: all of them.
 * @return 0; -ENOMEM.
 */
int ct_groups_put(const struct ct_output_options *options, struct ct_groups *groups, size_t most,
		  struct ct_buf *buf);

/// What the sums of the tables before it leave out, if anything. @uncounted connections whose
/// sockets did not tell what they had counted.
void ct_groups_put_uncounted(struct ct_buf *buf, uint64_t uncounted);

/// Frees it and nulls the pointer; NULL is fine.
void ct_groups_free(struct ct_groups **groups);
