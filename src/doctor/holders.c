// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "holders.h"

#include <errno.h>
#include <stdlib.h>

static int add(struct ct_holders **all, uint32_t netns, struct ct_holders **ret)
{
	struct ct_holders *holders = calloc(1, sizeof(*holders));

	if (!holders)
		return -ENOMEM;
	holders->netns = netns;
	HASH_ADD(hh, *all, netns, sizeof(holders->netns), holders);
	if (!holders->hh.tbl) {
		free(holders);
		return -ENOMEM;
	}
	*ret = holders;
	return 0;
}

static struct ct_holders *find(const struct ct_holders *all, uint32_t netns)
{
	struct ct_holders *holders;

	HASH_FIND(hh, all, &netns, sizeof(netns), holders);
	return holders;
}

int ct_holders_note(struct ct_holders **all, const struct ct_conn_id *id)
{
	uint32_t netns = id->netns, pid = id->pid;
	struct ct_holders *holders;
	int r;

	if (!netns || !pid)
		return 0;
	holders = find(*all, netns);
	if (!holders) {
		r = add(all, netns, &holders);
		if (r)
			return r;
	}
	for (uint32_t i = 0; i < holders->n; i++)
		if (holders->pids[i] == pid)
			return 0;
	if (holders->n < CT_HOLDERS_MAX)
		holders->pids[holders->n++] = pid;
	return 0;
}

const struct ct_holders *ct_holders_of(const struct ct_holders *all, uint32_t netns)
{
	return find(all, netns);
}

void ct_holders_free(struct ct_holders **all)
{
	struct ct_holders *holders, *next;

	HASH_ITER(hh, *all, holders, next) {
		HASH_DELETE(hh, *all, holders);
		free(holders);
	}
}
