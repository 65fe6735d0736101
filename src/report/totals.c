// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a report ends with. */
#include <inttypes.h>

#include "columns.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/sink_words.h"
#include "report_text.h"

/// A line for each count that is not 0.
static int put_counts(const char *head, const char *(*name_of)(unsigned int),
		      const uint64_t *counts, unsigned int n, struct ct_buf *buf)
{
	const struct ct_column columns[] = {{head, false}, {"CONNECTIONS", true}};
	_cleanup_(ct_columns_free) struct libscols_table *table = NULL;
	_cleanup_(ct_cells_fini) struct ct_cells cells = {};
	int r = ct_columns_new(columns, CT_COUNT(columns), &table);

	for (unsigned int i = 0; i < n && r == 0; i++) {
		if (!counts[i])
			continue;
		ct_buf_puts(&cells.of[0], name_of(i));
		ct_buf_u64(&cells.of[1], counts[i]);
		r = ct_columns_add(table, &cells);
	}
	return r ? r : ct_columns_put(table, buf);
}

int ct_report_totals_put(const struct ct_report_totals *totals, struct ct_buf *buf)
{
	uint64_t unreadable = totals->lost[CT_LOST_DECODE], lost = 0;
	int r;

	r = put_counts("END", ct_end_name, totals->ends, _CT_END_MAX, buf);
	if (r)
		return r;
	r = put_counts("FLAG", ct_flag_name, totals->flags, _CT_FLAG_MAX, buf);
	if (r)
		return r;
	for (unsigned int where = 0; where < _CT_LOST_MAX; where++)
		if (where != CT_LOST_DECODE)
			lost += totals->lost[where];
	ct_buf_putc(buf, '\n');
	ct_words_count(buf, totals->connections, "connection");
	ct_buf_printf(buf, ", %" PRIu64 " flagged, ", totals->flagged);
	ct_words_count(buf, lost, "event");
	ct_buf_puts(buf, " lost, ");
	if (unreadable)
		ct_buf_printf(buf, "%" PRIu64 " unreadable, ", unreadable);
	ct_words_count(buf, totals->gaps, "gap");
	return ct_buf_putc(buf, '\n');
}
