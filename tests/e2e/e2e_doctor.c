// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that each planted fault is found, and nothing else; and what comes nearest to it is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define WAIT_MS	     10000
#define LEAK_MS	     5500
#define STALE_MS     300
#define SILENT_MS    4000
#define SILENT	     "3s"
#define KEEPIDLE_S   1000 /// longer than the test, and less than an hour
#define SECOND_NS    1000000000LL
#define LEAKED	     3
#define EXIT_FOUND   4
#define FINDINGS_MAX 3
#define WAITING	     15
#define PORTS	     100
#define PORT_RANGE   "40000 40099"
#define RESERVED     20
#define RESERVED_SET "8080,40000-40009,40090-40099"

/// Plays on a pair that has been set up; what it leaves open is open when the doctor concludes.
struct fault {
	void (*play)(struct e2e_pair *pair);
	const char *findings[FINDINGS_MAX]; /// by id: exactly these
};

/// The same, with nothing wrong in it.
struct innocence {
	void (*play)(struct e2e_pair *pair);
	size_t connections; /// that the doctor has to see, each end by itself
};

static void connect_and_talk(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_exchange(pair, 100, 100);
}

/// Clients close; the server reads that and does nothing.
static void leak_close_wait(struct e2e_pair *pair)
{
	for (int i = 0; i < LEAKED; i++) {
		connect_and_talk(pair);
		e2e_actor_close(pair->client, pair->client_fd);
		e2e_actor_receive_fin(pair->server, pair->server_fd);
	}
	e2e_sleep_ms(LEAK_MS);
}

/// The same, but for close(), which comes in the end.
static void close_late(struct e2e_pair *pair)
{
	int fds[LEAKED];

	for (int i = 0; i < LEAKED; i++) {
		connect_and_talk(pair);
		e2e_actor_close(pair->client, pair->client_fd);
		e2e_actor_receive_fin(pair->server, pair->server_fd);
		fds[i] = pair->server_fd;
	}
	e2e_sleep_ms(LEAK_MS);
	for (int i = 0; i < LEAKED; i++)
		e2e_actor_close(pair->server, fds[i]);
}

