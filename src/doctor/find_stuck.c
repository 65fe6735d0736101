// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * States that last because somebody does not do his part: RFC 9293 3.6 knows no time-out for
 * CLOSE_WAIT and FIN_WAIT2, and the kernel gives up an unacknowledged FIN late.
 */
#include "finder.h"

#include "conntrace/sink_words.h"

/// Half closed on purpose for a moment, as by `nc -N`: no process needs longer than this to notice.
#define YOUNG_NS (5 * CT_SECOND_NS)

/// Fewer than several are none before.
#define OLD_NS CT_MINUTE_NS

/// From so many on it is no accident of one connection.
#define SEVERAL 3
#define MANY	100

/// A FIN that is not acknowledged has been sent again by then, RFC 6298 5.
#define FIN_AGAIN_NS (3 * CT_SECOND_NS)
#define FIN_STREAK   2

/// Since it stands there a segment, its FIN or one before it, was tried again, or was waited for
/// still when it was looked at.
static bool is_tried_again(const struct ct_conn *conn, uint64_t now_ns, uint64_t for_ns)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	bool was_found_there = last && last->at_ns == CT_NS_UNKNOWN;
	uint64_t at_ns = conn->tried_by_look ? conn->looked_ns : conn->rto_last_ns;

	return conn->rto_streak >= FIN_STREAK && (was_found_there || at_ns >= now_ns - for_ns) &&
	       ct_finder_goes_on(conn, now_ns) && !ct_finder_none_left(conn);
}

/// The last look came when it stood in its state already, and little before the end.
static bool is_looked_at(const struct ct_conn *conn, uint64_t now_ns, uint64_t for_ns)
{
	uint64_t ago_ns = now_ns > conn->looked_ns ? now_ns - conn->looked_ns : 0;

	return conn->looked_ns && ago_ns <= CT_FINDER_LOOK_NS && ago_ns <= for_ns;
}

/*
 * Of the time in its state, for how long nothing has come or gone. True: that is known; else all of
 * it is taken. Probes of keepalive are nobody's doing, and the silence does not tell them from
 * data.
 */
static bool is_known_quiet(const struct ct_conn *conn, uint64_t now_ns, uint64_t for_ns,
			   uint64_t *ret_quiet_ns)
{
	bool probed = conn->flags & (1U << CT_FLAG_KEEPALIVE_PROBE);
	uint64_t stood_ns; /* when it was looked at */

	*ret_quiet_ns = for_ns;
	if (!is_looked_at(conn, now_ns, for_ns) || !conn->silent_ns)
		return false;
	stood_ns = now_ns > conn->looked_ns ? for_ns - (now_ns - conn->looked_ns) : for_ns;
	if (probed && conn->silent_ns < stood_ns)
		return false;
	*ret_quiet_ns = conn->silent_ns < for_ns ? conn->silent_ns : for_ns;
	return true;
}

/// What is known of one that has been left in CLOSE_WAIT, the more the higher.
enum {
	QUIET_UNKNOWN,
	QUIET_BUT_SENT, /// behind the FIN, and then no more
	QUIET,
};

/// Of its owner no deed is known, but that its listener is his, or that he has accepted it.
static bool is_of_idle_owner(const struct ct_conn_id *id)
{
	return id->owner == CT_OWNER_INHERITED ||
	       (id->owner == CT_OWNER_SCAN && id->role == CT_ROLE_PASSIVE);
}

/// No process has touched what has come.
static bool waits_for_accept(const struct ct_conn *conn, uint64_t now_ns, uint64_t for_ns)
{
	return is_of_idle_owner(&conn->id) && conn->untouched && is_looked_at(conn, now_ns, for_ns);
}

/* values: for how long; unread bytes; 1 if it was seen to enter the state; quiet for so long; how
 * that is known; 1 if it waits for accept() or a first read
 */
static bool is_close_wait(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint64_t for_ns, quiet_ns;
	bool exact, known, sent;

	if (!ct_finder_stands_in(conn, CT_STATE_CLOSE_WAIT, now_ns, &for_ns, &exact))
		return false;
	known = is_known_quiet(conn, now_ns, for_ns, &quiet_ns);
	sent = conn->sent_by_look && is_looked_at(conn, now_ns, for_ns);
	/* half closed by the peer, and of use: it may pause */
	if (quiet_ns < YOUNG_NS || (sent && (!known || quiet_ns < OLD_NS)))
		return false;
	*ret = (struct ct_symptom){
		for_ns,
		{for_ns, conn->unread, exact, quiet_ns,
		 !known ? QUIET_UNKNOWN
		 : sent ? QUIET_BUT_SENT
			: QUIET,
		 waits_for_accept(conn, now_ns, for_ns)},
	};
	return true;
}

/// A single one that somebody has forgotten does not become more, nor do some that a pool keeps.
static bool is_dangerous(const struct ct_case *one)
{
	return one->count >= MANY || (one->count >= SEVERAL && one->values[2].sum &&
				      one->values[3].max >= 10 * CT_MINUTE_NS);
}

static const struct ct_deed has = {" has ", " is", " are"};
static const struct ct_deed holds = {" holds ", " is", " are"};

