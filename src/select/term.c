// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The conditions of an expression, a function each, and what their values may be. */
#include "term.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conntrace/conn.h"
#include "conntrace/count.h"
#include "conntrace/names.h"
#include "conntrace/number.h"
#include "conntrace/timefmt.h"

/* PID_MAX_LIMIT of 64-bit kernels, include/linux/threads.h. */
#define PID_MAX 4194304

/* TASK_COMM_LEN - 1, include/linux/sched.h. */
#define COMM_MAX 15

#define BIT(compare) (1U << CT_COMPARE_##compare)
#define EQUALITY     (BIT(EQ) | BIT(NE))
#define ORDER	     (BIT(LT) | BIT(LE) | BIT(GT) | BIT(GE))

struct ct_condition {
	const char *name;
	uint8_t compares; /* 1 << enum ct_compare */
	int (*take)(struct ct_term *term);
};

static int add(struct ct_term *term, const struct ct_node *node)
{
	return ct_expression_add(term->expression, node, term->lexer, term->value);
}

static int add_operator(struct ct_term *term, enum ct_node_kind kind)
{
	return add(term, &(struct ct_node){.kind = (uint8_t)kind});
}

/* A "!=" becomes the "not" of what the "=" is. */
static struct ct_range range_of(uint8_t compare, struct ct_range value, struct ct_range all)
{
	static const struct ct_range nothing = {1, 0};

	switch (compare) {
	case CT_COMPARE_LT:
		return value.first > all.first ? (struct ct_range){all.first, value.first - 1}
					       : nothing;
	case CT_COMPARE_LE:
		return (struct ct_range){all.first, value.last};
	case CT_COMPARE_GT:
		return value.last < all.last ? (struct ct_range){value.last + 1, all.last}
					     : nothing;
	case CT_COMPARE_GE:
		return (struct ct_range){value.first, all.last};
	default:
		return value;
	}
}

/* ss's identifiers of states where they are not ours, and its sets of them: misc/ss.c, scan_state()
 * of iproute2. */
#define STATE(name)   (1U << CT_STATE_##name)
#define ALL_STATES    (((1U << _CT_STATE_MAX) - 1) & ~STATE(NONE))
#define CONNECTED     (ALL_STATES & ~(STATE(CLOSE) | STATE(LISTEN)))
#define BUCKET_STATES (STATE(SYN_RECV) | STATE(TIME_WAIT))

static const struct {
	const char *word;
	uint16_t states;
} state_words[] = {
	{"all", ALL_STATES},
	{"connected", CONNECTED},
	{"synchronized", CONNECTED & ~STATE(SYN_SENT)},
	{"bucket", BUCKET_STATES},
	{"big", ALL_STATES & ~BUCKET_STATES},
	{"fin-wait-1", STATE(FIN_WAIT1)},
	{"fin-wait-2", STATE(FIN_WAIT2)},
	{"syn-rcv", STATE(SYN_RECV)},
	{"listening", STATE(LISTEN)},
	{"closed", STATE(CLOSE)},
	{"unconnected", STATE(CLOSE)},
};

static int take_state(struct ct_term *term)
{
	struct ct_node node = {.kind = CT_NODE_STATE};
	const char *word = term->value->text;
	uint8_t state;

	for (size_t i = 0; i < CT_COUNT(state_words); i++)
		if (strcasecmp(word, state_words[i].word) == 0)
			node.states = state_words[i].states;
	if (ct_state_from_name(word, &state) == 0)
		node.states = (uint16_t)(1U << state);
	if (!node.states)
		return ct_lexer_refuse(
			term->lexer, term->value,
			"no state; there are established, syn-sent, syn-recv, fin-wait-1, "
			"fin-wait-2, closing, time-wait, close-wait, last-ack, listening, closed, "
			"and all, connected, synchronized, bucket, big");
	return add(term, &node);
}

/* Numbers alone, and "A-B"; -EINVAL for anything else. */
static int parse_ports(const char *text, struct ct_range *ret)
{
	size_t first_len = strcspn(text, "-");
	char first[8];

	if (first_len >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, first_len);
	first[first_len] = '\0';
	if (ct_parse_u64(first, 1, UINT16_MAX, &ret->first))
		return -EINVAL;
	if (!text[first_len])
		ret->last = ret->first;
	else if (ct_parse_u64(text + first_len + 1, 1, UINT16_MAX, &ret->last))
		return -EINVAL;
	return ret->first <= ret->last ? 0 : -EINVAL;
}

