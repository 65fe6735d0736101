// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* connect() calls that failed otherwise than by a reset, or by a SYN that was repeated in vain. */
#include "conntrace/addr.h"
#include "conntrace/names.h"
#include "conntrace/sink_words.h"
#include "finder.h"

/// One or two may be chance, or their process wanted to go.
#define GIVEN_UP 3

/// A round trip around the world takes longer than what is below.
#define HASTE_NS (CT_SECOND_NS / 5)

/// Hardly a process that waits for an answer waits for less.
#define AT_ONCE_NS (CT_SECOND_NS / 100)

/// What failed leaves no trace in ss: the tracer shows the next that does.
static void put_watch(const struct ct_doctor_facts *facts, struct ct_finding *finding)
{
	const struct ct_conn_id *id = &finding->culprit;
	char address[CT_ADDR_STRLEN];

	ct_addr_format(id->family, id->raddr, address);
	ct_finder_put_tracer(facts, finding);
	ct_buf_printf(&finding->confirm, " -H %s -D %u", address, id->rport);
}

/* values: the error that it died with */
static bool was_unreachable(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	(void)now_ns;
	ret->values[0] = conn->sk_err;
	return conn->end == CT_END_UNREACHABLE && ct_finder_never_connected(conn);
}

static void put_errors(struct ct_buf *text, const struct ct_sum *errors)
{
	const char *one = ct_errno_name((unsigned int)errors->min);
	const char *other = ct_errno_name((unsigned int)errors->max);

	if (errors->min == errors->max)
		ct_buf_printf(text, " failed with %s", one ?: "an error");
	else
		ct_buf_printf(text, " failed with errors such as %s and %s", one ?: "?",
			      other ?: "?");
}

/// Where a neighbour does not answer, or the route is taken away meanwhile, this kernel tells by
/// the same errors: ipv4_link_failure(), inet_sk_rebuild_header().
static bool is_out_of_reach(const struct ct_case *one, const struct ct_doctor_facts *facts,
			    struct ct_finding *finding)
{
	const struct ct_service_seen seen = ct_services_of(facts->services, &finding->culprit);

	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_HIGH;
	ct_words_count(&finding->summary, one->count, "connect() call");
	ct_buf_puts(&finding->summary, " to ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	put_errors(&finding->summary, &one->values[0]);
	ct_buf_puts(&finding->summary,
		    ": a router, a firewall or the host there says by ICMP that it cannot be "
		    "reached, or this host has no neighbour or no route for it");
	ct_service_put_others(&finding->summary, &seen);
	ct_finding_number(finding, "unreachable", one->count);
	ct_finding_number(finding, "answered_others", seen.answered);
	put_watch(facts, finding);
	ct_buf_puts(&finding->remedy,
		    "look at the route to it (ip route get), and for a router without one, a "
		    "firewall that rejects or a host that is down: who sends the ICMP errors, "
		    "tcpdump 'icmp or icmp6' shows");
	return true;
}

const struct ct_finder ct_find_unreachable = {
	.id = "refused",
	.by = CT_CASE_BY_SERVICE,
	.matches = was_unreachable,
	.concludes = is_out_of_reach,
};

/// By its own process, before the SYN was sent again. @ret_for_ns: so long after the SYN.
static bool is_given_up(const struct ct_conn *conn, uint64_t *ret_for_ns)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	if (!ct_finder_never_connected(conn) || !ct_conn_was_given_up(conn) ||
	    ct_conn_sent_again(conn) || last->for_ns == CT_NS_UNKNOWN)
		return false;
	*ret_for_ns = last->for_ns;
	return true;
}

/* values: how long its process waited */
static bool was_given_up(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint64_t for_ns;

	(void)now_ns;
	if (!is_given_up(conn, &for_ns) || for_ns < HASTE_NS)
		return false;
	*ret = (struct ct_symptom){for_ns, {for_ns}};
	return true;
}

/* values: how long its process waited */
static bool was_ended_at_once(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint64_t for_ns;

	(void)now_ns;
	if (!is_given_up(conn, &for_ns) || for_ns >= AT_ONCE_NS)
		return false;
	*ret = (struct ct_symptom){for_ns, {for_ns}};
	return true;
}

static void number_times(const struct ct_case *one, struct ct_finding *finding)
{
	ct_finding_number(finding, "given_up", one->count);
	ct_finding_number(finding, "shortest_ns", one->values[0].min);
	ct_finding_number(finding, "longest_ns", one->values[0].max);
}

static bool is_impatient(const struct ct_case *one, const struct ct_doctor_facts *facts,
			 struct ct_finding *finding)
{
	const struct ct_service_seen seen = ct_services_of(facts->services, &finding->culprit);

	if (one->count < GIVEN_UP || seen.answered || seen.is_unknown)
		return false;
	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_LOW; /* it may be no more than slow */
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_puts(&finding->summary, " did not answer in time: ");
	ct_words_count(&finding->summary, one->count, "connect() call");
	ct_buf_puts(&finding->summary, " were given up by their own process, the longest waited ");
	ct_finder_put_time(facts, &finding->summary, one->values[0].max, true);
	ct_buf_puts(
		&finding->summary,
		"; none to it was answered while it was watched, and whether an answer was still to come is not "
		"known: it is a short time-out");
	number_times(one, finding);
	put_watch(facts, finding);
	ct_buf_puts(&finding->remedy,
		    "look for a firewall that drops, a wrong route, a host that is down, or a "
		    "listener whose accept queue is full there; a time-out of the process of more "
		    "than a second lets the kernel send the SYN again, and tells a slow answer "
		    "from none");
	return true;
}

const struct ct_finder ct_find_given_up = {
	.id = "syn-unanswered",
	.by = CT_CASE_BY_SERVICE,
	.unless_rivalled = true,
	.matches = was_given_up,
	.concludes = is_impatient,
};

/**
 * Of an ICMP error that comes while connect() runs still, which one of this host does, the kernel
 * leaves a note in sk_err_soft and tells no event: poll() wakes, and its process closes.
 */
static bool is_ended_at_once(const struct ct_case *one, const struct ct_doctor_facts *facts,
			     struct ct_finding *finding)
{
	const struct ct_service_seen seen = ct_services_of(facts->services, &finding->culprit);

	if (one->count < GIVEN_UP || seen.answered || seen.is_unknown)
		return false;
	finding->severity = CT_SEVERITY_NOTE;
	finding->confidence = CT_CONFIDENCE_LOW; /* it may not have wanted to wait */
	ct_words_count(&finding->summary, one->count, "connect() call");
	ct_buf_puts(&finding->summary, " to ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_puts(&finding->summary,
		    " were closed by their own process at once, the longest after ");
	ct_words_duration(facts->options, &finding->summary, one->values[0].max);
	ct_buf_puts(&finding->summary,
		    ", and none to it was answered while it was watched: either it does not wait, "
		    "or a firewall on this host rejects them by an ICMP error, of which no event "
		    "tells");
	number_times(one, finding);
	put_watch(facts, finding);
	ct_buf_puts(&finding->remedy,
		    "see which error its process is told (ECONNREFUSED, EHOSTUNREACH), and look "
		    "for a rule that rejects on this host: nft list ruleset, iptables-save; "
		    "tcpdump -i any 'icmp or icmp6' shows who sends the ICMP errors");
	return true;
}

const struct ct_finder ct_find_ended_at_once = {
	.id = "syn-unanswered",
	.by = CT_CASE_BY_SERVICE,
	.unless_rivalled = true,
	.matches = was_ended_at_once,
	.concludes = is_ended_at_once,
};
