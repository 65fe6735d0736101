// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that each reset is told on the right side, with its direction, by whom and why; and that a
// plain close has none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS 10000

/// One connection, exchanged on, under a tracer.
struct run {
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

static void run_open(struct run *run, struct e2e *e2e)
{
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &run->pair);
	e2e_pair_connect(&run->pair, "127.0.0.1");
	e2e_pair_exchange(&run->pair, 100, 100);
}

static void run_finish(struct run *run)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.client_conn);
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.server_conn);
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

/// The only reset told of a connection is this one, and its flag is the only one raised.
static void assert_sent(const struct run *run, const char *conn, const char *by, const char *cause)
{
	const json_t *rst = e2e_events_one(run->events, "{s:s, s:s}", "event", "rst", "conn", conn);

	e2e_assert_has(rst, "{s:s, s:s, s:s}", "direction", "sent", "by", by, "cause", cause);
	e2e_assert_flags(run->events, conn, "rst-sent");
}

static void assert_received(const struct run *run, const char *conn, const char *state)
{
	const json_t *rst = e2e_events_one(run->events, "{s:s, s:s}", "event", "rst", "conn", conn);

	e2e_assert_has(rst, "{s:s, s:s, s:s, s:s}", "direction", "received", "by", "peer", "cause",
		       "peer", "state", state);
	e2e_assert_flags(run->events, conn, "rst-received");
	e2e_events_one(run->events, "{s:s, s:s, s:s}", "event", "close", "conn", conn, "end",
		       "rst-received");
}

static void linger0_close_is_a_reset_by_the_application(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_set_linger0(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	assert_int_equal(e2e_actor_try_receive(run.pair.server, run.pair.server_fd, 1), ECONNRESET);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	run_finish(&run);

	assert_sent(&run, run.pair.client_conn, "app", "linger0");
	assert_received(&run, run.pair.server_conn, "ESTABLISHED");
	e2e_assert_path(run.events, run.pair.client_conn,
			"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE");
	e2e_assert_path(run.events, run.pair.server_conn,
			"LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s}", "event", "close", "conn",
		       run.pair.client_conn, "end", "rst-sent", "closed_by", "local");
}

static void close_with_unread_data_is_a_reset_by_the_application(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_send(run.pair.client, run.pair.client_fd, 5000);
	e2e_actor_wait_readable(run.pair.server, run.pair.server_fd);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	assert_int_equal(e2e_actor_try_receive(run.pair.client, run.pair.client_fd, 1), ECONNRESET);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_finish(&run);

	assert_sent(&run, run.pair.server_conn, "app", "unread-data");
	assert_received(&run, run.pair.client_conn, "ESTABLISHED");
}

static void closed_port_refuses_with_a_reset_of_no_connection(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_actor *client = e2e_actor_start(e2e, &e2e->home, "ct-client");
	const json_t *events, *received, *sent;
	const char *conn;

	e2e_actor_connect_fails(client, "127.0.0.1", e2e_port(0), ECONNREFUSED);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s}", "event", "close");
	e2e_tracer_stop(tracer, 0);
	events = e2e_tracer_events(tracer);

	e2e_assert_no_loss(events);
	received = e2e_events_one(events, "{s:s, s:s}", "event", "rst", "direction", "received");
	e2e_assert_has(received, "{s:s, s:s, s:s, s:i, s:i}", "by", "peer", "cause", "refused",
		       "state", "SYN_SENT", "rport", e2e_port(0), "pid", client->pid);
	sent = e2e_events_one(events, "{s:s, s:s}", "event", "rst", "direction", "sent");
	e2e_assert_has(sent, "{s:n, s:s, s:s, s:n}", "conn", "by", "stack", "cause", "refused",
		       "pid");
	e2e_assert_has(sent, "{s:s, s:s, s:i, s:s, s:i}", "family", "ipv4", "laddr", "127.0.0.1",
		       "lport", e2e_port(0), "raddr", "127.0.0.1", "rport",
		       (int)e2e_event_number(received, "lport"));
	conn = e2e_event_text(received, "conn");
	e2e_assert_path(events, conn, "CLOSE>SYN_SENT SYN_SENT>CLOSE");
	e2e_events_one(events, "{s:s, s:s, s:s}", "event", "close", "conn", conn, "end", "refused");
	e2e_assert_flags(events, conn, "refused rst-received");
}

