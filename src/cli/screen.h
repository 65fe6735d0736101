/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text on a terminal that takes the place of what was there before, as watch(1) does it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/buf.h"

struct ct_screen {
	size_t rows;
	size_t columns;
};

/// True if FD is a terminal that can go back to where it was: TERM is not "dumb".
bool ct_screen_is(int fd);

/// How large the terminal is now; 24 x 80 if it does not say.
void ct_screen_size(int fd, struct ct_screen *ret);

/**
 * Appends what draws the text from the upper left corner on: lines that are too long are cut, and
 * when there are too many the last one says how many more there are. What stood there is erased.
 * The cursor is left in the row below, so that whatever is printed next begins a line.
 *
 * @text lines that end with a newline, in the locale's characters; colours take no room.
 * @out a failure stays there (buf->error).
 */
void ct_screen_draw(struct ct_buf *out, const char *text, size_t len,
		    const struct ct_screen *screen);
