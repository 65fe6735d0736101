// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a finding about a service names the process that has trouble with it; and names none
// where there are two. And that one which was killed is not told how to close; and that a leak
// which arises while the doctor watches is the worker's that has the connections, and not the
// master's that listens.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define HOST	"127.0.0.1"
#define LEAKED	3
#define LEAK_MS 5500

static struct e2e_tracer *record(struct e2e *e2e)
{
	return E2E_TRACE(e2e, "record", "-w", e2e_path(e2e, "x.ctr"), "-P", e2e_port_text(e2e, 0),
			 "--netns", e2e_format(e2e, "%lu", e2e->home.inum));
}

static struct e2e_actor *be_refused(struct e2e *e2e, const char *comm, int times)
{
	struct e2e_actor *actor = e2e_actor_start(e2e, &e2e->home, comm);

	for (int i = 0; i < times; i++)
		e2e_actor_connect_fails(actor, HOST, e2e_port(0), ECONNREFUSED);
	return actor;
}

/// The only finding of the recording; the caller owns the array.
static const json_t *find_refusal(struct e2e *e2e, json_t **ret_findings)
{
	*ret_findings = E2E_CONNTRACE_JSON("doctor", e2e_path(e2e, "x.ctr"), "--json");
	assert_int_equal(json_array_size(*ret_findings), 1);
	return e2e_events_one(*ret_findings, "{s:s}", "id", "refused");
}

/// As the events have it; 0: they do not know it.
static long long cgroup_of(struct e2e *e2e, const struct e2e_actor *actor)
{
	json_t *events = E2E_CONNTRACE_JSON("replay", e2e_path(e2e, "x.ctr"), "--json");
	const json_t *event = e2e_events_nth(events, 0, "{s:s, s:i}", "event", "close", "pid",
					     (int)actor->pid);
	long long cgroup;

	assert_non_null(event);
	cgroup = e2e_event_number(event, "cgroup");
	json_decref(events);
	return cgroup > 0 ? cgroup : 0;
}

static void assert_cgroup(const json_t *of, long long cgroup)
{
	if (cgroup)
		e2e_assert_has(of, "{s:I}", "cgroup", (json_int_t)cgroup);
	else
		e2e_assert_has(of, "{s:n}", "cgroup");
}

static const char *process_text(struct e2e *e2e, const struct e2e_actor *actor, long long cgroup)
{
	return e2e_format(e2e, cgroup ? "%s[%d], cgroup %lld" : "%s[%d], cgroup not known",
			  actor->comm, actor->pid, cgroup);
}

/// Both the doctor and the report say it.
static void assert_said(struct e2e *e2e, const char *text)
{
	static const char *const commands[] = {"doctor", "report"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct e2e_output output;

		E2E_CONNTRACE(&output, commands[i], e2e_path(e2e, "x.ctr"));
		assert_int_equal(output.status, 0);
		if (!strstr(output.out, text))
			fail_msg("%s does not say \"%s\": %s", commands[i], text, output.out);
		e2e_output_free(&output);
	}
}

static void process_that_is_refused_is_named(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *recorder = record(e2e);
	const struct e2e_actor *client = be_refused(e2e, "ct-client", 3);
	const json_t *finding, *culprit;
	json_t *findings;
	long long cgroup;

	e2e_tracer_stop(recorder, 0);
	cgroup = cgroup_of(e2e, client);
	finding = find_refusal(e2e, &findings);
	culprit = json_object_get(finding, "culprit");
	e2e_assert_has(culprit, "{s:i, s:s, s:s, s:s, s:i}", "pid", (int)client->pid, "comm",
		       "ct-client", "owner", "connect", "address", HOST, "port", e2e_port(0));
	assert_cgroup(culprit, cgroup);
	assert_said(e2e,
		    e2e_format(e2e, "      process   %s\n", process_text(e2e, client, cgroup)));
	json_decref(findings);
}

