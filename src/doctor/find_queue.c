// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Queues that somebody empties too slowly: a listener's of connections, a reader's of bytes. */
#include <string.h>

#include "conntrace/sink_words.h"
#include "finder.h"

/// A window is closed for a moment in many a bulk transfer: the probes of one stall, or of a life
/// where its stalls are not told apart.
#define PROBES 3

/* values: waiting for accept(); the most that may; SYN-ACKs that had no answer in time; 1 if it is
 * the listener itself, which was seen full */
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

void ct_finder_full_symptom(const struct ct_full *full, struct ct_symptom *ret)
{
	*ret = (struct ct_symptom){0, {full->backlog, full->backlog_max, 0, 1}};
}

static void put_handshakes(const struct ct_case *one, uint64_t handshakes, struct ct_buf *text)
{
	ct_buf_puts(text, "the accept queue was full for ");
	ct_words_count(text, handshakes, "handshake");
	if (one->values[1].max)
		ct_buf_printf(text, ", backlog %llu", (unsigned long long)one->values[1].max);
}

/// Of the SYNs that come then no event tells, but where those are from that are sent again.
static void put_look(const struct ct_case *one, const struct ct_full *full, struct ct_buf *text)
{
	ct_words_count(text, one->values[0].max, "connection");
	ct_buf_printf(text,
		      " waited for accept() when looked at, more than the backlog of %llu, and "
		      "then the kernel drops each SYN",
		      (unsigned long long)one->values[1].max);
	if (full && full->syns_again)
		ct_buf_printf(text, "; on this host %llu %s sent again",
			      (unsigned long long)full->syns_again,
			      full->syns_again == 1 ? "was" : "were");
}

/// Who has the listener need not be who accepts.
static void put_slow_accept(const struct ct_doctor_facts *facts, struct ct_buf *text,
			    const struct ct_conn_id *id)
{
	if (id->owner != CT_OWNER_INHERITED) {
		ct_finder_put_owner(facts, text, id);
		ct_buf_printf(text, " accepts too slowly at port %u: ", id->lport);
		return;
	}
	ct_buf_printf(text, "connections to port %u, whose listener is of ", id->lport);
	ct_finder_put_owner(facts, text, id);
	ct_buf_puts(text, ", are accepted too slowly: ");
}

static bool is_overflow(const struct ct_case *one, const struct ct_doctor_facts *facts,
			struct ct_finding *finding)
{
	const struct ct_conn_id *id = &finding->culprit;
	const struct ct_full *full = ct_full_find(facts->full, id);
	/* at one port there may be listeners of several addresses */
	uint64_t handshakes = one->count - one->values[3].sum;
	bool by_look = !handshakes, any_again = full && full->syns_again;

	/* of a burst that is accepted the moment after nothing is lost */
	finding->severity = by_look && !any_again ? CT_SEVERITY_WARN : CT_SEVERITY_CRIT;
	finding->confidence = by_look && !any_again ? CT_CONFIDENCE_MEDIUM : CT_CONFIDENCE_HIGH;
	finding->is_of_owner = true;
	put_slow_accept(facts, &finding->summary, id);
	if (by_look) {
		put_look(one, full, &finding->summary);
		finding->count = one->values[0].max;
		finding->culprits.first[0].count = finding->count; /* all wait for one listener */
		finding->n_examples = 0;			   /* a listener is no connection */
	} else {
		put_handshakes(one, handshakes, &finding->summary);
		finding->count = handshakes;
	}
	ct_finding_number(finding, "handshakes_without_room", handshakes);
	ct_finding_number(finding, "backlog", one->values[0].max);
	ct_finding_number(finding, "backlog_max", one->values[1].max);
	ct_finding_number(finding, "synack_timeouts", one->values[2].sum);
	if (any_again)
		ct_finding_number(finding, "syns_sent_again", full->syns_again);
	ct_finder_put_ss_listener(facts, &finding->confirm, one, id->lport);
	ct_buf_puts(&finding->remedy, CT_FINDER_ACCEPT_FASTER);
	return true;
}

const struct ct_finder ct_find_accept_overflow = {
	.id = "accept-overflow",
	.by = CT_CASE_BY_SERVICE,
	.matches = had_no_room,
	.concludes = is_overflow,
};

/* values: window probes sent in its life; in the longest of its stalls, 0 not known; stalls; 1 if
 * older than the trace: all that is of what was seen of it; from the first probe of a stall to its
 * last, or to a look */
static bool is_stalled(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	uint32_t probes = conn->stalls ? conn->stall_probes_max : conn->window_probes_sent;

	(void)now_ns;
	if (probes < PROBES && !conn->stalled_by_look)
		return false;
	*ret = (struct ct_symptom){
		probes,
		{conn->window_probes_sent, conn->stall_probes_max, conn->stalls,
		 ct_conn_was_met_late(conn), (uint64_t)conn->stall_ms_max * 1000000},
	};
	return true;
}

