/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an end and a reset mean: the rules by which raw facts become a cause. */
#pragma once

#include "conntrace/conn.h"
#include "conntrace/event.h"

/**
 * Judges a reset.
 *
 * @conn NULL when no connection is known for it.
 */
void ct_verdict_reset(const struct ct_conn *conn, const struct ct_event *event,
		      struct ct_reset *ret);

/**
 * Decides conn->end and conn->closed_by from what is known of it now.
 *
 * Called when its exchange is over, and again for what comes late: a reset is traced after it has
 * been sent, and after the socket it belonged to was closed.
 */
void ct_verdict_end(struct ct_conn *conn);
