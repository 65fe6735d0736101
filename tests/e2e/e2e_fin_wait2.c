// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows the mini-socket that stands for a closed connection in FIN_WAIT2 until its end: expired,
// re-armed to TIME_WAIT with an event of its timer or without one, reset, or asked for data.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define MS_NS	       1000000LL
#define SECOND_NS      1000000000LL
#define WAIT_MS	       10000
#define DELAYED_ACK_MS 300 /// later than the acknowledgement of a FIN
#define NEAR_NS	       (50 * MS_NS)
#define SHORT_S	       2
#define SHORT_TEXT     "2" /// SHORT_S for net.ipv4.tcp_fin_timeout
#define LATE_MS	       1000
#define SILENT_MS      400
#define APART_MS       600 /// with SILENT_MS less than a bucket of the timer wheel for a minute

/// One connection over loopback, exchanged on, under a tracer.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

/// The client has closed, and its end is a mini-socket; the server still has its own.
static void run_connect_and_close(struct run *run)
{
	e2e_pair_connect(&run->pair, "127.0.0.1");
	e2e_pair_exchange(&run->pair, 100, 100);
	e2e_actor_close(run->pair.client, run->pair.client_fd);
	e2e_actor_receive_fin(run->pair.server, run->pair.server_fd);
}

static void run_open(struct run *run, struct e2e *e2e, const char *fin_timeout)
{
	*run = (struct run){.e2e = e2e};
	e2e_netns_sysctl("ipv4/tcp_fin_timeout", fin_timeout);
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &run->pair);
	run_connect_and_close(run);
}

/// The client's FIN is acknowledged.
static void run_to_fin_wait2(struct run *run, struct e2e *e2e)
{
	run_open(run, e2e, SHORT_TEXT);
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "conn", run->pair.client_conn,
			      "to", "FIN_WAIT2");
}

static void run_stop(struct run *run, const char *conn, const char *key, const char *value)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "conn", conn, key, value);
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

static const json_t *transition(const struct run *run, const char *conn, const char *from,
				const char *to)
{
	return e2e_events_one(run->events, "{s:s, s:s, s:s, s:s}", "event", "state", "conn", conn,
			      "from", from, "to", to);
}

static const json_t *summary_of(const struct run *run, const char *conn)
{
	return e2e_events_one(run->events, "{s:s, s:s}", "event", "close", "conn", conn);
}

/// The mini-socket went without TIME_WAIT.
static void assert_left(const struct run *run, const char *left_by, const char *end)
{
	const char *conn = run->pair.client_conn;

	e2e_assert_has(transition(run, conn, "FIN_WAIT2", "CLOSE"), "{s:s, s:s}", "left_by",
		       left_by, "basis", "seen");
	e2e_assert_has(summary_of(run, conn), "{s:s, s:s, s:s}", "end", end, "closed_by", "local",
		       "left_by", left_by);
	e2e_assert_history(summary_of(run, conn), "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2");
}

/// From FIN_WAIT2 to TIME_WAIT when the peer's FIN was on its way.
static const json_t *assert_time_wait_at_fin(const struct run *run, const char *client_conn,
					     const char *server_conn)
{
	const json_t *entered = transition(run, client_conn, "FIN_WAIT2", "TIME_WAIT");
	const json_t *fin = transition(run, server_conn, "CLOSE_WAIT", "LAST_ACK");

	assert_in_range(llabs(e2e_event_number(entered, "ts_ns") - e2e_event_number(fin, "ts_ns")),
			0, NEAR_NS);
	e2e_assert_history(summary_of(run, client_conn),
			   "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_has(summary_of(run, client_conn), "{s:s, s:s, s:n}", "end", "fin", "closed_by",
		       "local", "closed_ns");
	e2e_assert_flags(run->events, client_conn, "");
	return entered;
}

static void peer_that_never_closes_lets_fin_wait2_expire(void **state)
{
	struct run run;
	const json_t *left;

	run_open(&run, *state, SHORT_TEXT);
	run_stop(&run, run.pair.client_conn, "event", "close");

	assert_left(&run, "expired", "timeout");
	left = transition(&run, run.pair.client_conn, "FIN_WAIT2", "CLOSE");
	assert_in_range(e2e_event_number(left, "in_state_ns"), SHORT_S * SECOND_NS - NEAR_NS,
			SHORT_S * SECOND_NS + SECOND_NS / 2);
	e2e_assert_flags(run.events, run.pair.client_conn, "timeout");
}

static void late_fin_rearms_fin_wait2_to_time_wait(void **state)
{
	struct run run;
	const json_t *entered;

	run_open(&run, *state, SHORT_TEXT);
	e2e_sleep_ms(LATE_MS);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	run_stop(&run, run.pair.client_conn, "to", "TIME_WAIT");

	entered = assert_time_wait_at_fin(&run, run.pair.client_conn, run.pair.server_conn);
	e2e_assert_has(entered, "{s:s}", "basis", "seen");
	assert_in_range(e2e_event_number(entered, "in_state_ns"), LATE_MS * MS_NS - NEAR_NS,
			SHORT_S * SECOND_NS);
}

