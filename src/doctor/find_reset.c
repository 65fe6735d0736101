// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Closes that throw data away: with SO_LINGER 0, with something unread (RFC 2525 2.17), or while
 * the peer still sends (RFC 1122 4.2.2.13). And connections used after the peer has closed them.
 */
#include "finder.h"

#include <inttypes.h>

#include "conntrace/sink_words.h"

/// A FIN that crosses the data on its way is no sign of a connection that was kept too long.
#define STALE_NS 100000000ULL

/* values: unread bytes; bytes queued and never acknowledged; 1 if no call closed it, but the end of
 * its process: a crash, a signal, exit()
 */
static bool is_sent_for(const struct ct_conn *conn, uint8_t cause, struct ct_symptom *ret)
{
	const struct ct_reset *reset = &conn->reset;

	if (reset->direction != CT_DIRECTION_SENT || reset->cause != cause)
		return false;
	*ret = (struct ct_symptom){
		(uint64_t)reset->unread + reset->unacked,
		{reset->unread, reset->unacked, conn->closed_how == CT_HOW_EXIT}};
	return true;
}

static bool is_by_linger0(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	(void)now_ns;
	return is_sent_for(conn, CT_RESET_CAUSE_LINGER0, ret);
}

/*
 * values: as of is_sent_for(); at 3, 1 if the peer's FIN had come; 1 if it had, and nothing was
 * sent behind it, nor was on its way
 *
 * By its FIN a peer that has closed, and is told nothing, and one that has half closed, and reads
 * on, look the same. A service that has answered seldom reads on; who asks does, for the answer.
 */
static bool is_by_unread_data(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint32_t behind = ct_finder_sent_behind_fin(conn);

	(void)now_ns;
	if (!is_sent_for(conn, CT_RESET_CAUSE_UNREAD_DATA, ret))
		return false;
	if (!conn->fin_received)
		return true;
	/* what is unread ends an answer, as TLS's close_notify does, and ours may answer that */
	if (ct_finder_asks(&conn->id) && conn->reset.unacked <= behind)
		return false;
	ret->values[3] = 1;
	ret->values[4] = !behind && !conn->reset.unacked;
	return true;
}

/**
 * How long behind our FIN data may come that was sent before the peer knew of it: one round trip.
 * What comes later answers it, as TLS does with its close_notify, or comes from a peer that has not
 * noticed: stale-pool-reuse there.
 */
static uint64_t under_way_ns(const struct ct_conn *conn)
{
	uint64_t rtt_ns = (uint64_t)conn->counters.min_rtt_us * 1000;

	if (!conn->counted || !rtt_ns || rtt_ns > STALE_NS)
		return STALE_NS;
	return rtt_ns;
}

/* values: as above; from our FIN to the reset */
static bool is_by_late_data(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *fin = ct_finder_step(conn, CT_STATE_FIN_WAIT1);
	const struct ct_mark *reset = ct_finder_mark(conn, CT_FLAG_RST_SENT);

	(void)now_ns;
	if (!fin || fin->at_ns == CT_NS_UNKNOWN || !reset ||
	    reset->at_ns >= fin->at_ns + under_way_ns(conn) ||
	    !is_sent_for(conn, CT_RESET_CAUSE_DATA_TO_CLOSED, ret))
		return false;
	ret->values[3] = reset->at_ns > fin->at_ns ? reset->at_ns - fin->at_ns : 0;
	return true;
}

static const struct ct_deed closed = {" closed ", " was closed", " were closed"};
static const struct ct_deed ended = {" ended with ", " was closed by the end of its process",
				     " were closed by the end of their process"};

/// "nginx[12] closed 3 connections WHY", "nginx[12] ended with 3 connections open, WHY"
static void put_closer(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       const char *why, struct ct_finding *finding)
{
	uint64_t by_end = one->values[2].sum;
	bool have_ended = by_end == one->count, is_doer;

	finding->is_of_owner = true;
	is_doer = ct_finder_put_doer(facts, &finding->summary, finding,
				     have_ended ? &ended : &closed);
	if (have_ended)
		ct_buf_puts(&finding->summary, is_doer ? " open," : ",");
	else if (by_end)
		ct_buf_printf(&finding->summary, " (%" PRIu64 " of them by the end of the process)",
			      by_end);
	ct_buf_puts(&finding->summary, why);
	if (by_end)
		ct_finding_number(finding, "closed_by_exit", by_end);
}

