// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The conditions, a function each. */
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conntrace/count.h"
#include "expression.h"

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

static enum ct_verdict by_family(struct ct_subject *s)
{
	if (s->select->ipv4 == s->select->ipv6)
		return CT_YES;
	return ct_verdict_if(s->id->family == (s->select->ipv4 ? AF_INET : AF_INET6));
}

static enum ct_verdict by_netns(struct ct_subject *s)
{
	return ct_verdict_if(!s->select->netns.n || has_value(&s->select->netns, s->id->netns));
}

static enum ct_verdict by_rport(struct ct_subject *s)
{
	return ct_verdict_if(!s->select->rports.n || has_port(&s->select->rports, s->id->rport));
}

/* A connecting socket gets its local port after it has entered SYN_SENT. */
static enum ct_verdict by_lport(struct ct_subject *s)
{
	if (!s->select->lports.n)
		return CT_YES;
	if (!s->id->lport)
		return CT_UNDECIDED;
	return ct_verdict_if(has_port(&s->select->lports, s->id->lport));
}

static enum ct_verdict by_port(struct ct_subject *s)
{
	const struct ct_port_list *ports = &s->select->ports;

	if (!ports->n || has_port(ports, s->id->rport))
		return CT_YES;
	if (!s->id->lport)
		return CT_UNDECIDED;
	return ct_verdict_if(has_port(ports, s->id->lport));
}

static enum ct_verdict by_host(struct ct_subject *s)
{
	if (!s->select->n_hosts)
		return CT_YES;
	for (size_t i = 0; i < s->select->n_hosts; i++)
		if (ct_cidr_match(&s->select->hosts[i], s->id->family, s->id->laddr) ||
		    ct_cidr_match(&s->select->hosts[i], s->id->family, s->id->raddr))
			return CT_YES;
	return CT_NO;
}

static bool owner_matches(const struct ct_subject *s)
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

static bool names_owner(const struct ct_select *select)
{
	return select->pids.n || select->n_comms;
}

static enum ct_verdict by_owner(struct ct_subject *s)
{
	return names_owner(s->select) ? ct_judge_owner(s, owner_matches(s)) : CT_YES;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* A socket stays in the one that it was made in. */
static enum ct_verdict by_cgroup(struct ct_subject *s)
{
	const struct ct_u64_list *cgroups = &s->select->cgroups;

	if (!cgroups->n)
		return CT_YES;
	if (!s->id->cgroup)
		return ct_judge_unknown_owner(s);
	return ct_verdict_if(bsearch(&s->id->cgroup, cgroups->values, cgroups->n,
				     sizeof(*cgroups->values), compare_u64));
}

static enum ct_verdict by_uid(struct ct_subject *s)
{
	if (!s->select->uids.n)
		return CT_YES;
	if (!s->id->uid_known)
		return ct_judge_unknown_owner(s);
	return ct_verdict_if(has_value(&s->select->uids, s->id->uid));
}

static enum ct_verdict by_role(struct ct_subject *s)
{
	return ct_verdict_if(!s->select->roles || s->select->roles & (1U << s->id->role));
}

static enum ct_verdict by_state(struct ct_subject *s)
{
	return s->select->states ? ct_judge_states(s, s->select->states) : CT_YES;
}

static enum ct_verdict by_flag(struct ct_subject *s)
{
	return s->select->flags ? ct_judge_flags(s, s->select->flags) : CT_YES;
}

static enum ct_verdict by_age(struct ct_subject *s)
{
	const struct ct_range ages = {s->select->min_age_ns, UINT64_MAX};

	return s->select->min_age_ns ? ct_judge_age(s, &ages) : CT_YES;
}

static enum ct_verdict by_expression(struct ct_subject *s)
{
	return s->select->expression ? ct_expression_judge(s->select->expression, s) : CT_YES;
}

static enum ct_verdict (*const conditions[])(struct ct_subject *s) = {
	by_family, by_netns,  by_role,	by_rport, by_port, by_lport, by_host,
	by_uid,	   by_cgroup, by_owner, by_state, by_flag, by_age,   by_expression,
};

enum ct_verdict ct_select_match(struct ct_subject *subject)
{
	enum ct_verdict verdict = CT_YES;

	subject->wants_ns = CT_NS_UNKNOWN;
	for (size_t i = 0; i < CT_COUNT(conditions) && verdict != CT_NO; i++)
		verdict = ct_verdict_and(verdict, conditions[i](subject));
	return verdict;
}

bool ct_select_is_empty(const struct ct_select *select)
{
	return !select->pids.n && !select->ports.n && !select->lports.n && !select->rports.n &&
	       !select->n_hosts && !select->n_comms && !select->uids.n && !select->netns.n &&
	       select->ipv4 == select->ipv6 && !select->roles && !select->states &&
	       !select->flags && !select->min_age_ns && !select->cgroups.n && !select->expression;
}

static bool names(const struct ct_select *select, enum ct_node_kind kind)
{
	const struct ct_expression *expression = select->expression;

	for (size_t i = 0; expression && i < expression->n; i++)
		if (expression->nodes[i].kind == kind)
			return true;
	return false;
}

bool ct_select_by_owner(const struct ct_select *select)
{
	return names_owner(select) || names(select, CT_NODE_PID) || names(select, CT_NODE_COMM);
}

bool ct_select_by_age(const struct ct_select *select)
{
	return select->min_age_ns || names(select, CT_NODE_AGE);
}

uint32_t ct_select_flags(const struct ct_select *select)
{
	const struct ct_expression *expression = select->expression;
	uint32_t flags = select->flags;

	for (size_t i = 0; expression && i < expression->n; i++)
		if (expression->nodes[i].kind == CT_NODE_FLAG)
			flags |= expression->nodes[i].flags;
	return flags;
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
	free(select->cgroups.values);
	ct_expression_free(&select->expression);
	*select = (struct ct_select){0};
}
