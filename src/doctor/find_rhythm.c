// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What only many lives together tell: one age at which all are closed, as by an idle time-out, and
 * lives that are mostly handshake. */
#include "finder.h"

#include <stdlib.h>

#include "conntrace/addr.h"
#include "conntrace/count.h"
#include "conntrace/sink_words.h"

#define CLUSTER	    5
#define SHORT_LIVES 20

/// One exchange takes a round trip, as the handshake does: it cannot have much more than half. With
/// two it has a third.
#define BOUND_PERCENT 40

/// A handshake, a request, an answer and a close take no more segments, with their ACKs.
#define EXCHANGE_SEGMENTS 16

/// Segments that come closer together than this, on average, may have come until the end.
#define BUSY_NS (CT_SECOND_NS / 10)

/// Both ways; 0: not known.
static uint64_t segments_of(const struct ct_conn *conn)
{
	if (!conn->counted)
		return 0;
	return (uint64_t)conn->counters.segments_in + conn->counters.segments_out;
}

/*
 * No event tells when the last data was before a FIN. But what had few segments for its time was
 * silent for most of it; of another one, which may have been at work throughout, nothing follows.
 */
static bool may_have_been_busy(const struct ct_conn *conn, uint64_t established_ns)
{
	return segments_of(conn) >= EXCHANGE_SEGMENTS + established_ns / BUSY_NS;
}

/*
 * A reset that ended it while it was idle, and nothing else: not one that answers our data or our
 * probe, nor one that throws data away. With SO_LINGER 0 servers close what has been idle for too
 * long, nginx by its reset_timedout_connection; unread data would have made it another cause.
 */
static bool is_closed_by_reset(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	const struct ct_reset *reset = &conn->reset;

	if (conn->fin_sent || conn->fin_received || reset->unacked || !last ||
	    last->state != CT_STATE_ESTABLISHED)
		return false;
	if (conn->end == CT_END_RST_RECEIVED)
		return reset->cause == CT_RESET_CAUSE_PEER && !conn->keepalives_sent;
	return conn->end == CT_END_RST_SENT && reset->cause == CT_RESET_CAUSE_LINGER0;
}

/* values: how long it was ESTABLISHED; 1 if the peer closed first; 1 if a reset came behind the
 * FIN; segments, 0 not known; 1 if it was closed by a reset */
static bool is_closed_whole(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *step = ct_finder_step(conn, CT_STATE_ESTABLISHED);
	bool by_peer = conn->closed_by == CT_CLOSED_BY_REMOTE;
	bool by_reset = is_closed_by_reset(conn), was_reset;

	(void)now_ns;
	/* as it should be: the side that asks closes first */
	if (by_peer != ct_finder_asks(&conn->id))
		return false;
	if (!step || step->basis != CT_BASIS_SEEN || step->for_ns == CT_NS_UNKNOWN ||
	    step->for_ns < CT_SECOND_NS || !(by_peer || conn->closed_by == CT_CLOSED_BY_LOCAL) ||
	    !(conn->fin_sent || conn->fin_received || by_reset) ||
	    may_have_been_busy(conn, step->for_ns))
		return false;
	was_reset = conn->reset.direction != CT_DIRECTION_NONE;
	*ret = (struct ct_symptom){
		was_reset,
		{step->for_ns, by_peer, was_reset && !by_reset, segments_of(conn), by_reset},
	};
	return true;
}

static int by_first(const void *a, const void *b)
{
	const struct ct_sample *one = a, *other = b;

	return one->values[0] < other->values[0] ? -1 : one->values[0] > other->values[0];
}

/// Of those that are well known.
#define LONGEST_S 350

/// Time-outs that programs and boxes are known for.
static const struct {
	uint64_t seconds;
	const char *whose;
} known[] = {
	{5, "Node.js and Apache httpd"},
	{60, "nginx's upstreams, AWS application load balancers"},
	{75, "nginx"},
	{240, "Azure load balancers"},
	{LONGEST_S, "AWS network load balancers and NAT gateways"},
};

static const char *whose(uint64_t ns)
{
	for (size_t i = 0; i < CT_COUNT(known); i++) {
		uint64_t at_ns = known[i].seconds * CT_SECOND_NS;

		if (ns >= at_ns - at_ns / 50 && ns <= at_ns + at_ns / 20)
			return known[i].whose;
	}
	return NULL;
}

/// A box between may have sent them: to this side they are the peer's.
static void put_resets(const struct ct_case *one, const struct ct_conn_id *id, struct ct_buf *text)
{
	bool may_be_of_box = one->values[1].sum && !ct_finder_is_within_host(id);

	if (!one->values[4].sum)
		return;
	ct_buf_puts(text, "; ");
	ct_buf_u64(text, one->values[4].sum);
	ct_buf_puts(text, " of them by a reset");
	if (may_be_of_box)
		ct_buf_puts(text, ", which may be that of a load balancer or NAT between");
}

static void describe_race(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  uint64_t median_ns, struct ct_finding *finding)
{
	bool by_peer = one->values[1].sum != 0;
	struct ct_buf *text = &finding->summary;

	ct_words_count(text, one->count, "connection");
	ct_buf_puts(text, " with ");
	ct_finder_put_service(text, &finding->culprit);
	ct_buf_puts(text, by_peer ? " were closed by the peer " : " were closed by this side ");
	ct_words_duration(facts->options, text, median_ns);
	ct_buf_puts(text, " after they were made, as an idle time-out would");
	if (whose(median_ns))
		ct_buf_printf(text, " (%s have such a one)", whose(median_ns));
	put_resets(one, &finding->culprit, text);
	if (one->values[2].sum) {
		ct_buf_puts(text, "; ");
		ct_buf_u64(text, one->values[2].sum);
		ct_buf_puts(text, " of them ended with a reset behind the FIN");
	}
	ct_buf_puts(text, ". This is their age: for how long they had been idle no event tells");
}