static void two_that_are_refused_are_told_apart(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *recorder = record(e2e);
	const struct e2e_actor *client = be_refused(e2e, "ct-client", 2);
	const struct e2e_actor *other = be_refused(e2e, "ct-other", 1);
	const json_t *finding, *culprit, *processes;
	json_t *findings;
	long long cgroup;

	e2e_tracer_stop(recorder, 0);
	cgroup = cgroup_of(e2e, client);
	finding = find_refusal(e2e, &findings);
	culprit = json_object_get(finding, "culprit");
	e2e_assert_has(finding, "{s:i}", "count", 3);
	e2e_assert_has(culprit, "{s:n, s:n, s:n, s:s, s:i}", "pid", "comm", "owner", "address",
		       HOST, "port", e2e_port(0));
	assert_cgroup(culprit, cgroup); /* that of the test, of both */
	processes = json_object_get(culprit, "processes");
	assert_int_equal(json_array_size(processes), 2);
	e2e_assert_has(json_array_get(processes, 0), "{s:i, s:s, s:i}", "pid", (int)client->pid,
		       "comm", "ct-client", "count", 2);
	e2e_assert_has(json_array_get(processes, 1), "{s:i, s:s, s:i}", "pid", (int)other->pid,
		       "comm", "ct-other", "count", 1);
	assert_said(e2e, e2e_format(e2e,
				    "      processes %s: 2 connections\n"
				    "                %s: 1 connection\n",
				    process_text(e2e, client, cgroup),
				    process_text(e2e, other, cgroup)));
	json_decref(findings);
}

/// The server, on a new connection, has 700 bytes that it does not read.
static void leave_unread(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, HOST);
	e2e_pair_exchange(pair, 100, 100);
	e2e_actor_send(pair->client, pair->client_fd, 700);
	e2e_actor_wait_readable(pair->server, pair->server_fd);
}

static void process_that_is_killed_is_said_to_have_ended(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *recorder = record(e2e);
	struct e2e_pair pair;

	e2e_pair_listen(e2e, HOST, e2e_port(0), &pair);
	leave_unread(&pair);
	e2e_actor_kill(pair.server);
	(void)e2e_actor_try_receive(pair.client, pair.client_fd, 1);
	e2e_actor_close(pair.client, pair.client_fd);
	e2e_tracer_stop(recorder, 0);
	assert_said(e2e, e2e_format(e2e,
				    "ct-server[%d] ended with 1 connection open, with 700 B "
				    "unread: the peer is told ",
				    pair.server->pid));
	assert_said(e2e, "      remedy    look into why the process ended: ");
}

/// The nearest innocent of that: it goes on, and can close in another way.
static void process_that_closes_and_then_ends_is_told_how_to_close(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *recorder = record(e2e);
	struct e2e_pair pair;

	e2e_pair_listen(e2e, HOST, e2e_port(0), &pair);
	leave_unread(&pair);
	e2e_actor_close(pair.server, pair.server_fd);
	(void)e2e_actor_try_receive(pair.client, pair.client_fd, 1);
	e2e_actor_close(pair.client, pair.client_fd);
	e2e_actor_kill(pair.server);
	e2e_tracer_stop(recorder, 0);
	assert_said(e2e, e2e_format(e2e, "ct-server[%d] closed 1 connection with 700 B unread: ",
				    pair.server->pid));
	assert_said(e2e, "      remedy    shutdown(SHUT_WR), then read until ");
}

static struct e2e_tracer *watch(struct e2e *e2e, const char *option)
{
	return E2E_TRACE(e2e, "doctor", "--json", "--duration", "1h", "-P", e2e_port_text(e2e, 0),
			 "--netns", e2e_format(e2e, "%lu", e2e->home.inum), option);
}

/// Clients that ask and go: ACCEPTOR takes them, with the listener of PAIR, and does no more.
static void leave_open(struct e2e_pair *pair, struct e2e_actor *acceptor, int ret_fds[LEAKED])
{
	for (int i = 0; i < LEAKED; i++) {
		int fd = e2e_actor_connect(pair->client, HOST, pair->port);

		ret_fds[i] = e2e_actor_accept(acceptor, pair->listen_fd);
		e2e_actor_send(pair->client, fd, 100);
		e2e_actor_receive(acceptor, ret_fds[i], 100);
		e2e_actor_close(pair->client, fd);
	}
}

