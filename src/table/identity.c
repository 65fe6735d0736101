// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who a connection is, by what its events say. */
#include <string.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "table.h"

static const uint8_t unspecified[16];

static void set_address(uint8_t known[16], const uint8_t told[16], bool v4)
{
	/* a socket that is disconnected forgets its own: what was known of its life stays true */
	if (memcmp(told, unspecified, sizeof(unspecified)) == 0)
		return;
	memset(known, 0, sizeof(unspecified));
	memcpy(known, v4 ? told + 12 : told, v4 ? 4 : sizeof(unspecified));
}

/* A listener has no peer: it is its own address that tells then. */
static bool is_v4mapped(const struct ct_event *event)
{
	bool has_peer = memcmp(event->raddr, unspecified, sizeof(unspecified)) != 0;

	return event->family == AF_INET6 &&
	       ct_addr_is_v4mapped(has_peer ? event->raddr : event->laddr);
}

/* v4-mapped addresses are IPv4 from here on: nobody behind has to know of them. */
static void set_addresses(struct ct_conn_id *id, const struct ct_event *event)
{
	bool mapped = is_v4mapped(event);

	id->family = mapped ? AF_INET : event->family;
	set_address(id->laddr, event->laddr, mapped);
	set_address(id->raddr, event->raddr, mapped);
}

void ct_table_merge_id(struct ct_conn_id *id, const struct ct_event *event)
{
	if (event->family)
		set_addresses(id, event);
	if (event->lport)
		id->lport = event->lport;
	if (event->rport)
		id->rport = event->rport;
	if (event->netns)
		id->netns = event->netns;
	if (event->role)
		id->role = event->role;
	if (event->generation == CT_GENERATION_ANY)
		return;
	if (event->pid != id->pid)
		id->comm[0] = '\0'; /* comes with its own event; lost, it is not known */
	id->pid = event->pid;
	id->owner = event->owner;
}
