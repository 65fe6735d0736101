// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes known of a connection is told, up to its summary when it leaves. */
#include "conntrace/verdict.h"
#include "table.h"

static bool is_listener(const struct ct_entry *entry)
{
	return entry->conn.id.role == CT_ROLE_LISTENER;
}

static void count_mini(struct ct_conn_table *table, struct ct_entry *entry)
{
	bool is = entry->conn.phase == CT_PHASE_MINI &&
		  ct_table_state_of(&entry->conn) == CT_STATE_FIN_WAIT2;

	if (is == entry->fin_wait2_mini)
		return;
	entry->fin_wait2_mini = is;
	if (is)
		table->n_fin_wait2_minis++;
	else
		table->n_fin_wait2_minis--;
}

int ct_table_tell(struct ct_conn_table *table, struct ct_entry *entry, struct ct_update *update)
{
	int r = table->error; /* somebody may not have been found who is there */

	if (r)
		return r;
	if (entry) {
		entry->conn.doubtful = ct_table_is_doubtful(table, entry);
		if (update->kind != CT_UPDATE_SILENT)
			r = ct_table_announce(table, entry, NULL);
		update->has_id = true;
		update->id = entry->conn.id;
		count_mini(table, entry);
		if (entry->conn.phase == CT_PHASE_CLOSED)
			ct_table_list_closed(table, entry);
	}
	if (r == 0)
		r = table->ops->update(table->context, entry ? &entry->conn : NULL, update);
	if (entry && r == 0)
		r = ct_heap_set(&table->deadlines, entry->number, ct_table_deadline_of(entry));
	return r;
}

int ct_table_tell_anyhow(struct ct_conn_table *table, struct ct_entry *entry,
			 struct ct_update *update)
{
	if (!entry && update->event) {
		update->has_id = true;
		update->id.cookie = update->event->cookie;
		ct_table_merge_id(&update->id, update->event);
	}
	return ct_table_tell(table, entry, update);
}

static int announce(struct ct_conn_table *table, struct ct_entry *entry,
		    const struct ct_event *event)
{
	struct ct_update update = {
		.kind = CT_UPDATE_SILENT, .ts_ns = event ? event->ts_ns : 0, .event = event};

	if (entry->unannounced) {
		entry->unannounced = false;
		update.kind = CT_UPDATE_STATE;
		update.ts_ns = entry->conn.history.steps[0].at_ns;
		update.state.from = CT_STATE_LISTEN;
		update.state.to = CT_STATE_SYN_RECV;
		update.state.basis = CT_BASIS_SEEN;
		update.state.in_state_ns = CT_NS_UNKNOWN;
	}
	return ct_table_tell(table, entry, &update);
}

int ct_table_announce(struct ct_conn_table *table, struct ct_entry *entry,
		      const struct ct_event *event)
{
	/* asked before each update of each connection: an update is large to be made for nothing */
	return entry->unannounced || event ? announce(table, entry, event) : 0;
}

static int tell_summary(struct ct_conn_table *table, struct ct_entry *entry)
{
	struct ct_update update = {.kind = CT_UPDATE_CLOSE,
				   .ts_ns = table->now_ns,
				   .event = table->moment,
				   .conn = &entry->conn};
	const struct ct_step *last = ct_history_last(&entry->conn.history);
	int r = 0;

	if (is_listener(entry) || !last) /* no connection; or only its owner was told */
		return 0;
	if (ct_table_may_have_missed(table, entry)) {
		entry->torn = true;
		r = ct_table_gap(table, entry, table->now_ns);
	}
	ct_verdict_end(&entry->conn);
	if (entry->conn.end == CT_END_OPEN && entry->torn)
		entry->conn.end = CT_END_UNKNOWN;
	return r ? r : ct_table_tell(table, entry, &update);
}

int ct_table_remove(struct ct_conn_table *table, struct ct_entry *entry)
{
	int r = tell_summary(table, entry);
	int r2 = table->ops->forget(table->context, &entry->conn);

	(void)ct_heap_set(&table->deadlines, entry->number, CT_NS_UNKNOWN);
	ct_table_unlist(table, entry);
	ct_table_unindex(table, entry);
	ct_table_unlink(table, entry);
	ct_slots_give_back(&table->slots, entry->number);
	table->n_conns--;
	table->n_fin_wait2_minis -= entry->fin_wait2_mini;
	ct_entry_free(entry);
	return r ? r : r2;
}
