// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_fit.h"

#include <string.h>

#include "conntrace/names.h"
#include "conntrace/sink_words.h"

/// What the last column gets at least before the line is broken: its words go to further lines.
#define LAST_LEAST 20

void ct_fit_widen(struct ct_fit *fit, size_t column, size_t width)
{
	if (fit->most[column] && width > fit->most[column])
		width = fit->most[column];
	if (width > fit->widths[column])
		fit->widths[column] = width;
}

/// That the column asks for before the line is broken.
static size_t wanted(const struct ct_fit *fit, size_t column)
{
	size_t width = fit->widths[column];

	return column + 1 == fit->n && width > LAST_LEAST ? LAST_LEAST : width;
}

/// Columns from here on that are not parted, with the blanks between them.
static size_t group_width(const struct ct_fit *fit, size_t column)
{
	size_t width = wanted(fit, column);

	while (++column < fit->n && !(fit->groups & 1U << column))
		width += 1 + wanted(fit, column);
	return width;
}

void ct_fit_lay_out(struct ct_fit *fit)
{
	size_t at = 0; /* where the column begins */

	fit->breaks = 0;
	for (size_t i = 0; i < fit->n && fit->screen; i++) {
		if (i && fit->groups & 1U << i && at + group_width(fit, i) > fit->screen) {
			fit->breaks |= 1U << i;
			at = CT_FIT_INDENT;
		}
		at += fit->widths[i] + 1;
	}
}

bool ct_fit_ends_line(const struct ct_fit *fit, size_t column)
{
	return column + 1 == fit->n || fit->breaks & 1U << (column + 1);
}

void ct_fit_put_gap(struct ct_fit *fit, struct ct_buf *line, size_t column, const char *cell,
		    size_t width)
{
	if (!column) {
		fit->next_at = 0;
		fit->part = 0;
	} else if (fit->breaks & 1U << column) {
		fit->part = line->len;
		fit->says = false;
		ct_buf_putc(line, '\n');
		ct_buf_fill(line, ' ', CT_FIT_INDENT);
		fit->next_at = CT_FIT_INDENT;
	} else {
		ct_buf_putc(line, ' ');
	}
	fit->at = fit->next_at;
	fit->next_at += (width > fit->widths[column] ? width : fit->widths[column]) + 1;
	fit->says |= width && strcmp(cell, "-") != 0;
}

void ct_fit_end_line(const struct ct_fit *fit, struct ct_buf *line)
{
	if (fit->part && !fit->says && !line->error)
		line->len = fit->part;
	ct_buf_putc(line, '\n');
}

void ct_fit_cut(struct ct_buf *cell, size_t width, bool utf8)
{
	size_t kept = 0;

	while (ct_words_width(cell->data, kept + 1) < width)
		kept++;
	/* The character that begins here goes, with all its bytes. */
	cell->len = kept;
	ct_buf_puts(cell, utf8 ? "…" : "+");
}

size_t ct_fit_transition_width(const struct ct_output_options *options)
{
	const char *arrow = ct_words_arrow(options);
	size_t longest = 0, second = 0;

	for (unsigned int state = 0; state < _CT_STATE_MAX; state++) {
		const char *name = ct_state_name(state);
		size_t length = name ? strlen(name) : 0;

		if (length > longest) {
			second = longest;
			longest = length;
		} else if (length > second) {
			second = length;
		}
	}
	return longest + ct_words_width(arrow, strlen(arrow)) + second;
}