/// How to close helps those that do.
static void put_remedy(const struct ct_case *one, const char *remedy, struct ct_buf *buf)
{
	uint64_t by_end = one->values[2].sum;

	if (by_end < one->count)
		ct_buf_puts(buf, remedy);
	if (by_end && by_end < one->count)
		ct_buf_puts(buf, "; and ");
	if (by_end)
		ct_buf_puts(buf, "look into why the process ended: journalctl and dmesg tell of a "
				 "crash, of the OOM killer and of a restart");
}

static void put_evidence(const struct ct_case *one, struct ct_finding *finding)
{
	ct_finding_number(finding, "unread_bytes", one->values[0].sum);
	ct_finding_number(finding, "unacknowledged_bytes", one->values[1].sum);
}

/// What is not acknowledged may have come all the same, and even have been read: only the ACK is
/// missing then.
static void put_lost(const struct ct_case *one, struct ct_finding *finding)
{
	uint64_t unread = one->values[0].sum, unacked = one->values[1].sum;

	if (unread) {
		ct_words_bytes(&finding->summary, unread);
		ct_buf_puts(&finding->summary, " unread were thrown away");
	} else {
		finding->confidence = CT_CONFIDENCE_MEDIUM;
	}
	if (!unacked)
		return;
	ct_buf_puts(&finding->summary, unread ? ", with " : "with ");
	ct_words_bytes(&finding->summary, unacked);
	ct_buf_puts(&finding->summary, " not acknowledged, which the peer may not have");
}

static bool is_linger0(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	bool lost = one->values[0].sum || one->values[1].sum;

	finding->severity = lost ? CT_SEVERITY_WARN : CT_SEVERITY_NOTE;
	finding->confidence = CT_CONFIDENCE_HIGH;
	put_closer(one, facts,
		   one->values[2].sum == one->count ? " which SO_LINGER 0 made a reset: "
						    : " with SO_LINGER 0: by a reset, ",
		   finding);
	if (lost)
		put_lost(one, finding);
	else
		ct_buf_puts(&finding->summary,
			    "with nothing unread, and nothing unacknowledged, on its side");
	put_evidence(one, finding);
	ct_finder_put_events(one, facts, "rst-sent", finding);
	put_remedy(one,
		   "leave SO_LINGER alone, or set it only to abort: it keeps TIME_WAIT away by "
		   "telling the peer that the exchange has failed",
		   &finding->remedy);
	return true;
}

/// Whom the reset tells what, as far as that is known.
static void put_told(const struct ct_case *one, struct ct_finding *finding)
{
	static const char told[] = " is told `connection reset by peer`, and may lose the answer "
				   "that was sent before";
	uint64_t half = one->values[3].sum, quiet = one->values[4].sum;

	ct_buf_puts(&finding->summary, " unread");
	if (half < one->count) {
		ct_buf_printf(&finding->summary, ": the peer%s", told);
		if (half)
			ct_buf_printf(&finding->summary,
				      "; on %" PRIu64 " of them its FIN had come, and it is told "
				      "only if it had half closed",
				      half);
		return;
	}
	finding->severity = quiet == half ? CT_SEVERITY_NOTE : CT_SEVERITY_WARN;
	finding->confidence = quiet == half ? CT_CONFIDENCE_LOW : CT_CONFIDENCE_MEDIUM;
	ct_buf_printf(&finding->summary,
		      " when the peer's FIN had come: one that has only half closed, and still "
		      "reads,%s; one that has closed loses nothing",
		      told);
}

static bool is_unread(const struct ct_case *one, const struct ct_doctor_facts *facts,
		      struct ct_finding *finding)
{
	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_HIGH;
	put_closer(one, facts, " with ", finding);
	ct_words_bytes(&finding->summary, one->values[0].sum);
	put_told(one, finding);
	put_evidence(one, finding);
	ct_finder_put_events(one, facts, "rst-sent", finding);
	put_remedy(one,
		   "shutdown(SHUT_WR), then read until read() returns 0 or a deadline has passed, "
		   "then close()",
		   &finding->remedy);
	return true;
}

