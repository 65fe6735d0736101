/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text on a terminal that takes the place of what was there before, as watch(1) does it. */
#pragma once

#include <stddef.h>

#include "conntrace/buf.h"
#include "terminal.h"

/**
 * Appends what draws the text from the upper left corner on: lines that are too long are cut, which
 * a > in the last column tells, and when there are too many the last one says how many more there
 * are. What stood there is erased. The cursor is left in the row below, so that whatever is printed
 * next begins a line.
 *
 * It is for a terminal with CT_TERMINAL_MOVES.
 *
 * @text lines that end with a newline, in the locale's characters; colours take no room.
 * @out a failure stays there (buf->error).
 */
void ct_screen_draw(struct ct_buf *out, const char *text, size_t len,
		    const struct ct_terminal_size *screen);
