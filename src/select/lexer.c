// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lexer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/text.h"

/* Where a word ends; a '!' inside of one ends it only if it begins a "!=". */
#define BLANKS	   " \t\n\v\f\r"
#define SEPARATORS BLANKS "()&|=<>~"

/* Longer ones before those that they begin with. */
static const struct {
	const char *text;
	uint8_t kind;	 /* enum ct_token_kind */
	uint8_t compare; /* enum ct_compare */
} symbols[] = {
	{"==", CT_TOKEN_COMPARE, CT_COMPARE_EQ},
	{"!=", CT_TOKEN_COMPARE, CT_COMPARE_NE},
	{"<=", CT_TOKEN_COMPARE, CT_COMPARE_LE},
	{">=", CT_TOKEN_COMPARE, CT_COMPARE_GE},
	{"=", CT_TOKEN_COMPARE, CT_COMPARE_EQ},
	{"<", CT_TOKEN_COMPARE, CT_COMPARE_LT},
	{">", CT_TOKEN_COMPARE, CT_COMPARE_GT},
	{"~", CT_TOKEN_COMPARE, CT_COMPARE_LIKE},
	{"&&", CT_TOKEN_AND, 0},
	{"&", CT_TOKEN_AND, 0},
	{"||", CT_TOKEN_OR, 0},
	{"|", CT_TOKEN_OR, 0},
	{"!", CT_TOKEN_NOT, 0},
	{"(", CT_TOKEN_OPEN, 0},
	{")", CT_TOKEN_CLOSE, 0},
};

/* As ss(8) has them. */
static const struct {
	const char *text;
	uint8_t kind;
	uint8_t compare;
} spelled[] = {
	{"and", CT_TOKEN_AND, 0},
	{"or", CT_TOKEN_OR, 0},
	{"not", CT_TOKEN_NOT, 0},
	{"eq", CT_TOKEN_COMPARE, CT_COMPARE_EQ},
	{"ne", CT_TOKEN_COMPARE, CT_COMPARE_NE},
	{"neq", CT_TOKEN_COMPARE, CT_COMPARE_NE},
	{"lt", CT_TOKEN_COMPARE, CT_COMPARE_LT},
	{"le", CT_TOKEN_COMPARE, CT_COMPARE_LE},
	{"leq", CT_TOKEN_COMPARE, CT_COMPARE_LE},
	{"gt", CT_TOKEN_COMPARE, CT_COMPARE_GT},
	{"ge", CT_TOKEN_COMPARE, CT_COMPARE_GE},
	{"geq", CT_TOKEN_COMPARE, CT_COMPARE_GE},
};

/* Counted as a reader does: what continues a character of UTF-8 is none. */
static size_t place_of(const char *text, size_t at)
{
	size_t n = 1;

	for (size_t i = 0; i < at; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* A word in quotes may hold what would make it another line. Without memory it is cut there. */
static void escape(char *err)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};

	if (ct_text_escape(&text, err, strlen(err), true) == 0)
		snprintf(err, CT_EXPRESSION_ERR_LEN, "%s", text.data);
	else
		err[strcspn(err, "\n")] = '\0';
}

int ct_lexer_refuse(const struct ct_lexer *lexer, const struct ct_token *token, const char *fmt,
		    ...)
{
	char *err = lexer->err;
	size_t used;
	va_list args;

	if (token->kind == CT_TOKEN_END)
		used = (size_t)snprintf(err, CT_EXPRESSION_ERR_LEN, "at its end: ");
	else
		used = (size_t)snprintf(err, CT_EXPRESSION_ERR_LEN,
					"'%.64s' at character %zu: ", token->text,
					place_of(lexer->text, token->at));
	va_start(args, fmt);
	vsnprintf(err + used, CT_EXPRESSION_ERR_LEN - used, fmt, args);
	va_end(args);
	escape(err);
	return -EINVAL;
}

/* Takes LEN bytes that begin at FROM. */
static int take(const struct ct_lexer *lexer, size_t from, size_t len, struct ct_token *ret)
{
	size_t kept = len < sizeof(ret->text) ? len : sizeof(ret->text) - 1;

	memcpy(ret->text, lexer->text + from, kept);
	ret->text[kept] = '\0';
	if (kept < len)
		return ct_lexer_refuse(lexer, ret, "longer than the %zu bytes that a word may have",
				       sizeof(ret->text) - 1);
	return 0;
}

static int take_quoted(struct ct_lexer *lexer, struct ct_token *ret)
{
	const char *begin = lexer->text + lexer->at + 1;
	const char *end = strchr(begin, begin[-1]);

	ret->kind = CT_TOKEN_QUOTED;
	if (!end) {
		snprintf(ret->text, sizeof(ret->text), "%s", begin - 1);
		return ct_lexer_refuse(lexer, ret, "the quote is not closed");
	}
	lexer->at += (size_t)(end - begin) + 2;
	return take(lexer, ret->at + 1, (size_t)(end - begin), ret);
}

static bool take_symbol(struct ct_lexer *lexer, struct ct_token *ret)
{
	for (size_t i = 0; i < CT_COUNT(symbols); i++) {
		size_t len = strlen(symbols[i].text);

		if (strncmp(lexer->text + lexer->at, symbols[i].text, len) != 0)
			continue;
		ret->kind = symbols[i].kind;
		ret->compare = symbols[i].compare;
		memcpy(ret->text, symbols[i].text, len + 1);
		lexer->at += len;
		return true;
	}
	return false;
}

static size_t word_length(const char *text)
{
	size_t len = strcspn(text, SEPARATORS);
	const char *different = strstr(text, "!=");

	return different && (size_t)(different - text) < len ? (size_t)(different - text) : len;
}

static int take_word(struct ct_lexer *lexer, struct ct_token *ret)
{
	size_t len = word_length(lexer->text + lexer->at);
	int r;

	ret->kind = CT_TOKEN_WORD;
	r = take(lexer, lexer->at, len, ret);
	lexer->at += len;
	for (size_t i = 0; r == 0 && i < CT_COUNT(spelled); i++) {
		if (strcmp(ret->text, spelled[i].text) != 0)
			continue;
		ret->kind = spelled[i].kind;
		ret->compare = spelled[i].compare;
		ret->is_spelled = true;
	}
	return r;
}

int ct_lexer_next(struct ct_lexer *lexer, struct ct_token *ret)
{
	char first;

	lexer->at += strspn(lexer->text + lexer->at, BLANKS);
	*ret = (struct ct_token){.at = lexer->at};
	first = lexer->text[lexer->at];
	if (!first)
		return 0;
	if (first == '\'' || first == '"')
		return take_quoted(lexer, ret);
	return take_symbol(lexer, ret) ? 0 : take_word(lexer, ret);
}
