// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Connections on which nothing comes or goes, and nothing would tell if their peer had gone: RFC
 * 9293 3.8.4. In CLOSE_WAIT and FIN_WAIT2 the peer or we have closed: close-wait-leak and
 * fin-wait-stuck know more of those.
 */
#include "finder.h"

#include "conntrace/sink_words.h"

/// Who sets less than this wants to be told. The kernel's own two hours, RFC 1122 4.2.3.6, come
/// behind what firewalls and people wait for.
#define LATE_S 3600

static bool probes(const struct ct_conn *conn)
{
	return conn->sock_flags & CT_SOCK_KEEPALIVE;
}

/// Of an option that is not known nothing is concluded.
static bool is_told_in_time(const struct ct_conn *conn)
{
	if (!conn->options_known)
		return true;
	return probes(conn) && conn->options.keepalive_time_s < LATE_S;
}

/// What had raised a flag before the silence began stirs no more; of the others it has since, or
/// was tried.
static bool has_stirred(const struct ct_conn *conn)
{
	uint64_t since_ns = conn->looked_ns - conn->silent_ns;
	uint32_t before = 0;

	if (conn->silent_ns > conn->looked_ns) /* a recording that was tampered with */
		return conn->flags;
	/* what is sent again and again is silent in between: the kernel does ask */
	if (ct_finder_goes_on(conn, conn->looked_ns) || conn->unheard || conn->unsent)
		return true;
	for (const struct ct_mark *mark = conn->marks; mark; mark = mark->next)
		if (mark->at_ns <= since_ns)
			before |= 1U << mark->flag;
	/* it is raised once, and a closed window is probed as long as it is closed */
	before &= ~(1U << CT_FLAG_ZERO_WINDOW);
	return conn->flags & ~before;
}

/* values: silent for so long at the last look; 1 if keepalive is on; its time then */
static bool is_silent(const struct ct_conn *conn, uint64_t now_ns, struct ct_symptom *ret)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	(void)now_ns;
	/* no silence: nobody looked at it */
	if (conn->phase != CT_PHASE_LIVE || !conn->silent_ns || has_stirred(conn) || !last ||
	    last->state != CT_STATE_ESTABLISHED || ct_finder_is_within_host(&conn->id) ||
	    is_told_in_time(conn))
		return false;
	*ret = (struct ct_symptom){
		conn->silent_ns,
		{conn->silent_ns, probes(conn), probes(conn) ? conn->options.keepalive_time_s : 0},
	};
	return true;
}

static void put_why(const struct ct_case *one, const struct ct_doctor_facts *facts,
		    struct ct_buf *text)
{
	uint64_t probing = one->values[1].sum;

	if (!probing) {
		ct_buf_puts(text, ": TCP keepalive is off, and the kernel does not ask whether the "
				  "peer is still there");
		return;
	}
	if (probing == one->count)
		ct_buf_puts(text, ": keepalive");
	else
		ct_buf_printf(text, ": %llu have no keepalive, that of the others",
			      (unsigned long long)(one->count - probing));
	ct_buf_puts(text, " asks only behind a silence of ");
	ct_words_duration(facts->options, text, one->values[2].max * CT_SECOND_NS);
	ct_buf_puts(text, " whether the peer is still there");
}

static const struct ct_deed holds = {" holds ", " had been", " had been"};

static bool is_ghostly(const struct ct_case *one, const struct ct_doctor_facts *facts,
		       struct ct_finding *finding)
{
	bool is_held;

	finding->severity = CT_SEVERITY_NOTE;
	/* one that is kept for later, whose peer is there, looks the same */
	finding->confidence = CT_CONFIDENCE_LOW;
	finding->is_of_owner = true;
	is_held = ct_finder_put_doer(facts, &finding->summary, finding, &holds);
	ct_buf_puts(&finding->summary, is_held ? " that had been" : "");
	ct_buf_puts(&finding->summary, " silent when last looked at, the longest ");
	ct_finder_put_time(facts, &finding->summary, one->values[0].max, false);
	put_why(one, facts, &finding->summary);
	ct_finder_put_unheld(&finding->summary, finding);
	ct_finding_number(finding, "idle_ns", one->values[0].max);
	ct_finding_number(finding, "keepalive_off", one->count - one->values[1].sum);
	ct_finding_number(finding, "keepalive_on", one->values[1].sum);
	if (one->values[1].sum)
		ct_finding_number(finding, "keepalive_time_s", one->values[2].max);
	ct_finder_put_ss_times(facts, &finding->confirm, "established", one);
	ct_buf_puts(&finding->remedy,
		    "SO_KEEPALIVE with a TCP_KEEPIDLE of minutes finds out that a peer has gone, "
		    "and keeps a NAT or firewall between from forgetting the connection; or close "
		    "what has been idle for too long");
	return true;
}

const struct ct_finder ct_find_silent_ghost = {
	.id = "half-open-ghost",
	.by = CT_CASE_BY_OWNER,
	.of_silence = true,
	.matches = is_silent,
	.concludes = is_ghostly,
};
