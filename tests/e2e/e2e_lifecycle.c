// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that both ends of a plain connection are watched through every state, with the right time,
// owner and identity.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define CLIENT_BYTES  1000
#define SERVER_BYTES  500
#define STAY_MS	      50
#define STAY_LIMIT_NS 5000000000LL
#define FIN_WAIT2_MS  300
#define WAIT_MS	      10000

static const char client_path[] = "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
				  "FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT";
static const char server_path[] = "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT "
				  "CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE";

/// How a variant of the scenario is set up, and how its addresses are to be printed.
struct variant {
	const char *listen_host;
	const char *connect_host;
	const char *family;
	const char *addr;
};

/// Listen, connect, exchange, stay, close; returns the ended tracer's events.
static json_t *play(struct e2e *e2e, const struct variant *variant, struct e2e_pair *ret_pair)
{
	const char *recording = e2e_path(e2e, "life.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-w", recording, "-P",
					      e2e_port_text(e2e, 0));

	e2e_pair_listen(e2e, variant->listen_host, e2e_port(0), ret_pair);
	e2e_pair_connect(ret_pair, variant->connect_host);
	e2e_pair_exchange(ret_pair, CLIENT_BYTES, SERVER_BYTES);
	e2e_sleep_ms(STAY_MS);
	e2e_pair_close(ret_pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      ret_pair->server_conn);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", ret_pair->client_conn, "to",
			      "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);
	return e2e_tracer_events(tracer);
}

/// Every event of a connection names these addresses; the local port may be unknown until SYN_SENT
/// is over, never wrong.
static void assert_addresses(const json_t *events, const char *conn, const struct variant *variant,
			     uint16_t lport, uint16_t rport)
{
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		if (strcmp(e2e_event_text(event, "conn"), conn))
			continue;
		e2e_assert_has(event, "{s:s, s:s, s:s, s:i}", "family", variant->family, "laddr",
			       variant->addr, "raddr", variant->addr, "rport", rport);
		if (strcmp(e2e_event_text(event, "to"), "SYN_SENT") ||
		    e2e_event_number(event, "lport") != -1)
			e2e_assert_has(event, "{s:i}", "lport", lport);
	}
}

/// Every event of a connection names this process.
static void assert_owner(const json_t *events, const char *conn, const struct e2e_actor *actor,
			 const char *role)
{
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		if (!strcmp(e2e_event_text(event, "conn"), conn))
			e2e_assert_has(event, "{s:i, s:s, s:s}", "pid", actor->pid, "comm",
				       actor->comm, "role", role);
	}
}

/// The time between STAY_MS and some seconds that a connection was ESTABLISHED.
static void assert_stay(const json_t *events, const char *conn)
{
	const json_t *left = e2e_events_one(events, "{s:s, s:s, s:s}", "event", "state", "conn",
					    conn, "from", "ESTABLISHED");
	long long stay_ns = e2e_event_number(left, "in_state_ns");

	assert_in_range(stay_ns, STAY_MS * 1000000LL, STAY_LIMIT_NS);
}

static void assert_life(struct e2e *e2e, const struct variant *variant)
{
	struct e2e_pair pair;
	const json_t *events = play(e2e, variant, &pair);

	e2e_assert_no_loss(events);
	e2e_assert_path(events, pair.client_conn, client_path);
	e2e_assert_path(events, pair.server_conn, server_path);
	assert_addresses(events, pair.client_conn, variant, pair.client_port, pair.port);
	assert_addresses(events, pair.server_conn, variant, pair.port, pair.client_port);
	assert_owner(events, pair.client_conn, pair.client, "active");
	assert_owner(events, pair.server_conn, pair.server, "passive");
	assert_stay(events, pair.client_conn);
	assert_stay(events, pair.server_conn);
	e2e_assert_flags(events, pair.client_conn, "");
	e2e_assert_flags(events, pair.server_conn, "");
}

static void ipv4_life_is_seen_from_both_ends(void **state)
{
	assert_life(*state, &(struct variant){"127.0.0.1", "127.0.0.1", "ipv4", "127.0.0.1"});
}

static void ipv6_life_is_seen_from_both_ends(void **state)
{
	assert_life(*state, &(struct variant){"::1", "::1", "ipv6", "::1"});
}

