// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose a connection is. */
#include <string.h>

#include "table.h"

int ct_table_on_owner(struct ct_conn_table *table, const struct ct_event *event)
{
	struct ct_update update = {.ts_ns = event->ts_ns, .event = event};
	struct ct_entry *entry;
	int r = ct_table_entry_of(table, event, &entry);

	if (r)
		return r;
	memcpy(entry->conn.id.comm, event->who.comm, CT_COMM_LEN);
	entry->conn.id.comm[CT_COMM_LEN] = '\0';
	entry->conn.id.uid = event->who.uid;
	entry->conn.id.uid_known = true;
	entry->conn.id.cgroup = event->who.cgroup;
	return ct_table_tell(table, entry, &update);
}

/* As an event of its own: a recording may be without the listener. */
int ct_table_inherit(struct ct_conn_table *table, struct ct_entry *entry, uint64_t listener)
{
	const struct ct_entry *from = listener ? ct_table_find_cookie(table, listener) : NULL;
	const struct ct_conn_id *id = &entry->conn.id;
	struct ct_event made = {.ts_ns = table->now_ns,
				.kind = CT_EVENT_OWNER,
				.cookie = id->cookie,
				.generation = id->generation,
				.family = id->family,
				.lport = id->lport,
				.rport = id->rport,
				.netns = id->netns,
				.state = CT_STATE_SYN_RECV,
				.role = CT_ROLE_PASSIVE,
				.owner = CT_OWNER_INHERITED};

	if (!from || from->conn.id.role != CT_ROLE_LISTENER || !from->conn.id.uid_known ||
	    from->conn.id.owner == CT_OWNER_UNKNOWN || id->owner != CT_OWNER_UNKNOWN)
		return 0;
	made.pid = from->conn.id.pid;
	memcpy(made.laddr, id->laddr, sizeof(made.laddr));
	memcpy(made.raddr, id->raddr, sizeof(made.raddr));
	memcpy(made.who.comm, from->conn.id.comm, sizeof(made.who.comm));
	made.who.uid = from->conn.id.uid;
	made.who.cgroup = from->conn.id.cgroup;
	return ct_table_on_owner(table, &made);
}