/// The server closes; the client, which may still send, does so at once, or when it has
/// acknowledged the FIN.
static void run_data_to_closed(struct run *run, struct e2e *e2e, bool at_once)
{
	run_open(run, e2e);
	e2e_actor_close(run->pair.server, run->pair.server_fd);
	e2e_actor_receive_fin(run->pair.client, run->pair.client_fd);
	if (!at_once)
		e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "conn",
				      run->pair.server_conn, "to", "FIN_WAIT2");
	e2e_actor_send(run->pair.client, run->pair.client_fd, 10);
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "rst", "conn",
			      run->pair.client_conn);
	assert_int_equal(e2e_actor_try_send(run->pair.client, run->pair.client_fd, 10), EPIPE);
	e2e_actor_close(run->pair.client, run->pair.client_fd);
	run_finish(run);

	assert_sent(run, run->pair.server_conn, "stack", "data-to-closed");
	e2e_events_one(run->events, "{s:s, s:s, s:s, s:s}", "event", "rst", "conn",
		       run->pair.client_conn, "direction", "received", "state", "CLOSE_WAIT");
	e2e_assert_path(
		run->events, run->pair.client_conn,
		"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>CLOSE");
	e2e_events_one(run->events, "{s:s, s:s, s:s}", "event", "close", "conn",
		       run->pair.server_conn, "end", "rst-sent");
}

/// The data comes with the acknowledgement of the FIN: the closed socket itself is still there.
static void data_to_an_orphaned_socket_is_answered_by_its_stack(void **state)
{
	struct run run;

	run_data_to_closed(&run, *state, true);
}

/// The FIN is acknowledged by then: what is left of the closed socket is a mini-socket.
static void data_to_a_mini_socket_is_answered_by_its_stack(void **state)
{
	struct run run;

	run_data_to_closed(&run, *state, false);
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "rst", "conn", run.pair.server_conn,
		       "state", "FIN_WAIT2");
}

static void plain_close_has_no_reset(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_pair_close(&run.pair);
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run.pair.server_conn);
	e2e_tracer_stop(run.tracer, 0);
	run.events = e2e_tracer_events(run.tracer);

	e2e_assert_no_loss(run.events);
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "close", "conn",
		       run.pair.server_conn, "end", "fin");
	e2e_assert_none(run.events, "{s:s}", "event", "rst");
	e2e_assert_none(run.events, "{s:s}", "event", "error");
}

/// Nothing is unread and a lingering close waits for its FIN: the innocent neighbour of both resets
/// by close().
static void close_after_everything_was_read_has_no_reset(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_send(run.pair.client, run.pair.client_fd, 5000);
	e2e_actor_receive(run.pair.server, run.pair.server_fd, 5000);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_actor_receive_fin(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run.pair.client_conn);
	e2e_tracer_stop(run.tracer, 0);
	run.events = e2e_tracer_events(run.tracer);

	e2e_assert_no_loss(run.events);
	e2e_assert_none(run.events, "{s:s}", "event", "rst");
	e2e_assert_flags(run.events, run.pair.server_conn, "");
	e2e_assert_flags(run.events, run.pair.client_conn, "");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(linger0_close_is_a_reset_by_the_application),
	E2E_TEST(close_with_unread_data_is_a_reset_by_the_application),
	E2E_TEST(closed_port_refuses_with_a_reset_of_no_connection),
	E2E_TEST(data_to_an_orphaned_socket_is_answered_by_its_stack),
	E2E_TEST(data_to_a_mini_socket_is_answered_by_its_stack),
	E2E_TEST(plain_close_has_no_reset),
	E2E_TEST(close_after_everything_was_read_has_no_reset),
};

E2E_MAIN("reset", tests)
