// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A segment had to be sent again. */
#include "conntrace/names.h"
#include "detect.h"

int ct_detect_retransmit(struct ct_conn *conn, const struct ct_update *update)
{
	if (update->kind != CT_UPDATE_RETRANSMIT)
		return 0;

	const struct ct_evidence evidence[] = {
		{"kind", ct_retransmit_kind_name(update->retransmit.kind), 0},
		{"segment", ct_segment_name(update->retransmit.segment) ?: "unknown", 0},
		{"state", ct_state_name(update->retransmit.state) ?: "unknown", 0},
	};

	return ct_conn_raise(conn, CT_FLAG_RETRANSMIT, update->ts_ns, evidence, CT_COUNT(evidence));
}
