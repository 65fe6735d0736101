// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What time alone decides, at the moments that a connection waits for. */
#include "table.h"

/* A timer comes late by an eighth of its time at most, kernel/time/timer.c, and by what the CPU is
 * busy with.
 */
#define LATE_NS	   2000000000ULL
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

/* Until then its cookie may become known. */
static uint64_t announced_ns(const struct ct_entry *entry)
{
	if (!entry->unannounced || entry->conn.phase != CT_PHASE_REQUEST)
		return CT_NS_UNKNOWN;
	return entry->conn.history.steps[0].at_ns + CT_HALF_OPEN_NS;
}

/* When it is clear that nothing follows on the end of its timer. */
static uint64_t settled_ns(const struct ct_entry *entry)
{
	return entry->cancelled_ns == CT_NS_UNKNOWN ? CT_NS_UNKNOWN
						    : entry->cancelled_ns + CT_TABLE_GRACE_NS;
}

static uint64_t overdue_ns(const struct ct_entry *entry)
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
	return earlier(earlier(entry->conn.wants_ns, announced_ns(entry)),
		       earlier(settled_ns(entry), overdue_ns(entry)));
}

static int on_moment(struct ct_conn_table *table, struct ct_entry *entry, uint64_t now_ns)
{
	struct ct_update update = {.ts_ns = now_ns, .event = table->moment};
	int r = 0;

	if (entry->conn.phase == CT_PHASE_CLOSED || !ct_history_last(&entry->conn.history))
		return ct_table_remove(table, entry);
	if (overdue_ns(entry) <= now_ns) { /* its end was not seen */
		entry->torn = true;
		r = ct_table_gap(table, entry, now_ns);
		return r ? r : ct_table_remove(table, entry);
	}
	if (settled_ns(entry) <= now_ns) {
		if (ct_table_may_miss(table, entry)) { /* what followed, and that it goes on */
			r = ct_table_gap(table, entry, now_ns);
			entry->expired = false;
		}
		if (entry->conn.phase == CT_PHASE_REQUEST)
			ct_table_settle_request(table, entry, &update);
		else
			ct_table_settle_mini(table, entry, &update);
	} else if (announced_ns(entry) <= now_ns) {
		r = ct_table_announce(table, entry, NULL);
	}
	/* whoever wants to look at it again says so when he is told of this moment */
	if (entry->conn.wants_ns <= now_ns)
		entry->conn.wants_ns = CT_NS_UNKNOWN;
	return r ? r : ct_table_tell(table, entry, &update);
}

int ct_table_on_deadline(struct ct_conn_table *table)
{
	struct ct_entry *entry = ct_table_wake(table, ct_heap_first(&table->deadlines));
	struct ct_event moment = {.ts_ns = ct_heap_first_ns(&table->deadlines),
				  .kind = CT_EVENT_TICK,
				  .generation = CT_GENERATION_ANY};
	int r;

	if (!entry)
		return table->error;
	table->now_ns = moment.ts_ns;
	table->moment = &moment;
	r = on_moment(table, entry, moment.ts_ns);
	table->moment = NULL;
	return r;
}