/// With a FIN shortly after, tcp_fin_timeout and TIME_WAIT end in the same bucket of the kernel's
/// timer wheel, and no timer tells of the change. Of two that are less than a bucket apart one may
/// go over the border between two buckets, not both.
static void silent_way_into_time_wait_is_inferred_with_its_date(void **state)
{
	struct run run;
	const char *conns[2][2];
	size_t inferred = 0;

	run_open(&run, *state, "60");
	for (int i = 0; i < 2; i++) {
		if (i)
			run_connect_and_close(&run);
		conns[i][0] = run.pair.client_conn;
		conns[i][1] = run.pair.server_conn;
		e2e_sleep_ms(SILENT_MS);
		e2e_actor_close(run.pair.server, run.pair.server_fd);
		e2e_sleep_ms(i ? 0 : APART_MS);
	}
	run_stop(&run, conns[1][0], "to", "TIME_WAIT");

	for (int i = 0; i < 2; i++) {
		const json_t *entered = assert_time_wait_at_fin(&run, conns[i][0], conns[i][1]);
		const json_t *history = json_object_get(summary_of(&run, conns[i][0]), "history");
		const json_t *step = json_array_get(history, json_array_size(history) - 1);

		assert_in_range(e2e_event_number(entered, "in_state_ns"),
				SILENT_MS * MS_NS - NEAR_NS, SECOND_NS);
		e2e_assert_has(step, "{s:s, s:I}", "basis", e2e_event_text(entered, "basis"),
			       "at_ns", (json_int_t)e2e_event_number(entered, "ts_ns"));
		inferred += !strcmp(e2e_event_text(entered, "basis"), "inferred");
	}
	assert_in_range(inferred, 1, 2);
}

static void reset_to_fin_wait2_is_no_assassination_of_time_wait(void **state)
{
	struct run run;

	run_to_fin_wait2(&run, *state);
	e2e_actor_set_linger0(run.pair.server, run.pair.server_fd);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	run_stop(&run, run.pair.client_conn, "event", "close");

	assert_left(&run, "rst", "rst-received");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s, s:s}", "event", "rst", "conn",
		       run.pair.client_conn, "direction", "received", "by", "peer", "state",
		       "FIN_WAIT2");
	e2e_assert_flags(run.events, run.pair.client_conn, "rst-received");
}

static void data_to_fin_wait2_is_answered_and_ends_it(void **state)
{
	struct run run;

	run_to_fin_wait2(&run, *state);
	e2e_actor_send(run.pair.server, run.pair.server_fd, 10);
	run_stop(&run, run.pair.client_conn, "event", "close");

	assert_left(&run, "answered", "rst-sent");
	e2e_assert_flags(run.events, run.pair.client_conn, "rst-sent");
}

/// Nobody has asked the socket for its cookie, so that its mini-socket has none: what is left then
/// is → CLOSE, and it is not its end.
static void time_wait_of_a_socket_that_nobody_knows_is_not_told_as_its_end(void **state)
{
	struct e2e *e2e = *state;
	struct run run = {.e2e = e2e};
	struct e2e_pair *pair = &run.pair;
	const json_t *last_ack;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), pair);
	pair->client_fd = e2e_actor_connect(pair->client, "127.0.0.1", pair->port);
	pair->client_port = e2e_actor_local_port(pair->client, pair->client_fd);
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_sleep_ms(DELAYED_ACK_MS);
	run.tracer = E2E_TRACE(e2e, "watch", "--json", "--no-snapshot", "-P",
			       e2e_port_text(e2e, 0));
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_sleep_ms(DELAYED_ACK_MS);
	e2e_tracer_stop(run.tracer, 0);
	run.events = e2e_tracer_events(run.tracer);

	last_ack = e2e_events_one(run.events, "{s:s, s:s}", "event", "state", "to", "LAST_ACK");
	e2e_assert_has(last_ack, "{s:i}", "rport", pair->client_port);
	e2e_assert_none(run.events, "{s:i, s:s}", "lport", pair->client_port, "to", "CLOSE");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(peer_that_never_closes_lets_fin_wait2_expire),
	E2E_TEST(late_fin_rearms_fin_wait2_to_time_wait),
	E2E_TEST(silent_way_into_time_wait_is_inferred_with_its_date),
	E2E_TEST(reset_to_fin_wait2_is_no_assassination_of_time_wait),
	E2E_TEST(data_to_fin_wait2_is_answered_and_ends_it),
	E2E_TEST(time_wait_of_a_socket_that_nobody_knows_is_not_told_as_its_end),
};

E2E_MAIN("fin_wait2", tests)
