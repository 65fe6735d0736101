/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A life from its beginning to its end, and the worst of all lives. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "report_text.h"

/// How long it lasted, or has by now, since it was opened, or found.
uint64_t ct_timeline_span_ns(const struct ct_report_context *context, const struct ct_conn *conn);

/// A line for each state, with when it began, how long it lasted and where that is between the
/// beginning and the end, and for each flag, with when it was raised; an empty line behind. Times
/// are seconds since the connection was opened, or found.
void ct_timeline_put(const struct ct_report_context *context, const struct ct_conn *conn,
		     struct ct_buf *buf);

#define CT_WORST_MAX 5

struct ct_worst_life {
	uint32_t flags;	  /// 1 << enum ct_flag
	uint32_t trouble; /// how many of them are bad, and how many there are
	uint64_t span_ns;
	struct ct_buf text; /// owned
};

/// The lives of most bad flags, of as many those of most flags, then the longest; one for each set
/// of flags, so that what happened a thousand times is not all that is shown. Starts as all zeroes.
struct ct_worst {
	struct ct_worst_life lives[CT_WORST_MAX];
	size_t n;
};

/// Looks whether it is one of them. What no flag was raised for, or none but that of a gap, which
/// is the trace's trouble and not its own, never is. 0; -ENOMEM.
int ct_worst_add(struct ct_worst *worst, const struct ct_report_context *context,
		 const struct ct_conn *conn);

void ct_worst_fini(struct ct_worst *worst);
