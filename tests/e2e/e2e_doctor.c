// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that each fault that was planted is found, and nothing else; and that what comes nearest to
// it is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS	     10000
#define LEAK_MS	     5500
#define STALE_MS     300
#define LEAKED	     3
#define EXIT_FOUND   4
#define FINDINGS_MAX 3

/// Plays on a pair that has been set up; what it leaves open is open when the doctor concludes.
struct fault {
	void (*play)(struct e2e_pair *pair);
	const char *findings[FINDINGS_MAX]; /// by id: exactly these
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
	connect_and_talk(pair);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_sleep_ms(LEAK_MS);
	e2e_actor_close(pair->server, pair->server_fd);
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

/// Half closed on purpose: what comes behind the FIN is read to its end.
static void half_close(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_sleep_ms(STALE_MS);
	e2e_actor_send(pair->server, pair->server_fd, 1000);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive(pair->client, pair->client_fd, 1000);
	e2e_actor_close(pair->client, pair->client_fd);
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
	json_decref(findings);
	E2E_CONNTRACE(&output, "doctor", path, "--fail-on", "crit");
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
}

#define FAULT(name, play_, ...)                                \
	E2E_TEST_WITH(name, is_found_live_and_nothing_else_is, \
		      (&(struct fault){.play = (play_), .findings = {__VA_ARGS__}}))

static const struct CMUnitTest tests[] = {
	FAULT("close_wait_that_nobody_ends_is_found", leak_close_wait, "close-wait-leak"),
	FAULT("close_that_comes_late_is_innocent", close_late),
	FAULT("linger0_is_found", linger0, "linger0-reset"),
	FAULT("unread_data_is_found", leave_unread, "unread-data-reset"),
	FAULT("stale_connection_that_is_used_is_found", use_stale, "stale-pool-reuse"),
	FAULT("half_close_is_innocent", half_close),
	FAULT("refusal_is_found", be_refused, "refused"),
	FAULT("plain_life_is_innocent", live_plainly),
	E2E_TEST(is_found_in_a_recording),
};

E2E_MAIN("doctor", tests)
