// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What finders have in common: where a connection stands, and the words of their sentences. */
#include "finder.h"

#include <string.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "conntrace/sink_words.h"
#include "conntrace/text.h"

#define LOOPBACK 127 /// RFC 1122 3.2.1.3

bool ct_finder_is_within_host(const struct ct_conn_id *id)
{
	if (id->family == AF_INET && id->raddr[0] == LOOPBACK)
		return true;
	return memcmp(id->laddr, id->raddr, sizeof(id->laddr)) == 0;
}

bool ct_finder_stands_in(const struct ct_conn *conn, uint8_t state, uint64_t now_ns,
			 uint64_t *ret_for_ns, bool *ret_exact)
{
	const struct ct_step *last = ct_history_last(&conn->history);
	uint64_t since_ns;

	if (conn->phase != CT_PHASE_LIVE || !last || last->state != state)
		return false;
	*ret_exact = last->at_ns != CT_NS_UNKNOWN;
	since_ns = *ret_exact ? last->at_ns : conn->found_ns;
	if (since_ns == CT_NS_UNKNOWN)
		return false;
	if (!*ret_exact)
		since_ns -= conn->idle_ns < since_ns ? conn->idle_ns : since_ns;
	*ret_for_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	return true;
}

const struct ct_step *ct_finder_step(const struct ct_conn *conn, uint8_t state)
{
	for (size_t i = 0; i < conn->history.n_steps; i++)
		if (conn->history.steps[i].state == state)
			return &conn->history.steps[i];
	return NULL;
}

uint32_t ct_finder_sent_behind_fin(const struct ct_conn *conn)
{
	const struct ct_step *step = ct_finder_step(conn, CT_STATE_CLOSE_WAIT);
	const struct ct_step *last = ct_history_last(&conn->history);
	uint32_t bytes = conn->write_seq - conn->write_seq_at_fin;

	if (!step || step->basis != CT_BASIS_SEEN)
		return 0;
	if (bytes && conn->phase == CT_PHASE_CLOSED && last->state == CT_STATE_LAST_ACK)
		bytes--; /* our FIN */
	return bytes;
}

/// So late may a timer come.
#define LATE_NS	   (15 * CT_SECOND_NS)
#define RTO_NS_MAX (CT_RTO_MAX_NS + LATE_NS)

/// Behind STREAK tries in a row the next is not overdue.
static bool is_next_awaited(const struct ct_conn *conn, uint32_t streak, uint64_t at_ns)
{
	uint64_t took = 0, next;

	if (!streak)
		return false;
	if (conn->tried_by_look)
		return at_ns <= conn->rto_last_ns + LATE_NS;
	if (conn->rto_last_ns > conn->rto_since_ns)
		took = conn->rto_last_ns - conn->rto_since_ns;
	/* each is twice the one before: of three the next takes as long as the two gaps and more */
	next = took + took / (streak > 2 ? 2 : 1);
	return at_ns <= conn->rto_last_ns + (next < RTO_NS_MAX ? next : RTO_NS_MAX);
}

bool ct_finder_none_left(const struct ct_conn *conn)
{
	return conn->unsent && conn->unsent >= conn->rto_streak && !conn->doubtful &&
	       !(conn->blind & (CT_BLIND_RETRANSMITS | CT_BLIND_TIMERS));
}

bool ct_finder_was_sent_again(const struct ct_conn *conn)
{
	return !conn->tried_by_look || conn->streak_sent;
}

uint64_t ct_finder_tried_ns(const struct ct_conn *conn, uint64_t until_ns)
{
	if (conn->tried_by_look && conn->phase == CT_PHASE_LIVE && conn->looked_ns < until_ns)
		until_ns = conn->looked_ns;
	return until_ns > conn->rto_since_ns ? until_ns - conn->rto_since_ns : 0;
}

