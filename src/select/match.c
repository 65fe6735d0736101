// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The conditions, a function each. */
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conntrace/count.h"
#include "select.h"

struct subject {
	const struct ct_select *select;
	const struct ct_pid *pids;
	const struct ct_conn_id *id;
	const struct ct_conn *conn; /* NULL: a packet of no connection */
};

static enum ct_verdict yes_if(bool condition)
{
	return condition ? CT_YES : CT_NO;
}

static bool has_port(const struct ct_port_list *list, uint16_t port)
{
	for (size_t i = 0; i < list->n; i++)
		if (port >= list->ranges[i].first && port <= list->ranges[i].last)
			return true;
	return false;
}

static bool has_value(const struct ct_u32_list *list, uint32_t value)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->values[i] == value)
			return true;
	return false;
}

static enum ct_verdict by_family(const struct subject *s)
{
	if (s->select->ipv4 == s->select->ipv6)
		return CT_YES;
	return yes_if(s->id->family == (s->select->ipv4 ? AF_INET : AF_INET6));
}

static enum ct_verdict by_netns(const struct subject *s)
{
	return yes_if(!s->select->netns.n || has_value(&s->select->netns, s->id->netns));
}

static enum ct_verdict by_rport(const struct subject *s)
{
	return yes_if(!s->select->rports.n || has_port(&s->select->rports, s->id->rport));
}

/* A connecting socket gets its local port after it has entered SYN_SENT. */
static enum ct_verdict by_lport(const struct subject *s)
{
	if (!s->select->lports.n)
		return CT_YES;
	if (!s->id->lport)
		return CT_UNDECIDED;
	return yes_if(has_port(&s->select->lports, s->id->lport));
}

static enum ct_verdict by_port(const struct subject *s)
{
	const struct ct_port_list *ports = &s->select->ports;

	if (!ports->n || has_port(ports, s->id->rport))
		return CT_YES;
	if (!s->id->lport)
		return CT_UNDECIDED;
	return yes_if(has_port(ports, s->id->lport));
}

static enum ct_verdict by_host(const struct subject *s)
{
	if (!s->select->n_hosts)
		return CT_YES;
	for (size_t i = 0; i < s->select->n_hosts; i++)
		if (ct_cidr_match(&s->select->hosts[i], s->id->family, s->id->laddr) ||
		    ct_cidr_match(&s->select->hosts[i], s->id->family, s->id->raddr))
			return CT_YES;
	return CT_NO;
}

static bool owner_matches(const struct subject *s)
{
	bool comm = !s->select->n_comms;
	struct ct_pid *pid = NULL;

	if (s->select->pids.n) {
		HASH_FIND(hh, s->pids, &s->id->pid, sizeof(s->id->pid), pid);
		if (!pid)
			return false;
	}
	for (size_t i = 0; i < s->select->n_comms; i++)
		if (fnmatch(s->select->comms[i], s->id->comm, 0) == 0)
			comm = true;
	return comm;
}

/* Its process, or whoever else acted on it, is gone: nobody will turn up whose it is. */
static bool is_beyond_owners(const struct ct_conn *conn)
{
	return conn && (conn->phase == CT_PHASE_MINI ||
			(conn->phase == CT_PHASE_LIVE && conn->sock_flags & CT_SOCK_ORPHAN));
}

static enum ct_verdict not_known(const struct subject *s)
{
	return is_beyond_owners(s->conn) ? CT_NO : CT_UNDECIDED;
}

static enum ct_verdict by_owner(const struct subject *s)
{
	if (!ct_select_by_owner(s->select))
		return CT_YES;
	switch (s->id->owner) {
	case CT_OWNER_INHERITED: /* whoever accepts it may be somebody else */
		return owner_matches(s) ? CT_PROVISIONAL : CT_UNDECIDED;
	case CT_OWNER_SCAN: /* one of those that hold it: another may act on it */
		return owner_matches(s) ? CT_YES : not_known(s);
	case CT_OWNER_UNKNOWN:
		return not_known(s);
	default:
		return yes_if(owner_matches(s));
	}
}

static enum ct_verdict by_uid(const struct subject *s)
{
	if (!s->select->uids.n)
		return CT_YES;
	if (!s->id->uid_known)
		return not_known(s);
	return yes_if(has_value(&s->select->uids, s->id->uid));
}

static enum ct_verdict by_role(const struct subject *s)
{
	return yes_if(!s->select->roles || s->select->roles & (1U << s->id->role));
}

static enum ct_verdict by_state(const struct subject *s)
{
	const struct ct_history *history = s->conn ? &s->conn->history : NULL;

	if (!s->select->states)
		return CT_YES;
	if (!history)
		return CT_NO;
	for (size_t i = 0; i < history->n_steps; i++)
		if (s->select->states & (1U << history->steps[i].state))
			return CT_YES;
	if (s->conn->phase == CT_PHASE_CLOSED && s->select->states & (1U << CT_STATE_CLOSE))
		return CT_YES;
	return CT_UNDECIDED;
}

static enum ct_verdict by_flag(const struct subject *s)
{
	if (!s->select->flags)
		return CT_YES;
	if (!s->conn)
		return CT_NO;
	return s->conn->flags & s->select->flags ? CT_YES : CT_UNDECIDED;
}

static enum ct_verdict (*const conditions[])(const struct subject *s) = {
	by_family, by_netns, by_role,  by_rport, by_port, by_lport,
	by_host,   by_uid,   by_owner, by_state, by_flag,
};

enum ct_verdict ct_select_match(const struct ct_select *select, const struct ct_pid *pids,
				const struct ct_conn_id *id, const struct ct_conn *conn)
{
	const struct subject subject = {select, pids, id, conn};
	enum ct_verdict verdict = CT_YES;

	for (size_t i = 0; i < CT_COUNT(conditions); i++) {
		enum ct_verdict one = conditions[i](&subject);

		if (one == CT_NO)
			return CT_NO;
		if (one == CT_UNDECIDED || (one == CT_PROVISIONAL && verdict == CT_YES))
			verdict = one;
	}
	return verdict;
}

bool ct_select_is_empty(const struct ct_select *select)
{
	return !select->pids.n && !select->ports.n && !select->lports.n && !select->rports.n &&
	       !select->n_hosts && !select->n_comms && !select->uids.n && !select->netns.n &&
	       select->ipv4 == select->ipv6 && !select->roles && !select->states && !select->flags;
}

bool ct_select_by_owner(const struct ct_select *select)
{
	return select->pids.n || select->n_comms;
}

void ct_select_fini(struct ct_select *select)
{
	free(select->pids.values);
	free(select->ports.ranges);
	free(select->lports.ranges);
	free(select->rports.ranges);
	free(select->hosts);
	for (size_t i = 0; i < select->n_comms; i++)
		free(select->comms[i]);
	free(select->comms);
	free(select->uids.values);
	free(select->netns.values);
	*select = (struct ct_select){0};
}