/// Who calls close() is to be sought where somebody has them.
static void put_leaked(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	bool all_entered = one->values[2].sum == one->count;
	uint64_t waiting = one->values[5].sum;
	struct ct_buf *text = &finding->summary;

	(void)ct_finder_put_doer(facts, text, finding, waiting == one->count ? &has : &holds);
	ct_buf_puts(text, " in CLOSE_WAIT, the oldest ");
	ct_finder_put_time(facts, text, one->values[0].max, all_entered);
	ct_buf_puts(text, ": the peer has closed, and ");
	if (waiting == one->count) {
		ct_buf_puts(text, "no process has read anything of what it sent (not accepted "
				  "yet, or never read from)");
		return;
	}
	ct_buf_puts(text, "close() has not been called");
	if (waiting)
		ct_buf_printf(text,
			      "; from %llu of them no process has read anything (not accepted "
			      "yet, or never read from)",
			      (unsigned long long)waiting);
}

static void put_leak_remedy(const struct ct_case *one, struct ct_buf *text)
{
	if (one->values[5].sum == one->count) {
		ct_buf_puts(text,
			    "look whether the process still calls accept(), and reads what it "
			    "accepts to the end: it may hang, or be too slow (ss -tln has the "
			    "length of the queue in Recv-Q)");
		return;
	}
	ct_buf_puts(text,
		    "call close() when read() returns 0, and on each way out after an error: no "
		    "time-out of the kernel ends CLOSE_WAIT");
	if (one->values[4].min == QUIET_UNKNOWN && one->values[1].sum &&
	    one->examples[0].id.owner == CT_OWNER_INHERITED)
		ct_buf_puts(text, "; whether all of them have been accepted is not known");
}

static bool is_leak(const struct ct_case *one, const struct ct_doctor_facts *facts,
		    struct ct_finding *finding)
{
	uint64_t entered = one->values[2].sum, quiet_ns = one->values[3].max;

	if (one->count < SEVERAL && quiet_ns < OLD_NS)
		return false;
	finding->severity = is_dangerous(one) ? CT_SEVERITY_CRIT : CT_SEVERITY_WARN;
	/* a half-closed connection on which an answer is still sent looks the same */
	finding->confidence = quiet_ns >= OLD_NS && one->values[4].min == QUIET
				      ? CT_CONFIDENCE_HIGH
				      : CT_CONFIDENCE_MEDIUM;
	finding->is_of_owner = true;
	put_leaked(one, facts, finding);
	ct_finder_put_unheld(&finding->summary, finding);
	ct_finding_number(finding, entered == one->count ? "oldest_ns" : "oldest_at_least_ns",
			  one->values[0].max);
	ct_finding_number(finding, "entered_while_watched", entered);
	ct_finding_number(finding, "unread_at_fin_bytes", one->values[1].sum);
	if (one->values[4].min != QUIET_UNKNOWN)
		ct_finding_number(finding, "silent_at_least_ns", one->values[3].min);
	ct_finder_put_ss(facts, &finding->confirm, "close-wait", one);
	put_leak_remedy(one, &finding->remedy);
	return true;
}

const struct ct_finder ct_find_close_wait_leak = {
	.id = "close-wait-leak",
	.by = CT_CASE_BY_OWNER,
	.takes_ns = OLD_NS,
	.matches = is_close_wait,
	.concludes = is_leak,
};

/* values: for how long; 1 if in FIN_WAIT1; 1 if it was seen to enter the state */
static bool is_fin_wait(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint64_t for_ns, quiet_ns;
	bool exact;

	if (ct_finder_stands_in(conn, CT_STATE_FIN_WAIT1, now_ns, &for_ns, &exact)) {
		if (for_ns < FIN_AGAIN_NS || !is_tried_again(conn, now_ns, for_ns))
			return false;
		*ret = (struct ct_symptom){for_ns, {for_ns, 1, exact}};
		return true;
	}
	/* an orphan's end comes by itself: net.ipv4.tcp_fin_timeout */
	if (!ct_finder_stands_in(conn, CT_STATE_FIN_WAIT2, now_ns, &for_ns, &exact) ||
	    conn->sock_flags & CT_SOCK_ORPHAN)
		return false;
	/* who half closed may still be receiving */
	(void)is_known_quiet(conn, now_ns, for_ns, &quiet_ns);
	if (quiet_ns < CT_MINUTE_NS)
		return false;
	*ret = (struct ct_symptom){for_ns, {for_ns, 0, exact}};
	return true;
}

static bool is_fin_wait_stuck(const struct ct_case *one, const struct ct_doctor_facts *facts,
			      struct ct_finding *finding)
{
	bool all_unacked = one->values[1].sum == one->count;
	struct ct_buf *text = &finding->summary;

