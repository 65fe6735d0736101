// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What time alone decides, at the moments that a connection waits for. */
#include "table.h"

static int on_moment(struct ct_conn_table *table, struct ct_entry *entry, uint64_t now_ns)
{
	struct ct_update update = {.ts_ns = now_ns, .event = table->moment};
	int r = 0;

	if (entry->conn.phase == CT_PHASE_CLOSED || !ct_history_last(&entry->conn.history))
		return ct_table_remove(table, entry);
	if (ct_table_overdue_ns(entry) <= now_ns) { /* its end was not seen */
		entry->torn = true;
		r = ct_table_gap(table, entry, now_ns);
		return r ? r : ct_table_remove(table, entry);
	}
	if (ct_table_settled_ns(entry) <= now_ns) {
		if (ct_table_may_miss(table, entry)) { /* what followed, and that it goes on */
			r = ct_table_gap(table, entry, now_ns);
			entry->expired = false;
		}
		if (entry->conn.phase == CT_PHASE_REQUEST)
			ct_table_settle_request(table, entry, &update);
		else
			ct_table_settle_mini(table, entry, &update);
	} else if (ct_table_announced_ns(entry) <= now_ns) {
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