/// The leak, and nothing else, is WHO's by ORIGIN.
static void assert_leak_of(struct e2e *e2e, struct e2e_tracer *doctor, const struct e2e_actor *who,
			   const char *origin)
{
	const json_t *findings, *leak;
	const char *start = e2e_format(e2e,
				       "%s[%d] holds %d connections in CLOSE_WAIT, the oldest ",
				       who->comm, who->pid, LEAKED);

	e2e_sleep_ms(LEAK_MS);
	e2e_tracer_stop(doctor, 0);
	findings = e2e_tracer_events(doctor);
	assert_int_equal(json_array_size(findings), 1);
	leak = e2e_events_one(findings, "{s:s}", "id", "close-wait-leak");
	assert_memory_equal(e2e_event_text(leak, "summary"), start, strlen(start));
	e2e_assert_has(json_object_get(leak, "culprit"), "{s:i, s:s, s:s}", "pid", (int)who->pid,
		       "comm", who->comm, "owner", origin);
	assert_non_null(
		strstr(e2e_event_text(leak, "confirm"), e2e_format(e2e, "grep pid=%d,", who->pid)));
}

/// A recording has no last look: the master is not said to hold what came through its listener.
static void assert_recorded_leak_is_nobodys(struct e2e *e2e, const struct e2e_actor *master)
{
	json_t *findings = E2E_CONNTRACE_JSON("doctor", e2e_path(e2e, "x.ctr"), "--json");
	const char *start = e2e_format(
		e2e, "%d connections that came through the listener of %s[~%d] are in CLOSE_WAIT, ",
		LEAKED, master->comm, master->pid);
	const char *summary;

	assert_int_equal(json_array_size(findings), 1);
	summary = e2e_event_text(e2e_events_one(findings, "{s:s}", "id", "close-wait-leak"),
				 "summary");
	assert_memory_equal(summary, start, strlen(start));
	assert_non_null(strstr(summary, "; which process has them, if any does, is not known"));
	json_decref(findings);
}

static void leak_is_the_workers_that_accepts(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *recorder = record(e2e);
	struct e2e_tracer *doctor = watch(e2e, "-4");
	struct e2e_actor *worker;
	struct e2e_pair pair;
	int fds[LEAKED];

	e2e_pair_listen(e2e, HOST, e2e_port(0), &pair);
	worker = e2e_actor_fork(pair.server, "ct-worker");
	leave_open(&pair, worker, fds);
	assert_leak_of(e2e, doctor, worker, "scan");
	e2e_tracer_stop(recorder, 0);
	assert_recorded_leak_is_nobodys(e2e, pair.server);
}

static void leak_is_the_childs_that_was_given_it(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = watch(e2e, "-4");
	struct e2e_actor *child;
	struct e2e_pair pair;
	int fds[LEAKED];

	e2e_pair_listen(e2e, HOST, e2e_port(0), &pair);
	leave_open(&pair, pair.server, fds);
	child = e2e_actor_fork(pair.server, "ct-child");
	for (int i = 0; i < LEAKED; i++)
		e2e_actor_close(pair.server, fds[i]);
	assert_leak_of(e2e, doctor, child, "scan");
}

/// Who has read is known by that, and the last look makes no less of it.
static void owner_that_is_known_better_stays(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = watch(e2e, "--comm=ct-*");
	struct e2e_actor *worker;
	struct e2e_pair pair;
	int fds[LEAKED];

	e2e_pair_listen(e2e, HOST, e2e_port(0), &pair);
	worker = e2e_actor_fork(pair.server, "ct-worker");
	leave_open(&pair, worker, fds);
	assert_leak_of(e2e, doctor, worker, "io");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(process_that_is_refused_is_named),
	E2E_TEST(two_that_are_refused_are_told_apart),
	E2E_TEST(leak_is_the_workers_that_accepts),
	E2E_TEST(leak_is_the_childs_that_was_given_it),
	E2E_TEST(owner_that_is_known_better_stays),
	E2E_TEST(process_that_is_killed_is_said_to_have_ended),
	E2E_TEST(process_that_closes_and_then_ends_is_told_how_to_close),
};

E2E_MAIN("culprit", tests)