/* A number, a range, or a service by its name; behind ss's colon or without it. */
static int take_port(struct ct_term *term, const char *text, struct ct_range *ret)
{
	const struct servent *service;

	if (*text == ':')
		text++;
	if (parse_ports(text, ret) == 0)
		return 0;
	service = getservbyname(text, "tcp");
	if (!service)
		return ct_lexer_refuse(term->lexer, term->value,
				       "no port: 1 to 65535, a range such as 8000-8080, or the "
				       "name of a service, services(5)");
	ret->first = ret->last = ntohs((uint16_t)service->s_port);
	return 0;
}

static int take_ports(struct ct_term *term, enum ct_node_kind kind)
{
	struct ct_node node = {.kind = (uint8_t)kind};
	int r = take_port(term, term->value->text, &node.range);

	if (r)
		return r;
	if (node.range.first != node.range.last && !(EQUALITY & (1U << term->compare)))
		return ct_lexer_refuse(term->lexer, term->value,
				       "a range is compared with = and != only");
	node.range = range_of(term->compare, node.range, (struct ct_range){1, UINT16_MAX});
	return add(term, &node);
}

static int take_sport(struct ct_term *term)
{
	return take_ports(term, CT_NODE_SPORT);
}

static int take_dport(struct ct_term *term)
{
	return take_ports(term, CT_NODE_DPORT);
}

/*
 * "[ADDRESS]/PREFIX:PORT" and "[ADDRESS/PREFIX]:PORT" to an address, with its prefix, and a port.
 * ADDRESS has room for the whole word. -EINVAL: it is none of them.
 */
static int split_brackets(const char *text, char *address, const char **ret_port)
{
	const char *end = strchr(text, ']');
	size_t prefix_len;

	if (!end)
		return -EINVAL;
	memcpy(address, text + 1, (size_t)(end - text) - 1);
	address += end - text - 1;
	prefix_len = strcspn(end + 1, ":");
	memcpy(address, end + 1, prefix_len);
	address[prefix_len] = '\0';
	end += 1 + prefix_len;
	*ret_port = *end ? end + 1 : NULL;
	return prefix_len && *address != '/' ? -EINVAL : 0;
}

/* What stands before a port, and the port, which is left NULL where there is none. */
static int split_host(const char *text, char *address, const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	struct ct_cidr cidr;

	*ret_port = NULL;
	if (*text == '[')
		return split_brackets(text, address, ret_port);
	if (ct_cidr_parse(text, &cidr) == 0 || !colon) {
		strcpy(address, text);
		return 0;
	}
	memcpy(address, text, (size_t)(colon - text));
	address[colon - text] = '\0';
	*ret_port = colon + 1;
	/* of an IPv6 address without brackets nobody knows where it ends */
	return strchr(address, ':') ? -EINVAL : 0;
}

static int take_host(struct ct_term *term, enum ct_node_kind host, enum ct_node_kind port)
{
	struct ct_node address_node = {.kind = (uint8_t)host}, port_node = {.kind = (uint8_t)port};
	char address[CT_TOKEN_LEN];
	const char *port_text;
	bool is_any;
	int r = split_host(term->value->text, address, &port_text);

	is_any = r == 0 && (strcmp(address, "*") == 0 || (!*address && port_text));
	if (r || (!is_any && ct_cidr_parse(address, &address_node.cidr)))
		return ct_lexer_refuse(term->lexer, term->value,
				       "no address or network: 10.0.0.1, 10.0.0.0/8:443, "
				       "[2001:db8::]/32, [::1]:443 or *:443; names are not looked "
				       "up");
	if (port_text && strcmp(port_text, "*") == 0)
		port_text = NULL;
	r = port_text ? take_port(term, port_text, &port_node.range) : 0;
	if (r == 0)
		r = add(term, &address_node);
	if (r || !port_text)
		return r;
	r = add(term, &port_node);
	return r ? r : add_operator(term, CT_NODE_AND);
}

static int take_src(struct ct_term *term)
{
	return take_host(term, CT_NODE_SRC, CT_NODE_SPORT);
}

static int take_dst(struct ct_term *term)
{
	return take_host(term, CT_NODE_DST, CT_NODE_DPORT);
}

