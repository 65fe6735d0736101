/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the detectors share. */
#pragma once

#include "conntrace/count.h"
#include "conntrace/detect.h"

/// A detector; every one is called for every update. 0; -ENOMEM.
typedef int (*ct_detector_fn)(struct ct_conn *conn, const struct ct_update *update);

int ct_detect_half_close_local(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_half_close_remote(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_half_open(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_simultaneous(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_reset(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_probe(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_retransmit(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_stuck(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_time_wait_killed(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_failure(struct ct_conn *conn, const struct ct_update *update);

/// Since when it is known to have been in its last state; CT_NS_UNKNOWN, also when it may have left
/// it and that was lost. *ret_exact: it entered it then; else it was found in it, and may have been
/// in it for longer.
static inline uint64_t ct_detect_since(const struct ct_conn *conn, bool *ret_exact)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	*ret_exact = last && last->at_ns != CT_NS_UNKNOWN && !conn->doubtful;
	if (conn->doubtful)
		return CT_NS_UNKNOWN;
	if (*ret_exact)
		return last->at_ns;
	return last && last->basis == CT_BASIS_FOUND ? conn->found_ns : CT_NS_UNKNOWN;
}

/// The connection wants to be looked at again at AT_NS at the latest.
static inline void ct_detect_at(struct ct_conn *conn, uint64_t at_ns)
{
	if (at_ns < conn->wants_ns)
		conn->wants_ns = at_ns;
}
