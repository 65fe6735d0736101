// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "conntrace/number.h"

#define ROWS_USUAL    24
#define COLUMNS_USUAL 80

bool ct_terminal_can(int fd, enum ct_terminal_skill skill)
{
	const char *term = getenv("TERM");

	if (!isatty(fd) || (term && strcmp(term, "dumb") == 0))
		return false;
	switch (skill) {
	case CT_TERMINAL_REWRITES:
		return true;
	case CT_TERMINAL_COLOURS:
		return term != NULL;
	case CT_TERMINAL_MOVES:
		return term && *term != '\0';
	}
	return false;
}

/// Zeros for what the terminal does not say.
static struct winsize ask_size(int fd)
{
	struct winsize size = {};

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return (struct winsize){};
	return size;
}

void ct_terminal_size(int fd, struct ct_terminal_size *ret)
{
	struct winsize size = ask_size(fd);

	ret->rows = size.ws_row ? size.ws_row : ROWS_USUAL;
	ret->columns = size.ws_col ? size.ws_col : COLUMNS_USUAL;
}

size_t ct_terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	uint64_t width;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns && ct_parse_u64(columns, 1, UINT16_MAX, &width) == 0)
		return width;
	return ask_size(STDOUT_FILENO).ws_col;
}
