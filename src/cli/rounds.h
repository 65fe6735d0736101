/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `list --watch`: what is there, again and again. */
#pragma once

#include "cli.h"
#include "conntrace/source_live.h"

/// What it takes; all of it is borrowed.
struct ct_rounds {
	struct ct_options *options;
	struct ct_session *session;    /// its wall clock is that of each round
	struct ct_source_live *source; /// attached, and confined: each round walks once
	size_t n_pids;		       /// of those selected; behind them are children, --follow
};

/// Lists until a limit or a signal ends it: an exit code. What is wrong is printed, a line for the
/// failure that ends it.
int ct_rounds_run(const struct ct_rounds *rounds);
