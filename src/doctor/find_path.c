// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Peers that do not answer, turn us away, or have gone. */
#include "finder.h"

#include <errno.h>

#include "conntrace/sink_words.h"

/// TCP_RTO_MIN, and how often it may be doubled before it is more than CT_RTO_MAX_NS:
/// tcp_model_timeout() in net/ipv4/tcp_timer.c.
#define RTO_MIN_NS (CT_SECOND_NS / 5)
#define RTO_LINEAR 9

#define MS_NS UINT64_C(1000000)

/// The answer to the last probe is told when the next is due: of two the first had none.
#define UNHEARD 2

#define NO_ANSWER "; neither an answer nor a refusal came"

/// Of another one than silence; what tcp_disconnect() leaves in a connect() that is given up is
/// none.
static bool has_other_error(const struct ct_conn *conn)
{
	return conn->sk_err && conn->sk_err != ETIMEDOUT && !ct_conn_was_given_up(conn);
}

/* values: for how long; SYNs sent again; 1 if it waits still; 1 if it is known since when; of those
 * SYNs those that left this host */
static bool is_syn_unanswered(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	bool waits = conn->phase == CT_PHASE_LIVE;
	uint32_t again = ct_conn_sent_again(conn);
	uint64_t for_ns;

	if (!ct_finder_never_connected(conn) || !again ||
	    conn->reset.direction == CT_DIRECTION_RECEIVED || has_other_error(conn))
		return false;
	for_ns = waits && last->at_ns < now_ns ? now_ns - last->at_ns : last->for_ns;
	if (for_ns == CT_NS_UNKNOWN)
		for_ns = 0;
	*ret = (struct ct_symptom){
		for_ns, {for_ns, again, waits, last->at_ns != CT_NS_UNKNOWN, conn->retransmits}};
	return true;
}

static void describe_syns(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  const char *verb, struct ct_finding *finding)
{
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_puts(&finding->summary, verb);
	ct_words_count(&finding->summary, one->count, "connect() call");
	ct_buf_puts(&finding->summary, " sent the SYN again, the longest waited ");
	ct_finder_put_time(facts, &finding->summary, one->values[0].max,
			   one->values[3].sum == one->count);
	ct_finding_number(finding, "syns_sent_again", one->values[1].sum);
	ct_finding_number(finding, "longest_ns", one->values[0].max);
	ct_finding_number(finding, "still_waiting", one->values[2].sum);
	ct_finder_number_older(finding, one->count - one->values[3].sum);
}

static void put_ss_of_those(const struct ct_case *one, const struct ct_doctor_facts *facts,
			    struct ct_finding *finding)
{
	ct_finder_put_ss(facts, &finding->confirm, one->values[2].sum ? "syn-sent" : NULL, one);
}

/// The listener is here, and had no room: it is not that nobody answers.
static void put_no_room(const struct ct_case *one, const struct ct_doctor_facts *facts,
			struct ct_finding *finding)
{
	finding->confidence = CT_CONFIDENCE_MEDIUM; /* a firewall here would look the same */
	describe_syns(one, facts, " had no room: ", finding);
	ct_buf_puts(&finding->summary,
		    "; the accept queue at that port was seen full, and then "
		    "the kernel drops a SYN without a word, see accept-overflow");
	ct_finder_put_ss_listener(facts, &finding->confirm, one, finding->culprit.rport);
	ct_buf_puts(&finding->remedy, CT_FINDER_ACCEPT_FASTER);
}

/// It has answered others, or its listener is here: a firewall is not the first thing to think of.
static void put_doubt(const struct ct_case *one, const struct ct_doctor_facts *facts,
		      const struct ct_service_seen *seen, struct ct_finding *finding)
{
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	describe_syns(one, facts,
		      seen->answered ? " does not answer all: " : " does not answer: ", finding);
	ct_finding_number(finding, "answered_others", seen->answered);
	if (seen->answered)
		ct_service_put_others(&finding->summary, seen);
	else
		ct_buf_puts(&finding->summary, NO_ANSWER);
	if (!seen->has_listener) {
		put_ss_of_those(one, facts, finding);
		ct_buf_puts(&finding->remedy,
			    "look for a listener whose accept queue is full there, a limit on new "
			    "connections or segments that are lost on the way; then for a firewall "
			    "that drops, a wrong route or a host that is down at times");
		return;
	}
	ct_buf_puts(&finding->summary,
		    ", and a listener was seen at that port on this host: when its accept queue is "
		    "full the kernel drops a SYN without a word");
	ct_finder_put_ss_listener(facts, &finding->confirm, one, finding->culprit.rport);
	ct_buf_puts(&finding->remedy,
		    CT_FINDER_ACCEPT_FASTER "; if it is not, look for a firewall that drops");
}