/// What is closed ss does not show.
static void put_closes(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	const struct ct_conn_id *id = &one->examples[0].id;
	struct ct_buf *buf = &finding->confirm;
	char host[CT_ADDR_STRLEN];

	ct_finder_put_tracer(facts, finding);
	ct_buf_putc(buf, ' ');
	if (ct_finder_asks(id)) {
		ct_addr_format(id->family, id->raddr, host);
		ct_buf_printf(buf, "-H %s -D %u", host, id->rport);
	} else {
		ct_buf_printf(buf, "-L %u", id->lport);
	}
	/* what most of them did */
	if (one->values[4].sum * 2 > one->count)
		ct_buf_puts(buf, one->values[1].sum ? " --flag rst-received" : " --flag rst-sent");
	else /* the side that closes second, or first */
		ct_buf_puts(buf, one->values[1].sum ? " --state CLOSE_WAIT" : " --state FIN_WAIT1");
}

static bool is_race(const struct ct_case *one, const struct ct_doctor_facts *facts,
		    struct ct_finding *finding)
{
	uint64_t by_peer = one->values[1].sum, low, median, high;
	size_t n = one->n_samples;

	if (n < CLUSTER)
		return false;
	qsort(one->samples, n, sizeof(one->samples[0]), by_first);
	low = one->samples[n / 10].values[0];
	median = one->samples[n / 2].values[0];
	high = one->samples[n - 1 - n / 10].values[0];
	if (high - low > median / 20)
		return false;
	finding->severity = one->values[2].sum ? CT_SEVERITY_WARN : CT_SEVERITY_NOTE;
	/* what always takes the same time, and is closed when it is done, looks the same */
	finding->confidence = CT_CONFIDENCE_LOW;
	describe_race(one, facts, median, finding);
	ct_finding_number(finding, "established_median_ns", median);
	ct_finding_number(finding, "spread_ns", high - low);
	ct_finding_number(finding, "closed_by_peer", by_peer);
	ct_finding_number(finding, "closed_by_reset", one->values[4].sum);
	ct_finding_number(finding, "ended_with_reset", one->values[2].sum);
	if (one->values[3].min)
		ct_finding_number(finding, "most_segments", one->values[3].max);
	put_closes(one, facts, finding);
	ct_buf_puts(&finding->remedy,
		    "the side that sends requests has to close first: give it the shorter idle "
		    "time-out of the two, and let it repeat what is safe to repeat");
	return true;
}

const struct ct_finder ct_find_keepalive_race = {
	.id = "keepalive-race",
	.by = CT_CASE_BY_SERVICE,
	.takes_ns = LONGEST_S * CT_SECOND_NS,
	.keeps_samples = true,
	.matches = is_closed_whole,
	.concludes = is_race,
};

/// Connects that look whether somebody listens, as load balancers do, have nothing else to spend
/// their time on.
static bool has_told_anything(const struct ct_conn *conn)
{
	return conn->counted && (conn->counters.bytes_sent || conn->counters.bytes_received);
}

/* values: the handshake; from the SYN until one side closed */
static bool is_short(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *step = ct_finder_step(conn, CT_STATE_ESTABLISHED);
	uint64_t handshake_ns;

	(void)now_ns;
	/* a SYN that was lost is not what it costs */
	if (!step || step->for_ns == CT_NS_UNKNOWN || conn->id.role != CT_ROLE_ACTIVE ||
	    conn->retransmits || conn->opened_ns == CT_NS_UNKNOWN ||
	    conn->established_ns < conn->opened_ns || !has_told_anything(conn))
		return false;
	handshake_ns = conn->established_ns - conn->opened_ns;
	*ret = (struct ct_symptom){handshake_ns, {handshake_ns, handshake_ns + step->for_ns}};
	return true;
}

static bool is_bound(const struct ct_case *one, const struct ct_doctor_facts *facts,
		     struct ct_finding *finding)
{
	uint64_t handshakes_ns = one->values[0].sum, lives_ns = one->values[1].sum, share, rate = 0;

	if (one->count < SHORT_LIVES || !lives_ns)
		return false;
	share = handshakes_ns * 100 / lives_ns;
	if (share <= BOUND_PERCENT)
		return false;
	if (facts->observed_ns)
		rate = one->count * CT_SECOND_NS / facts->observed_ns;
	finding->severity = CT_SEVERITY_NOTE;
	finding->confidence = CT_CONFIDENCE_HIGH;
	ct_words_count(&finding->summary, one->count, "connection");
	ct_buf_puts(&finding->summary, " to ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_printf(&finding->summary, " spent %llu %% of their time on the handshake",
		      (unsigned long long)share);
	if (rate)
		ct_buf_printf(&finding->summary, ", %llu of them a second",
			      (unsigned long long)rate);
	ct_finding_number(finding, "handshake_mean_ns", handshakes_ns / one->count);
	ct_finding_number(finding, "until_closed_mean_ns", lives_ns / one->count);
	ct_finding_number(finding, "per_second", rate);
	ct_finder_put_ss(facts, &finding->confirm, NULL, one);
	ct_buf_puts(&finding->remedy, "keep connections open and use them for many exchanges");
	return true;
}

const struct ct_finder ct_find_handshake_bound = {
	.id = "handshake-bound",
	.by = CT_CASE_BY_SERVICE,
	.matches = is_short,
	.concludes = is_bound,
};
