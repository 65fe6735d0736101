// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that of 10,000 connections to a real prefork server (in a guest: 2,000) each is told with
// the worker that served it, as the server's own log has it, and the client's end of each with the
// client.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/capability.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/ss.h"

#define REQUESTS_EACH	 4
#define CONCURRENCY	 50
#define CONCURRENCY_TEXT "50"
#define WORKERS		 4
#define START_LIMIT_MS	 10000
#define POLL_MS		 20
#define RUN_LIMIT_MS	 60000
#define CLOCK_SLACK_NS	 100000000LL /* the wall clock may be slewed while it runs */

struct variant {
	bool keepalive;	    /// REQUESTS_EACH requests a connection, the server closes after them
	const char *option; /// of conntrace, or NULL
	const char *origin; /// `owner` of the server's ends
};

/// A connection as the server's log has it: the last of its requests.
struct served {
	unsigned long serial; /// of the server's, across its workers
	int port;	      /// the client's
	int pid;
	long long at_ns;
};

/// One end of a connection as the report has it.
struct life {
	int port; /// the client's
	int pid;
	const char *owner;
	long long opened_ns;
	long long closed_ns; /// -1: in TIME_WAIT still
};

static unsigned int connections(void)
{
	return e2e_is_guest() ? 2000 : 10000;
}

static void write_config(struct e2e *e2e)
{
	const char *config = e2e_format(
		e2e,
		"daemon off;\nworker_processes %d;\npid nginx.pid;\nerror_log error.log;\n"
		"events { worker_connections 512; }\n"
		"http {\n"
		"log_format served '$pid $connection $remote_port $connection_requests $msec';\n"
		"access_log access.log served;\nkeepalive_requests %d;\n"
		"client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n"
		"uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n"
		"server { listen 127.0.0.1:%u; location / { return 200 ok; } }\n}\n",
		WORKERS, REQUESTS_EACH, e2e_port(0));

	e2e_file_write(e2e_path(e2e, "nginx.conf"), config, strlen(config));
}

/// A master and its workers.
struct server {
	pid_t master;
	pid_t workers[WORKERS];
};

/// Pids of a process' children; returns their number, at most WORKERS of which are stored.
static size_t children_of(struct e2e *e2e, pid_t pid, pid_t ret_pids[WORKERS])
{
	FILE *file = fopen(e2e_format(e2e, "/proc/%d/task/%d/children", pid, pid), "re");
	size_t n = 0;
	int child;

	if (!file)
		fail_msg("nginx has ended; it said: %s", e2e_path(e2e, "error.log"));
	while (fscanf(file, "%d", &child) == 1) {
		if (n < WORKERS)
			ret_pids[n] = child;
		n++;
	}
	fclose(file);
	return n;
}

/// The master ends its workers when it is asked to end: it is when the test program dies. After a
/// failed test it is killed first, so that it starts no others.
static void server_start(struct server *server, struct e2e *e2e)
{
	const char *const argv[] = {"setpriv", "--pdeathsig", "TERM", "nginx",	   "-p", e2e->dir,
				    "-c",      "nginx.conf",  "-e",   "error.log", NULL};
	pid_t pid;

	write_config(e2e);
	pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = argv, .netns_fd = -1, .out_fd = -1, .err_fd = STDERR_FILENO});
	e2e_track(e2e, pid);
	for (int waited_ms = 0; children_of(e2e, pid, server->workers) != WORKERS;
	     waited_ms += POLL_MS) {
		if (waited_ms > e2e_patience(START_LIMIT_MS))
			fail_msg("nginx has not started its %d workers", WORKERS);
		e2e_sleep_ms(POLL_MS);
	}
	e2e_untrack(e2e, pid);
	for (size_t i = 0; i < WORKERS; i++)
		e2e_track(e2e, server->workers[i]);
	e2e_track(e2e, pid);
	server->master = pid;
}

static void server_stop(struct server *server, struct e2e *e2e)
{
	kill(server->master, SIGTERM);
	assert_int_equal(e2e_process_wait(server->master, e2e_patience(START_LIMIT_MS), "nginx"),
			 0);
	e2e_untrack(e2e, server->master);
	for (size_t i = 0; i < WORKERS; i++)
		e2e_untrack(e2e, server->workers[i]);
}

