// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "detect.h"

/* In the order in which their flags are shown when one update raises several. */
static const ct_detector_fn detectors[] = {
	ct_detect_half_close_local,
	ct_detect_half_close_remote,
	ct_detect_simultaneous,
	ct_detect_reset,
	ct_detect_probe,
	ct_detect_retransmit,
	ct_detect_failure,
};

int ct_detect(struct ct_conn *conn, struct ct_update *update)
{
	int r = 0;

	for (size_t i = 0; i < CT_COUNT(detectors) && r == 0; i++)
		r = detectors[i](conn, update);
	if (update->kind != CT_UPDATE_SILENT) {
		update->raised |= conn->unshown;
		conn->unshown = 0;
	}
	return r;
}
