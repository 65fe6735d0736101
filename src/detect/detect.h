/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the detectors share. */
#pragma once

#include "conntrace/count.h"
#include "conntrace/detect.h"

/// A detector; every one is called for every update. 0; -ENOMEM.
typedef int (*ct_detector_fn)(struct ct_conn *conn, const struct ct_update *update);

int ct_detect_half_close_local(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_half_close_remote(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_simultaneous(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_reset(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_probe(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_retransmit(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_stuck(struct ct_conn *conn, const struct ct_update *update);
int ct_detect_failure(struct ct_conn *conn, const struct ct_update *update);

/// The connection wants to be looked at again at AT_NS at the latest.
static inline void ct_detect_at(struct ct_conn *conn, uint64_t at_ns)
{
	if (at_ns < conn->wants_ns)
		conn->wants_ns = at_ns;
}
