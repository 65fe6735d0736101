/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables of the text report. What stands in a cell is escaped already. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/buf.h"

#define CT_COLUMNS_MAX 8

struct libscols_table;

struct ct_column {
	const char *head;
	bool is_right; /// a number
};

/// The cells of a line, from the left. Starts as all zeroes.
struct ct_cells {
	struct ct_buf of[CT_COLUMNS_MAX];
};

void ct_cells_fini(struct ct_cells *cells);

/// A table that has its heads and no line; *ret is the caller's, freed by ct_columns_free(). 0;
/// -ENOMEM, *ret is unchanged then.
int ct_columns_new(const struct ct_column *columns, size_t n, struct libscols_table **ret);

/// Adds a line and empties the cells for the next. 0; -ENOMEM.
int ct_columns_add(struct libscols_table *table, struct ct_cells *cells);

/// Appends the table, an empty line before it; of a table without lines nothing. 0; -ENOMEM.
int ct_columns_put(struct libscols_table *table, struct ct_buf *buf);

/// Frees it and nulls the pointer; NULL is fine.
void ct_columns_free(struct libscols_table **table);
