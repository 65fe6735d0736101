/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of which processes the connections of a case are: struct ct_culprits of finding.h. */
#pragma once

#include "conntrace/conn.h"
#include "conntrace/finding.h"

/// Counts CONN for its process. What is kept does not grow: of processes behind the first
/// CT_CULPRITS_MAX nothing but how many connections they have.
void ct_culprits_add(struct ct_culprits *culprits, const struct ct_conn *conn);
