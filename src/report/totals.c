// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a report ends with. */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_words.h"
#include "report_text.h"

#define COUNT_STRLEN 24

static void unref_table(struct libscols_table **table)
{
	scols_unref_table(*table);
}

/// A line for each count that is not 0.
static int add_counts(struct libscols_table *table, const char *(*name_of)(unsigned int),
		      const uint64_t *counts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct libscols_line *line;
		char count[COUNT_STRLEN];

		if (!counts[i])
			continue;
		line = scols_table_new_line(table, NULL);
		snprintf(count, sizeof(count), "%" PRIu64, counts[i]);
		if (!line || scols_line_set_data(line, 0, name_of(i)) ||
		    scols_line_set_data(line, 1, count))
			return -ENOMEM;
	}
	return 0;
}

static int put_counts(const char *head, const char *(*name_of)(unsigned int),
		      const uint64_t *counts, unsigned int n, struct ct_buf *buf)
{
	_cleanup_(unref_table) struct libscols_table *table = scols_new_table();
	_cleanup_(ct_freep) char *text = NULL;
	int r;

	if (!table)
		return -ENOMEM;
	/* The text is the same wherever it goes: no look at the terminal. */
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	if (!scols_table_new_column(table, head, 0, 0) ||
	    !scols_table_new_column(table, "CONNECTIONS", 0, SCOLS_FL_RIGHT))
		return -ENOMEM;
	r = add_counts(table, name_of, counts, n);
	if (r)
		return r;
	if (scols_table_is_empty(table))
		return 0;
	r = scols_print_table_to_string(table, &text);
	if (r)
		return r;
	ct_buf_putc(buf, '\n');
	ct_buf_puts(buf, text);
	return ct_buf_putc(buf, '\n'); /* libsmartcols leaves the last line open */
}

int ct_report_totals_put(const struct ct_report_totals *totals, struct ct_buf *buf)
{
	uint64_t lost = 0;
	int r;

	r = put_counts("END", ct_end_name, totals->ends, _CT_END_MAX, buf);
	if (r)
		return r;
	r = put_counts("FLAG", ct_flag_name, totals->flags, _CT_FLAG_MAX, buf);
	if (r)
		return r;
	for (unsigned int where = 0; where < _CT_LOST_MAX; where++)
		lost += totals->lost[where];
	ct_buf_putc(buf, '\n');
	ct_words_count(buf, totals->connections, "connection");
	ct_buf_printf(buf, ", %" PRIu64 " flagged, ", totals->flagged);
	ct_words_count(buf, lost, "event");
	ct_buf_puts(buf, " lost, ");
	ct_words_count(buf, totals->gaps, "gap");
	return ct_buf_putc(buf, '\n');
}
