/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text that fits the terminal it is read on. */
#pragma once

#include <stddef.h>

#include "conntrace/buf.h"

/// Columns of the terminal that stdout is: COLUMNS, or what the terminal itself says. 0: stdout is
/// none, or nobody knows.
size_t ct_terminal_width(void);

/**
 * Appends words, several lines of them where one would be wider than the terminal.
 *
 * @text its words are separated by blanks; a word is never broken.
 * @indent the column that the buffer's last line has come to, and where the others begin.
 * @width of the terminal; 0, or too little behind the indent to read: everything in one line.
 */
void ct_terminal_wrap(struct ct_buf *buf, const char *text, size_t indent, size_t width);
