// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The grammar, as ss(8) has it, from weak to strong: or, and (which may be left out), not.
 *
 *	any   = all { "or" all }
 *	all   = one { [ "and" ] one }
 *	one   = { "not" } ( "(" any ")" | NAME [ COMPARE ] VALUE )
 *
 * Nodes are put down in the order in which they are judged: operands first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"
#include "term.h"

struct parser {
	struct ct_lexer lexer;
	struct ct_token token; /* the next one */
	struct ct_expression *expression;
	unsigned int depth; /* parentheses that are open */
};

static int add_operator(struct parser *parser, enum ct_node_kind kind)
{
	const struct ct_node node = {.kind = (uint8_t)kind};

	return ct_expression_add(parser->expression, &node, &parser->lexer, &parser->token);
}

static int advance(struct parser *parser)
{
	return ct_lexer_next(&parser->lexer, &parser->token);
}

/* NAME is the condition's; the next token is what stands behind it. */
static int parse_value(struct parser *parser, const struct ct_token *name,
		       const struct ct_condition *condition)
{
	struct ct_token value;
	struct ct_term term = {
		.lexer = &parser->lexer,
		.expression = parser->expression,
		.name = name,
		.value = &value,
		.compare = CT_COMPARE_EQ,
	};
	int r = 0;

	if (parser->token.kind == CT_TOKEN_COMPARE) {
		term.compare = parser->token.compare;
		term.is_compared = true;
		r = advance(parser);
	}
	if (r)
		return r;
	value = parser->token;
	if (value.kind != CT_TOKEN_WORD && value.kind != CT_TOKEN_QUOTED && !value.is_spelled)
		return ct_lexer_refuse(&parser->lexer, &value, "'%s' needs a value", name->text);
	r = advance(parser);
	return r ? r : ct_condition_take(condition, &term);
}

static int parse_condition(struct parser *parser)
{
	const struct ct_token name = parser->token;
	const struct ct_condition *condition = name.kind == CT_TOKEN_WORD
						       ? ct_condition_find(name.text)
						       : NULL;
	int r;

	if (!condition)
		return ct_lexer_refuse(&parser->lexer, &name, "%s; there are %s",
				       name.kind == CT_TOKEN_WORD || name.kind == CT_TOKEN_QUOTED
					       ? "no condition"
					       : "a condition is due here",
				       ct_condition_names());
	r = advance(parser);
	return r ? r : parse_value(parser, &name, condition);
}

static int parse_any(struct parser *parser);

static int parse_parenthesis(struct parser *parser)
{
	const struct ct_token open = parser->token;
	int r;

	if (parser->depth == CT_EXPRESSION_DEPTH_MAX)
		return ct_lexer_refuse(&parser->lexer, &open,
				       "too deep: more than %d parentheses inside of each other",
				       CT_EXPRESSION_DEPTH_MAX);
	parser->depth++;
	r = advance(parser);
	if (r == 0)
		r = parse_any(parser);
	if (r)
		return r;
	if (parser->token.kind != CT_TOKEN_CLOSE)
		return ct_lexer_refuse(&parser->lexer, &open, "the parenthesis is not closed");
	parser->depth--;
	return advance(parser);
}

static int parse_one(struct parser *parser)
{
	bool is_negated = false;
	int r = 0;

	for (; r == 0 && parser->token.kind == CT_TOKEN_NOT; r = advance(parser))
		is_negated = !is_negated;
	if (r == 0)
		r = parser->token.kind == CT_TOKEN_OPEN ? parse_parenthesis(parser)
							: parse_condition(parser);
	return r || !is_negated ? r : add_operator(parser, CT_NODE_NOT);
}

static bool begins_another(const struct ct_token *token)
{
	return token->kind == CT_TOKEN_WORD || token->kind == CT_TOKEN_QUOTED ||
	       token->kind == CT_TOKEN_NOT || token->kind == CT_TOKEN_OPEN;
}

static int parse_all(struct parser *parser)
{
	int r = parse_one(parser);

	while (r == 0 && (parser->token.kind == CT_TOKEN_AND || begins_another(&parser->token))) {
		if (parser->token.kind == CT_TOKEN_AND)
			r = advance(parser);
		if (r == 0)
			r = parse_one(parser);
		if (r == 0)
			r = add_operator(parser, CT_NODE_AND);
	}
	return r;
}

static int parse_any(struct parser *parser)
{
	int r = parse_all(parser);

	while (r == 0 && parser->token.kind == CT_TOKEN_OR) {
		r = advance(parser);
		if (r == 0)
			r = parse_all(parser);
		if (r == 0)
			r = add_operator(parser, CT_NODE_OR);
	}
	return r;
}

int ct_expression_parse(const char *text, char *err, struct ct_expression **ret)
{
	_cleanup_(ct_expression_free) struct ct_expression *expression =
		calloc(1, sizeof(*expression));
	struct parser parser = {.lexer = {.text = text, .err = err}, .expression = expression};
	int r;

	if (!expression)
		return -ENOMEM;
	if (strlen(text) > CT_EXPRESSION_LEN_MAX) {
		snprintf(err, CT_EXPRESSION_ERR_LEN, "longer than the %d bytes that it may have",
			 CT_EXPRESSION_LEN_MAX);
		return -EINVAL;
	}
	r = advance(&parser);
	if (r == 0)
		r = parse_any(&parser);
	if (r)
		return r;
	if (parser.token.kind == CT_TOKEN_CLOSE)
		return ct_lexer_refuse(&parser.lexer, &parser.token,
				       "no parenthesis is open that it could close");
	if (parser.token.kind != CT_TOKEN_END)
		return ct_lexer_refuse(&parser.lexer, &parser.token,
				       "the condition before it is over: and, or, or another "
				       "condition may follow");
	*ret = CT_TAKE_PTR(expression);
	return 0;
}

bool ct_expression_begins(const char *text)
{
	char err[CT_EXPRESSION_ERR_LEN];
	struct ct_lexer lexer = {.text = text, .err = err};
	struct ct_token token;

	if (ct_lexer_next(&lexer, &token))
		return false;
	return token.kind == CT_TOKEN_NOT || token.kind == CT_TOKEN_OPEN ||
	       (token.kind == CT_TOKEN_WORD && ct_condition_find(token.text));
}