static bool is_late_data(const struct ct_case *one, const struct ct_doctor_facts *facts,
			 struct ct_finding *finding)
{
	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_MEDIUM; /* round trips differ */
	put_closer(one, facts,
		   " while the peer was still sending: what came then was answered with a reset "
		   "and is lost",
		   finding);
	ct_finding_number(finding, "reset_behind_fin_at_most_ns", one->values[3].max);
	ct_finder_put_events(one, facts, "rst-sent", finding);
	put_remedy(one,
		   "close what the peer still sends on only when it has said that it is done: "
		   "shutdown(SHUT_WR), read until read() returns 0, then close()",
		   &finding->remedy);
	return true;
}

const struct ct_finder ct_find_linger0_reset = {
	.id = "linger0-reset",
	.by = CT_CASE_BY_OWNER,
	.matches = is_by_linger0,
	.concludes = is_linger0,
};

const struct ct_finder ct_find_unread_data_reset = {
	.id = "unread-data-reset",
	.by = CT_CASE_BY_OWNER,
	.matches = is_by_unread_data,
	.concludes = is_unread,
};

const struct ct_finder ct_find_nonstandard_close = {
	.id = "nonstandard-close",
	.by = CT_CASE_BY_OWNER,
	.matches = is_by_late_data,
	.concludes = is_late_data,
};

/// TLS's close_notify has no more, with the padding and the authentication of any of its ciphers:
/// RFC 5246 6.2.3, RFC 8446 5.2. Of less nobody can tell that it was no goodbye.
#define GOODBYE_BYTES_MAX 96

/*
 * values: how long the FIN had been there; bytes sent behind it; 1 if they may be a goodbye
 *
 * Who asks in vain reads the end of file at once, as who says goodbye knows it: both have closed
 * when the reset comes from afar. From nearby it comes first. How much was sent tells them apart.
 */
static bool was_stale(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *step = ct_finder_step(conn, CT_STATE_CLOSE_WAIT);
	const struct ct_step *last = ct_history_last(&conn->history);
	uint32_t bytes = ct_finder_sent_behind_fin(conn);

	(void)now_ns;
	if (last && last->state == CT_STATE_LAST_ACK && bytes <= GOODBYE_BYTES_MAX)
		return false;
	if (!ct_finder_asks(&conn->id) || !step || step->basis != CT_BASIS_SEEN ||
	    step->for_ns == CT_NS_UNKNOWN || step->for_ns < STALE_NS ||
	    conn->reset.direction != CT_DIRECTION_RECEIVED || !bytes)
		return false;
	*ret = (struct ct_symptom){step->for_ns, {step->for_ns, bytes, bytes <= GOODBYE_BYTES_MAX}};
	return true;
}

/// No proof against one that lets go of them as it should.
static void put_goodbye(const struct ct_case *one, struct ct_finding *finding)
{
	if (one->values[2].sum < one->count)
		return;
	finding->severity = CT_SEVERITY_NOTE;
	finding->confidence = CT_CONFIDENCE_LOW;
	ct_buf_puts(&finding->summary, "; so little may have been a goodbye, as of TLS, which "
				       "nobody misses");
}

static bool is_stale_reuse(const struct ct_case *one, const struct ct_doctor_facts *facts,
			   struct ct_finding *finding)
{
	finding->severity = CT_SEVERITY_WARN;
	/* the peer may have half closed on purpose, and given up later */
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	finding->is_of_owner = true;
	ct_finder_put_owner(facts, &finding->summary, &finding->culprit);
	ct_buf_puts(&finding->summary, " sent on ");
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary, " that the peer had closed up to ");
	ct_words_duration(facts->options, &finding->summary, one->values[0].max);
	ct_buf_puts(&finding->summary, " before, and was answered with a reset");
	put_goodbye(one, finding);
	ct_finding_number(finding, "closed_before_ns", one->values[0].max);
	ct_finding_number(finding, "bytes_sent_after_fin", one->values[1].sum);
	ct_finder_put_events(one, facts, "half-close-remote", finding);
	ct_buf_puts(&finding->remedy,
		    "before a pooled connection is used, look whether it is readable: one that is, "
		    "and idle, has been closed; keep idle ones for less time than the server does");
	return true;
}

const struct ct_finder ct_find_stale_pool_reuse = {
	.id = "stale-pool-reuse",
	.by = CT_CASE_BY_OWNER,
	.takes_ns = STALE_NS,
	.matches = was_stale,
	.concludes = is_stale_reuse,
};
