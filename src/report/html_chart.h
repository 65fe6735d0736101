/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How many connections were in which state when: of all of them, also of those that a page has no
 * room for. The time is counted in equal parts; while nobody knows yet how long the recording lasts
 * they grow with it, to twice their length whenever they would be too many.
 */
#pragma once

#include <stdint.h>

#include "conntrace/event.h"
#include "conntrace/update.h"
#include "html.h"

/// From half as many on, unless the recording lasts for less nanoseconds.
#define CT_HTML_PARTS_MAX 480

/// Of one state. No sum goes beyond UINT64_MAX.
struct ct_html_stays {
	uint64_t lives; /// that were in it
	uint64_t total_ns;
	uint64_t longest_ns;
	/// By part: of the stays that fill a part of it only, together.
	uint64_t part_ns[CT_HTML_PARTS_MAX];
	/// By part: how many more (or less) fill it than the one before it.
	int64_t more[CT_HTML_PARTS_MAX];
};

/// Starts as all zeroes.
struct ct_html_chart {
	unsigned int shift; /// a part is 1 << shift nanoseconds long
	uint64_t unknown;   /// stays whose place in time is not known
	struct ct_html_stays of[_CT_STATE_MAX];
};

/// Counts the states of a life. @update its CT_UPDATE_CLOSE.
void ct_html_chart_add(struct ct_html_chart *chart, const struct ct_session *session,
		       const struct ct_update *update);

/// An object: how long a part is, how many stays were left out, and of each state how many lives
/// were in it, for how long together and at most, and for how long together in each part until
/// OBSERVED_NS (0: not known), the last of which may be cut; null of a state that none was in.
void ct_html_put_chart(struct ct_html_json *w, struct ct_html_chart *chart, uint64_t observed_ns);