static int take_pid(struct ct_term *term)
{
	struct ct_node node = {.kind = CT_NODE_PID};
	uint64_t pid;

	if (ct_parse_u64(term->value->text, 1, PID_MAX, &pid))
		return ct_lexer_refuse(term->lexer, term->value,
				       "no process id: a number from 1 to %d", PID_MAX);
	node.range = range_of(term->compare, (struct ct_range){pid, pid},
			      (struct ct_range){1, PID_MAX});
	return add(term, &node);
}

static int take_comm(struct ct_term *term)
{
	struct ct_node node = {.kind = CT_NODE_COMM};
	const char *glob = term->value->text;
	size_t len = strlen(glob);

	if (!len || len >= sizeof(node.glob))
		return ct_lexer_refuse(term->lexer, term->value,
				       "no pattern for a command's name: 1 to %zu bytes",
				       sizeof(node.glob) - 1);
	if (len > COMM_MAX && !strpbrk(glob, "*?[\\"))
		return ct_lexer_refuse(term->lexer, term->value,
				       "matches nothing: the kernel keeps %d bytes of a command's "
				       "name, try '%.*s'",
				       COMM_MAX, COMM_MAX, glob);
	memcpy(node.glob, glob, len + 1);
	return add(term, &node);
}

static int take_age(struct ct_term *term)
{
	struct ct_node node = {.kind = CT_NODE_AGE};
	uint64_t ns;

	if (ct_duration_parse(term->value->text, &ns))
		return ct_lexer_refuse(term->lexer, term->value,
				       "no duration: a number and ns, us, ms, s, m, h or d, such "
				       "as 10s");
	node.range = range_of(term->compare, (struct ct_range){ns, ns},
			      (struct ct_range){0, UINT64_MAX});
	return add(term, &node);
}

static int take_flag(struct ct_term *term)
{
	struct ct_node node = {.kind = CT_NODE_FLAG};
	char names[CT_EXPRESSION_ERR_LEN] = "";
	size_t used = 0;
	uint8_t flag;

	if (ct_flag_from_name(term->value->text, &flag) == 0) {
		node.flags = 1U << flag;
		return add(term, &node);
	}
	for (unsigned int i = 0; i < _CT_FLAG_MAX && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 ct_flag_name(i));
	return ct_lexer_refuse(term->lexer, term->value, "no flag; there are %s", names);
}

static const struct ct_condition conditions[] = {
	{"age", ORDER, take_age},
	{"comm", EQUALITY | BIT(LIKE), take_comm},
	{"dport", EQUALITY | ORDER, take_dport},
	{"dst", EQUALITY, take_dst},
	{"flag", EQUALITY, take_flag},
	{"pid", EQUALITY | ORDER, take_pid},
	{"sport", EQUALITY | ORDER, take_sport},
	{"src", EQUALITY, take_src},
	{"state", EQUALITY, take_state},
};

const struct ct_condition *ct_condition_find(const char *name)
{
	for (size_t i = 0; i < CT_COUNT(conditions); i++)
		if (strcmp(name, conditions[i].name) == 0)
			return &conditions[i];
	return NULL;
}

const char *ct_condition_names(void)
{
	return "age, comm, dport, dst, flag, pid, sport, src, state";
}

static const char *compares_of(const struct ct_condition *condition)
{
	switch (condition->compares) {
	case EQUALITY | ORDER:
		return "=, !=, <, <=, >, >=";
	case ORDER:
		return "<, <=, >, >=";
	case EQUALITY | BIT(LIKE):
		return "=, !=, ~";
	default:
		return "=, !=";
	}
}

int ct_condition_take(const struct ct_condition *condition, struct ct_term *term)
{
	int r;

	if (!term->is_compared && !(condition->compares & BIT(EQ)))
		return ct_lexer_refuse(term->lexer, term->name, "is compared with one of %s",
				       compares_of(condition));
	if (!(condition->compares & (1U << term->compare)))
		return ct_lexer_refuse(term->lexer, term->name, "is compared with %s only",
				       compares_of(condition));
	r = condition->take(term);
	return r || term->compare != CT_COMPARE_NE ? r : add_operator(term, CT_NODE_NOT);
}

int ct_expression_add(struct ct_expression *expression, const struct ct_node *node,
		      const struct ct_lexer *lexer, const struct ct_token *token)
{
	if (expression->n == CT_EXPRESSION_NODES_MAX)
		return ct_lexer_refuse(lexer, token, "more than %d conditions and operators",
				       CT_EXPRESSION_NODES_MAX);
	expression->nodes[expression->n++] = *node;
	return 0;
}
