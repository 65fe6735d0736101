/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of an expression: what parse.c makes of the text, and expression.c judges by. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/addr.h"
#include "conntrace/expression.h"
#include "select.h"

enum ct_node_kind {
	CT_NODE_NOT,
	CT_NODE_AND,
	CT_NODE_OR,
	CT_NODE_STATE,
	CT_NODE_SPORT,
	CT_NODE_DPORT,
	CT_NODE_SRC,
	CT_NODE_DST,
	CT_NODE_PID,
	CT_NODE_COMM,
	CT_NODE_AGE,
	CT_NODE_FLAG,
	_CT_NODE_MAX,
};

/// Longest glob, its NUL included.
#define CT_GLOB_LEN 64

struct ct_node {
	uint8_t kind; /// enum ct_node_kind
	union {
		uint16_t states;	/// STATE: 1 << enum ct_state
		uint32_t flags;		/// FLAG: 1 << enum ct_flag
		struct ct_range range;	/// SPORT, DPORT, PID; AGE: nanoseconds
		struct ct_cidr cidr;	/// SRC, DST; family AF_UNSPEC: any address
		char glob[CT_GLOB_LEN]; /// COMM
	};
};

/// What waits, at most, while an expression is judged: the left side of an "or" and that of an
/// "and" inside of each parenthesis and outside of all; and at last an address and its port.
#define CT_EXPRESSION_STACK (2 * (CT_EXPRESSION_DEPTH_MAX + 1) + 2)

/// Conditions in their order, each operator behind its operands.
struct ct_expression {
	size_t n;
	struct ct_node nodes[CT_EXPRESSION_NODES_MAX];
};

/// Judges what is known now, by the conditions and the table of the operators in select.h.
enum ct_verdict ct_expression_judge(const struct ct_expression *expression,
				    struct ct_subject *subject);