static void put_silence(const struct ct_case *one, const struct ct_doctor_facts *facts,
			bool is_all_known, struct ct_finding *finding)
{
	finding->confidence = is_all_known ? CT_CONFIDENCE_HIGH : CT_CONFIDENCE_MEDIUM;
	describe_syns(one, facts, " does not answer: ", finding);
	ct_buf_puts(&finding->summary, NO_ANSWER);
	put_ss_of_those(one, facts, finding);
	ct_buf_puts(&finding->remedy,
		    "look for a firewall that drops, a wrong route, a host that is down, or a "
		    "listener whose accept queue is full there");
}

static bool is_dropped(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	const struct ct_conn_id *id = &finding->culprit;
	const struct ct_service_seen seen = ct_services_of(facts->services, id);

	finding->severity = CT_SEVERITY_WARN;
	if (ct_finder_is_within_host(id) && ct_full_find_asked(facts->full, id))
		put_no_room(one, facts, finding);
	else if (seen.answered || seen.has_listener)
		put_doubt(one, facts, &seen, finding);
	else
		put_silence(one, facts, !seen.is_unknown, finding);
	return true;
}

const struct ct_finder ct_find_syn_unanswered = {
	.id = "syn-unanswered",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = CT_RTO_MAX_NS,
	.matches = is_syn_unanswered,
	.concludes = is_dropped,
};

static bool was_refused(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	(void)now_ns;
	(void)ret;
	return conn->end == CT_END_REFUSED;
}

static bool is_refusing(const struct ct_case *one, const struct ct_doctor_facts *facts,
			struct ct_finding *finding)
{
	const struct ct_conn_id *id = &finding->culprit;
	bool is_here = ct_finder_is_within_host(id);

	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_HIGH;
	ct_finder_put_service(&finding->summary, id);
	ct_buf_puts(&finding->summary, " refused ");
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary,
		    ": a reset was the answer, nothing listens there or something rejects it");
	ct_finding_number(finding, "refused", one->count);
	if (is_here)
		ct_finder_put_ss_listener(facts, &finding->confirm, one, id->rport);
	else
		ct_buf_printf(&finding->confirm, "ss -tln 'sport = :%u'", id->rport);
	ct_buf_printf(
		&finding->remedy,
		"start what should listen there%s, or look for a firewall that answers with a "
		"reset",
		is_here ? "" : " (the command is to be run on that host)");
	return true;
}

const struct ct_finder ct_find_refused = {
	.id = "refused",
	.by = CT_CASE_BY_SERVICE,
	.matches = was_refused,
	.concludes = is_refusing,
};

/// Its own finders are about those that close.
static bool is_closing(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	return last && (last->state == CT_STATE_FIN_WAIT1 || last->state == CT_STATE_CLOSING ||
			last->state == CT_STATE_LAST_ACK);
}

/// TCP_USER_TIMEOUT, as was told last; 0: it is not set, or that is not known.
static uint64_t user_timeout_ns(const struct ct_conn *conn)
{
	return conn->options_known ? conn->options.user_timeout_ms * MS_NS : 0;
}

/* values: since the first of them; time-outs in a row; 1 if the kernel has given up; 1 if older; 1
 * if TCP_USER_TIMEOUT is set; to what; 1 if one was seen to be sent; the last of them that were not
 */
static bool is_unheard(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	bool died = conn->phase == CT_PHASE_CLOSED && conn->sk_err == ETIMEDOUT;
	uint64_t until_ns = died ? conn->closed_ns : now_ns, for_ns;
	uint64_t timeout_ns = user_timeout_ns(conn);
	bool is_sent = ct_finder_was_sent_again(conn);

	if (ct_finder_never_connected(conn) || is_closing(conn) || conn->keepalive_dead ||
	    conn->rto_streak < CT_FINDER_STREAK || !(died || conn->phase == CT_PHASE_LIVE) ||
	    !ct_finder_goes_on(conn, until_ns) || ct_finder_is_held_back(conn, until_ns))
		return false;
	for_ns = ct_finder_tried_ns(conn, until_ns);
	*ret = (struct ct_symptom){for_ns,
				   {for_ns, conn->rto_streak, died, ct_conn_was_met_late(conn),
				    timeout_ns != 0, timeout_ns, is_sent, conn->unsent}};
	return true;
}

