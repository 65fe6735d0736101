// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "percentiles.h"

#include <stdlib.h>

#include "columns.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/names.h"
#include "conntrace/sink_words.h"
#include "histogram.h"

/// What was measured, or could not be: it had no beginning or no end in the trace.
struct times {
	struct ct_histogram known; /// nanoseconds
	uint64_t unknown;
};

struct ct_percentiles {
	struct times handshake;
	struct times lifetime;
	struct times states[_CT_STATE_MAX];
	uint64_t left_out; /// connections
};

/// In the order of a life.
static const uint8_t states[] = {
	CT_STATE_SYN_SENT,  CT_STATE_SYN_RECV,	CT_STATE_ESTABLISHED,
	CT_STATE_FIN_WAIT1, CT_STATE_FIN_WAIT2, CT_STATE_CLOSE_WAIT,
	CT_STATE_LAST_ACK,  CT_STATE_TIME_WAIT, CT_STATE_CLOSING,
};

struct ct_percentiles *ct_percentiles_new(void)
{
	return calloc(1, sizeof(struct ct_percentiles));
}

static int add(struct times *times, uint64_t ns)
{
	if (ns != CT_NS_UNKNOWN)
		return ct_histogram_add(&times->known, ns);
	times->unknown++;
	return 0;
}

/// It has come so far, also if that was before the trace.
static bool was_established(const struct ct_conn *conn)
{
	const struct ct_history *history = &conn->history;

	if (conn->established_ns != CT_NS_UNKNOWN)
		return true;
	for (size_t i = 0; i < history->n_steps; i++)
		if (history->steps[i].state == CT_STATE_ESTABLISHED)
			return true;
	return conn->opened_ns == CT_NS_UNKNOWN && history->n_steps &&
	       history->steps[0].state != CT_STATE_SYN_SENT &&
	       history->steps[0].state != CT_STATE_SYN_RECV;
}

int ct_percentiles_add(struct ct_percentiles *percentiles, const struct ct_conn *conn)
{
	const struct ct_history *history = &conn->history;
	int r;

	if (conn->gaps || history->n_dropped) {
		percentiles->left_out++;
		return 0;
	}
	r = add(&percentiles->lifetime, ct_conn_lifetime_ns(conn));
	if (r == 0 && was_established(conn))
		r = add(&percentiles->handshake, ct_conn_handshake_ns(conn));
	for (size_t i = 0; i < history->n_steps && r == 0; i++)
		if (history->steps[i].state < _CT_STATE_MAX)
			r = add(&percentiles->states[history->steps[i].state],
				history->steps[i].for_ns);
	return r;
}

static int put_row(const struct ct_output_options *options, const char *name,
		   const struct times *times, struct libscols_table *table, struct ct_cells *cells)
{
	static const unsigned int percents[] = {50, 90, 99};
	struct ct_buf *cell = cells->of;
	bool is_known = times->known.n > 0;

	if (!is_known && !times->unknown)
		return 0;
	ct_buf_puts(cell++, name);
	ct_buf_u64(cell++, times->known.n);
	ct_buf_u64(cell++, times->unknown);
	for (size_t i = 0; i < CT_COUNT(percents); i++)
		ct_words_duration(options, cell++,
				  is_known ? ct_histogram_percentile(&times->known, percents[i])
					   : CT_NS_UNKNOWN);
	ct_words_duration(options, cell, is_known ? times->known.max : CT_NS_UNKNOWN);
	return ct_columns_add(table, cells);
}

int ct_percentiles_put(const struct ct_output_options *options,
		       const struct ct_percentiles *percentiles, struct ct_buf *buf)
{
	static const struct ct_column columns[] = {
		{"TIME", false}, {"KNOWN", true}, {"UNKNOWN", true}, {"P50", true},
		{"P90", true},	 {"P99", true},	  {"MAX", true},
	};
	_cleanup_(ct_columns_free) struct libscols_table *table = NULL;
	_cleanup_(ct_cells_fini) struct ct_cells cells = {};
	int r = ct_columns_new(columns, CT_COUNT(columns), &table);

	if (r == 0)
		r = put_row(options, "handshake", &percentiles->handshake, table, &cells);
	if (r == 0)
		r = put_row(options, "lifetime", &percentiles->lifetime, table, &cells);
	for (size_t i = 0; i < CT_COUNT(states) && r == 0; i++)
		r = put_row(options, ct_state_name(states[i]), &percentiles->states[states[i]],
			    table, &cells);
	if (r == 0)
		r = ct_columns_put(table, buf);
	if (r || !percentiles->left_out)
		return r;
	/* as a note beneath it; a paragraph of its own if there is no table */
	if (!percentiles->lifetime.known.n && !percentiles->lifetime.unknown)
		ct_buf_putc(buf, '\n');
	ct_words_count(buf, percentiles->left_out, "connection");
	ct_buf_puts(buf, " left out of the times: their histories are not whole\n");
	return buf->error;
}

void ct_percentiles_free(struct ct_percentiles **percentiles)
{
	struct ct_percentiles *p = *percentiles;

	if (!p)
		return;
	ct_histogram_fini(&p->handshake.known);
	ct_histogram_fini(&p->lifetime.known);
	for (size_t i = 0; i < _CT_STATE_MAX; i++)
		ct_histogram_fini(&p->states[i].known);
	free(p);
	*percentiles = NULL;
}