static void linger0(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	(void)e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

static void leave_unread(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_send(pair->client, pair->client_fd, 5000);
	e2e_actor_wait_readable(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	(void)e2e_actor_try_receive(pair->client, pair->client_fd, 1);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// A client of a pool sends its next request on a connection that the server has closed.
static void use_stale(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_sleep_ms(STALE_MS);
	e2e_actor_send(pair->client, pair->client_fd, 10);
	(void)e2e_actor_try_receive(pair->client, pair->client_fd, 1);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// A client that sends behind the server's FIN as well, just as late: the server has only half
/// closed, and reads it to its end.
static void half_close(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_shutdown(pair->server, pair->server_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_sleep_ms(STALE_MS);
	e2e_actor_send(pair->client, pair->client_fd, 1000);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_receive(pair->server, pair->server_fd, 1000);
	e2e_actor_close(pair->server, pair->server_fd);
}

static void be_refused(struct e2e_pair *pair)
{
	e2e_actor_close(pair->server, pair->listen_fd);
	e2e_actor_connect_fails(pair->client, "127.0.0.1", pair->port, ECONNREFUSED);
}

static void live_plainly(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_pair_close(pair);
}

/// Each keeps its port for a minute.
static void leave_time_wait(struct e2e_pair *pair)
{
	for (int i = 0; i < WAITING; i++)
		live_plainly(pair);
}

/// What an ended doctor has found, and in how many connections: "nothing found".
static void assert_told(struct e2e *e2e, const struct e2e_tracer *doctor, const char *found,
			size_t connections)
{
	const char *want = e2e_format(e2e, "%s, %zu connection%s seen in ", found, connections,
				      connections == 1 ? "" : "s");
	size_t bytes;
	char *told = e2e_file_read(doctor->out_path, &bytes);

	if (strncmp(told, want, strlen(want)) != 0)
		fail_msg("not \"%s\": %s", want, told);
	free(told);
}

/// Where the connections are that are counted: other programs' may have the port elsewhere.
static const char *netns_text(struct e2e *e2e)
{
	if (e2e->far.fd < 0)
		return e2e_format(e2e, "%lu", e2e->home.inum);
	return e2e_format(e2e, "%lu,%lu", e2e->home.inum, e2e->far.inum);
}

static void is_innocent_though_seen(void **state)
{
	struct e2e *e2e = *state;
	const struct innocence *innocence = e2e->argument;
	struct e2e_tracer *doctor = E2E_TRACE(e2e, "doctor", "--duration", "1h", "-P",
					      e2e_port_text(e2e, 0), "--netns", netns_text(e2e));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	innocence->play(&pair);
	e2e_tracer_stop(doctor, 0);
	assert_told(e2e, doctor, "nothing found", innocence->connections);
}

static size_t wanted(const struct fault *fault)
{
	size_t n = 0;

	while (n < FINDINGS_MAX && fault->findings[n])
		n++;
	return n;
}

static void assert_found(const struct fault *fault, const json_t *events)
{
	for (size_t i = 0; i < json_array_size(events); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(events, i), "id"),
			      e2e_event_text(json_array_get(events, i), "summary"));
	for (size_t i = 0; i < wanted(fault); i++)
		e2e_events_one(events, "{s:s, s:s}", "event", "finding", "id", fault->findings[i]);
	assert_int_equal(json_array_size(events), wanted(fault));
}

static void is_found_live_and_nothing_else_is(void **state)
{
	struct e2e *e2e = *state;
	const struct fault *fault = e2e->argument;
	struct e2e_tracer *doctor = E2E_TRACE(e2e, "doctor", "--json", "--duration", "1h", "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	fault->play(&pair);
	e2e_tracer_stop(doctor, 0);
	assert_found(fault, e2e_tracer_events(doctor));
}

/// Of a recording the doctor says what it says live, names the process, and fails a script.
static void is_found_in_a_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "x.ctr");
	struct e2e_tracer *recorder = E2E_TRACE(e2e, "record", "-w", path, "-P",
						e2e_port_text(e2e, 0));
	struct e2e_output output;
	const json_t *finding;
	struct e2e_pair pair;
	json_t *findings;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	leave_unread(&pair);
	e2e_tracer_stop(recorder, 0);
	E2E_CONNTRACE(&output, "doctor", path, "--json", "--fail-on", "warn");
	assert_int_equal(output.status, EXIT_FOUND);
	findings = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);
	finding = e2e_events_one(findings, "{s:s}", "id", "unread-data-reset");
	e2e_assert_has(finding, "{s:s, s:i, s:[s]}", "severity", "warn", "count", 1, "connections",
		       pair.server_conn);
	e2e_assert_has(json_object_get(finding, "culprit"), "{s:i, s:s}", "pid", pair.server->pid,
		       "comm", "ct-server");
	e2e_assert_has(json_object_get(finding, "evidence"), "{s:i}", "unread_bytes", 5000);
	/* the command shows that very event, and ends */
	e2e_netns_shell(&e2e->home, "%s | grep -q 'RST .*unread-data'",
			e2e_event_text(finding, "confirm"));
	json_decref(findings);
	E2E_CONNTRACE(&output, "doctor", path, "--fail-on", "crit");
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
}

/// A doctor that looks at once at what is there. It has nothing to watch.
static struct e2e_tracer *look_at_what_is_there(struct e2e *e2e, const char *format,
						const char *idle)
{
	struct e2e_tracer *doctor = E2E_TRACE(e2e, "doctor", "-o", format, "--duration", "1h",
					      "--idle", idle, "-P", e2e_port_text(e2e, 0),
					      "--netns", netns_text(e2e));

	e2e_tracer_stop(doctor, 0);
	return doctor;
}

/// What it says of that.
static const json_t *ask_of_what_is_there(struct e2e *e2e, const char *idle)
{
	return e2e_tracer_events(look_at_what_is_there(e2e, "json", idle));
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/// To another host, as far as TCP can tell.
static void connect_far(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, 100, 100);
}

/// The server's socket is gone, as with a host that has crashed: without a word.
static void lose_peer(struct e2e_pair *pair)
{
	e2e_actor_set(pair->server, pair->server_fd, IPPROTO_TCP, TCP_REPAIR, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

static void make_ghost(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_add_far(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), pair);
	connect_far(pair);
	lose_peer(pair);
}

/// One end of a silent connection, which is in a network namespace that the doctor is not in: the
/// command that it names finds it all the same.
static void assert_ghost(struct e2e *e2e, const json_t *events, const char *conn,
			 const struct e2e_actor *owner, int64_t idle_ns_max)
{
	const struct e2e_netns host = {.fd = e2e_netns_host_fd()};
	const json_t *ghost = e2e_events_one(events, "{s:s, s:[s]}", "id", "half-open-ghost",
					     "connections", conn);
	const json_t *evidence = json_object_get(ghost, "evidence");

	e2e_assert_has(ghost, "{s:s, s:s, s:s}", "severity", "note", "confidence", "low", "confirm",
		       e2e_format(e2e,
				  "nsenter -t %d -n ss -tanpoiO state established | grep pid=%d,",
				  owner->pid, owner->pid));
	e2e_assert_has(json_object_get(ghost, "culprit"), "{s:i, s:s}", "pid", owner->pid, "comm",
		       owner->comm);
	e2e_assert_has(evidence, "{s:i, s:i}", "keepalive_off", 1, "keepalive_on", 0);
	assert_in_range(e2e_event_number(evidence, "idle_ns"), (3 * SECOND_NS), idle_ns_max);
	e2e_netns_shell(&host, "%s | grep ':%u .* lastsnd:' | grep -q ' lastrcv:'",
			e2e_event_text(ghost, "confirm"), e2e_port(0));
}

static void silent_connection_is_found_and_for_how_long(void **state)
{
	struct e2e *e2e = *state;
	int64_t began_ns = now_ns();
	const json_t *events;
	struct e2e_pair pair;

	make_ghost(e2e, &pair);
	e2e_sleep_ms(SILENT_MS);
	events = ask_of_what_is_there(e2e, SILENT);
	assert_ghost(e2e, events, pair.client_conn, pair.client, now_ns() - began_ns);
	assert_int_equal(json_array_size(events), 1);
	/* the same is innocent for who asks of more */
	assert_told(e2e, look_at_what_is_there(e2e, "table", "1h"), "nothing found", 1);
}

/// The peer is gone here as well, but somebody will tell.
static void keep_alive(struct e2e_pair *pair)
{
	connect_far(pair);
	e2e_actor_set(pair->client, pair->client_fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	e2e_actor_set(pair->client, pair->client_fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPIDLE_S);
	lose_peer(pair);
}

/// The client is its own server.
static void stay_within_the_host(struct e2e_pair *pair)
{
	pair->listen_fd = e2e_actor_listen(pair->client, "127.0.0.1", pair->port);
	pair->client_fd = e2e_actor_connect(pair->client, "127.0.0.1", pair->port);
	pair->server_fd = e2e_actor_accept(pair->client, pair->listen_fd);
	e2e_actor_set(pair->client, pair->server_fd, IPPROTO_TCP, TCP_REPAIR, 1);
	e2e_actor_close(pair->client, pair->server_fd);
}

/// Another connection of the same process is silent for as long, and none of those that are found.
static void is_innocent_beside_a_ghost(void **state)
{
	struct e2e *e2e = *state;
	const struct innocence *innocence = e2e->argument;
	int64_t began_ns = now_ns();
	struct e2e_pair pair, other;
	const json_t *events;

	make_ghost(e2e, &pair);
	other = pair;
	innocence->play(&other);
	e2e_sleep_ms(SILENT_MS);
	events = ask_of_what_is_there(e2e, SILENT);
	assert_ghost(e2e, events, pair.client_conn, pair.client, now_ns() - began_ns);
	assert_int_equal(json_array_size(events), 1);
	assert_told(e2e, look_at_what_is_there(e2e, "table", SILENT), "1 finding",
		    innocence->connections);
}

/// The client's end alone is asked of: nothing but its own socket tells that it was silent no more.
static void connection_that_stirs_while_the_doctor_watches_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	int64_t began_ns = now_ns(), stirred_ns;
	struct e2e_pair pair, other;
	struct e2e_tracer *doctor;
	const json_t *events;

	make_ghost(e2e, &pair);
	other = pair;
	connect_far(&other);
	e2e_sleep_ms(SILENT_MS);
	doctor = E2E_TRACE(e2e, "doctor", "--json", "--duration", "1h", "--idle", SILENT, "-p",
			   e2e_format(e2e, "%d", pair.client->pid));
	stirred_ns = now_ns();
	e2e_pair_exchange(&other, 100, 100);
	e2e_tracer_stop(doctor, 0);
	if (now_ns() - stirred_ns >= (3 * SECOND_NS))
		e2e_again("it was silent for long enough once more");
	events = e2e_tracer_events(doctor);
	assert_ghost(e2e, events, pair.client_conn, pair.client, now_ns() - began_ns);
	assert_int_equal(json_array_size(events), 1);
}

/// Whoever does it next has another pid.
static void process_that_has_ended_is_no_part_of_the_command(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = E2E_TRACE(e2e, "doctor", "--json", "--duration", "1h", "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	linger0(&pair);
	e2e_actor_kill(pair.client);
	e2e_tracer_stop(doctor, 0);
	e2e_assert_has(e2e_events_one(e2e_tracer_events(doctor), "{s:s}", "event", "finding"),
		       "{s:s, s:s}", "id", "linger0-reset", "confirm",
		       e2e_format(e2e, "%s -P %u --flag rst-sent", e2e_program(), pair.port));
}

/// What was silent in CLOSE_WAIT has been there for as long: nobody has to wait once more.
static void leak_from_before_is_found_at_once(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	leak_close_wait(&pair);
	e2e_assert_has(e2e_events_one(ask_of_what_is_there(e2e, "1h"), "{s:s}", "event", "finding"),
		       "{s:s, s:i}", "id", "close-wait-leak", "count", LEAKED);
}

/// Of its own network namespace the doctor knows how many ports there are, and that connect() takes
/// none again, as it does on loopback.
static void time_wait_is_pressure_where_ports_are_few(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {
		"doctor", "--json", "--duration", "1h", "-P", e2e_port_text(e2e, 0), NULL};
	const json_t *finding, *evidence;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	e2e_netns_sysctl("ipv4/ip_local_port_range", PORT_RANGE);
	e2e_netns_sysctl("ipv4/ip_local_reserved_ports", RESERVED_SET);
	doctor = e2e_tracer_start_as(e2e, &e2e->home, -1, argv);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &pair);
	for (int i = 0; i < WAITING; i++) {
		e2e_pair_connect(&pair, E2E_FAR_HOST);
		e2e_pair_close(&pair);
	}
	e2e_ss_wait_none(&e2e->far, "state last-ack sport = :%u", pair.port);
	e2e_tracer_stop(doctor, 0);
	finding = e2e_events_one(e2e_tracer_events(doctor), "{s:s}", "event", "finding");
	e2e_assert_has(finding, "{s:s, s:s, s:s}", "id", "time-wait-pressure", "severity", "note",
		       "confirm",
		       e2e_format(e2e, "ss -tanpo state time-wait 'src %s and dst %s:%u'",
				  E2E_HOME_HOST, E2E_FAR_HOST, pair.port));
	assert_null(strstr(e2e_event_text(finding, "summary"), "not known"));
	evidence = json_object_get(finding, "evidence");
	e2e_assert_has(evidence, "{s:i, s:i, s:i}", "ports", PORTS - RESERVED, "ports_reserved",
		       RESERVED, "closed_here_first", WAITING);
	/* in a slow guest the first may be gone when the last comes */
	assert_in_range(e2e_event_number(evidence, "time_wait_peak"), (PORTS - RESERVED) / 10,
			WAITING);
}

#define FAULT(name, play_, ...)                                \
	E2E_TEST_WITH(name, is_found_live_and_nothing_else_is, \
		      (&(struct fault){.play = (play_), .findings = {__VA_ARGS__}}))

#define INNOCENT(name, function, play, connections) \
	E2E_TEST_WITH(name, function, (&(struct innocence){(play), (connections)}))

static const struct CMUnitTest tests[] = {
	FAULT("close_wait_that_nobody_ends_is_found", leak_close_wait, "close-wait-leak"),
	INNOCENT("close_that_comes_late_is_innocent", is_innocent_though_seen, close_late,
		 2 * LEAKED),
	FAULT("linger0_is_found", linger0, "linger0-reset"),
	FAULT("unread_data_is_found", leave_unread, "unread-data-reset"),
	FAULT("stale_connection_that_is_used_is_found", use_stale, "stale-pool-reuse"),
	INNOCENT("half_close_is_innocent", is_innocent_though_seen, half_close, 2),
	FAULT("refusal_is_found", be_refused, "refused"),
	INNOCENT("plain_life_is_innocent", is_innocent_though_seen, live_plainly, 2),
	INNOCENT("time_wait_of_many_ports_is_innocent", is_innocent_though_seen, leave_time_wait,
		 2 * WAITING),
	E2E_TEST(time_wait_is_pressure_where_ports_are_few),
	E2E_TEST(is_found_in_a_recording),
	E2E_TEST(silent_connection_is_found_and_for_how_long),
	INNOCENT("silent_connection_with_keepalive_is_innocent", is_innocent_beside_a_ghost,
		 keep_alive, 2),
	INNOCENT("silent_connection_whose_other_end_is_here_is_innocent",
		 is_innocent_beside_a_ghost, connect_far, 3),
	INNOCENT("silent_connection_within_the_host_is_innocent", is_innocent_beside_a_ghost,
		 stay_within_the_host, 2),
	E2E_TEST(connection_that_stirs_while_the_doctor_watches_is_innocent),
	E2E_TEST(process_that_has_ended_is_no_part_of_the_command),
	E2E_TEST(leak_from_before_is_found_at_once),
};

E2E_MAIN("doctor", tests)
