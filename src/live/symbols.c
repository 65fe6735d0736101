// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"

/* "ffffffff82005d70 t tw_timer_handler"; behind a function of a module stands the module's name. */
static void match_line(char *line, struct ct_symbol *symbols, size_t n)
{
	char *rest, *name, *save;
	uint64_t address = strtoull(line, &rest, 16);
	const char *type = strtok_r(rest, " \t\n", &save);

	name = type ? strtok_r(NULL, " \t\n", &save) : NULL;
	if (!name || (strcmp(type, "t") != 0 && strcmp(type, "T") != 0))
		return;
	if (strtok_r(NULL, " \t\n", &save))
		return;
	for (size_t i = 0; i < n; i++)
		if (!symbols[i].address && strcmp(symbols[i].name, name) == 0)
			symbols[i].address = address;
}

int ct_symbols_read(FILE *listing, struct ct_symbol *symbols, size_t n)
{
	_cleanup_(ct_freep) char *line = NULL;
	size_t cap = 0;

	for (size_t i = 0; i < n; i++)
		symbols[i].address = 0;
	while (getline(&line, &cap, listing) > 0)
		match_line(line, symbols, n);
	return ferror(listing) ? -EIO : 0;
}

int ct_symbols_resolve(struct ct_symbol *symbols, size_t n)
{
	_cleanup_(ct_fclosep) FILE *listing = fopen("/proc/kallsyms", "re");

	if (!listing)
		return -errno;
	return ct_symbols_read(listing, symbols, n);
}
