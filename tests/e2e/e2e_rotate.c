// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a recording in several files has in all of them together what one would have, and that
// each of them stands on its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/capability.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/recording.h"
#include "support/ss.h"

#define FILES_MAX    64
#define CHURN	     3000
#define RING_CHURN   300
#define RING_ROUNDS  100
#define PERIODS_MS   3500 /// of a second each
#define POLL_MS	     50
#define WAIT_MS	     30000
#define EXIT_RUNTIME 1
#define SOMETHING    "nobody wants to lose this"

/// The files of a recording in their order, and what replay prints of each.
struct files {
	size_t n;
	const char *paths[FILES_MAX];
	json_t *events[FILES_MAX];
};

/// Takes the next file of the recording; it is whole, and nothing is missing in it.
static void take_file(struct files *files, const char *path)
{
	json_t *info = E2E_CONNTRACE_JSON("info", "--json", path);

	assert_true(files->n < FILES_MAX);
	e2e_assert_has(json_array_get(info, 0), "{s:b, s:i}", "whole", true, "lost", 0);
	assert_true(json_is_object(json_object_get(json_array_get(info, 0), "privileges")));
	json_decref(info);
	files->paths[files->n] = path;
	files->events[files->n++] = E2E_CONNTRACE_JSON("replay", "--json", path);
}

/// FILE, FILE1, FILE2 … as far as there are.
static void take_files(struct e2e *e2e, const char *path, struct files *ret)
{
	*ret = (struct files){0};
	for (unsigned i = 0; i < FILES_MAX; i++) {
		const char *name = i ? e2e_format(e2e, "%s%u", path, i) : path;

		if (access(name, F_OK))
			return;
		take_file(ret, name);
	}
	fail_msg("more files than were thought of");
}

static void files_free(struct files *files)
{
	for (size_t i = 0; i < files->n; i++)
		json_decref(files->events[i]);
	files->n = 0;
}

static size_t count_in_all(const struct files *files, const char *from, const char *to,
			   const char *side, uint16_t port)
{
	size_t sum = 0;

	for (size_t i = 0; i < files->n; i++)
		sum += e2e_events_count(files->events[i], "{s:s, s:s, s:s, s:i}", "event", "state",
					"from", from, "to", to, side, (int)port);
	return sum;
}

/// Summaries of the port's accepted connections that say that they are over.
static size_t count_ends(const struct files *files, uint16_t port)
{
	size_t sum = 0;

	for (size_t i = 0; i < files->n; i++)
		sum += e2e_events_count(files->events[i], "{s:s, s:i}", "event", "close", "lport",
					(int)port) -
		       e2e_events_count(files->events[i], "{s:s, s:i, s:s}", "event", "close",
					"lport", (int)port, "end", "open");
	return sum;
}

/// Until the recording, whose files take a second, has come to its third.
static void wait_for_the_third(struct e2e *e2e, const char *recording)
{
	const char *third = e2e_format(e2e, "%s2", recording);

	for (int ms = 0; ms < e2e_patience(PERIODS_MS) && access(third, F_OK); ms += POLL_MS)
		e2e_sleep_ms(POLL_MS);
}

/// A connection that was opened in the first file: told as open at each seam, and found behind it
/// as what it was, up to the file in which it is closed. How many seams that are.
static size_t assert_alive_over_seams(const struct files *files, const char *conn,
				      const struct e2e_actor *owner, const char *origin)
{
	for (size_t i = 0; i < files->n; i++) {
		const json_t *events = files->events[i];
		const json_t *close = e2e_events_one(events, "{s:s, s:s}", "event", "close", "conn",
						     conn);
		bool is_over = e2e_events_count(events, "{s:s, s:s}", "conn", conn, "to",
						"FIN_WAIT1") == 1;

		e2e_assert_has(close, "{s:s, s:i}", "end", is_over ? "fin" : "open", "gaps", 0);
		if (i == 0)
			e2e_assert_none(events, "{s:s, s:s}", "event", "found", "conn", conn);
		else
			e2e_assert_has(e2e_events_one(events, "{s:s, s:s}", "event", "found",
						      "conn", conn),
				       "{s:s, s:i, s:s, s:s}", "state", "ESTABLISHED", "pid",
				       (int)owner->pid, "comm", owner->comm, "owner", origin);
		if (is_over)
			return i;
	}
	fail_msg("%s is closed in none of %zu files", conn, files->n);
	return 0;
}

