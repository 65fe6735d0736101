// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tally.h"

#include <inttypes.h>

#include "conntrace/sink_words.h"

bool ct_recorded_is_cut(uint64_t printed, uint64_t limit)
{
	return limit && printed >= limit;
}

void ct_recorded_put(struct ct_buf *buf, const struct ct_recorded *recorded)
{
	ct_words_count(buf, recorded->events, "event");
	/* a connection that several files have is one in each: their sum says nothing */
	if (recorded->files <= 1 && recorded->counts_connections) {
		ct_buf_puts(buf, " of ");
		ct_words_count(buf, recorded->connections, "connection");
	}
	ct_buf_puts(buf, " recorded to ");
	if (recorded->files > 1) {
		ct_words_count(buf, recorded->files, "file");
		ct_buf_puts(buf, ", the last of them ");
	}
	ct_buf_printf(buf, "%s, %" PRIu64 " lost", recorded->path, recorded->lost);
}

void ct_unheld_put(struct ct_buf *buf, uint64_t lost)
{
	ct_buf_printf(
		buf,
		"hold %" PRIu64 ": so much came of connections of which it was not known yet "
		"whether they are selected (by a process, a state, a flag, an age), more than "
		"is held; select by port or address, -P or -H, which is known at once: a "
		"larger --buffer does not help here",
		lost);
}

void ct_evicted_put(struct ct_buf *buf, uint64_t connections)
{
	ct_words_count(buf, connections, "connection");
	ct_buf_printf(buf, " left before %s end, there were too many at once",
		      connections == 1 ? "its" : "their");
}
