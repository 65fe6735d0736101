// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "screen.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "conntrace/utf8.h"

#define CUT	   '>' /// as less -S has it
#define CORNER	   "\033[H"
#define ERASE_LINE "\033[K"
#define ERASE_REST "\033[J"

/// Bytes of the colour that begins here; 0: none does.
static size_t colour_bytes(const char *text, size_t len)
{
	size_t n = 2;

	if (len < 2 || text[0] != '\033' || text[1] != '[')
		return 0;
	while (n < len && text[n] != 'm')
		n++;
	return n < len ? n + 1 : 0;
}

/// The character's bytes, and the columns that it takes.
static size_t character_bytes(const char *text, size_t len, size_t *ret_columns)
{
	uint32_t character = 0;
	size_t n = ct_utf8_decode(text, len, &character);
	int columns = n > 1 ? wcwidth((wchar_t)character) : 1;

	*ret_columns = columns < 0 ? 1 : (size_t)columns;
	return n ? n : 1;
}

static size_t columns_of(const char *line, size_t len)
{
	size_t columns = 0;

	while (len) {
		size_t n = colour_bytes(line, len), width = 0;

		if (!n)
			n = character_bytes(line, len, &width);
		columns += width;
		line += n;
		len -= n;
	}
	return columns;
}

/// Characters up to the edge, in the last column a mark if there are more, and all colours: behind
/// the edge they are switched off.
static void put_line(struct ct_buf *out, const char *line, size_t len, size_t columns)
{
	bool is_long = columns_of(line, len) > columns, is_full = false;
	size_t room = is_long && columns ? columns - 1 : columns, used = 0;

	while (len) {
		size_t n = colour_bytes(line, len), width = 0;

		if (n) {
			ct_buf_append(out, line, n);
		} else {
			n = character_bytes(line, len, &width);
			used += width;
			if (!is_full && used <= room)
				ct_buf_append(out, line, n);
			else if (!is_full)
				ct_buf_putc(out, CUT);
			is_full = is_full || used > room;
		}
		line += n;
		len -= n;
	}
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* Erased before it is written: behind a full line the cursor still stands on the last character. */
void ct_screen_draw(struct ct_buf *out, const char *text, size_t len,
		    const struct ct_terminal_size *screen)
{
	size_t room = screen->rows > 2 ? screen->rows - 1 : 1;
	size_t lines = count_lines(text, len);
	size_t shown = lines > room ? room - 1 : lines;

	ct_buf_puts(out, CORNER);
	for (size_t i = 0; i < shown; i++) {
		size_t n = (size_t)((const char *)memchr(text, '\n', len) - text);

		ct_buf_puts(out, ERASE_LINE);
		put_line(out, text, n, screen->columns);
		ct_buf_putc(out, '\n');
		text += n + 1;
		len -= n + 1;
	}
	if (shown < lines)
		ct_buf_printf(out, ERASE_LINE "... %zu more\n", lines - shown);
	ct_buf_puts(out, ERASE_REST);
}