/// In the order of a life: what the port's clients do, and what its servers do.
static const struct {
	const char *from, *to, *side;
} steps[] = {
	{"CLOSE", "SYN_SENT", "rport"},	       {"SYN_SENT", "ESTABLISHED", "rport"},
	{"ESTABLISHED", "FIN_WAIT1", "rport"}, {"FIN_WAIT1", "FIN_WAIT2", "rport"},
	{"SYN_RECV", "ESTABLISHED", "lport"},  {"ESTABLISHED", "CLOSE_WAIT", "lport"},
	{"CLOSE_WAIT", "LAST_ACK", "lport"},   {"LAST_ACK", "CLOSE", "lport"},
};

/// Whether a file tells of both connections, and goes on all the same.
static bool goes_on_with(const char *path, const char *conn, const char *other)
{
	json_t *events = e2e_recording_events(path), *info;
	bool tells = e2e_events_count(events, "{s:s}", "conn", conn) &&
		     e2e_events_count(events, "{s:s}", "conn", other);
	struct e2e_output output;

	json_decref(events);
	if (!tells)
		return false;
	E2E_CONNTRACE(&output, "info", "--json", path);
	info = e2e_events_parse(output.out, output.out_bytes);
	tells = e2e_events_count(info, "{s:b}", "finished", 0);
	json_decref(info);
	e2e_output_free(&output);
	return tells;
}

/// The name of the last file that there is by now.
static void find_last(const char *recording, char *ret_path, size_t bytes)
{
	char next[128];

	snprintf(ret_path, bytes, "%s", recording);
	for (unsigned i = 1; i < FILES_MAX; i++) {
		snprintf(next, sizeof(next), "%s%u", recording, i);
		if (access(next, F_OK))
			return;
		snprintf(ret_path, bytes, "%s", next);
	}
}

/// Until no file is to come any more: the last one has found the pair's connection, and goes on
/// though it has been told of another that came behind all else.
static void wait_for_the_last(const char *recording, const struct e2e_pair *pair)
{
	struct e2e_pair another = *pair;
	char path[128];

	e2e_pair_connect(&another, "127.0.0.1");
	for (int ms = 0; ms < WAIT_MS; ms += POLL_MS) {
		find_last(recording, path, sizeof(path));
		if (goes_on_with(path, pair->client_conn, another.client_conn))
			return;
		e2e_sleep_ms(POLL_MS);
	}
	fail_msg("%s does not go on with what was there before", path);
}

static void nothing_is_lost_at_the_seams_of_size(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x.ctr");
	size_t churn = e2e_is_guest() ? CHURN / 3 : CHURN;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	struct files files;

	e2e_need_capability(e2e, "snapshot");
	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-C", "24K", "-w", recording, "--netns",
			   e2e_format(e2e, "%lu", e2e->home.inum));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100); /* the server is known by what it does */
	e2e_churn(e2e, e2e_port(1), (unsigned)churn);
	e2e_churn_settle(e2e, e2e_port(1));
	wait_for_the_last(recording, &pair);
	e2e_pair_close(&pair);
	e2e_ss_wait_none(&e2e->home, "state last-ack sport = :%u", e2e_port(0));
	e2e_tracer_stop(tracer, 0);
	take_files(e2e, recording, &files);

	assert_true(assert_alive_over_seams(&files, pair.client_conn, pair.client, "connect") >= 2);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t n = count_in_all(&files, steps[i].from, steps[i].to, steps[i].side,
					e2e_port(1));

		if (n != churn)
			fail_msg("%s > %s is there %zu times in %zu files, wanted %zu",
				 steps[i].from, steps[i].to, n, files.n, churn);
	}
	assert_int_equal(count_ends(&files, e2e_port(1)), churn);
	files_free(&files);
}

/// Everything, as it came: what it means is found out when each file is read. A connection that
/// changes while a file begins is found as what it has become: it is closed when it has been found.
static void file_of_everything_begins_with_what_is_there(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x.ctr"), *second = e2e_path(e2e, "x.ctr1");
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	struct files files;

	e2e_need_capability(e2e, "snapshot");
	tracer = E2E_TRACE(e2e, "record", "-G", e2e_is_guest() ? "10" : "3", "-w", recording);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_recording_wait(second, e2e_patience(WAIT_MS), "{s:s, s:s}", "event", "found", "conn",
			   pair.client_conn);
	e2e_pair_close(&pair);
	e2e_ss_wait_none(&e2e->home, "state last-ack sport = :%u", e2e_port(0));
	e2e_tracer_stop(tracer, 0);
	take_files(e2e, recording, &files);

	assert_true(assert_alive_over_seams(&files, pair.client_conn, pair.client, "connect") >= 1);
	files_free(&files);
}