	finding->severity = CT_SEVERITY_WARN;
	/* and may wait for an answer, as long as he likes */
	finding->confidence = all_unacked ? CT_CONFIDENCE_HIGH : CT_CONFIDENCE_MEDIUM;
	finding->is_of_owner = true;
	(void)ct_finder_put_doer(facts, text, finding, &has);
	ct_buf_puts(text, all_unacked	       ? " in FIN_WAIT1, the longest "
			  : one->values[1].sum ? " in FIN_WAIT1 or FIN_WAIT2, the longest "
					       : " in FIN_WAIT2, the longest ");
	ct_finder_put_time(facts, text, one->values[0].max, one->values[2].sum == one->count);
	ct_buf_puts(text, all_unacked ? ": the peer does not acknowledge our FIN"
				      : ": the peer has not closed its side");
	ct_finder_put_unheld(text, finding);
	ct_finding_number(finding, "fin_wait1", one->values[1].sum);
	ct_finding_number(finding, "fin_wait2", one->count - one->values[1].sum);
	ct_finding_number(finding, "longest_ns", one->values[0].max);
	ct_finder_put_ss(facts, &finding->confirm,
			 all_unacked	      ? "fin-wait-1"
			 : one->values[1].sum ? "fin-wait-1 state fin-wait-2"
					      : "fin-wait-2",
			 one);
	ct_buf_puts(&finding->remedy,
		    all_unacked
			    ? "the peer or what is between has gone, or it reads nothing: what was "
			      "written before close() is still to be delivered"
			    : "give the end of a half-closed connection a deadline and close() "
			      "then; on the peer, look for CLOSE_WAIT");
	return true;
}

const struct ct_finder ct_find_fin_wait_stuck = {
	.id = "fin-wait-stuck",
	.by = CT_CASE_BY_OWNER,
	.takes_ns = FIN_STREAK * CT_RTO_MAX_NS, /* in FIN_WAIT1; in FIN_WAIT2 less */
	.matches = is_fin_wait,
	.concludes = is_fin_wait_stuck,
};

/// Not by a look alone; and the FIN may stand behind what was tried before, and never have been
/// sent.
static bool is_sent_again(const struct ct_conn *conn, uint64_t now_ns, uint64_t for_ns)
{
	return ct_finder_was_sent_again(conn) &&
	       (!conn->tried_by_look || conn->rto_since_ns >= now_ns - for_ns);
}

/* values: for how long; time-outs in a row; 1 if it was seen to enter the state; 1 if the FIN was
 * seen to be sent again */
static bool is_fin_unanswered(const struct ct_conn *conn, uint8_t state, uint64_t now_ns,
			      struct ct_symptom *ret)
{
	uint64_t for_ns;
	bool exact;

	if (!ct_finder_stands_in(conn, state, now_ns, &for_ns, &exact) || for_ns < FIN_AGAIN_NS ||
	    !is_tried_again(conn, now_ns, for_ns))
		return false;
	*ret = (struct ct_symptom){
		for_ns,
		{for_ns, conn->rto_streak, exact, is_sent_again(conn, now_ns, for_ns)},
	};
	return true;
}

static bool is_in_last_ack(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	return is_fin_unanswered(conn, CT_STATE_LAST_ACK, now_ns, ret);
}

static bool is_in_closing(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	return is_fin_unanswered(conn, CT_STATE_CLOSING, now_ns, ret);
}

static bool conclude_unanswered(const struct ct_case *one, const struct ct_doctor_facts *facts,
				const char *state, const char *in_ss, struct ct_finding *finding)
{
	bool all_sent = one->values[3].min;

	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = all_sent ? CT_CONFIDENCE_HIGH : CT_CONFIDENCE_MEDIUM;
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary, " with ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_printf(&finding->summary, " in %s, the longest ", state);
	ct_finder_put_time(facts, &finding->summary, one->values[0].max,
			   one->values[2].sum == one->count);
	ct_buf_puts(&finding->summary, all_sent ? ": our FIN is sent again and not acknowledged"
						: ": our FIN is not acknowledged");
	ct_finding_number(finding, "longest_ns", one->values[0].max);
	ct_finding_number(finding, "most_timeouts", one->values[1].max);
	ct_finder_number_older(finding, one->count - one->values[2].sum);
	ct_finder_put_ss(facts, &finding->confirm, in_ss, one);
	ct_buf_puts(&finding->remedy,
		    "the peer or what is between has gone: look for a firewall that forgets "
		    "connections; net.ipv4.tcp_orphan_retries bounds the wait");
	return true;
}

static bool is_last_ack_stuck(const struct ct_case *one, const struct ct_doctor_facts *facts,
			      struct ct_finding *finding)
{
	return conclude_unanswered(one, facts, "LAST_ACK", "last-ack", finding);
}

static bool is_closing_stuck(const struct ct_case *one, const struct ct_doctor_facts *facts,
			     struct ct_finding *finding)
{
	return conclude_unanswered(one, facts, "CLOSING", "closing", finding);
}

const struct ct_finder ct_find_last_ack_stuck = {
	.id = "last-ack-stuck",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = FIN_STREAK * CT_RTO_MAX_NS,
	.matches = is_in_last_ack,
	.concludes = is_last_ack_stuck,
};

const struct ct_finder ct_find_closing_stuck = {
	.id = "closing-stuck",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = FIN_STREAK * CT_RTO_MAX_NS,
	.matches = is_in_closing,
	.concludes = is_closing_stuck,
};