/// Returns the pid that the client had.
static pid_t run_client(struct e2e *e2e, bool keepalive)
{
	const char *url = e2e_format(e2e, "http://127.0.0.1:%u/", e2e_port(0));
	const char *number = e2e_format(e2e, "%u", connections() * (keepalive ? REQUESTS_EACH : 1));
	const char *const argv[] = {
		"ab", keepalive ? "-qk" : "-q", "-c", CONCURRENCY_TEXT, "-n", number, url, NULL};
	pid_t pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = argv, .netns_fd = -1, .out_fd = -1, .err_fd = STDERR_FILENO});

	e2e_track(e2e, pid);
	assert_int_equal(e2e_process_wait(pid, e2e_patience(RUN_LIMIT_MS), "ab"), 0);
	e2e_untrack(e2e, pid);
	return pid;
}

static int compare_numbers(long long a, long long b)
{
	return (a > b) - (a < b);
}

static int by_serial(const void *a, const void *b)
{
	const struct served *x = a, *y = b;
	int order = compare_numbers((long long)x->serial, (long long)y->serial);

	return order ? order : compare_numbers(x->at_ns, y->at_ns);
}

static int served_by_port(const void *a, const void *b)
{
	const struct served *x = a, *y = b;
	int order = compare_numbers(x->port, y->port);

	return order ? order : compare_numbers(x->at_ns, y->at_ns);
}

static int lives_by_port(const void *a, const void *b)
{
	const struct life *x = a, *y = b;
	int order = compare_numbers(x->port, y->port);

	return order ? order : compare_numbers(x->opened_ns, y->opened_ns);
}

/// Puts the requests of one connection together. A connection has one worker.
static size_t merge_requests(struct served *served, size_t n)
{
	size_t kept = 0;

	qsort(served, n, sizeof(*served), by_serial);
	for (size_t i = 0; i < n; i++) {
		if (kept && served[kept - 1].serial == served[i].serial) {
			assert_int_equal(served[kept - 1].pid, served[i].pid);
			assert_int_equal(served[kept - 1].port, served[i].port);
			kept--;
		}
		served[kept++] = served[i];
	}
	return kept;
}

/// What the server says: its connections, by port and time. The caller frees *ret.
static size_t read_log(struct e2e *e2e, struct served **ret)
{
	const size_t max = 2UL * connections() * REQUESTS_EACH;
	struct served *served = calloc(max, sizeof(*served));
	size_t bytes, n = 0;
	char *text = e2e_file_read(e2e_path(e2e, "access.log"), &bytes);
	char *rest = text, *line;

	assert_non_null(served);
	while ((line = strtok_r(rest, "\n", &rest))) {
		struct served *one = &served[n++];
		long long s, ms;

		assert_true(n <= max);
		if (sscanf(line, "%d %lu %d %*d %lld.%lld", &one->pid, &one->serial, &one->port, &s,
			   &ms) != 5)
			fail_msg("nginx logged: %s", line);
		one->at_ns = (s * 1000 + ms) * 1000000;
	}
	free(text);
	n = merge_requests(served, n);
	qsort(served, n, sizeof(*served), served_by_port);
	*ret = served;
	return n;
}

/// The ends of one role in a report, by port and time. The caller frees *ret.
static size_t pick_lives(const json_t *report, const char *role, const char *client_port,
			 struct life **ret)
{
	struct life *lives = calloc(json_array_size(report), sizeof(*lives));
	size_t index, n = 0;
	json_t *event;

	assert_non_null(lives);
	json_array_foreach((json_t *)report, index, event)
	{
		if (strcmp(e2e_event_text(event, "role"), role))
			continue;
		lives[n++] = (struct life){
			.port = (int)e2e_event_number(event, client_port),
			.pid = (int)e2e_event_number(event, "pid"),
			.owner = e2e_event_text(event, "owner"),
			.opened_ns = e2e_event_number(event, "opened_ns"),
			.closed_ns = e2e_event_number(event, "closed_ns"),
		};
	}
	qsort(lives, n, sizeof(*lives), lives_by_port);
	*ret = lives;
	return n;
}

static bool is_within(const struct served *served, const struct life *life)
{
	return served->at_ns >= life->opened_ns - CLOCK_SLACK_NS &&
	       (life->closed_ns < 0 || served->at_ns <= life->closed_ns + CLOCK_SLACK_NS);
}

/// What came of holding the server's ends against the server's log.
struct outcome {
	size_t same;	 /// the worker is the one that served it
	size_t other;	 /// it is not
	size_t unserved; /// without a request: cut off when the client had all its answers, or
			 /// opened in vain
	size_t missing;	 /// in the log alone
};

/*
 * A port is used again and again, one connection after the other: the k-th of a port in the log is
 * its k-th in the report. One that was never served is the last of its port.
 */