static void v4_mapped_life_is_printed_as_ipv4_on_both_ends(void **state)
{
	assert_life(*state, &(struct variant){"::", "127.0.0.1", "ipv4", "127.0.0.1"});
}

static void v4_mapped_listener_is_ipv4_and_found_as_such(void **state)
{
	struct e2e *e2e = *state;
	const char *port = e2e_port_text(e2e, 0);
	struct e2e_pair pair;
	json_t *listed;

	e2e_pair_listen(e2e, "::ffff:127.0.0.1", e2e_port(0), &pair);
	listed = E2E_CONNTRACE_JSON("list", "--json", "-4", "-P", port);
	e2e_events_one(listed, "{s:s, s:s, s:s}", "state", "LISTEN", "family", "ipv4", "laddr",
		       "127.0.0.1");
	json_decref(listed);
	listed = E2E_CONNTRACE_JSON("list", "--json", "-6", "-P", port);
	assert_int_equal(json_array_size(listed), 0);
	json_decref(listed);
}

/// Of both families: the nearest that is none of IPv4 alone.
static void listener_of_any_address_is_ipv6(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	json_t *listed;

	e2e_pair_listen(e2e, "::", e2e_port(0), &pair);
	listed = E2E_CONNTRACE_JSON("list", "--json", "-6", "-P", e2e_port_text(e2e, 0));
	e2e_events_one(listed, "{s:s, s:s, s:s}", "state", "LISTEN", "family", "ipv6", "laddr",
		       "::");
	json_decref(listed);
}

static void owner_tells_where_it_is_from(void **state)
{
	struct e2e_pair pair;
	const json_t *events = play(
		*state, &(struct variant){"127.0.0.1", "127.0.0.1", "ipv4", "127.0.0.1"}, &pair);
	const json_t *listen = e2e_events_one(events, "{s:s, s:s, s:s}", "event", "state", "from",
					      "CLOSE", "to", "LISTEN");
	const json_t *last_ack = e2e_events_one(events, "{s:s, s:s, s:s}", "event", "state", "conn",
						pair.server_conn, "to", "LAST_ACK");

	e2e_assert_has(listen, "{s:s, s:s, s:i, s:s}", "role", "listener", "owner", "listen", "pid",
		       pair.server->pid, "comm", "ct-server");
	e2e_events_one(events, "{s:s, s:s, s:s, s:s}", "event", "state", "conn", pair.client_conn,
		       "to", "SYN_SENT", "owner", "connect");
	e2e_events_one(events, "{s:s, s:s, s:s, s:s}", "event", "state", "conn", pair.server_conn,
		       "to", "SYN_RECV", "owner", "inherited");
	e2e_assert_has(last_ack, "{s:s, s:i}", "owner", "actor", "pid", pair.server->pid);
}

static void first_transition_has_no_time_in_state(void **state)
{
	struct e2e_pair pair;
	const json_t *events = play(
		*state, &(struct variant){"127.0.0.1", "127.0.0.1", "ipv4", "127.0.0.1"}, &pair);

	e2e_events_one(events, "{s:s, s:s, s:n}", "conn", pair.client_conn, "to", "SYN_SENT",
		       "in_state_ns");
	e2e_events_one(events, "{s:s, s:s, s:n}", "conn", pair.server_conn, "to", "SYN_RECV",
		       "in_state_ns");
}

static void summary_counts_what_was_exchanged(void **state)
{
	struct e2e_pair pair;
	const json_t *events = play(
		*state, &(struct variant){"127.0.0.1", "127.0.0.1", "ipv4", "127.0.0.1"}, &pair);
	const json_t *summary = e2e_events_one(events, "{s:s, s:s}", "event", "close", "conn",
					       pair.server_conn);
	long long opened_ns = e2e_event_number(summary, "opened_ns");
	long long closed_ns = e2e_event_number(summary, "closed_ns");

	e2e_assert_history(summary, "SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK");
	e2e_assert_has(summary, "{s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "end", "fin", "closed_by",
		       "remote", "gaps", 0, "bytes_sent", SERVER_BYTES, "bytes_received",
		       CLIENT_BYTES, "retransmits", 0, "keepalives_sent", 0);
	assert_int_equal(e2e_event_number(summary, "duration_ns"), closed_ns - opened_ns);
	assert_in_range(e2e_event_number(summary, "min_rtt_us"), 0, STAY_LIMIT_NS / 1000);
}

