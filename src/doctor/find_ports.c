// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Local ports that run out: an address has so many of them for each service, and each stands for a
 * minute in TIME_WAIT at whoever closed first. RFC 9293 3.6, net/ipv4/inet_hashtables.c.
 *
 * Where net.ipv4.tcp_tw_reuse permits it, connect() takes one out of TIME_WAIT after a second, if
 * it had TCP timestamps: those that are older take a port from nobody. tcp_twsk_unique(),
 * net/ipv4/tcp_ipv4.c.
 */
#include "finder.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "conntrace/sink_words.h"

/// net.ipv4.ip_local_port_range as the kernel has it, 32768 to 60999: what is set is known of the
/// tracer's own network namespace alone.
#define PORTS 28232

/// net.ipv4.tcp_tw_reuse_delay by default, and where the kernel has none.
#define REUSE_DELAY_MS 1000
/// TCP_TIMEWAIT_LEN: it takes no more.
#define REUSE_DELAY_MS_MAX 60000

/// net.ipv4.tcp_tw_reuse: everywhere; for loopback addresses.
#define REUSE_ALL      1
#define REUSE_LOOPBACK 2

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

/// How many at the same time, at most, when each counts for so long. 0 when there is no memory to
/// find out.
static uint64_t peak_of(const struct ct_case *one, uint64_t counts_ns)
{
	size_t n = one->n_samples, begun = 0, ended = 0;
	uint64_t *times = calloc(2 * n, sizeof(*times)), peak = 0;

	if (!times)
		return 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t since_ns = one->samples[i].values[0], until_ns = one->samples[i].values[1];

		times[i] = since_ns;
		times[n + i] = until_ns - since_ns > counts_ns ? since_ns + counts_ns : until_ns;
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

/// Whether connect() takes ports out of TIME_WAIT, from one address to one service.
struct reuse {
	enum {
		REUSE_UNKNOWN, /// what is set there is not known
		REUSE_NEVER,
		REUSE_PERHAPS, /// if the other side has TCP timestamps, too
		REUSE_ALWAYS,
	} how;
	uint64_t set;	   /// net.ipv4.tcp_tw_reuse; where it is known
	bool no_stamps;	   /// net.ipv4.tcp_timestamps is 0
	uint64_t after_ns; /// in TIME_WAIT
};

/// As the kernel asks: an address of one's own that is none of these goes over lo as well, and is
/// not meant.
static bool has_loopback(const struct ct_conn_id *id)
{
	static const struct ct_cidr v4 = {AF_INET, {127}, 8}, v6 = {AF_INET6, {[15] = 1}, 128};

	return ct_cidr_match(&v4, id->family, id->laddr) ||
	       ct_cidr_match(&v4, id->family, id->raddr) ||
	       ct_cidr_match(&v6, id->family, id->laddr) ||
	       ct_cidr_match(&v6, id->family, id->raddr);
}

static struct reuse reuse_of(const struct ct_doctor_facts *facts, const struct ct_conn_id *id)
{
	const struct ct_session *session = facts->session;
	uint64_t delay_ms = session->tw_reuse_delay_ms;
	bool is_within = has_loopback(id) || ct_finder_is_within_host(id);
	struct reuse reuse = {.how = REUSE_UNKNOWN};

	/* a recording may hold any number */
	if (!delay_ms || delay_ms > REUSE_DELAY_MS_MAX)
		delay_ms = REUSE_DELAY_MS;
	reuse.after_ns = delay_ms * 1000000;
	if (!session->netns || session->netns != id->netns || !session->tw_reuse ||
	    session->tw_reuse > 1 + REUSE_LOOPBACK)
		return reuse;
	reuse.set = session->tw_reuse - 1;
	reuse.no_stamps = session->timestamps == 1;
	if (reuse.no_stamps || !reuse.set || (reuse.set == REUSE_LOOPBACK && !has_loopback(id)))
		reuse.how = REUSE_NEVER;
	else if (session->timestamps && is_within) /* both sides are here */
		reuse.how = REUSE_ALWAYS;
	else
		reuse.how = REUSE_PERHAPS;
	return reuse;
}

/// What net.ipv4.tcp_tw_reuse does, or would do.
static void put_reuse(const struct ct_doctor_facts *facts, const struct reuse *reuse,
		      struct ct_buf *buf)
{
	ct_buf_puts(buf, "net.ipv4.tcp_tw_reuse");
	if (reuse->how >= REUSE_PERHAPS)
		ct_buf_printf(buf, ", %llu here, lets", (unsigned long long)reuse->set);
	else if (reuse->how == REUSE_NEVER)
		ct_buf_printf(buf, "=1 (it is %llu here; 2 is for loopback addresses alone) lets",
			      (unsigned long long)reuse->set);
	else
		ct_buf_puts(buf, "=1 (what is set there is not known; 2, the default, is for "
				 "loopback addresses alone) lets");
	ct_buf_puts(buf, " connect() take a port that has been in TIME_WAIT for ");
	ct_words_duration(facts->options, buf, reuse->after_ns);
	ct_buf_puts(buf, ", if both sides have TCP timestamps");
	if (reuse->no_stamps)
		ct_buf_puts(buf, " (net.ipv4.tcp_timestamps is 0 here)");
}

static void put_remedy(const struct ct_doctor_facts *facts, const struct reuse *reuse,
		       struct ct_buf *buf)
{
	ct_buf_puts(buf, "keep connections open and use them again, or let the other side close "
			 "first; ");
	put_reuse(facts, reuse, buf);
	ct_buf_puts(
		buf,
		"; a client that binds its source address and no port needs "
		"IP_BIND_ADDRESS_NO_PORT for that, else bind() chooses the port, and does not ask "
		"net.ipv4.tcp_tw_reuse; SO_REUSEADDR is for bind(), and frees none for a "
		"connect() that chooses its port itself; a wider net.ipv4.ip_local_port_range, or "
		"more addresses, give more ports");
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

/// How many ports of a route are in TIME_WAIT at a time, at most.
struct peak {
	uint64_t all;
	uint64_t taken; /// of those that no connect() takes yet, as far as is known; else all
};

static uint8_t severity_of(uint64_t share)
{
	return share >= 50 ? CT_SEVERITY_WARN : CT_SEVERITY_NOTE;
}

static void put_peak(const struct ct_doctor_facts *facts, const struct reuse *reuse,
		     const struct peak *peak, struct ct_finding *finding)
{
	struct ct_buf *text = &finding->summary;

	ct_finding_number(finding, "time_wait_peak", peak->all);
	if (reuse->how == REUSE_UNKNOWN) {
		ct_buf_puts(text, "; whether connect() takes them again sooner than after the "
				  "minute (net.ipv4.tcp_tw_reuse) is not known");
		return;
	}
	ct_finding_number(finding, "tcp_tw_reuse", reuse->set);
	if (reuse->how == REUSE_NEVER)
		return;
	ct_finding_number(finding, "reusable_after_ns", reuse->after_ns);
	ct_finding_number(finding, "not_reusable_peak", peak->taken);
	ct_buf_printf(text, "; net.ipv4.tcp_tw_reuse is %llu: connect() takes them again after ",
		      (unsigned long long)reuse->set);
	ct_words_duration(facts->options, text, reuse->after_ns);
	if (reuse->how == REUSE_PERHAPS)
		ct_buf_printf(text,
			      " if the other side has TCP timestamps, which is not known, and "
			      "%llu at a time, at most, were younger",
			      (unsigned long long)peak->taken);
	else
		ct_buf_puts(text, ", and none is counted for longer");
}

static bool is_pressure(const struct ct_case *one, const struct ct_doctor_facts *facts,
			struct ct_finding *finding)
{
	const struct ports ports = ports_of(facts, &finding->culprit);
	const struct reuse reuse = reuse_of(facts, &finding->culprit);
	struct peak peak = {.all = peak_of(one, UINT64_MAX)};
	uint64_t counted, share;

	peak.taken = reuse.how >= REUSE_PERHAPS ? peak_of(one, reuse.after_ns) : peak.all;
	counted = reuse.how == REUSE_ALWAYS ? peak.taken : peak.all;
	share = counted * 100 / ports.n;
	if (share < 10)
		return false;
	finding->severity = severity_of(peak.taken * 100 / ports.n);
	/* the range may be another one by now, or there, and a port may be bound beside it */
	finding->confidence = CT_CONFIDENCE_MEDIUM;
	if (reuse.how == REUSE_UNKNOWN && has_loopback(&finding->culprit))
		finding->confidence = CT_CONFIDENCE_LOW; /* by default they are taken again */
	ct_buf_printf(&finding->summary, "%llu ports at a time in TIME_WAIT towards ",
		      (unsigned long long)counted);
	ct_finder_put_service(&finding->summary, &finding->culprit);
	ct_buf_printf(&finding->summary, ": %llu %% of the %llu of net.ipv4.ip_local_port_range%s",
		      (unsigned long long)share, (unsigned long long)ports.n, extent_of(&ports));
	put_peak(facts, &reuse, &peak, finding);
	if (one->values[2].sum * 2 > one->count)
		ct_buf_puts(&finding->summary, "; this side closes first");
	put_ports(&ports, finding);
	ct_finding_number(finding, "closed_here_first", one->values[2].sum);
	ct_finder_put_ss(facts, &finding->confirm, "time-wait", one);
	put_remedy(facts, &reuse, &finding->remedy);
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
	const struct reuse reuse = reuse_of(facts, &finding->culprit);

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
	put_remedy(facts, &reuse, &finding->remedy);
	return true;
}

const struct ct_finder ct_find_port_exhaustion = {
	.id = "port-exhaustion",
	.by = CT_CASE_BY_ROUTE,
	.matches = had_no_port,
	.concludes = is_exhausted,
};
