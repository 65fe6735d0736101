// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suggest.h"

#include <string.h>

#include "options.h"

#define WORD_MAX     32
#define DISTANCE_MAX 2

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/// Letters to insert, delete or replace (Levenshtein), both words at most WORD_MAX long.
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= n_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			size_t replaced = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = min3(row[j] + 1, row[j - 1] + 1, replaced);
		}
	}
	return row[n_b];
}

const char *ct_suggest(const char *mistyped, const char *const *words, size_t n)
{
	size_t best = DISTANCE_MAX + 1;
	const char *nearest = NULL;
	size_t length = strlen(mistyped);

	if (length > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t word_length = strlen(words[i]);
		size_t d;

		if (word_length > WORD_MAX)
			continue;
		d = distance(mistyped, length, words[i], word_length);
		/* A short word is within two letters of nearly everything. */
		if (d < best && d + 1 < word_length) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}

const char *ct_suggest_command(const char *mistyped)
{
	const char *words[_CT_COMMAND_MAX + CT_SIDE_COMMANDS];
	size_t n = 0;

	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		words[n++] = ct_syntaxes[i].name;
	for (size_t i = 0; i < CT_SIDE_COMMANDS; i++)
		words[n++] = ct_side_commands[i].name;
	return ct_suggest(mistyped, words, n);
}
