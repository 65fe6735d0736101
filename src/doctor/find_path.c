// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Peers that do not answer, turn us away, have gone, or read too slowly. */
#include "finder.h"

#include <errno.h>

#include "conntrace/sink_words.h"

/// tcp_retries2: 15 time-outs, 13 to 30 minutes until the kernel gives up, RFC 1122 4.2.3.5.
#define RTO_STREAK 3

/// A window is closed for a moment in many a bulk transfer: the probes of one stall, or of a life
/// where its stalls are not told apart.
#define PROBES 3

static bool was_never_established(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	return conn->id.role == CT_ROLE_ACTIVE && last && last->state == CT_STATE_SYN_SENT;
}

#define ACCEPT_FASTER                                                                             \
	"Recv-Q at Send-Q says that it is full: let accept() be called more often, or raise the " \
	"backlog of listen() and net.core.somaxconn"

/// Of another one than silence; what tcp_disconnect() leaves in a connect() that is given up is
/// none.
static bool has_other_error(const struct ct_conn *conn)
{
	return conn->sk_err && conn->sk_err != ETIMEDOUT && !ct_conn_was_given_up(conn);
}

/* values: for how long; SYNs sent again; 1 if it waits still; 1 if it is known since when */
static bool is_syn_unanswered(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	bool waits = conn->phase == CT_PHASE_LIVE;
	uint64_t for_ns;

	if (!was_never_established(conn) || !conn->retransmits ||
	    conn->reset.direction == CT_DIRECTION_RECEIVED || has_other_error(conn))
		return false;
	for_ns = waits && last->at_ns < now_ns ? now_ns - last->at_ns : last->for_ns;
	if (for_ns == CT_NS_UNKNOWN)
		for_ns = 0;
	*ret = (struct ct_symptom){
		for_ns, {for_ns, conn->retransmits, waits, last->at_ns != CT_NS_UNKNOWN}};
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

/// The listener is here, and had no room: it is not that nobody answers.
static void put_no_room(const struct ct_case *one, const struct ct_doctor_facts *facts,
			const struct ct_full *full, struct ct_finding *finding)
{
	finding->confidence = CT_CONFIDENCE_MEDIUM; /* a firewall here would look the same */
	describe_syns(one, facts, " had no room: ", finding);
	ct_buf_puts(&finding->summary, "; the accept queue at that port was seen full, and then "
				       "the kernel drops a SYN without a word");
	if (full->by_handshake)
		ct_buf_puts(&finding->summary, ", see accept-overflow");
	ct_finder_put_ss_listener(facts, &finding->confirm, one, finding->culprit.rport);
	ct_buf_puts(&finding->remedy, ACCEPT_FASTER);
}

static bool is_dropped(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	const struct ct_full *full = ct_full_find(facts->full, &finding->culprit);

	finding->severity = CT_SEVERITY_WARN;
	if (full && ct_finder_is_within_host(&finding->culprit)) {
		put_no_room(one, facts, full, finding);
		return true;
	}
	finding->confidence = CT_CONFIDENCE_HIGH;
	describe_syns(one, facts, " does not answer: ", finding);
	ct_buf_puts(&finding->summary, "; neither an answer nor a refusal came");
	ct_finder_put_ss(facts, &finding->confirm, one->values[2].sum ? "syn-sent" : NULL, one);
	ct_buf_puts(&finding->remedy,
		    "look for a firewall that drops, a wrong route, a host that is down, or a "
		    "listener whose accept queue is full there");
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

/* values: since the first of them; time-outs in a row; 1 if the kernel has given up; 1 if older */
static bool is_unheard(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	bool died = conn->phase == CT_PHASE_CLOSED && conn->sk_err == ETIMEDOUT;
	uint64_t until_ns = died ? conn->closed_ns : now_ns, for_ns;

	if (was_never_established(conn) || is_closing(conn) || conn->keepalive_dead ||
	    conn->rto_streak < RTO_STREAK || !(died || conn->phase == CT_PHASE_LIVE) ||
	    !ct_finder_goes_on(conn, until_ns))
		return false;
	for_ns = until_ns > conn->rto_since_ns ? until_ns - conn->rto_since_ns : 0;
	*ret = (struct ct_symptom){for_ns,
				   {for_ns, conn->rto_streak, died, ct_conn_was_met_late(conn)}};
	return true;
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
	ct_buf_puts(&finding->summary, ": the same segment is sent again and again, ");
	ct_finder_put_time(facts, &finding->summary, one->values[0].max, false);
	ct_buf_puts(&finding->summary, ", and nothing acknowledges it");
	ct_finding_number(finding, "unanswered_ns", one->values[0].max);
	ct_finding_number(finding, "timeouts_in_a_row", one->values[1].max);
	ct_finding_number(finding, "given_up", one->values[2].sum);
	ct_finder_number_older(finding, one->values[3].sum);
	ct_finder_put_ss(facts, &finding->confirm, NULL, one);
	ct_buf_puts(&finding->remedy,
		    "the peer or the way to it is gone; the kernel gives up after "
		    "net.ipv4.tcp_retries2 time-outs (15: a quarter of an hour and more), "
		    "TCP_USER_TIMEOUT after as many milliseconds as the application wants to wait");
	return true;
}

const struct ct_finder ct_find_dead_peer_hang = {
	.id = "dead-peer-hang",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = RTO_STREAK * CT_RTO_MAX_NS,
	.matches = is_unheard,
	.concludes = is_hang,
};

/* values: probes sent; 1 if it has died of them; 1 if older than the trace */
static bool is_ghost(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	(void)now_ns;
	if (!conn->keepalive_dead)
		return false;
	*ret = (struct ct_symptom){conn->keepalives_sent,
				   {conn->keepalives_sent, 1, ct_conn_was_met_late(conn)}};
	return true;
}

static bool is_haunted(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_HIGH;
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary, " with ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_puts(
		&finding->summary,
		" died of keepalive: the peer had gone without a word, and no probe was answered any more");
	ct_finding_number(finding, "probes_sent", one->values[0].sum);
	ct_finding_number(finding, "died", one->values[1].sum);
	ct_finder_number_older(finding, one->values[2].sum);
	ct_finder_put_ss(facts, &finding->confirm, "established", one);
	ct_buf_puts(
		&finding->remedy,
		"look for a host that crashed, or a NAT or firewall that forgets idle connections: "
		"a keepalive time below its limit keeps them alive");
	return true;
}

const struct ct_finder ct_find_half_open_ghost = {
	.id = "half-open-ghost",
	.by = CT_CASE_BY_SERVICE,
	.matches = is_ghost,
	.concludes = is_haunted,
};

/* values: waiting for accept(); the most that may; SYN-ACKs that had no answer in time */
static bool had_no_room(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_request *request = &conn->request;

	(void)now_ns;
	if (conn->id.role != CT_ROLE_PASSIVE ||
	    (request->acked != CT_ACKED_NO_ROOM && !request->no_room_ns &&
	     conn->reset.cause != CT_RESET_CAUSE_BACKLOG_OVERFLOW))
		return false;
	*ret = (struct ct_symptom){request->timeouts,
				   {request->backlog, request->backlog_max, request->timeouts}};
	return true;
}

static bool is_overflow(const struct ct_case *one, const struct ct_doctor_facts *facts,
			struct ct_finding *finding)
{
	finding->severity = CT_SEVERITY_CRIT;
	finding->confidence = CT_CONFIDENCE_HIGH;
	finding->is_of_owner = true;
	ct_finder_put_owner(facts, &finding->summary, &finding->culprit);
	ct_buf_printf(&finding->summary,
		      " accepts too slowly at port %u: the accept queue was full for ",
		      finding->culprit.lport);
	ct_words_count(&finding->summary, one->count, "handshake");
	if (one->values[1].max)
		ct_buf_printf(&finding->summary, ", backlog %llu",
			      (unsigned long long)one->values[1].max);
	ct_finding_number(finding, "handshakes_without_room", one->count);
	ct_finding_number(finding, "backlog", one->values[0].max);
	ct_finding_number(finding, "backlog_max", one->values[1].max);
	ct_finding_number(finding, "synack_timeouts", one->values[2].sum);
	ct_finder_put_ss_listener(facts, &finding->confirm, one, finding->culprit.lport);
	ct_buf_puts(&finding->remedy, ACCEPT_FASTER);
	return true;
}

const struct ct_finder ct_find_accept_overflow = {
	.id = "accept-overflow",
	.by = CT_CASE_BY_SERVICE,
	.of_full_queue = true,
	.matches = had_no_room,
	.concludes = is_overflow,
};

/* values: window probes sent in its life; in the longest of its stalls, 0 not known; stalls; 1 if
 * older than the trace: all that is of what was seen of it */
static bool is_stalled(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint32_t probes = conn->stalls ? conn->stall_probes_max : conn->window_probes_sent;

	(void)now_ns;
	if (probes < PROBES)
		return false;
	*ret = (struct ct_symptom){
		probes,
		{conn->window_probes_sent, conn->stall_probes_max, conn->stalls,
		 ct_conn_was_met_late(conn)},
	};
	return true;
}

static void put_probes(const struct ct_case *one, struct ct_buf *text)
{
	bool any_older = one->values[3].sum;

	ct_buf_printf(text, ", %llu probes were seen", (unsigned long long)one->values[0].sum);
	if (any_older)
		ct_buf_puts(text, " since tracing began");
	if (one->values[1].min)
		ct_buf_printf(text, ", %s %llu in one stall", any_older ? "at least" : "up to",
			      (unsigned long long)one->values[1].max);
	else if (!any_older)
		ct_buf_puts(text, " in their whole lives");
}

static bool is_slow_reader(const struct ct_case *one, const struct ct_doctor_facts *facts,
			   struct ct_finding *finding)
{
	const struct ct_conn_id *id = &finding->culprit;

	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	if (!ct_finder_asks(id))
		ct_buf_puts(&finding->summary, "the other side of ");
	ct_finder_put_service(&finding->summary, id);
	ct_buf_puts(&finding->summary, " reads too slowly: the window was closed on ");
	ct_words_count(&finding->summary, one->count, "connection");
	put_probes(one, &finding->summary);
	ct_finding_number(finding, "window_probes", one->values[0].sum);
	ct_finding_number(finding, "most_on_one", one->values[0].max);
	if (one->values[1].min) {
		ct_finding_number(finding, "stalls", one->values[2].sum);
		ct_finding_number(finding, "most_in_one_stall", one->values[1].max);
	}
	ct_finder_number_older(finding, one->values[3].sum);
	ct_finder_put_ss(facts, &finding->confirm, "established", one);
	ct_buf_puts(
		&finding->remedy,
		"look at what the reading process does instead (on its host, Recv-Q of ss says how "
		"much waits for it); give slow readers a deadline");
	return true;
}

const struct ct_finder ct_find_zero_window_stall = {
	.id = "zero-window-stall",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = PROBES * CT_RTO_MAX_NS,
	.matches = is_stalled,
	.concludes = is_slow_reader,
};
