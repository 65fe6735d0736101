// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "culprits.h"

#include <string.h>

/// As ct_words_pid() has it.
static bool may_be_another(uint8_t owner)
{
	return owner == CT_OWNER_INHERITED || owner == CT_OWNER_UNKNOWN;
}

static uint8_t less_certain(uint8_t owner, uint8_t other)
{
	return may_be_another(other) ? other : owner;
}

/// Of what is over another process may have had the number: it goes by the name as well. What is
/// still there is of the process that has the number now, whatever it is called by now.
static bool is_of(const struct ct_conn *conn, const struct ct_culprit *culprit)
{
	if (culprit->pid != conn->id.pid || culprit->cgroup != conn->id.cgroup)
		return false;
	if (!strcmp(culprit->comm, conn->id.comm))
		return true;
	return conn->id.pid && culprit->is_there && conn->phase == CT_PHASE_LIVE;
}

static struct ct_culprit *find(struct ct_culprits *culprits, const struct ct_conn *conn)
{
	for (uint32_t i = 0; i < culprits->n; i++)
		if (is_of(conn, &culprits->first[i]))
			return &culprits->first[i];
	return NULL;
}

static struct ct_culprit *make(struct ct_culprits *culprits, const struct ct_conn_id *id)
{
	struct ct_culprit *culprit;

	if (culprits->n == CT_CULPRITS_MAX)
		return NULL;
	culprit = &culprits->first[culprits->n++];
	*culprit = (struct ct_culprit){.pid = id->pid, .owner = id->owner, .cgroup = id->cgroup};
	memcpy(culprit->comm, id->comm, sizeof(culprit->comm));
	return culprit;
}

/// Each has to be what the first was: those that are only counted, too.
static void compare(struct ct_culprits *culprits, const struct ct_conn_id *id)
{
	const struct ct_culprit *first = &culprits->first[0];

	if (!culprits->n) {
		culprits->owner = id->owner;
		return;
	}
	culprits->owner = less_certain(culprits->owner, id->owner);
	culprits->pids_differ |= first->pid != id->pid;
	culprits->comms_differ |= strcmp(first->comm, id->comm) != 0;
	culprits->cgroups_differ |= first->cgroup != id->cgroup;
}

void ct_culprits_add(struct ct_culprits *culprits, const struct ct_conn *conn)
{
	struct ct_culprit *culprit = find(culprits, conn);

	compare(culprits, &conn->id);
	culprits->inherited += conn->id.owner == CT_OWNER_INHERITED;
	if (!culprit)
		culprit = make(culprits, &conn->id);
	if (!culprit) {
		culprits->others++;
		return;
	}
	culprit->count++;
	culprit->owner = less_certain(culprit->owner, conn->id.owner);
	culprit->is_there |= conn->phase == CT_PHASE_LIVE;
	culprit->has_other_names |= strcmp(culprit->comm, conn->id.comm) != 0;
}