static void put_probes(const struct ct_case *one, struct ct_buf *text)
{
	bool any_older = one->values[3].sum;

	if (!one->values[0].sum)
		return;
	ct_buf_puts(text, ", ");
	ct_words_count(text, one->values[0].sum, "probe");
	ct_buf_puts(text, one->values[0].sum == 1 ? " was seen" : " were seen");
	if (any_older)
		ct_buf_puts(text, " since tracing began");
	if (one->values[1].min)
		ct_buf_printf(text, ", %s %llu in one stall", any_older ? "at least" : "up to",
			      (unsigned long long)one->values[1].max);
	else if (!any_older)
		ct_buf_puts(text, " in their whole lives");
}

/// Whose data it is, and not who reads too slowly.
static void put_sent(const struct ct_doctor_facts *facts, const struct ct_case *one,
		     struct ct_buf *text)
{
	const struct ct_culprits *culprits = &one->culprits;
	const struct ct_conn_id *id = &one->examples[0].id;

	if (!id->pid || culprits->pids_differ || culprits->inherited) {
		ct_buf_puts(text, "what is sent to it");
		return;
	}
	ct_buf_puts(text, "what ");
	ct_finder_put_owner(facts, text, id);
	ct_buf_puts(text, " sends");
}

static bool are_readers_known(const struct ct_case *one)
{
	return one->n_readers == one->count;
}

/// As ct_finder_put_process() takes it.
static struct ct_conn_id reader_of(const struct ct_case *one)
{
	const struct ct_culprit *first = &one->readers.first[0];
	struct ct_conn_id id = {.pid = first->pid, .owner = one->readers.owner};

	if (!first->has_other_names && !one->readers.comms_differ)
		memcpy(id.comm, first->comm, sizeof(id.comm));
	return id;
}

static void put_other_end(struct ct_buf *text, const struct ct_conn_id *id)
{
	ct_buf_puts(text, ct_finder_asks(id) ? "" : "the other side of ");
	ct_finder_put_service(text, id);
}

/// Who has the listener need not be who was to read.
static void put_reader(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_buf *text)
{
	const struct ct_conn_id *id = &one->examples[0].id, reader = reader_of(one);

	if (!are_readers_known(one) || one->readers.pids_differ) {
		put_other_end(text, id);
		ct_buf_puts(text, " reads too slowly ");
	} else if (one->readers.inherited) {
		put_other_end(text, id);
		ct_buf_puts(text, ", whose listener is of ");
		ct_finder_put_owner(facts, text, &reader);
		ct_buf_puts(text, ", reads too slowly ");
	} else {
		ct_finder_put_owner(facts, text, &reader);
		ct_buf_puts(text, ct_finder_asks(id) ? " reads too slowly at "
						     : " reads too slowly from ");
		ct_finder_put_service(text, id);
		ct_buf_putc(text, ' ');
	}
}

/// Another host's, or another network namespace's, is not seen with its other end.
static void put_unknown_reader(const struct ct_case *one, struct ct_buf *text)
{
	if (are_readers_known(one))
		return;
	ct_buf_puts(text, "; which process reads there is not known");
	if (one->n_readers)
		ct_buf_puts(text, " of all");
}

static bool is_slow_reader(const struct ct_case *one, const struct ct_doctor_facts *facts,
			   struct ct_finding *finding)
{
	uint64_t longest_ns = one->values[4].max;

	finding->severity = CT_SEVERITY_WARN;
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	if (are_readers_known(one)) {
		finding->culprits = one->readers;
		finding->is_of_owner = true;
	}
	put_reader(one, facts, &finding->summary);
	put_sent(facts, one, &finding->summary);
	ct_buf_puts(&finding->summary, ": the window was closed on ");
	ct_words_count(&finding->summary, one->count, "connection");
	if (longest_ns) {
		/* it was closed before the first probe, and opened behind the last */
		ct_buf_puts(&finding->summary, ", once ");
		ct_finder_put_time(facts, &finding->summary, longest_ns, false);
	}
	put_probes(one, &finding->summary);
	put_unknown_reader(one, &finding->summary);
	ct_finding_number(finding, "window_probes", one->values[0].sum);
	ct_finding_number(finding, "most_on_one", one->values[0].max);
	if (one->values[1].min) {
		ct_finding_number(finding, "stalls", one->values[2].sum);
		ct_finding_number(finding, "most_in_one_stall", one->values[1].max);
	}
	if (longest_ns)
		ct_finding_number(finding, "longest_stall_at_least_ns", longest_ns);
	ct_finder_number_older(finding, one->values[3].sum);
	ct_finder_put_ss(facts, &finding->confirm, NULL, one);
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
