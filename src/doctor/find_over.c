// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What stood for long and is over: a recording of trouble is often stopped when that has gone. The
 * same trouble that lasts is in find_stuck.c, under the same names.
 */
#include "conntrace/names.h"
#include "conntrace/sink_words.h"
#include "finder.h"

/// From so many on it is no accident of one connection.
#define SEVERAL 3

/// Time-outs of a FIN that say that nothing came back.
#define FIN_STREAK 2

/// The last state of one that is gone, if it is known for how long it was there.
static const struct ct_step *last_step(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	if (conn->phase == CT_PHASE_LIVE || !last || last->for_ns == CT_NS_UNKNOWN)
		return NULL;
	return last;
}

/* values: for how long; 1 if it was the end of the process that ended it */
static bool was_close_wait(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *step = ct_finder_step(conn, CT_STATE_CLOSE_WAIT);

	(void)now_ns;
	if (conn->phase == CT_PHASE_LIVE || !step || step->at_ns == CT_NS_UNKNOWN ||
	    step->for_ns == CT_NS_UNKNOWN || step->for_ns < CT_MINUTE_NS ||
	    ct_finder_sent_behind_fin(conn))
		return false;
	*ret = (struct ct_symptom){
		step->for_ns,
		{step->for_ns, conn->closed_how == CT_HOW_EXIT},
	};
	return true;
}

static const struct ct_deed left = {" left ", " was left", " were left"};

static bool was_leak(const struct ct_case *one, const struct ct_doctor_facts *facts,
		     struct ct_finding *finding)
{
	uint64_t exits = one->values[1].sum;
	struct ct_buf *text = &finding->summary;

	/* a pool that looks at its connections at their next use leaves some so for long */
	finding->severity = one->count < SEVERAL || ct_finder_asks(&one->examples[0].id)
				    ? CT_SEVERITY_NOTE
				    : CT_SEVERITY_WARN;
	/* it may have worked on something that it never had to answer */
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	finding->is_of_owner = true;
	(void)ct_finder_put_doer(facts, text, finding, &left);
	ct_buf_puts(text, " in CLOSE_WAIT, the longest ");
	ct_finder_put_time(facts, text, one->values[0].max, true);
	ct_buf_puts(text, ": the peer had closed, and nothing was sent to it any more");
	ct_buf_puts(text, exits == one->count ? "; the end of the process ended it"
					      : "; by now that is over");
	ct_finding_number(finding, "longest_ns", one->values[0].max);
	ct_finding_number(finding, "ended_with_process", exits);
	ct_finder_put_events(one, facts, "close-wait-stuck", finding);
	ct_buf_puts(&finding->remedy,
		    "call close() when read() returns 0, and on each way out after an error: no "
		    "time-out of the kernel ends CLOSE_WAIT");
	if (one->culprits.inherited)
		ct_buf_puts(&finding->remedy, "; whether all of them were accepted is not known: "
					      "look whether accept() was still called");
	return true;
}

const struct ct_finder ct_find_close_wait_over = {
	.id = "close-wait-leak",
	.by = CT_CASE_BY_OWNER,
	.matches = was_close_wait,
	.concludes = was_leak,
};

/* values: for how long; time-outs in a row; 1 if older than the trace */
static bool was_given_up(const struct ct_conn *conn, uint8_t state, struct ct_symptom *ret)
{
	const struct ct_step *last = last_step(conn);

	if (!last || last->state != state || conn->end != CT_END_TIMEOUT ||
	    conn->rto_streak < FIN_STREAK || !ct_finder_was_sent_again(conn))
		return false;
	*ret = (struct ct_symptom){
		last->for_ns,
		{last->for_ns, conn->rto_streak, ct_conn_was_met_late(conn)},
	};
	return true;
}

static bool were_given_up(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  uint8_t state, struct ct_finding *finding)
{
	struct ct_buf *text = &finding->summary;

	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_HIGH;
	ct_words_count(text, one->count, "connection");
	ct_buf_puts(text, " with ");
	ct_finder_put_service(text, &finding->culprit);
	ct_buf_printf(text, " ended in %s: our FIN, or what was before it, was sent again and not ",
		      ct_state_name(state));
	ct_buf_puts(text, "acknowledged; the kernel gave up, at the latest after ");
	ct_words_duration(facts->options, text, one->values[0].max);
	ct_finding_number(finding, "given_up", one->count);
	ct_finding_number(finding, "longest_ns", one->values[0].max);
	ct_finding_number(finding, "most_timeouts", one->values[1].max);
	ct_finder_number_older(finding, one->values[2].sum);
	ct_finder_put_events(one, facts, "timeout", finding);
	ct_buf_puts(&finding->remedy,
		    "the peer or what is between had gone: look for a host that crashed, or a "
		    "firewall that forgets connections; what was sent before the FIN may be lost");
	return true;
}

static bool was_given_up_in_fin_wait1(const struct ct_conn *conn, uint64_t now_ns,
				      struct ct_symptom *ret)
{
	(void)now_ns;
	return was_given_up(conn, CT_STATE_FIN_WAIT1, ret);
}

static bool was_given_up_in_last_ack(const struct ct_conn *conn, uint64_t now_ns,
				     struct ct_symptom *ret)
{
	(void)now_ns;
	return was_given_up(conn, CT_STATE_LAST_ACK, ret);
}

static bool was_given_up_in_closing(const struct ct_conn *conn, uint64_t now_ns,
				    struct ct_symptom *ret)
{
	(void)now_ns;
	return was_given_up(conn, CT_STATE_CLOSING, ret);
}

static bool were_fin_wait1(const struct ct_case *one, const struct ct_doctor_facts *facts,
			   struct ct_finding *finding)
{
	return were_given_up(one, facts, CT_STATE_FIN_WAIT1, finding);
}

static bool were_last_ack(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  struct ct_finding *finding)
{
	return were_given_up(one, facts, CT_STATE_LAST_ACK, finding);
}

static bool were_closing(const struct ct_case *one, const struct ct_doctor_facts *facts,
			 struct ct_finding *finding)
{
	return were_given_up(one, facts, CT_STATE_CLOSING, finding);
}

const struct ct_finder ct_find_fin_wait_over = {
	.id = "fin-wait-stuck",
	.by = CT_CASE_BY_SERVICE,
	.matches = was_given_up_in_fin_wait1,
	.concludes = were_fin_wait1,
};

const struct ct_finder ct_find_last_ack_over = {
	.id = "last-ack-stuck",
	.by = CT_CASE_BY_SERVICE,
	.matches = was_given_up_in_last_ack,
	.concludes = were_last_ack,
};

const struct ct_finder ct_find_closing_over = {
	.id = "closing-stuck",
	.by = CT_CASE_BY_SERVICE,
	.matches = was_given_up_in_closing,
	.concludes = were_closing,
};
