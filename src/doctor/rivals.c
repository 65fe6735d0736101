// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rivals.h"

void ct_rivals_look(struct ct_rivals *rivals, const struct ct_update *update)
{
	const struct ct_conn_id *id = &update->id;

	if (update->kind != CT_UPDATE_STATE || update->state.to != CT_STATE_ESTABLISHED ||
	    id->role != CT_ROLE_ACTIVE)
		return;
	rivals->last[rivals->n++ % CT_RIVALS_MAX] = (struct ct_rival){update->ts_ns, id->netns,
								      id->pid, id->rport};
}

static bool is_rival(const struct ct_rival *rival, const struct ct_conn_id *id)
{
	return rival->netns == id->netns && rival->rport == id->rport &&
	       (rival->pid == id->pid || !rival->pid || !id->pid);
}

bool ct_rivals_may_have_won(const struct ct_rivals *rivals, const struct ct_conn *conn)
{
	size_t n = rivals->n < CT_RIVALS_MAX ? rivals->n : CT_RIVALS_MAX;

	if (conn->opened_ns == CT_NS_UNKNOWN)
		return true;
	/* who is not there any more was answered before the oldest that is */
	if (n == CT_RIVALS_MAX && rivals->last[rivals->n % CT_RIVALS_MAX].at_ns >= conn->opened_ns)
		return true;
	for (size_t i = 0; i < n; i++)
		if (rivals->last[i].at_ns >= conn->opened_ns &&
		    is_rival(&rivals->last[i], &conn->id))
			return true;
	return false;
}
