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
	uint32_t flags; /// 1 << enum ct_flag
	size_t kind;	/// of its trouble: the lower, the worse
	uint64_t span_ns;
	struct ct_buf text; /// owned
};

/// The lives of the worst kind, and of a kind the longest; one for each set of flags, so that what
/// happened a thousand times is not all that is shown. Starts as all zeroes.
struct ct_worst {
	struct ct_worst_life lives[CT_WORST_MAX];
	size_t n;
};

/// Looks whether it is one of them. What is of no kind of trouble never is: one without a flag, or
/// of which there is only something to say that is no trouble, as that it was closed one side after
/// the other. 0; -ENOMEM.
int ct_worst_add(struct ct_worst *worst, const struct ct_report_context *context,
		 const struct ct_conn *conn);

/// In words by which rule they are the worst; an empty line behind.
void ct_worst_put_rule(struct ct_buf *buf);

void ct_worst_fini(struct ct_worst *worst);
