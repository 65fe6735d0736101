// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "columns.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"

void ct_cells_fini(struct ct_cells *cells)
{
	for (size_t i = 0; i < CT_COLUMNS_MAX; i++)
		ct_buf_fini(&cells->of[i]);
}

int ct_columns_new(const struct ct_column *columns, size_t n, struct libscols_table **ret)
{
	_cleanup_(ct_columns_free) struct libscols_table *table = scols_new_table();

	if (!table)
		return -ENOMEM;
	/* The text is the same wherever it goes: no look at the terminal. */
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	/* It would escape the escapes. */
	scols_table_enable_noencoding(table, 1);
	for (size_t i = 0; i < n; i++)
		if (!scols_table_new_column(table, columns[i].head, 0,
					    columns[i].is_right ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	*ret = CT_TAKE_PTR(table);
	return 0;
}

int ct_columns_add(struct libscols_table *table, struct ct_cells *cells)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t n = scols_table_get_ncols(table);

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct ct_buf *cell = &cells->of[i];

		if (cell->error || scols_line_set_data(line, i, cell->len ? cell->data : ""))
			return -ENOMEM;
		ct_buf_reset(cell);
	}
	return 0;
}

int ct_columns_put(struct libscols_table *table, struct ct_buf *buf)
{
	_cleanup_(ct_freep) char *text = NULL;
	int r;

	if (scols_table_is_empty(table))
		return 0;
	r = scols_print_table_to_string(table, &text);
	if (r)
		return r;
	ct_buf_putc(buf, '\n');
	ct_buf_puts(buf, text);
	return ct_buf_putc(buf, '\n'); /* libsmartcols leaves the last line open */
}

void ct_columns_free(struct libscols_table **table)
{
	scols_unref_table(*table);
	*table = NULL;
}
