/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a terminal is: how large, what it can; and text that fits it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/buf.h"

/// What is asked of a terminal; TERM tells, terminfo(5) is not read.
enum ct_terminal_skill {
	CT_TERMINAL_REWRITES = 0, /// a line anew, by a carriage return: TERM is not "dumb"
	CT_TERMINAL_COLOURS,	  /// the same, and TERM is set
	CT_TERMINAL_MOVES,	  /// its cursor goes anywhere: the same, and TERM is not empty
};

/// False if FD is no terminal, or one that cannot.
bool ct_terminal_can(int fd, enum ct_terminal_skill skill);

struct ct_terminal_size {
	size_t rows;
	size_t columns;
};

/// How large the terminal is now; 24 x 80 if it does not say, or FD is none.
void ct_terminal_size(int fd, struct ct_terminal_size *ret);

/// Columns of the terminal that stdout is: COLUMNS, or what the terminal itself says. 0: stdout is
/// none, or nobody knows.
size_t ct_terminal_width(void);
