/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The trailing words of a command line: a condition in the grammar of ss(8), made of state, sport,
 * dport, src, dst, pid, comm, age and flag with and, or, not and parentheses. FILTER EXPRESSIONS
 * in conntrace(1) has all of it. It hangs on a struct ct_select, and select.h judges by it.
 */
#pragma once

#include <stdbool.h>

/// Bytes of the text at most.
#define CT_EXPRESSION_LEN_MAX 4096
/// Conditions, and operators between them.
#define CT_EXPRESSION_NODES_MAX 256
/// Parentheses inside of each other.
#define CT_EXPRESSION_DEPTH_MAX 32

/// Fits every message of ct_expression_parse(); longer words are cut.
#define CT_EXPRESSION_ERR_LEN 512

struct ct_expression;

/**
 * Parses an expression. Names of services are looked up, services(5); addresses are not.
 *
 * @err (CT_EXPRESSION_ERR_LEN) gets one line without newline on -EINVAL: which word is wrong, where
 *      it stands, and what it may be.
 * @ret the caller's, freed by ct_expression_free().
 * @return 0; -EINVAL; -ENOMEM; *ret is unchanged on failure.
 */
int ct_expression_parse(const char *text, char *err, struct ct_expression **ret);

/// Whether TEXT begins as an expression does: with a condition's name, a "not" or a parenthesis.
bool ct_expression_begins(const char *text);

/// Frees the expression and nulls the pointer; NULL is fine.
void ct_expression_free(struct ct_expression **expression);
