/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How wide the columns of a table are, in characters on a screen.
 *
 * A table that is printed as it comes has widths that suit what comes. Where all is known before
 * the first line, its columns are as wide as what stands in them, and its lines are broken between
 * groups of columns, so that no line is longer than the screen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/sink.h"

#define CT_FIT_COLUMNS_MAX 24
#define CT_FIT_INDENT	   4 /// of what a broken line goes on with

/// Zeros, but for what the table sets: n, screen, groups and most.
struct ct_fit {
	size_t n;
	size_t screen;			   /// its width; 0: the table is printed as it comes
	uint32_t groups;		   /// 1 << i: a line may be broken before column i
	size_t widths[CT_FIT_COLUMNS_MAX]; /// of the widest text so far
	size_t most[CT_FIT_COLUMNS_MAX];   /// no wider than that; 0: as wide as it takes
	uint32_t breaks;		   /// 1 << i: it is broken there
	size_t at;	/// where on the screen the column begins that ct_fit_put_gap() was for
	size_t next_at; /// where the next one does
	size_t part;	/// bytes before the last part of a broken line; 0: it is not broken
	bool says;	/// there is something in that part
};

/// A text so wide is to stand in the column.
void ct_fit_widen(struct ct_fit *fit, size_t column, size_t width);

/// Nothing gets wider any more: breaks are known from now on.
void ct_fit_lay_out(struct ct_fit *fit);

/// Nothing stands behind this column in its line.
bool ct_fit_ends_line(const struct ct_fit *fit, size_t column);

/// What stands before a column, whose CELL takes so much: a blank, nothing, or the end of the line
/// and an indent. "-" is a cell that says nothing.
void ct_fit_put_gap(struct ct_fit *fit, struct ct_buf *line, size_t column, const char *cell,
		    size_t width);

/// Ends a line that has all its columns. Of a broken one the last part is left out if it says
/// nothing.
void ct_fit_end_line(const struct ct_fit *fit, struct ct_buf *line);

/// Cuts a text that is longer to so many characters, the last of which shows that it was cut.
void ct_fit_cut(struct ct_buf *cell, size_t width, bool utf8);

/// Of the longest transition: it leads from one state to another, the two longest names, and the
/// arrow.
size_t ct_fit_transition_width(const struct ct_output_options *options);