/**
 * The kernel gives up at the first time-out that comes so long behind the first of the segment, or
 * later: what as many would take that begin at RTO_MIN_NS and double, tcp_retries2 in
 * Documentation/networking/ip-sysctl.rst.
 *
 * @return 0: not known.
 */
static uint64_t gives_up_ns(const struct ct_doctor_facts *facts, const struct ct_conn_id *id)
{
	uint64_t retries = facts->session->retries2, doubled;

	if (!retries || retries > UINT8_MAX || !facts->session->netns ||
	    facts->session->netns != id->netns) /* a recording may hold any number */
		return 0;
	doubled = retries < RTO_LINEAR ? retries : RTO_LINEAR;
	return ((UINT64_C(2) << doubled) - 1) * RTO_MIN_NS + (retries - doubled) * CT_RTO_MAX_NS;
}

static void put_user_timeout(const struct ct_case *one, const struct ct_doctor_facts *facts,
			     struct ct_finding *finding)
{
	const struct ct_sum *timeouts = &one->values[5];
	uint64_t n = one->values[4].sum;
	struct ct_buf *text = &finding->remedy;

	ct_finding_number(finding, "with_user_timeout", n);
	ct_finding_number(finding, "user_timeout_ns", timeouts->max);
	ct_buf_puts(text, "TCP_USER_TIMEOUT of ");
	if (timeouts->min != timeouts->max)
		ct_buf_puts(text, "at most ");
	ct_words_duration(facts->options, text, timeouts->max);
	if (n == one->count)
		ct_buf_puts(text, " is set: the kernel gives up then");
	else
		ct_buf_printf(text,
			      " is set on %llu of them: those the kernel gives up then, the "
			      "others ",
			      (unsigned long long)n);
}

static void put_retries(const struct ct_doctor_facts *facts, struct ct_finding *finding)
{
	uint64_t after_ns = gives_up_ns(facts, &finding->culprit);
	struct ct_buf *text = &finding->remedy;

	if (after_ns) {
		ct_finding_number(finding, "tcp_retries2", facts->session->retries2);
		ct_finding_number(finding, "gives_up_after_ns", after_ns);
		ct_buf_puts(text, "at the first time-out that comes ");
		ct_words_duration(facts->options, text, after_ns);
		ct_buf_printf(text,
			      " or more behind the first (net.ipv4.tcp_retries2 is %llu, and "
			      "tcp_rto_max_ms taken to be as it is by default)",
			      (unsigned long long)facts->session->retries2);
	} else {
		ct_buf_puts(text, "after net.ipv4.tcp_retries2 time-outs (by default 15, a "
				  "quarter of an hour and more; what is set there is not known)");
	}
	ct_buf_puts(text, ", with TCP_USER_TIMEOUT after as many milliseconds as the application "
			  "wants to wait");
}

/// What timed out need not have left this host.
static void put_way_out(const struct ct_case *one, struct ct_buf *text)
{
	ct_buf_puts(text, ", or this host does not let it out (ip route get ");
	ct_finder_put_remote(text, &one->examples[0].id);
	ct_buf_puts(text, ", nft list ruleset)");
}

static void put_giving_up(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  struct ct_finding *finding)
{
	ct_buf_puts(&finding->remedy, "the peer or the way to it is gone");
	if (!one->values[6].min || one->values[7].sum)
		put_way_out(one, &finding->remedy);
	ct_buf_puts(&finding->remedy, "; ");
	if (one->values[4].sum)
		put_user_timeout(one, facts, finding);
	else
		ct_buf_puts(&finding->remedy, "the kernel gives up ");
	/* it is TCP_USER_TIMEOUT alone that decides where it is set: retransmits_timed_out() */
	if (one->values[4].sum != one->count)
		put_retries(facts, finding);
}

