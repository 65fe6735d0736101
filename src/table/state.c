// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which state a connection is in, where it is met in the midst of its life, and its end. */
#include "conntrace/verdict.h"
#include "table.h"

uint8_t ct_table_state_of(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	if (conn->phase == CT_PHASE_CLOSED)
		return CT_STATE_CLOSE;
	return last ? last->state : CT_STATE_NONE;
}

/* RFC 9293 3.3.2 */
void ct_table_note_fins(struct ct_conn *conn, uint8_t state)
{
	static const struct {
		bool sent, received;
		uint8_t first; /* enum ct_closed_by */
	} fins[_CT_STATE_MAX] = {
		[CT_STATE_FIN_WAIT1] = {true, false, CT_CLOSED_BY_LOCAL},
		[CT_STATE_FIN_WAIT2] = {true, false, CT_CLOSED_BY_LOCAL},
		[CT_STATE_CLOSING] = {true, true, CT_CLOSED_BY_BOTH},
		[CT_STATE_TIME_WAIT] = {true, true, CT_CLOSED_BY_UNKNOWN},
		[CT_STATE_CLOSE_WAIT] = {false, true, CT_CLOSED_BY_REMOTE},
		[CT_STATE_LAST_ACK] = {true, true, CT_CLOSED_BY_REMOTE},
	};

	conn->fin_sent |= fins[state].sent;
	conn->fin_received |= fins[state].received;
	if (conn->closed_by == CT_CLOSED_BY_UNKNOWN || fins[state].first == CT_CLOSED_BY_BOTH)
		conn->closed_by = fins[state].first;
}

int ct_table_meet(struct ct_entry *entry, uint8_t state)
{
	ct_table_note_fins(&entry->conn, state);
	return ct_history_enter(&entry->conn.history, state, CT_BASIS_FOUND, CT_NS_UNKNOWN, NULL);
}

void ct_table_close(struct ct_entry *entry, uint64_t at_ns, uint64_t *ret_in_state_ns)
{
	ct_history_end(&entry->conn.history, at_ns, ret_in_state_ns);
	entry->conn.closed_ns = at_ns;
	entry->conn.phase = CT_PHASE_CLOSED;
	ct_verdict_end(&entry->conn);
}
