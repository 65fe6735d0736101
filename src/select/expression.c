// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An expression, judged. */
#include "expression.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conntrace/count.h"

static bool is_in(const struct ct_range *range, uint64_t number)
{
	return number >= range->first && number <= range->last;
}

static enum ct_verdict judge_state(const struct ct_node *node, struct ct_subject *subject)
{
	return ct_judge_states(subject, node->states);
}

/* A connecting socket gets its local port after it has entered SYN_SENT. */
static enum ct_verdict judge_sport(const struct ct_node *node, struct ct_subject *subject)
{
	if (!subject->id->lport)
		return CT_UNDECIDED;
	return ct_verdict_if(is_in(&node->range, subject->id->lport));
}

static enum ct_verdict judge_dport(const struct ct_node *node, struct ct_subject *subject)
{
	return ct_verdict_if(is_in(&node->range, subject->id->rport));
}

static enum ct_verdict judge_address(const struct ct_cidr *cidr, int family, const uint8_t addr[16])
{
	return ct_verdict_if(cidr->family == AF_UNSPEC || ct_cidr_match(cidr, family, addr));
}

static enum ct_verdict judge_src(const struct ct_node *node, struct ct_subject *subject)
{
	return judge_address(&node->cidr, subject->id->family, subject->id->laddr);
}

static enum ct_verdict judge_dst(const struct ct_node *node, struct ct_subject *subject)
{
	return judge_address(&node->cidr, subject->id->family, subject->id->raddr);
}

static enum ct_verdict judge_pid(const struct ct_node *node, struct ct_subject *subject)
{
	return ct_judge_owner(subject, is_in(&node->range, subject->id->pid));
}

static enum ct_verdict judge_comm(const struct ct_node *node, struct ct_subject *subject)
{
	return ct_judge_owner(subject, fnmatch(node->glob, subject->id->comm, 0) == 0);
}

static enum ct_verdict judge_age(const struct ct_node *node, struct ct_subject *subject)
{
	return ct_judge_age(subject, &node->range);
}

static enum ct_verdict judge_flag(const struct ct_node *node, struct ct_subject *subject)
{
	return ct_judge_flags(subject, node->flags);
}

static enum ct_verdict (*const judges[])(const struct ct_node *, struct ct_subject *) = {
	[CT_NODE_STATE] = judge_state, [CT_NODE_SPORT] = judge_sport, [CT_NODE_DPORT] = judge_dport,
	[CT_NODE_SRC] = judge_src,     [CT_NODE_DST] = judge_dst,     [CT_NODE_PID] = judge_pid,
	[CT_NODE_COMM] = judge_comm,   [CT_NODE_AGE] = judge_age,     [CT_NODE_FLAG] = judge_flag,
};
_Static_assert(CT_COUNT(judges) == _CT_NODE_MAX, "every condition can be judged");

enum ct_verdict ct_expression_judge(const struct ct_expression *expression,
				    struct ct_subject *subject)
{
	enum ct_verdict stack[CT_EXPRESSION_STACK] = {CT_NO};
	enum ct_verdict *top = stack; /* behind the last one */

	for (size_t i = 0; i < expression->n; i++) {
		const struct ct_node *node = &expression->nodes[i];

		switch (node->kind) {
		case CT_NODE_NOT:
			top[-1] = ct_verdict_not(top[-1]);
			break;
		case CT_NODE_AND:
			top--;
			top[-1] = ct_verdict_and(top[-1], top[0]);
			break;
		case CT_NODE_OR:
			top--;
			top[-1] = ct_verdict_or(top[-1], top[0]);
			break;
		default:
			*top++ = judges[node->kind](node, subject);
		}
	}
	return stack[0];
}

void ct_expression_free(struct ct_expression **expression)
{
	free(*expression);
	*expression = NULL;
}