static void life_in_time_wait_is_over_and_not_gone(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	const json_t *events =
		play(e2e, &(struct variant){"127.0.0.1", "127.0.0.1", "ipv4", "127.0.0.1"}, &pair);
	json_t *lives = E2E_CONNTRACE_JSON("report", "--json", e2e_path(e2e, "life.ctr"));
	const json_t *life = e2e_events_one(lives, "{s:s}", "conn", pair.client_conn);

	e2e_assert_none(events, "{s:s, s:s, s:s}", "event", "state", "conn", pair.client_conn,
			"from", "TIME_WAIT");
	e2e_assert_history(life, "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_has(life, "{s:s, s:s, s:n, s:i}", "end", "fin", "closed_by", "local",
		       "closed_ns", "gaps", 0);
	assert_in_range(e2e_event_number(life, "handshake_us"), 1, STAY_LIMIT_NS / 1000);
	assert_in_range(e2e_event_number(life, "srtt_us"), 1, STAY_LIMIT_NS / 1000);
	json_decref(lives);
}

/// By then FIN_WAIT2 is a mini-socket's, and its way into TIME_WAIT no transition of any socket.
static void time_in_fin_wait2_is_measured(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	const json_t *left;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_actor_close(pair.client, pair.client_fd);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.client_conn, "to",
			      "FIN_WAIT2");
	e2e_sleep_ms(FIN_WAIT2_MS);
	e2e_actor_receive_fin(pair.server, pair.server_fd);
	e2e_actor_close(pair.server, pair.server_fd);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.client_conn, "to",
			      "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);

	e2e_assert_no_loss(e2e_tracer_events(tracer));
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn, client_path);
	left = e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:s}", "conn",
			      pair.client_conn, "from", "FIN_WAIT2", "to", "TIME_WAIT");
	assert_in_range(e2e_event_number(left, "in_state_ns"), FIN_WAIT2_MS * 1000000LL,
			STAY_LIMIT_NS);
	e2e_assert_flags(e2e_tracer_events(tracer), pair.client_conn, "");
}

static void killed_process_closes_in_its_own_name(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	const json_t *events;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, CLIENT_BYTES, SERVER_BYTES);
	e2e_actor_kill(pair.client);
	e2e_actor_receive_fin(pair.server, pair.server_fd);
	e2e_actor_close(pair.server, pair.server_fd);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.client_conn, "to",
			      "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);
	events = e2e_tracer_events(tracer);

	e2e_assert_no_loss(events);
	e2e_assert_path(events, pair.client_conn, client_path);
	assert_owner(events, pair.client_conn, pair.client, "active");
	e2e_assert_flags(events, pair.client_conn, "");
}

static void connection_still_open_at_the_end_is_reported_as_open(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "open.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	json_t *lives;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, CLIENT_BYTES, SERVER_BYTES);
	e2e_tracer_stop(tracer, 0);
	lives = E2E_CONNTRACE_JSON("report", "--json", recording);
	e2e_assert_has(e2e_events_one(lives, "{s:s}", "conn", pair.client_conn),
		       "{s:s, s:n, s:n, s:i}", "end", "open", "closed_by", "closed_ns", "gaps", 0);
	e2e_assert_history(e2e_events_one(lives, "{s:s}", "conn", pair.server_conn),
			   "SYN_RECV ESTABLISHED");
	json_decref(lives);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(ipv4_life_is_seen_from_both_ends),
	E2E_TEST(ipv6_life_is_seen_from_both_ends),
	E2E_TEST(v4_mapped_life_is_printed_as_ipv4_on_both_ends),
	E2E_TEST(v4_mapped_listener_is_ipv4_and_found_as_such),
	E2E_TEST(listener_of_any_address_is_ipv6),
	E2E_TEST(owner_tells_where_it_is_from),
	E2E_TEST(first_transition_has_no_time_in_state),
	E2E_TEST(summary_counts_what_was_exchanged),
	E2E_TEST(life_in_time_wait_is_over_and_not_gone),
	E2E_TEST(time_in_fin_wait2_is_measured),
	E2E_TEST(killed_process_closes_in_its_own_name),
	E2E_TEST(connection_still_open_at_the_end_is_reported_as_open),
};

E2E_MAIN("lifecycle", tests)
