// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a connection waits for, and until when. */
#include "table.h"

/* A timer comes late by an eighth of its time at most, kernel/time/timer.c, and by what the CPU is
 * busy with.
 */
#define LATE_NS 2000000000ULL

#define LATE_SHARE 8

void ct_table_arm(struct ct_entry *entry, uint64_t now_ns, uint64_t timeout_ns)
{
	uint64_t *expires_ns = &entry->conn.expires_ns;

	entry->cancelled_ns = CT_NS_UNKNOWN;
	entry->expired = false;
	if (__builtin_add_overflow(now_ns, timeout_ns, expires_ns))
		*expires_ns = CT_NS_UNKNOWN;
	if (__builtin_add_overflow(*expires_ns, LATE_NS + timeout_ns / LATE_SHARE,
				   &entry->overdue_ns))
		entry->overdue_ns = CT_NS_UNKNOWN;
}

void ct_table_disarm(struct ct_entry *entry)
{
	entry->cancelled_ns = CT_NS_UNKNOWN;
	entry->conn.expires_ns = CT_NS_UNKNOWN;
	entry->overdue_ns = CT_NS_UNKNOWN;
}

/* What makes a mini-socket or a request go follows its reset at once. */
bool ct_table_is_answered(const struct ct_entry *entry)
{
	return entry->answered_ns != CT_NS_UNKNOWN && entry->answered_ns <= entry->cancelled_ns &&
	       entry->cancelled_ns - entry->answered_ns <= CT_TABLE_GRACE_NS;
}

uint64_t ct_table_announced_ns(const struct ct_entry *entry)
{
	if (!entry->unannounced || entry->conn.phase != CT_PHASE_REQUEST)
		return CT_NS_UNKNOWN;
	return entry->conn.history.steps[0].at_ns + CT_HALF_OPEN_NS;
}

uint64_t ct_table_settled_ns(const struct ct_entry *entry)
{
	return entry->cancelled_ns == CT_NS_UNKNOWN ? CT_NS_UNKNOWN
						    : entry->cancelled_ns + CT_TABLE_GRACE_NS;
}

uint64_t ct_table_overdue_ns(const struct ct_entry *entry)
{
	return entry->cancelled_ns == CT_NS_UNKNOWN ? entry->overdue_ns : CT_NS_UNKNOWN;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t ct_table_deadline_of(const struct ct_entry *entry)
{
	if (entry->conn.phase == CT_PHASE_CLOSED)
		return entry->conn.closed_ns + CT_TABLE_GRACE_NS;
	return earlier(earlier(entry->conn.wants_ns, ct_table_announced_ns(entry)),
		       earlier(ct_table_settled_ns(entry), ct_table_overdue_ns(entry)));
}