/// No row tells of it in the second file: what happens to it there does, as what happens before the
/// row comes.
static void owner_is_named_anew_in_each_file(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x.ctr"), *second = e2e_path(e2e, "x.ctr1");
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	struct files files;

	tracer = E2E_TRACE(e2e, "record", "-G", e2e_is_guest() ? "10" : "3", "--no-snapshot", "-w",
			   recording);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100);
	for (int ms = 0; ms < e2e_patience(WAIT_MS) && access(second, F_OK); ms += POLL_MS)
		e2e_sleep_ms(POLL_MS);
	e2e_pair_close(&pair);
	e2e_ss_wait_none(&e2e->home, "state last-ack sport = :%u", e2e_port(0));
	e2e_tracer_stop(tracer, 0);
	take_files(e2e, recording, &files);

	assert_true(files.n >= 2);
	e2e_events_one(files.events[0], "{s:s, s:s, s:s}", "event", "state", "conn",
		       pair.client_conn, "to", "ESTABLISHED");
	e2e_assert_none(files.events[1], "{s:s}", "event", "found");
	e2e_assert_has(e2e_events_one(files.events[1], "{s:s, s:s, s:s}", "event", "state", "conn",
				      pair.client_conn, "to", "FIN_WAIT1"),
		       "{s:i, s:s, s:s}", "pid", (int)pair.client->pid, "comm", pair.client->comm,
		       "owner", "connect");
	e2e_assert_has(e2e_events_one(files.events[1], "{s:s, s:s}", "event", "close", "conn",
				      pair.client_conn),
		       "{s:i, s:s, s:s, s:s}", "pid", (int)pair.client->pid, "comm",
		       pair.client->comm, "owner", "connect", "end", "fin");
	e2e_assert_has(e2e_events_one(files.events[1], "{s:s, s:s}", "event", "close", "conn",
				      pair.server_conn),
		       "{s:i, s:s, s:s}", "pid", (int)pair.server->pid, "comm", pair.server->comm,
		       "end", "fin");
	files_free(&files);
}

static void so_many_files_of_a_time_are_the_end(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-G", "1s", "-W", "3", "-w", recording,
					      "-P", e2e_port_text(e2e, 0));
	struct files files;

	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 0);
	take_files(e2e, recording, &files);
	assert_int_equal(files.n, 3);
	files_free(&files);
}

static void name_is_a_format_of_the_time(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-G", "1", "-W", "2", "-w",
					      e2e_path(e2e, "x-%s.ctr"), "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_output output;
	long long first = 0, second = 0;
	int read;

	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 0);
	e2e_process_run((const char *const[]){"sh", "-c",
					      e2e_format(e2e, "cd '%s' && ls x-*", e2e->dir), NULL},
			&output);
	read = sscanf(output.out, "x-%lld.ctr x-%lld.ctr", &first, &second);
	if (read != 2)
		fail_msg("these are no two times: %s", output.out);
	assert_true(second > first);
	e2e_output_free(&output);
}

/// The child is born in the first file, and connects in a later one.
static void child_of_a_followed_process_is_followed_over_a_seam(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x.ctr");
	struct e2e_actor *parent, *child, *server;
	struct e2e_tracer *tracer;
	struct files files;
	const char *conn;
	int fd;

	e2e_need_capability(e2e, "children");
	parent = e2e_actor_start(e2e, &e2e->home, "ct-parent");
	server = e2e_actor_start(e2e, &e2e->home, "ct-server");
	e2e_actor_listen(server, "127.0.0.1", e2e_port(0));
	tracer = E2E_TRACE(e2e, "record", "-G", "1", "-w", recording, "--follow", "-p",
			   e2e_format(e2e, "%d", (int)parent->pid));
	child = e2e_actor_fork(parent, "ct-child");
	wait_for_the_third(e2e, recording);
	fd = e2e_actor_connect(child, "127.0.0.1", e2e_port(0));
	conn = e2e_actor_conn(child, fd);
	e2e_tracer_stop(tracer, 0);
	take_files(e2e, recording, &files);

	assert_true(files.n >= 2);
	e2e_assert_none(files.events[0], "{s:s}", "conn", conn);
	assert_int_equal(count_in_all(&files, "SYN_SENT", "ESTABLISHED", "rport", e2e_port(0)), 1);
	files_free(&files);
}

/// When a file was begun, or 0 if it is not there; it may be the one that is being written.
static long long begun_ns(const char *path)
{
	struct e2e_output output;
	json_t *info;
	long long ns;

	if (access(path, F_OK))
		return 0;
	E2E_CONNTRACE(&output, "info", "--json", path);
	info = e2e_events_parse(output.out, output.out_bytes);
	ns = json_array_size(info) ? e2e_event_number(json_array_get(info, 0), "began_ns") : 0;
	json_decref(info);
	e2e_output_free(&output);
	return ns;
}