bool ct_finder_is_held_back(const struct ct_conn *conn, uint64_t at_ns)
{
	uint32_t tries = conn->rto_streak ?: conn->unsent;

	return tries >= CT_FINDER_STREAK && is_next_awaited(conn, tries, at_ns) &&
	       (!conn->rto_streak || ct_finder_none_left(conn));
}

bool ct_finder_goes_on(const struct ct_conn *conn, uint64_t at_ns)
{
	return is_next_awaited(conn, conn->rto_streak, at_ns);
}

bool ct_finder_never_connected(const struct ct_conn *conn)
{
	const struct ct_step *last = ct_history_last(&conn->history);

	return conn->id.role == CT_ROLE_ACTIVE && last && last->state == CT_STATE_SYN_SENT;
}

bool ct_finder_asks(const struct ct_conn_id *id)
{
	return id->role == CT_ROLE_ACTIVE || !id->lport;
}

void ct_finder_number_older(struct ct_finding *finding, uint64_t n)
{
	if (n)
		ct_finding_number(finding, "opened_before_trace", n);
}

const struct ct_mark *ct_finder_mark(const struct ct_conn *conn, enum ct_flag flag)
{
	const struct ct_mark *mark = conn->marks;

	while (mark && mark->flag != flag)
		mark = mark->next;
	return mark;
}

void ct_finder_put_owner(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			 const struct ct_conn_id *id)
{
	ct_finder_put_process(facts->options, buf, id);
}

/// "3 connections, 2 of nginx[12] and 1 that came through its listener,"
static void put_mixed(const struct ct_doctor_facts *facts, struct ct_buf *buf,
		      const struct ct_finding *finding)
{
	uint64_t inherited = finding->culprits.inherited;
	struct ct_conn_id id = finding->culprit;

	id.owner = CT_OWNER_ACTOR; /* of those others it is certain */
	ct_buf_printf(buf, ", %llu of ", (unsigned long long)(finding->count - inherited));
	ct_finder_put_owner(facts, buf, &id);
	ct_buf_printf(buf, " and %llu that came through its listener,",
		      (unsigned long long)inherited);
}

bool ct_finder_put_doer(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			const struct ct_finding *finding, const struct ct_deed *deed)
{
	uint64_t inherited = finding->culprits.inherited;

	if (!inherited || !finding->culprit.pid) {
		ct_finder_put_owner(facts, buf, &finding->culprit);
		ct_buf_puts(buf, deed->does);
		ct_words_count(buf, finding->count, "connection");
		return true;
	}
	ct_words_count(buf, finding->count, "connection");
	if (inherited < finding->count) {
		put_mixed(facts, buf, finding);
	} else {
		ct_buf_puts(buf, " that came through the listener of ");
		ct_finder_put_owner(facts, buf, &finding->culprit);
	}
	ct_buf_puts(buf, finding->count == 1 ? deed->is : deed->are);
	return false;
}

void ct_finder_put_unheld(struct ct_buf *buf, const struct ct_finding *finding)
{
	uint64_t inherited = finding->culprits.inherited;

	if (!inherited || !finding->culprit.pid)
		return;
	ct_buf_puts(buf, "; which process has ");
	if (inherited < finding->count)
		ct_buf_printf(buf, "%s %llu", inherited == 1 ? "that" : "those",
			      (unsigned long long)inherited);
	else
		ct_buf_puts(buf, inherited == 1 ? "it" : "them");
	ct_buf_puts(buf, ", if any does, is not known");
}

void ct_finder_put_process(const struct ct_output_options *options, struct ct_buf *buf,
			   const struct ct_conn_id *id)
{
	if (!id->pid) {
		ct_buf_puts(buf, "an unknown process");
		return;
	}
	if (*id->comm)
		ct_text_escape(buf, id->comm, strlen(id->comm), options->utf8);
	else
		ct_buf_puts(buf, "process");
	ct_buf_putc(buf, '[');
	ct_words_pid(buf, id);
	ct_buf_putc(buf, ']');
}

