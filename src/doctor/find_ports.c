// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Local ports that run out: an address has so many of them for each service, and each stands for a
 * minute in TIME_WAIT at whoever closed first. RFC 9293 3.6, net/ipv4/inet_hashtables.c.
 */
#include "finder.h"

#include <stdlib.h>

#include "conntrace/sink_words.h"

/// net.ipv4.ip_local_port_range as the kernel has it, 32768 to 60999: what is set is known of the
/// tracer's own network namespace alone.
#define PORTS 28232

/* values: since when; until when; 1 if we closed first */
static bool is_time_wait(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *step = ct_finder_step(conn, CT_STATE_TIME_WAIT);
	uint64_t since_ns, until_ns;

	if (!step || conn->id.role != CT_ROLE_ACTIVE)
		return false;
	since_ns = step->at_ns != CT_NS_UNKNOWN ? step->at_ns : conn->found_ns;
	if (since_ns == CT_NS_UNKNOWN)
		return false;
	until_ns = conn->closed_ns != CT_NS_UNKNOWN ? conn->closed_ns : now_ns;
	if (until_ns < since_ns) /* the clocks of two CPUs; or a recording that was tampered with */
		until_ns = since_ns;
	*ret = (struct ct_symptom){
		until_ns - since_ns,
		{since_ns, until_ns, conn->closed_by == CT_CLOSED_BY_LOCAL},
	};
	return true;
}

static int by_time(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/// How many at the same time, at most. 0 when there is no memory to find out.
static uint64_t peak_of(const struct ct_case *one)
{
	size_t n = one->n_samples, begun = 0, ended = 0;
	uint64_t *times = calloc(2 * n, sizeof(*times)), peak = 0;

	if (!times)
		return 0;
	for (size_t i = 0; i < n; i++) {
		times[i] = one->samples[i].values[0];
		times[n + i] = one->samples[i].values[1];
	}
	qsort(times, n, sizeof(*times), by_time);
	qsort(times + n, n, sizeof(*times), by_time);
	while (begun < n) {
		/* of one that was over at once: first its beginning */
		if (times[begun] <= times[n + ended])
			begun++;
		else
			ended++;
		if (begun - ended > peak)
			peak = begun - ended;
	}
	free(times);
	return peak;
}

static void put_remedy(struct ct_buf *buf)
{
	ct_buf_puts(
		buf,
		"keep connections open and use them again, or let the other side close first; "
		"net.ipv4.tcp_tw_reuse=1 (2, the default, does so on loopback alone) lets "
		"connect() take a port that has been in TIME_WAIT for a second; SO_REUSEADDR is "
		"for bind(), and frees none for a connect() that chooses its port itself; a wider "
		"net.ipv4.ip_local_port_range, or more addresses, give more ports");
}

/// The local ports that connect() may choose from.
struct ports {
	uint64_t n;
	uint64_t reserved; /// of the range, and so not among them
	bool known;	   /// else they are those by default
};

static struct ports ports_of(const struct ct_doctor_facts *facts, const struct ct_conn_id *id)
{
	const struct ct_session *session = facts->session;
	uint64_t reserved = session->reserved_ports;

	if (!session->netns || session->netns != id->netns || !session->local_ports)
		return (struct ports){.n = PORTS};
	if (reserved >= session->local_ports) /* a recording may hold any number */
		reserved = 0;
	return (struct ports){session->local_ports - reserved, reserved, true};
}

static void put_ports(const struct ports *ports, struct ct_finding *finding)
{
	ct_finding_number(finding, ports->known ? "ports" : "ports_by_default", ports->n);
	if (ports->reserved)
		ct_finding_number(finding, "ports_reserved", ports->reserved);
}

/// Whose share of the ports it is.
static const char *extent_of(const struct ports *ports)
{
	if (!ports->known)
		return " by default (what is set there is not known)";
	return ports->reserved ? " that net.ipv4.ip_local_reserved_ports leaves" : "";
}

static bool is_pressure(const struct ct_case *one, const struct ct_doctor_facts *facts,
			struct ct_finding *finding)
{
	const struct ports ports = ports_of(facts, &finding->culprit);
	uint64_t peak = peak_of(one), share = peak * 100 / ports.n;

	if (share < 10)
		return false;
	finding->severity = share >= 50 ? CT_SEVERITY_WARN : CT_SEVERITY_NOTE;
	/* the range may be another one by now, or there, and a port may be bound beside it */
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	ct_buf_printf(&finding->summary, "%llu ports at a time in TIME_WAIT towards ",
		      (unsigned long long)peak);
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_printf(&finding->summary, ": %llu %% of the %llu of net.ipv4.ip_local_port_range%s",
		      (unsigned long long)share, (unsigned long long)ports.n, extent_of(&ports));
	if (one->values[2].sum * 2 > one->count)
		ct_buf_puts(&finding->summary, "; this side closes first");
	ct_finding_number(finding, "time_wait_peak", peak);
	put_ports(&ports, finding);
	ct_finding_number(finding, "closed_here_first", one->values[2].sum);
	ct_finder_put_ss(facts, &finding->confirm, "time-wait", one);
	put_remedy(&finding->remedy);
	return true;
}

const struct ct_finder ct_find_time_wait_pressure = {
	.id = "time-wait-pressure",
	.by = CT_CASE_BY_ROUTE,
	.keeps_samples = true,
	.matches = is_time_wait,
	.concludes = is_pressure,
};

/*
 * connect() enters SYN_SENT, finds no port, and leaves it again within the call: EADDRNOTAVAIL,
 * tcp_v4_connect(), tcp_v6_connect(). Nothing else ends there without a port of its own.
 */
static bool had_no_port(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	(void)now_ns;
	(void)ret;
	return conn->phase == CT_PHASE_CLOSED && last && last->state == CT_STATE_SYN_SENT &&
	       !conn->id.lport && conn->id.rport && !conn->sk_err &&
	       conn->closed_how == CT_HOW_CONNECT;
}

static bool is_exhausted(const struct ct_case *one, const struct ct_doctor_facts *facts,
			 struct ct_finding *finding)
{
	const struct ports ports = ports_of(facts, &finding->culprit);

	finding->severity = CT_SEVERITY_CRIT;
	finding->confidence = CT_CONFIDENCE_HIGH;
	ct_words_count(&finding->summary, one->count, "connect() call");
	ct_buf_puts(&finding->summary, " to ");
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_puts(&finding->summary, " failed with EADDRNOTAVAIL: no local port was left for it");
	ct_finding_number(finding, "connects_without_port", one->count);
	if (ports.reserved)
		put_ports(&ports, finding);
	ct_finder_put_ss(facts, &finding->confirm, NULL, one);
	put_remedy(&finding->remedy);
	return true;
}

const struct ct_finder ct_find_port_exhaustion = {
	.id = "port-exhaustion",
	.by = CT_CASE_BY_ROUTE,
	.matches = had_no_port,
	.concludes = is_exhausted,
};