static void ring_overwrites_its_oldest_file(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x");
	const char *first = e2e_path(e2e, "x0"), *last = e2e_path(e2e, "x2");
	struct files files = {0};
	struct e2e_tracer *tracer;
	bool is_round = false;

	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-C", "16K", "-W", "3", "-w", recording, "--no-snapshot",
			   "-P", e2e_port_text(e2e, 0));
	for (int i = 0; i < RING_ROUNDS && !is_round; i++) {
		e2e_churn(e2e, e2e_port(0), RING_CHURN);
		is_round = begun_ns(last) && begun_ns(first) > begun_ns(last);
	}
	assert_true(is_round);
	e2e_tracer_stop(tracer, 0);
	for (int i = 0; i < 3; i++)
		take_file(&files, e2e_format(e2e, "%s%d", recording, i));
	assert_int_equal(access(e2e_path(e2e, "x3"), F_OK), -1);
	assert_int_equal(access(recording, F_OK), -1);
	files_free(&files);
}

static void ring_does_not_begin_where_a_file_of_others_would_be_overwritten(void **state)
{
	struct e2e *e2e = *state;
	const char *taken = e2e_path(e2e, "x2");
	struct e2e_output output;

	e2e_file_write(taken, SOMETHING, strlen(SOMETHING));
	E2E_CONNTRACE(&output, "record", "-C", "1", "-W", "3", "-w", e2e_path(e2e, "x"));
	assert_int_equal(output.status, EXIT_RUNTIME);
	assert_non_null(strstr(output.err, e2e_format(e2e, "'%s'", taken)));
	assert_non_null(strstr(output.err, "exists already; --force overwrites it"));
	e2e_assert_file_is(taken, SOMETHING);
	assert_int_equal(access(e2e_path(e2e, "x0"), F_OK), -1);
	e2e_output_free(&output);
}

/// The names of the ring were free when it began.
static void ring_that_meets_a_file_of_others_ends(void **state)
{
	struct e2e *e2e = *state;
	const char *taken = e2e_path(e2e, "x1");
	struct files files = {0};
	struct e2e_tracer *tracer;
	int status = -1;
	char *said;

	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-C", "16K", "-W", "3", "-w", e2e_path(e2e, "x"),
			   "--no-snapshot", "-P", e2e_port_text(e2e, 0));
	e2e_file_write(taken, SOMETHING, strlen(SOMETHING));
	for (int i = 0; i < RING_ROUNDS && !e2e_process_has_ended(tracer->pid, &status); i++)
		e2e_churn(e2e, e2e_port(0), RING_CHURN);
	if (status >= 0)
		e2e_untrack(e2e, tracer->pid);
	assert_int_equal(status, EXIT_RUNTIME);
	said = e2e_tracer_stderr(tracer);
	if (!strstr(said, e2e_format(e2e, "cannot create the recording '%s'", taken)) ||
	    !strstr(said, "exists already"))
		fail_msg("the file is not named in: %s", said);
	free(said);
	e2e_assert_file_is(taken, SOMETHING);
	take_file(&files, e2e_path(e2e, "x0"));
	assert_int_equal(access(e2e_path(e2e, "x2"), F_OK), -1);
	files_free(&files);
}

/// Nobody is there to be asked at a seam: the name is passed over.
static void name_that_others_have_taken_is_passed_over(void **state)
{
	struct e2e *e2e = *state;
	const char *taken = e2e_path(e2e, "x.ctr1");
	struct e2e_tracer *tracer;

	e2e_file_write(taken, SOMETHING, strlen(SOMETHING));
	tracer = E2E_TRACE(e2e, "record", "-G", "1", "-W", "2", "-w", e2e_path(e2e, "x.ctr"), "-P",
			   e2e_port_text(e2e, 0));
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 0);
	e2e_assert_file_is(taken, SOMETHING);
	assert_int_equal(access(e2e_path(e2e, "x.ctr2"), F_OK), 0);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(nothing_is_lost_at_the_seams_of_size),
	E2E_TEST(file_of_everything_begins_with_what_is_there),
	E2E_TEST(owner_is_named_anew_in_each_file),
	E2E_TEST(so_many_files_of_a_time_are_the_end),
	E2E_TEST(name_is_a_format_of_the_time),
	E2E_TEST(child_of_a_followed_process_is_followed_over_a_seam),
	E2E_TEST(ring_overwrites_its_oldest_file),
	E2E_TEST(ring_does_not_begin_where_a_file_of_others_would_be_overwritten),
	E2E_TEST(ring_that_meets_a_file_of_others_ends),
	E2E_TEST(name_that_others_have_taken_is_passed_over),
};

E2E_MAIN("rotate", tests)