void ct_finder_put_address(struct ct_buf *buf, uint8_t family, const uint8_t address[16],
			   uint16_t port)
{
	bool brackets = family == AF_INET6;
	char text[CT_ADDR_STRLEN];

	ct_addr_format(family, address, text);
	ct_buf_printf(buf, "%s%s%s:%u", brackets ? "[" : "", text, brackets ? "]" : "", port);
}

void ct_finder_put_remote(struct ct_buf *buf, const struct ct_conn_id *id)
{
	char text[CT_ADDR_STRLEN];

	ct_addr_format(id->family, id->raddr, text);
	ct_buf_puts(buf, text);
}

void ct_finder_put_service(struct ct_buf *buf, const struct ct_conn_id *id)
{
	if (ct_finder_asks(id))
		ct_finder_put_address(buf, id->family, id->raddr, id->rport);
	else
		ct_buf_printf(buf, "port %u", id->lport);
}

void ct_finder_put_time(const struct ct_doctor_facts *facts, struct ct_buf *buf, uint64_t ns,
			bool exact)
{
	ct_buf_puts(buf, exact ? "for " : "for at least ");
	ct_words_duration(facts->options, buf, ns);
}

bool ct_finder_is_elsewhere(const struct ct_doctor_facts *facts, const struct ct_conn_id *id)
{
	const struct ct_session *session = facts->session;

	return session->netns && id->netns && session->netns != id->netns;
}

static enum ct_process_place find_process(const struct ct_doctor_facts *facts, uint32_t pid,
					  uint32_t netns)
{
	if (!facts->options->find_process)
		return CT_PROCESS_UNKNOWN;
	return facts->options->find_process(pid, netns);
}

bool ct_finder_has_ended(const struct ct_doctor_facts *facts, const struct ct_example *example)
{
	const struct ct_conn_id *id = &example->id;

	if (!id->pid)
		return false;
	/* the number may be another process's by now */
	return example->has_exited || find_process(facts, id->pid, id->netns) == CT_PROCESS_ENDED;
}

/// As far as is known: what was there last is taken to be there still.
static bool is_in_netns(const struct ct_doctor_facts *facts, uint32_t pid, uint32_t netns)
{
	enum ct_process_place place = find_process(facts, pid, netns);

	return place == CT_PROCESS_THERE || place == CT_PROCESS_UNKNOWN;
}

/// How a command gets to where a connection is.
struct way {
	const struct ct_conn_id *id;
	bool elsewhere;
	uint32_t pid; /// nsenter goes by this one; 0: there is no need, or none leads there
};

static struct way find_way(const struct ct_doctor_facts *facts, const struct ct_example *example)
{
	const struct ct_conn_id *id = &example->id;
	const struct ct_holders *others = ct_holders_of(facts->holders, id->netns);
	struct way way = {.id = id, .elsewhere = ct_finder_is_elsewhere(facts, id)};

	if (!way.elsewhere)
		return way;
	if (id->pid && !example->has_exited && is_in_netns(facts, id->pid, id->netns))
		way.pid = id->pid;
	for (uint32_t i = 0; others && !way.pid && i < others->n; i++)
		if (is_in_netns(facts, others->pids[i], id->netns))
			way.pid = others->pids[i];
	return way;
}

static void enter_netns(struct ct_buf *buf, const struct way *way)
{
	if (way->pid)
		ct_buf_printf(buf, "nsenter -t %u -n ", way->pid);
}

/// For the shell it is a comment.
static void name_netns(struct ct_buf *buf, const struct way *way)
{
	if (!way->elsewhere || way->pid)
		return;
	ct_buf_printf(buf, " # in network namespace %u", way->id->netns);
	if (way->id->pid)
		ct_buf_printf(buf, ": process %u has left it or ended, no other one in it is known",
			      way->id->pid);
}

