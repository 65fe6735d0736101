// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "conntrace/number.h"
#include "conntrace/sink_words.h"

/// Columns that text behind an indent has to have.
#define NARROWEST 20

size_t ct_terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns && ct_parse_u64(columns, 1, UINT16_MAX, &width) == 0)
		return width;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void ct_terminal_wrap(struct ct_buf *buf, const char *text, size_t indent, size_t width)
{
	size_t column = indent;

	if (width < indent + NARROWEST)
		width = SIZE_MAX;
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t n = strcspn(text, " ");
		size_t columns = ct_words_width(text, n);

		if (column > indent && column + 1 + columns > width) {
			ct_buf_putc(buf, '\n');
			ct_buf_fill(buf, ' ', indent);
			column = indent;
		} else if (column > indent) {
			ct_buf_putc(buf, ' ');
			column++;
		}
		ct_buf_append(buf, text, n);
		column += columns;
		text += n;
	}
}
