/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One condition of an expression: its name, its comparison and its value. */
#pragma once

#include "expression.h"
#include "lexer.h"

/// A condition that is being read.
struct ct_term {
	const struct ct_lexer *lexer; /// for messages
	struct ct_expression *expression;
	const struct ct_token *name;
	const struct ct_token *value;
	uint8_t compare;  /// enum ct_compare
	bool is_compared; /// it was written, and is not the "=" that may be left out
};

struct ct_condition;

/// The condition of this name; NULL: there is none.
const struct ct_condition *ct_condition_find(const char *name);

/// "age, comm, …", all that there are. Static.
const char *ct_condition_names(void);

/// Puts the condition behind what the expression holds. 0; -EINVAL with a message.
int ct_condition_take(const struct ct_condition *condition, struct ct_term *term);

/// Puts a node behind what the expression holds. 0; -EINVAL with a message that names TOKEN.
int ct_expression_add(struct ct_expression *expression, const struct ct_node *node,
		      const struct ct_lexer *lexer, const struct ct_token *token);
