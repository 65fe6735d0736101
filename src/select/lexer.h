/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words of an expression, one after the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/expression.h"

enum ct_token_kind {
	CT_TOKEN_END,
	CT_TOKEN_WORD,
	CT_TOKEN_QUOTED,
	CT_TOKEN_OPEN,
	CT_TOKEN_CLOSE,
	CT_TOKEN_NOT,
	CT_TOKEN_AND,
	CT_TOKEN_OR,
	CT_TOKEN_COMPARE,
};

enum ct_compare {
	CT_COMPARE_EQ,
	CT_COMPARE_NE,
	CT_COMPARE_LT,
	CT_COMPARE_LE,
	CT_COMPARE_GT,
	CT_COMPARE_GE,
	CT_COMPARE_LIKE, /// "~"
};

/// Longest word, its NUL included.
#define CT_TOKEN_LEN 128

struct ct_token {
	uint8_t kind;		 /// enum ct_token_kind
	uint8_t compare;	 /// enum ct_compare, of a CT_TOKEN_COMPARE
	bool is_spelled;	 /// an operator in letters: where a value is due it is one
	size_t at;		 /// offset of its first byte
	char text[CT_TOKEN_LEN]; /// without its quotes
};

struct ct_lexer {
	const char *text; /// borrowed
	size_t at;	  /// offset of what has not been read yet
	char *err;	  /// CT_EXPRESSION_ERR_LEN
};

/// The next word; CT_TOKEN_END again and again behind the last one. 0; -EINVAL with a message: it
/// is too long, or its quote does not end.
int ct_lexer_next(struct ct_lexer *lexer, struct ct_token *ret);

/// Writes the message: "'WORD' at character N: …", or where TOKEN is the end "at its end: …".
/// Returns -EINVAL.
__attribute__((format(printf, 3, 4))) int ct_lexer_refuse(const struct ct_lexer *lexer,
							  const struct ct_token *token,
							  const char *fmt, ...);