static struct outcome compare(const struct served *served, size_t n_served,
			      const struct life *lives, size_t n_lives)
{
	struct outcome outcome = {0};
	size_t i = 0;

	for (size_t j = 0; j < n_lives; j++) {
		while (i < n_served && served[i].port < lives[j].port) {
			outcome.missing++;
			i++;
		}
		if (i == n_served || served[i].port != lives[j].port) {
			outcome.unserved++;
			continue;
		}
		if (served[i].pid == lives[j].pid && is_within(&served[i], &lives[j]))
			outcome.same++;
		else
			outcome.other++;
		i++;
	}
	outcome.missing += n_served - i;
	return outcome;
}

static bool is_worker(const struct server *server, pid_t pid)
{
	for (size_t i = 0; i < WORKERS; i++) {
		if (server->workers[i] == pid)
			return true;
	}
	return false;
}

/// One worker for all of them would show little.
static bool is_served_by_several(const struct served *served, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (served[i].pid != served[0].pid)
			return true;
	}
	return false;
}

static size_t count_owner(const struct life *lives, size_t n, pid_t pid, const char *owner)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += (!pid || lives[i].pid == pid) && !strcmp(lives[i].owner, owner);
	return count;
}

/// Where a receive without data tells nothing, the close tells the owner of those without a
/// request.
static void assert_origin(struct e2e *e2e, size_t by_origin, size_t n_lives, size_t unserved)
{
	if (e2e_has_full_capability(e2e, "owner by first receive"))
		assert_int_equal(by_origin, n_lives);
	else
		assert_in_range(by_origin, n_lives - unserved, n_lives);
}

static void assert_server_side(struct e2e *e2e, const struct server *server, const json_t *report)
{
	const struct variant *variant = e2e->argument;
	struct served *served;
	struct life *lives;
	size_t n_served = read_log(e2e, &served);
	size_t n_lives = pick_lives(report, "passive", "rport", &lives);
	struct outcome outcome = compare(served, n_served, lives, n_lives);
	size_t by_origin = count_owner(lives, n_lives, 0, variant->origin);

	print_message("accepted: %zu of %zu that the log has are owned by the worker that served "
		      "them, %zu by another, %zu are missing; %zu without a request; owner: %s "
		      "%zu of %zu\n",
		      outcome.same, n_served, outcome.other, outcome.missing, outcome.unserved,
		      variant->origin, by_origin, n_lives);
	assert_true(is_served_by_several(served, n_served));
	assert_true(n_served >= connections());
	assert_int_equal(outcome.same, n_served);
	assert_true(outcome.unserved < CONCURRENCY);
	assert_origin(e2e, by_origin, n_lives, outcome.unserved);
	for (size_t i = 0; i < n_lives; i++)
		assert_true(is_worker(server, lives[i].pid));
	free(served);
	free(lives);
}

static void assert_client_side(const json_t *report, pid_t client)
{
	struct life *lives;
	size_t n = pick_lives(report, "active", "lport", &lives);
	size_t own = count_owner(lives, n, client, "connect");

	print_message("connected: %zu of %zu are owned by ab through connect()\n", own, n);
	assert_true(n >= connections());
	assert_int_equal(own, n);
	free(lives);
}

static void connections_are_told_with_the_worker_that_served_them(void **state)
{
	struct e2e *e2e = *state;
	const struct variant *variant = e2e->argument;
	const char *recording = e2e_path(e2e, "nginx.ctr");
	struct e2e_tracer *tracer;
	struct server server;
	json_t *report;
	pid_t client;

	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P", e2e_port_text(e2e, 0),
			   variant->option);
	server_start(&server, e2e);
	client = run_client(e2e, variant->keepalive);
	/* by its close() a worker is the owner at the latest */
	e2e_ss_wait_none(&e2e->home,
			 "state established state close-wait state last-ack sport = :%u",
			 e2e_port(0));
	e2e_tracer_stop(tracer, 0);
	server_stop(&server, e2e);

	report = E2E_CONNTRACE_JSON("report", "--json", recording);
	e2e_assert_no_loss(report);
	assert_server_side(e2e, &server, report);
	assert_client_side(report, client);
	json_decref(report);
}

#define SERVES(name, ...)                                                          \
	E2E_TEST_WITH(name, connections_are_told_with_the_worker_that_served_them, \
		      (&(struct variant){__VA_ARGS__}))

static const struct CMUnitTest tests[] = {
	SERVES("worker_that_serves_one_request_is_the_owner", false, NULL, "actor"),
	SERVES("worker_that_serves_several_requests_is_the_owner", true, NULL, "actor"),
	SERVES("worker_is_the_owner_from_its_first_io_on", true, "--io-owner", "io"),
};

E2E_MAIN("nginx", tests)
