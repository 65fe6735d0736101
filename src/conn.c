// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/conn.h"

#include <errno.h>
#include <stdlib.h>

int ct_conn_raise(struct ct_conn *conn, enum ct_flag flag, uint64_t at_ns,
		  const struct ct_evidence *evidence, size_t n_evidence)
{
	struct ct_mark **end = &conn->marks;
	struct ct_mark *mark;

	if (conn->flags & (1U << flag))
		return 0;
	mark = calloc(1, sizeof(*mark));
	if (!mark)
		return -ENOMEM;
	mark->flag = (uint8_t)flag;
	mark->at_ns = at_ns;
	mark->sock_flags = conn->sock_flags;
	mark->options_known = conn->options_known;
	mark->options = conn->options;
	for (size_t i = 0; i < n_evidence && i < CT_EVIDENCE_MAX; i++)
		mark->evidence[mark->n_evidence++] = evidence[i];
	while (*end)
		end = &(*end)->next;
	*end = mark;
	conn->flags |= 1U << flag;
	conn->unshown |= 1U << flag;
	return 0;
}

void ct_conn_fini(struct ct_conn *conn)
{
	while (conn->marks) {
		struct ct_mark *mark = conn->marks;

		conn->marks = mark->next;
		free(mark);
	}
	ct_history_fini(&conn->history);
}
