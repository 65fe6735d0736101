// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What this host does not let out: the peer need not be dead, nor its window closed. No segment
 * leaves, so no event tells of it; the socket's timer does, when it is looked at.
 */
#include "finder.h"

#include "conntrace/sink_words.h"

/// Not somebody else's doing.
static bool has_died(const struct ct_conn *conn)
{
	return conn->phase == CT_PHASE_CLOSED && conn->sk_err && !conn->killed &&
	       conn->reset.direction == CT_DIRECTION_NONE;
}

/* values: since the first try; tries in a row; 1 if there is room for it in the peer's window; 1 if
 * older than the trace; 1 if the kernel has given up; 1 if a look says so that was not long ago */
static bool is_held_back(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	bool died = has_died(conn);
	uint64_t until_ns = died ? conn->closed_ns : now_ns, for_ns;
	bool is_fresh = conn->looked_ns + CT_FINDER_LOOK_NS >= until_ns;

	if (!(died || conn->phase == CT_PHASE_LIVE) || ct_finder_never_connected(conn) ||
	    !ct_finder_is_held_back(conn, until_ns))
		return false;
	for_ns = ct_finder_tried_ns(conn, until_ns);
	*ret = (struct ct_symptom){
		for_ns,
		{for_ns, conn->rto_streak ?: conn->unsent, !conn->rto_streak,
		 ct_conn_was_met_late(conn), died, is_fresh || died},
	};
	return true;
}

static void put_where_to_look(const struct ct_case *one, struct ct_buf *text)
{
	ct_buf_puts(text, "in the network namespace of the connection look for a route that is "
			  "missing (ip route get ");
	ct_finder_put_remote(text, &one->examples[0].id);
	ct_buf_puts(text, "), a link that was set down (ip link), a rule that drops what goes out "
			  "(nft list ruleset)");
	ct_buf_puts(text, ", or a queue that is full or slow (tc -s qdisc)");
	if (one->values[2].sum < one->count)
		ct_buf_puts(text, "; a neighbour that does not answer looks the same for seconds "
				  "(ip neigh)");
}

static bool is_blocked(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	bool all_refused = one->values[2].sum == one->count && one->values[5].min;
	bool all_over = one->values[4].sum == one->count;
	struct ct_buf *text = &finding->summary;

	/* what is to be sent again may wait in this host's own queue for the first time; and what a
	 * look said at the beginning of a recording may be over */
	finding->severity = all_refused ? CT_SEVERITY_CRIT : CT_SEVERITY_WARN;
	finding->confidence = all_refused ? CT_CONFIDENCE_HIGH : CT_CONFIDENCE_MEDIUM;
	ct_words_count(text, one->count, "connection");
	ct_buf_puts(text, " with ");
	ct_finder_put_service(text, &finding->culprit);
	ct_buf_puts(text, all_over ? ": what was to be sent did not leave this host, "
				   : ": what is to be sent does not leave this host, ");
	ct_finder_put_time(facts, text, one->values[0].max, false);
	ct_buf_printf(text, ", %s%llu tries in a row", one->count == 1 ? "" : "up to ",
		      (unsigned long long)one->values[1].max);
	ct_finding_number(finding, "blocked_ns", one->values[0].max);
	ct_finding_number(finding, "tries_in_a_row", one->values[1].max);
	ct_finding_number(finding, "window_has_room", one->values[2].sum);
	ct_finding_number(finding, "given_up", one->values[4].sum);
	ct_finder_number_older(finding, one->values[3].sum);
	if (all_over)
		ct_finder_put_events(one, facts, "timeout", finding);
	else
		ct_finder_put_ss(facts, &finding->confirm, NULL, one);
	put_where_to_look(one, &finding->remedy);
	return true;
}

const struct ct_finder ct_find_send_blocked = {
	.id = "send-blocked",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = CT_FINDER_STREAK * CT_RTO_MAX_NS,
	.matches = is_held_back,
	.concludes = is_blocked,
};