static bool is_hang(const struct ct_case *one, const struct ct_doctor_facts *facts,
		    struct ct_finding *finding)
{
	/* one client of many that goes without a word is the server's everyday life */
	finding->severity = ct_finder_asks(&finding->culprit) ? CT_SEVERITY_CRIT : CT_SEVERITY_WARN;
	/* the answer to the last may have come since */
	finding->confidence = one->values[2].sum ? CT_CONFIDENCE_HIGH : CT_CONFIDENCE_MEDIUM;
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary, " with ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_puts(&finding->summary, one->values[6].min
					       ? ": the same segment is sent again and again, "
					       : ": the same segment times out again and again, ");
	ct_finder_put_time(facts, &finding->summary, one->values[0].max, false);
	ct_buf_puts(&finding->summary, ", and nothing acknowledges it");
	ct_finding_number(finding, "unanswered_ns", one->values[0].max);
	ct_finding_number(finding, "timeouts_in_a_row", one->values[1].max);
	if (one->values[7].sum)
		ct_finding_number(finding, "last_of_them_unsent", one->values[7].max);
	ct_finding_number(finding, "given_up", one->values[2].sum);
	ct_finder_number_older(finding, one->values[3].sum);
	ct_finder_put_ss(facts, &finding->confirm, NULL, one);
	put_giving_up(one, facts, finding);
	return true;
}

const struct ct_finder ct_find_dead_peer_hang = {
	.id = "dead-peer-hang",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = CT_FINDER_STREAK * CT_RTO_MAX_NS,
	.matches = is_unheard,
	.concludes = is_hang,
};

/// Its last probes had no answer; that to the very last one may be on its way.
static bool is_unheard_of(const struct ct_conn *conn, uint64_t now_ns)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	uint64_t since_ns = conn->rto_since_ns, last_ns = conn->rto_last_ns, gap_ns;

	if (conn->phase != CT_PHASE_LIVE || conn->unheard < UNHEARD || !last || last_ns < since_ns)
		return false;
	/* a segment took it there since */
	if (last->at_ns != CT_NS_UNKNOWN && last->at_ns > since_ns)
		return false;
	gap_ns = (last_ns - since_ns) / (conn->unheard - 1);
	return now_ns <= last_ns + 2 * gap_ns;
}

/* values: probes sent; 1 if it has died of them; 1 if older than the trace; of one that lives those
 * in a row that had no answer */
static bool is_ghost(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	bool died = conn->keepalive_dead;

	if (!died && !is_unheard_of(conn, now_ns))
		return false;
	*ret = (struct ct_symptom){
		conn->keepalives_sent,
		{conn->keepalives_sent, died, ct_conn_was_met_late(conn), died ? 0 : conn->unheard},
	};
	return true;
}

static void put_fate(const struct ct_case *one, struct ct_buf *text)
{
	uint64_t died = one->values[1].sum;

	if (died == one->count) {
		ct_buf_puts(text, " died of keepalive: the peer had gone without a word, and no "
				  "probe was answered any more");
		return;
	}
	if (died)
		ct_buf_printf(text, ": %llu died of keepalive, and of the others",
			      (unsigned long long)died);
	else
		ct_buf_putc(text, ':');
	ct_buf_printf(text,
		      " the last keepalive probes, up to %llu in a row, were not answered: the "
		      "peer has gone without a word, or the way to it",
		      (unsigned long long)one->values[3].max);
}

/// What has died leaves no trace in ss: the tracer itself confirms it.
static void put_ghosts(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	const struct ct_conn_id *id = &finding->culprit;

	if (one->values[1].sum < one->count) {
		ct_finder_put_ss(facts, &finding->confirm, NULL, one);
		return;
	}
	ct_finder_put_tracer(facts, finding);
	ct_buf_printf(&finding->confirm, " -P %u --flag keepalive-dead",
		      ct_finder_asks(id) ? id->rport : id->lport);
}

static bool is_haunted(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	finding->severity = CT_SEVERITY_WARN;
	/* the answer to the last may have come since */
	finding->confidence = one->values[1].sum ? CT_CONFIDENCE_HIGH : CT_CONFIDENCE_MEDIUM;
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary, " with ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	put_fate(one, &finding->summary);
	ct_finding_number(finding, "probes_sent", one->values[0].sum);
	ct_finding_number(finding, "died", one->values[1].sum);
	if (one->values[3].max)
		ct_finding_number(finding, "unanswered_in_a_row", one->values[3].max);
	ct_finder_number_older(finding, one->values[2].sum);
	put_ghosts(one, facts, finding);
	ct_buf_puts(
		&finding->remedy,
		"look for a host that crashed, or a NAT or firewall that forgets idle connections: "
		"a keepalive time below its limit keeps them alive");
	if (!one->values[0].min)
		put_way_out(one, &finding->remedy);
	return true;
}

const struct ct_finder ct_find_half_open_ghost = {
	.id = "half-open-ghost",
	.by = CT_CASE_BY_SERVICE,
	.matches = is_ghost,
	.concludes = is_haunted,
};