/// By its address alone: its ports are what there are so many of.
static void put_source(struct ct_buf *buf, const struct ct_conn_id *id)
{
	static const uint8_t unknown[sizeof(id->laddr)];
	bool brackets = id->family == AF_INET6;
	char text[CT_ADDR_STRLEN];

	if (memcmp(id->laddr, unknown, sizeof(unknown)) == 0)
		return;
	ct_addr_format(id->family, id->laddr, text);
	ct_buf_printf(buf, "src %s%s%s and ", brackets ? "[" : "", text, brackets ? "]" : "");
}

static void put_ss(const struct ct_doctor_facts *facts, struct ct_buf *buf, const char *options,
		   const char *state, const struct ct_case *one)
{
	const struct ct_example *example = &one->examples[0];
	const struct way way = find_way(facts, example);
	const struct ct_conn_id *id = &example->id;

	enter_netns(buf, &way);
	ct_buf_printf(buf, "ss %s%s%s", options, state ? " state " : "", state ? state : "");
	if (one->by == CT_CASE_BY_OWNER && id->owner != CT_OWNER_INHERITED && !example->is_let_go &&
	    !ct_finder_has_ended(facts, example)) {
		ct_buf_printf(buf, " | grep pid=%u,", id->pid);
	} else if (ct_finder_asks(id)) {
		ct_buf_puts(buf, " '");
		if (one->by == CT_CASE_BY_ROUTE)
			put_source(buf, id);
		ct_buf_puts(buf, "dst ");
		ct_finder_put_address(buf, id->family, id->raddr, id->rport);
		ct_buf_putc(buf, '\'');
	} else {
		ct_buf_printf(buf, " 'sport = :%u'", id->lport);
	}
	name_netns(buf, &way);
}

void ct_finder_put_ss(const struct ct_doctor_facts *facts, struct ct_buf *buf, const char *state,
		      const struct ct_case *one)
{
	put_ss(facts, buf, "-tanpo", state, one);
}

void ct_finder_put_ss_times(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			    const char *state, const struct ct_case *one)
{
	put_ss(facts, buf, "-tanpoiO", state, one);
}

void ct_finder_put_ss_listener(const struct ct_doctor_facts *facts, struct ct_buf *buf,
			       const struct ct_case *one, uint16_t port)
{
	const struct way way = find_way(facts, &one->examples[0]);

	enter_netns(buf, &way);
	ct_buf_printf(buf, "ss -tln 'sport = :%u'", port);
	name_netns(buf, &way);
}

void ct_finder_put_tracer(const struct ct_doctor_facts *facts, struct ct_finding *finding)
{
	const struct ct_output_options *options = facts->options;
	const char *recording = options->recording;
	struct ct_buf *buf = &finding->confirm;

	ct_text_quote_shell(buf, options->program ?: "conntrace", options->utf8);
	finding->confirms_next = !recording;
	if (!recording)
		return;
	ct_buf_puts(buf, *recording == '-' ? " replay ./" : " replay ");
	ct_text_quote_shell(buf, recording, options->utf8);
}

/* A process that is gone does it no more, its successor has the port, and one that has no more than
 * the listener may never do it; in a recording it is there for ever. */
void ct_finder_put_events(const struct ct_case *one, const struct ct_doctor_facts *facts,
			  const char *flag, struct ct_finding *finding)
{
	const struct ct_conn_id *id = &one->examples[0].id;
	bool by_pid = facts->options->recording || !ct_finder_has_ended(facts, &one->examples[0]);

	ct_finder_put_tracer(facts, finding);
	if (one->by == CT_CASE_BY_OWNER && !one->culprits.inherited && by_pid)
		ct_buf_printf(&finding->confirm, " -p %u --flag %s", id->pid, flag);
	else
		ct_buf_printf(&finding->confirm, " -P %u --flag %s",
			      ct_finder_asks(id) ? id->rport : id->lport, flag);
}
