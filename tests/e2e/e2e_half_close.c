// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that half-closes are flagged on the right side, that plain closes are not, and that CLOSING
// is named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define MEGABYTE (1024 * 1024)
#define WAIT_MS	 10000

/// Traces one connection into a recording and reports it: events of the live run, lives of the
/// report.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const char *recording;
	const json_t *events;
	json_t *lives;
};

static void run_open(struct run *run, struct e2e *e2e)
{
	*run = (struct run){.e2e = e2e, .recording = e2e_path(e2e, "run.ctr")};
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-w", run->recording, "-P",
				e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &run->pair);
	e2e_pair_connect(&run->pair, "127.0.0.1");
	e2e_pair_exchange(&run->pair, 100, 100);
}

/// Waits until both ends have come to the end that is seen within seconds, then stops the tracer.
static void run_finish(struct run *run)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.server_conn);
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "conn", run->pair.client_conn,
			      "to", "TIME_WAIT");
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	run->lives = E2E_CONNTRACE_JSON("report", "--json", run->recording);
	e2e_assert_no_loss(run->events);
	e2e_assert_no_loss(run->lives);
}

/// The flags of a connection are the same live and in the report.
static void run_assert_flags(const struct run *run, const char *conn, const char *want)
{
	e2e_assert_flags(run->events, conn, want);
	e2e_assert_flags(run->lives, conn, want);
}

static const json_t *run_life(const struct run *run, const char *conn)
{
	return e2e_events_one(run->lives, "{s:s}", "conn", conn);
}

static void shutdown_then_one_megabyte_is_a_half_close(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_shutdown(run.pair.client, run.pair.client_fd, SHUT_WR);
	e2e_actor_receive_fin(run.pair.server, run.pair.server_fd);
	e2e_actor_begin_send(run.pair.server, run.pair.server_fd, MEGABYTE);
	e2e_actor_receive(run.pair.client, run.pair.client_fd, MEGABYTE);
	e2e_actor_finish(run.pair.server);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_actor_receive_fin(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_finish(&run);

	run_assert_flags(&run, run.pair.client_conn, "half-close-local");
	run_assert_flags(&run, run.pair.server_conn, "half-close-remote");
	e2e_assert_has(run_life(&run, run.pair.server_conn), "{s:s, s:s, s:i}", "end", "fin",
		       "closed_by", "remote", "bytes_sent", MEGABYTE + 100);
	e2e_assert_has(run_life(&run, run.pair.client_conn), "{s:s, s:s, s:i}", "end", "fin",
		       "closed_by", "local", "bytes_received", MEGABYTE + 100);
	json_decref(run.lives);
}

/// The first flag of a life says when it was raised and what it rests on.
static void assert_evidence(const json_t *life)
{
	const json_t *flag = json_array_get(json_object_get(life, "flags"), 0);

	assert_true(json_object_size(json_object_get(flag, "evidence")) > 0);
	assert_in_range(e2e_event_number(flag, "at_ns"), e2e_event_number(life, "opened_ns"),
			INT64_MAX);
}

static void flags_of_a_half_close_carry_evidence(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_shutdown(run.pair.client, run.pair.client_fd, SHUT_WR);
	e2e_actor_receive_fin(run.pair.server, run.pair.server_fd);
	e2e_actor_send(run.pair.server, run.pair.server_fd, 1000);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_actor_receive(run.pair.client, run.pair.client_fd, 1000);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_finish(&run);

	assert_evidence(run_life(&run, run.pair.client_conn));
	assert_evidence(run_life(&run, run.pair.server_conn));
	json_decref(run.lives);
}

static void plain_close_is_no_half_close(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	run_assert_flags(&run, run.pair.client_conn, "");
	run_assert_flags(&run, run.pair.server_conn, "");
	json_decref(run.lives);
}

static void shutdown_of_both_directions_is_no_half_close(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_shutdown(run.pair.client, run.pair.client_fd, SHUT_RDWR);
	e2e_actor_receive_fin(run.pair.server, run.pair.server_fd);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_finish(&run);

	run_assert_flags(&run, run.pair.client_conn, "");
	run_assert_flags(&run, run.pair.server_conn, "");
	json_decref(run.lives);
}

static void shutdown_right_before_close_is_no_remote_half_close(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_shutdown(run.pair.client, run.pair.client_fd, SHUT_WR);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	e2e_actor_receive_fin(run.pair.server, run.pair.server_fd);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	run_finish(&run);

	run_assert_flags(&run, run.pair.server_conn, "");
	json_decref(run.lives);
}

/// Which end goes through CLOSING: its FIN was not acknowledged when the peer's arrived. NULL if
/// neither did.
static const char *closing_conn(const struct run *run)
{
	const json_t *closing = e2e_events_nth(run->events, 0, "{s:s, s:s}", "event", "state", "to",
					       "CLOSING");

	return closing ? e2e_event_text(closing, "conn") : NULL;
}

/// Both FINs are on the way, and lost, before either end sees the other's; the retransmitted one
/// finds the peer in FIN_WAIT1.
static void simultaneous_close_is_named(void **state)
{
	struct run run;
	const char *conn;

	run_open(&run, *state);
	e2e_netns_drop(&run.e2e->home, "tcp flags fin");
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_netns_undrop(&run.e2e->home);
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s}", "from", "CLOSING", "to",
			      "TIME_WAIT");
	e2e_tracer_stop(run.tracer, 0);
	run.events = e2e_tracer_events(run.tracer);
	run.lives = E2E_CONNTRACE_JSON("report", "--json", run.recording);

	e2e_assert_no_loss(run.events);
	conn = closing_conn(&run);
	assert_non_null(conn);
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "conn", conn, "from", "FIN_WAIT1", "to",
		       "CLOSING");
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "conn", conn, "from", "CLOSING", "to",
		       "TIME_WAIT");
	run_assert_flags(&run, conn, "retransmit simultaneous-close");
	e2e_assert_has(run_life(&run, conn), "{s:s, s:s}", "end", "fin", "closed_by", "both");
	json_decref(run.lives);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(shutdown_then_one_megabyte_is_a_half_close),
	E2E_TEST(flags_of_a_half_close_carry_evidence),
	E2E_TEST(plain_close_is_no_half_close),
	E2E_TEST(shutdown_of_both_directions_is_no_half_close),
	E2E_TEST(shutdown_right_before_close_is_no_remote_half_close),
	E2E_TEST(simultaneous_close_is_named),
};

E2E_MAIN("half_close", tests)
