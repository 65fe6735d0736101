/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How what the programs cost is told. */
#pragma once

#include "conntrace/buf.h"
#include "conntrace/json_writer.h"
#include "conntrace/source_live_cost.h"

/// The key "cost" with the sums as they were counted: who reads them divides.
void ct_cost_put_json(struct ct_json *json, const struct ct_cost *cost);

/// A table: runs a second, time a run, and the share of one CPU that comes of it. Where
/// none of TCP's programs has run a sentence says so, alone if no other has either.
void ct_cost_put_table(struct ct_buf *buf, const struct ct_cost *cost);
