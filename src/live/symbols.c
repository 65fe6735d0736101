// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbols.h"

#include <errno.h>
#include <stdbool.h>
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

/* NAME itself, or a part of it: NAME.cold, NAME.isra.0 */
static bool is_part_of(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return strncmp(symbol, name, len) == 0 && (symbol[len] == '\0' || symbol[len] == '.');
}

static void note_begin(char *line, const char *const *names, size_t n_names,
		       struct ct_symbol_range *ranges, size_t max)
{
	char *rest, *save;
	uint64_t address = strtoull(line, &rest, 16);
	const char *type = strtok_r(rest, " \t\n", &save);
	const char *name = type ? strtok_r(NULL, " \t\n", &save) : NULL;
	size_t free_one = 0;

	if (!name || !address || (strcmp(type, "t") != 0 && strcmp(type, "T") != 0))
		return;
	while (free_one < max && ranges[free_one].begin)
		free_one++;
	for (size_t i = 0; free_one < max && i < n_names; i++)
		if (is_part_of(name, names[i]))
			ranges[free_one].begin = address;
}

/* Modules are not in the order of their addresses: any line may be the one that comes next. */
static void note_end(const char *line, struct ct_symbol_range *ranges, size_t max)
{
	uint64_t address = strtoull(line, NULL, 16);

	for (size_t i = 0; i < max && ranges[i].begin; i++)
		if (address > ranges[i].begin && (!ranges[i].end || address < ranges[i].end))
			ranges[i].end = address;
}

int ct_symbols_read_ranges(FILE *listing, const char *const *names, size_t n_names,
			   struct ct_symbol_range *ranges, size_t max)
{
	_cleanup_(ct_freep) char *line = NULL;
	size_t cap = 0;

	memset(ranges, 0, max * sizeof(*ranges));
	while (getline(&line, &cap, listing) > 0)
		note_begin(line, names, n_names, ranges, max);
	if (ferror(listing))
		return -EIO;
	rewind(listing);
	while (getline(&line, &cap, listing) > 0)
		note_end(line, ranges, max);
	return ferror(listing) ? -EIO : 0;
}

int ct_symbols_resolve_ranges(const char *const *names, size_t n_names,
			      struct ct_symbol_range *ranges, size_t max)
{
	_cleanup_(ct_fclosep) FILE *listing = fopen("/proc/kallsyms", "re");

	if (!listing)
		return -errno;
	return ct_symbols_read_ranges(listing, names, n_names, ranges, max);
}
