// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Any bytes as a filter expression: what is refused is refused in one line, and what is taken obeys
// the laws of "and", "or" and "not", whoever is judged by it.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/select/expression.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "unit/builders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// Who is judged: of each kind of knowledge one.
#define SUBJECTS 5

/// Room for what is put around an expression: "not (…)", "(…) and (…)".
#define TEXT_LEN (2 * CT_EXPRESSION_LEN_MAX + 64)

static struct ct_conn conn_of(unsigned int i)
{
	struct ct_conn conn = a_conn();

	switch (i) {
	case 1: /* a socket that connects */
		conn.id.lport = 0;
		conn.history.n_steps = 1;
		conn.flags = 1U << CT_FLAG_RETRANSMIT;
		break;
	case 2: /* one that was accepted */
		conn.id.owner = CT_OWNER_INHERITED;
		conn.flags = 1U << CT_FLAG_RST_RECEIVED | 1U << CT_FLAG_GAP;
		break;
	case 3: /* one that was found */
		conn.id = an_ipv6_id();
		conn.id.owner = CT_OWNER_UNKNOWN;
		conn.opened_ns = CT_NS_UNKNOWN;
		break;
	case 4: /* one that is gone */
		conn.phase = CT_PHASE_CLOSED;
		break;
	default:
		break;
	}
	return conn;
}

static enum ct_verdict judge(struct ct_expression *expression, unsigned int i)
{
	const struct ct_conn conn = conn_of(i);
	const struct ct_select select = {.expression = expression};
	struct ct_subject subject = {
		.select = &select,
		.id = &conn.id,
		.conn = i ? &conn : NULL,
		.seen_ns = BEGAN,
		.now_ns = BEGAN + 3 * S,
	};
	enum ct_verdict verdict = ct_select_match(&subject);

	if ((unsigned int)verdict > CT_YES)
		abort();
	/* who is to be looked at again has time to come before that */
	if (subject.wants_ns <= subject.now_ns)
		abort();
	return verdict;
}

/// NULL when it is refused, which is no failure for TEXT made of others: they may be too much.
static struct ct_expression *parse(const char *text, bool is_made)
{
	struct ct_expression *expression = NULL;
	char err[CT_EXPRESSION_ERR_LEN];
	int r;

	memset(err, 'x', sizeof(err));
	r = ct_expression_parse(text, err, &expression);
	if (r == 0) {
		if (!expression || !expression->n || expression->n > CT_EXPRESSION_NODES_MAX)
			abort();
		return expression;
	}
	if (r != -EINVAL || expression || !memchr(err, '\0', sizeof(err)) || !*err ||
	    strchr(err, '\n'))
		abort();
	if (is_made && !strstr(err, "longer than") && !strstr(err, "more than"))
		abort();
	return NULL;
}

/// Judges what FORMAT makes of TEXT (twice) against what OPERATOR makes of its verdict.
static void check_law(const struct ct_expression *expression, const char *text, const char *format,
		      enum ct_verdict (*operator)(enum ct_verdict))
{
	static char made[TEXT_LEN];
	_cleanup_(ct_expression_free) struct ct_expression *other = NULL;

	snprintf(made, sizeof(made), format, text, text);
	other = parse(made, true);
	for (unsigned int i = 0; other && i < SUBJECTS; i++)
		if (judge(other, i) != operator(judge((struct ct_expression *)expression, i)))
			abort();
}

static enum ct_verdict same(enum ct_verdict verdict)
{
	return verdict;
}

/// Whatever may still come, one of the two is true at the end.
static enum ct_verdict with_opposite(enum ct_verdict verdict)
{
	return ct_verdict_or(verdict, ct_verdict_not(verdict));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ct_freep) char *text = malloc(size + 1);
	_cleanup_(ct_expression_free) struct ct_expression *expression = NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)ct_expression_begins(text);
	expression = parse(text, false);
	if (!expression)
		return 0;
	if (strlen(text) > CT_EXPRESSION_LEN_MAX)
		abort();
	check_law(expression, text, "%s", same);
	check_law(expression, text, "not not (%s)", same);
	check_law(expression, text, "not(%s)", ct_verdict_not);
	check_law(expression, text, "(%s) and (%s)", same);
	check_law(expression, text, "(%s) or (%s)", same);
	check_law(expression, text, "(%s) or not (%s)", with_opposite);
	return 0;
}
