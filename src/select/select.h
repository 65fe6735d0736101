/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of the selection: the conditions, which match.c judges and selector.c acts upon. */
#pragma once

#include <uthash.h>

#include "conntrace/select.h"

enum ct_verdict {
	CT_NO,
	CT_YES,
	CT_UNDECIDED,	/// not known yet
	CT_PROVISIONAL, /// yes, by an owner that is not certain yet
};

/// Processes asked for: those of the command line, and their children as they are forked.
struct ct_pid {
	uint32_t pid;
	UT_hash_handle hh;
};

/**
 * Judges a connection by what is known of it now.
 *
 * @pids the processes asked for, uthash; NULL when the selection names none.
 * @conn NULL for a packet that no connection answers for: only its addresses can be judged.
 */
enum ct_verdict ct_select_match(const struct ct_select *select, const struct ct_pid *pids,
				const struct ct_conn_id *id, const struct ct_conn *conn);
