// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbols.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"

#define ADDRESSES_FIRST 65536

/// What a line says: "ffffffff82005d70 t tw_timer_handler".
struct line {
	uint64_t address;
	const char *name; /// NULL: it is no function
	bool is_of_module;
};

/// Each address of the listing, also of what is no function.
struct addresses {
	uint64_t *items;
	size_t n, capacity;
};

static void addresses_fini(struct addresses *all)
{
	free(all->items);
}

static int addresses_add(struct addresses *all, uint64_t address)
{
	size_t capacity = all->capacity ? 2 * all->capacity : ADDRESSES_FIRST;
	uint64_t *items;

	if (all->n == all->capacity) {
		items = reallocarray(all->items, capacity, sizeof(*items));
		if (!items)
			return -ENOMEM;
		all->items = items;
		all->capacity = capacity;
	}
	all->items[all->n++] = address;
	return 0;
}

/// TEXT is cut behind the name; behind a function of a module stands the module's.
static struct line parse_line(char *text)
{
	char *rest;
	struct line line = {.address = strtoull(text, &rest, 16)};
	size_t len;

	if (rest == text || rest[0] != ' ' || (rest[1] != 't' && rest[1] != 'T') || rest[2] != ' ')
		return line;
	len = strcspn(rest + 3, " \t\n");
	line.is_of_module = rest[3 + len] == ' ' || rest[3 + len] == '\t';
	rest[3 + len] = '\0';
	if (len)
		line.name = rest + 3;
	return line;
}

static void match_symbols(const struct line *line, struct ct_symbols *wanted)
{
	if (line->is_of_module)
		return;
	for (size_t i = 0; i < wanted->n; i++)
		if (!wanted->symbols[i].address && strcmp(wanted->symbols[i].name, line->name) == 0)
			wanted->symbols[i].address = line->address;
}

/* NAME itself, or a part of it: NAME.cold, NAME.isra.0 */
static bool is_part_of(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return strncmp(symbol, name, len) == 0 && (symbol[len] == '\0' || symbol[len] == '.');
}

static void match_ranges(const struct line *line, struct ct_symbols *wanted)
{
	size_t free_one = 0;

	if (!line->address)
		return;
	while (free_one < wanted->max && wanted->ranges[free_one].begin)
		free_one++;
	for (size_t i = 0; free_one < wanted->max && i < wanted->n_names; i++)
		if (is_part_of(line->name, wanted->names[i]))
			wanted->ranges[free_one].begin = line->address;
}

/* Modules are not in the order of their addresses: any symbol may be the one that comes next. */
static void find_ends(const struct addresses *all, struct ct_symbols *wanted)
{
	for (size_t i = 0; i < wanted->max && wanted->ranges[i].begin; i++) {
		struct ct_symbol_range *range = &wanted->ranges[i];

		for (size_t k = 0; k < all->n; k++)
			if (all->items[k] > range->begin &&
			    (!range->end || all->items[k] < range->end))
				range->end = all->items[k];
	}
}

static void forget(struct ct_symbols *wanted)
{
	for (size_t i = 0; i < wanted->n; i++)
		wanted->symbols[i].address = 0;
	for (size_t i = 0; i < wanted->max; i++)
		wanted->ranges[i] = (struct ct_symbol_range){0};
}

static bool is_all_found(const struct ct_symbols *wanted)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!wanted->symbols[i].address)
			return false;
	return wanted->n_names == 0; /* there may be more parts of these at any place */
}

int ct_symbols_read(FILE *listing, struct ct_symbols *wanted)
{
	_cleanup_(ct_freep) char *text = NULL;
	_cleanup_(addresses_fini) struct addresses all = {0};
	size_t cap = 0;

	forget(wanted);
	while (!is_all_found(wanted) && getline(&text, &cap, listing) > 0) {
		struct line line = parse_line(text);
		int r = addresses_add(&all, line.address);

		if (r < 0)
			return r;
		if (!line.name)
			continue;
		match_symbols(&line, wanted);
		match_ranges(&line, wanted);
	}
	find_ends(&all, wanted);
	return ferror(listing) ? -EIO : 0;
}

int ct_symbols_resolve(struct ct_symbols *wanted)
{
	_cleanup_(ct_fclosep) FILE *listing = fopen("/proc/kallsyms", "re");

	if (!listing)
		return -errno;
	return ct_symbols_read(listing, wanted);
}
