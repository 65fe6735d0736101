// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "detect.h"

/* In the order in which their flags are shown when one update raises several. */
static const ct_detector_fn detectors[] = {
	ct_detect_half_close_local,
	ct_detect_half_close_remote,
	ct_detect_half_open,
	ct_detect_simultaneous,
	ct_detect_reset,
	ct_detect_probe,
	ct_detect_retransmit,
	ct_detect_stuck,
	ct_detect_time_wait_killed,
	ct_detect_failure,
};

/* A connection that nothing happens to is the very one that a stuck state is about: it gets a line.
 */
static void tell_of_time(const struct ct_conn *conn, struct ct_update *update)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	if (update->kind != CT_UPDATE_SILENT || !update->event ||
	    update->event->kind != CT_EVENT_TICK || !conn->unshown || !last)
		return;
	update->kind = CT_UPDATE_FLAG;
	update->flag.state = last->state;
	update->flag.in_state_ns = last->at_ns == CT_NS_UNKNOWN ? CT_NS_UNKNOWN
								: update->ts_ns - last->at_ns;
}

int ct_detect(struct ct_conn *conn, struct ct_update *update)
{
	int r = 0;

	for (size_t i = 0; i < CT_COUNT(detectors) && r == 0; i++)
		r = detectors[i](conn, update);
	if (r == 0)
		tell_of_time(conn, update);
	if (update->kind != CT_UPDATE_SILENT) {
		update->raised |= conn->unshown;
		conn->unshown = 0;
	}
	return r;
}
