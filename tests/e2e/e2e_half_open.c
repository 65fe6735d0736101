// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that SYN_RECV lasts from the SYN to the final ACK, whatever becomes of the handshake, and
// which of them are half-open.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/capability.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define MS_NS	    1000000LL
#define SECOND_NS   1000000000LL
#define NEAR_NS	    (50 * MS_NS)
#define WAIT_MS	    10000
#define ANSWER_MS   100
#define PAUSE_MS    300		    /// before the first SYN-ACK is sent again
#define ONE_MORE_MS 1500	    /// between the second SYN-ACK and the third
#define FLAGGED_MS  3500	    /// past the third: three seconds are half-open
#define TIMEOUT_NS  (3 * SECOND_NS) /// 1 s + 2 s, with net.ipv4.tcp_synack_retries=1
#define DEFER_S	    10

/// A pair over loopback whose final ACK can be dropped.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const char *host;
	const json_t *events;
};

static void run_open(struct run *run, struct e2e *e2e, const char *host)
{
	*run = (struct run){.e2e = e2e, .host = host};
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, host, e2e_port(0), &run->pair);
}

/// The client has its SYN-ACK and takes itself for connected; the server waits for the final ACK.
static void run_open_half(struct run *run, struct e2e *e2e, const char *host)
{
	struct e2e_pair *pair = &run->pair;

	run_open(run, e2e, host);
	e2e_netns_drop_acks(&e2e->home, "dport", pair->port);
	pair->client_fd = e2e_actor_connect(pair->client, host, pair->port);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->client_port = e2e_actor_local_port(pair->client, pair->client_fd);
}

/// The client's first byte carries the ACK that was missing.
static void run_send_and_accept(struct run *run)
{
	struct e2e_pair *pair = &run->pair;

	e2e_actor_send(pair->client, pair->client_fd, 1);
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
}

static void run_complete(struct run *run)
{
	e2e_netns_undrop(&run->e2e->home);
	run_send_and_accept(run);
}

static void run_stop(struct run *run)
{
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

/// Waits for the end of a handshake that no accepted socket came of.
static void run_stop_at_end(struct run *run)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:i, s:i}", "event", "close", "lport",
			      run->pair.port, "rport", run->pair.client_port);
	run_stop(run);
}

static const json_t *transition(const struct run *run, const char *conn, const char *from,
				const char *to)
{
	return e2e_events_one(run->events, "{s:s, s:s, s:s, s:s}", "event", "state", "conn", conn,
			      "from", from, "to", to);
}

static void assert_near(long long is_ns, long long wanted_ns)
{
	assert_in_range(llabs(is_ns - wanted_ns), 0, NEAR_NS);
}

/// SYN_RECV began with the client's SYN and lasted until the handshake was completed.
static void assert_handshake(const struct run *run, long long at_least_ns, const char *flags)
{
	const char *conn = run->pair.server_conn;
	const json_t *syn = transition(run, run->pair.client_conn, "CLOSE", "SYN_SENT");
	const json_t *received = transition(run, conn, "LISTEN", "SYN_RECV");
	const json_t *done = transition(run, conn, "SYN_RECV", "ESTABLISHED");
	const json_t *life = e2e_events_one(run->events, "{s:s, s:s}", "event", "close", "conn",
					    conn);
	const json_t *first = json_array_get(json_object_get(life, "history"), 0);
	long long lasted_ns = e2e_event_number(done, "ts_ns") - e2e_event_number(syn, "ts_ns");

	assert_true(lasted_ns >= at_least_ns);
	assert_near(e2e_event_number(received, "ts_ns"), e2e_event_number(syn, "ts_ns"));
	assert_near(e2e_event_number(done, "in_state_ns"), lasted_ns);
	e2e_assert_has(done, "{s:s}", "handshake", "request");
	e2e_assert_has(first, "{s:s, s:s, s:I, s:I}", "state", "SYN_RECV", "basis", "seen", "at_ns",
		       (json_int_t)e2e_event_number(received, "ts_ns"), "for_ns",
		       (json_int_t)e2e_event_number(done, "in_state_ns"));
	e2e_assert_has(life, "{s:s, s:s, s:I, s:i}", "end", "open", "handshake", "request",
		       "opened_ns", (json_int_t)e2e_event_number(received, "ts_ns"), "gaps", 0);
	assert_near(e2e_event_number(life, "handshake_us") * 1000, lasted_ns);
	e2e_assert_flags(run->events, conn, flags);
}

/// The one summary of the server's end, which never came to be more than SYN_RECV.
static const json_t *half_open_life(const struct run *run)
{
	const json_t *life = e2e_events_one(run->events, "{s:s, s:i, s:i}", "event", "close",
					    "lport", run->pair.port, "rport",
					    run->pair.client_port);

	e2e_assert_history(life, "SYN_RECV");
	e2e_assert_has(life, "{s:s, s:i}", "role", "passive", "pid", run->pair.server->pid);
	e2e_events_one(run->events, "{s:s, s:s, s:s, s:i}", "event", "state", "from", "LISTEN",
		       "to", "SYN_RECV", "rport", run->pair.client_port);
	e2e_events_one(run->events, "{s:s, s:s, s:s, s:i}", "event", "state", "from", "SYN_RECV",
		       "to", "CLOSE", "rport", run->pair.client_port);
	return life;
}

/// The flag half-open of a summary. Borrowed.
static const json_t *half_open_of(const json_t *life)
{
	return e2e_events_one(json_object_get(life, "flags"), "{s:s}", "flag", "half-open");
}

static void syn_recv_lasts_until_the_final_ack(void **state)
{
	struct run run;
	struct e2e *e2e = *state;

	run_open_half(&run, e2e, e2e->argument);
	e2e_sleep_ms(PAUSE_MS);
	run_complete(&run);
	run_stop(&run);

	assert_handshake(&run, PAUSE_MS * MS_NS, "");
	e2e_assert_flags(run.events, run.pair.client_conn, "");
}

static void plain_handshake_is_as_short_as_its_round_trip(void **state)
{
	struct run run;

	run_open(&run, *state, "127.0.0.1");
	e2e_pair_connect(&run.pair, "127.0.0.1");
	run_stop(&run);

	assert_handshake(&run, 0, "");
	assert_in_range(
		e2e_event_number(transition(&run, run.pair.server_conn, "SYN_RECV", "ESTABLISHED"),
				 "in_state_ns"),
		1, NEAR_NS);
}

static void handshake_that_is_slow_is_not_half_open(void **state)
{
	struct run run;

	run_open_half(&run, *state, "127.0.0.1");
	e2e_sleep_ms(ONE_MORE_MS);
	run_complete(&run);
	run_stop(&run);

	assert_handshake(&run, ONE_MORE_MS * MS_NS, "retransmit");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s, s:i}", "event", "retransmit", "conn",
		       run.pair.server_conn, "state", "SYN_RECV", "segment", "synack", "count", 1);
}

static void handshake_that_stands_for_3_s_is_half_open_by_then(void **state)
{
	struct run run;
	const json_t *life;
	long long flagged_ns;

	run_open_half(&run, *state, "127.0.0.1");
	e2e_sleep_ms(FLAGGED_MS);
	run_complete(&run);
	run_stop(&run);

	assert_handshake(&run, FLAGGED_MS * MS_NS, "half-open retransmit");
	life = e2e_events_one(run.events, "{s:s, s:s}", "event", "close", "conn",
			      run.pair.server_conn);
	flagged_ns = e2e_event_number(half_open_of(life), "at_ns") -
		     e2e_event_number(life, "opened_ns");
	assert_in_range(flagged_ns, TIMEOUT_NS - SECOND_NS / 10, TIMEOUT_NS + SECOND_NS / 4);
	e2e_assert_has(json_object_get(half_open_of(life), "evidence"), "{s:s}", "final_ack",
		       "never came");
}

static void handshake_without_a_final_ack_times_out(void **state)
{
	struct run run;
	const json_t *life, *evidence;

	e2e_netns_sysctl("ipv4/tcp_synack_retries", "1");
	run_open_half(&run, *state, "127.0.0.1");
	run_stop_at_end(&run);

	life = half_open_life(&run);
	e2e_assert_has(life, "{s:s, s:n}", "end", "timeout", "handshake_us");
	e2e_assert_life_flags(life, "half-open retransmit timeout");
	assert_near(e2e_event_number(life, "duration_ns"), TIMEOUT_NS);
	evidence = json_object_get(half_open_of(life), "evidence");
	e2e_assert_has(evidence, "{s:s, s:i, s:i}", "final_ack", "never came", "backlog", 0,
		       "backlog_max", 128);
	assert_near(e2e_event_number(evidence, "for_ns"), TIMEOUT_NS);
	assert_in_range(e2e_event_number(evidence, "synack_timeouts"), 1, 2);
}

static void client_that_resets_a_half_open_handshake_is_told(void **state)
{
	struct run run;
	const json_t *life;

	e2e_need_capability(*state, "accept queue overflows");
	run_open_half(&run, *state, "127.0.0.1");
	e2e_sleep_ms(ANSWER_MS);
	e2e_netns_undrop(&run.e2e->home);
	e2e_actor_set_linger0(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_stop_at_end(&run);

	life = half_open_life(&run);
	e2e_assert_has(life, "{s:s, s:s}", "end", "rst-received", "closed_by", "remote");
	e2e_assert_life_flags(life, "half-open rst-received");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:i}", "event", "rst", "direction", "received",
		       "state", "SYN_RECV", "rport", run.pair.client_port);
	assert_in_range(e2e_event_number(life, "duration_ns"), ANSWER_MS * MS_NS, SECOND_NS);
}

static void listener_that_closes_takes_its_half_open_handshake_along(void **state)
{
	struct run run;
	const json_t *life;

	run_open_half(&run, *state, "127.0.0.1");
	e2e_actor_close(run.pair.server, run.pair.listen_fd);
	run_stop_at_end(&run);

	life = half_open_life(&run);
	e2e_assert_has(life, "{s:s, s:s}", "end", "unknown", "closed_by", "local");
	e2e_assert_life_flags(life, "half-open");
}

static void kill_from_outside_ends_a_half_open_handshake(void **state)
{
	struct run run;
	const json_t *life;

	run_open_half(&run, *state, "127.0.0.1");
	e2e_ss_kill(&run.e2e->home,
		    e2e_format(run.e2e, "state syn-recv sport = :%u", run.pair.port));
	run_stop_at_end(&run);

	life = half_open_life(&run);
	e2e_assert_has(life, "{s:s, s:s}", "end", "killed", "closed_by", "local");
	e2e_assert_life_flags(life, "half-open");
}

/// A listener with room for two; the handshake under test waits for its final ACK while two others
/// take the room. They go to others[].
static void run_fill_accept_queue(struct run *run, struct e2e *e2e, int others[2])
{
	struct e2e_pair *pair = &run->pair;
	struct e2e_addr from = e2e_loopback(e2e_port(1)), to = e2e_loopback(e2e_port(0));

	*run = (struct run){.e2e = e2e, .host = "127.0.0.1"};
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	*pair = (struct e2e_pair){.server = e2e_actor_start(e2e, &e2e->home, "ct-server"),
				  .client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				  .port = to.port,
				  .client_port = from.port};
	pair->listen_fd = e2e_actor_listen_with(pair->server, to.host, to.port,
						&(struct e2e_listen){.backlog = 1});
	e2e_netns_drop_acks(&e2e->home, "sport", from.port);
	pair->client_fd = e2e_actor_connect_from(pair->client, &from, &to);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	for (int i = 0; i < 2; i++)
		others[i] = e2e_actor_connect(pair->client, to.host, to.port);
}

static void full_accept_queue_is_told_as_the_cause(void **state)
{
	struct run run;
	int others[2];
	const json_t *life;

	e2e_need_capability(*state, "accept queue overflows");
	e2e_netns_sysctl("ipv4/tcp_synack_retries", "1");
	run_fill_accept_queue(&run, *state, others);
	e2e_netns_undrop(&run.e2e->home);
	run_stop_at_end(&run);

	life = half_open_life(&run);
	e2e_assert_has(life, "{s:s}", "end", "timeout");
	e2e_assert_life_flags(life, "half-open retransmit timeout");
	e2e_assert_has(json_object_get(half_open_of(life), "evidence"), "{s:s, s:i, s:i}",
		       "final_ack", "came, accept queue full", "backlog", 2, "backlog_max", 1);
}

static void full_accept_queue_may_be_answered_with_a_reset(void **state)
{
	struct run run;
	int others[2];
	const json_t *life;

	e2e_netns_sysctl("ipv4/tcp_abort_on_overflow", "1");
	run_fill_accept_queue(&run, *state, others);
	e2e_netns_undrop(&run.e2e->home);
	e2e_actor_send(run.pair.client, run.pair.client_fd, 1);
	run_stop_at_end(&run);

	life = half_open_life(&run);
	e2e_assert_has(life, "{s:s}", "end", "rst-sent");
	e2e_assert_has(json_object_get(half_open_of(life), "evidence"), "{s:s}", "final_ack",
		       "came, accept queue full");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:i}", "event", "rst", "direction", "sent",
		       "cause", "backlog-overflow", "rport", run.pair.client_port);
}

/// The final ACK finds the queue full, the client's next segment does not.
static void accept_queue_that_drains_in_time_is_no_half_open(void **state)
{
	struct run run;
	struct e2e_pair *pair = &run.pair;
	int others[2];

	run_fill_accept_queue(&run, *state, others);
	e2e_netns_undrop(&run.e2e->home);
	e2e_actor_send(pair->client, pair->client_fd, 1);
	e2e_sleep_ms(ANSWER_MS);
	for (int i = 0; i < 2; i++)
		e2e_actor_accept(pair->server, pair->listen_fd);
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
	run_stop(&run);

	e2e_events_one(run.events, "{s:s, s:s, s:i}", "conn", pair->server_conn, "to",
		       "ESTABLISHED", "rport", pair->client_port);
	assert_handshake(&run, ANSWER_MS * MS_NS, "");
}

/// The listener waits for data: the final ACK comes, and is dropped on purpose.
static void run_open_deferred(struct run *run, struct e2e *e2e)
{
	struct e2e_pair *pair = &run->pair;

	run_open(run, e2e, "127.0.0.1");
	e2e_actor_set(pair->server, pair->listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_S);
	pair->client_fd = e2e_actor_connect(pair->client, run->host, pair->port);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->client_port = e2e_actor_local_port(pair->client, pair->client_fd);
}

static void listener_that_waits_for_data_has_no_full_queue(void **state)
{
	struct run run;
	const json_t *half_open;

	run_open_deferred(&run, *state);
	e2e_sleep_ms(FLAGGED_MS);
	run_stop(&run);

	half_open = half_open_of(e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "close",
						"role", "passive", "end", "open"));
	e2e_assert_has(json_object_get(half_open, "evidence"), "{s:s, s:i}", "final_ack",
		       "came, not taken: TCP_DEFER_ACCEPT or accept queue full", "backlog", 0);
	assert_null(json_object_get(json_object_get(half_open, "evidence"), "synack_timeouts"));
}

static void data_in_time_for_a_listener_that_waits_is_no_half_open(void **state)
{
	struct run run;

	run_open_deferred(&run, *state);
	e2e_sleep_ms(ANSWER_MS);
	run_send_and_accept(&run);
	run_stop(&run);

	assert_handshake(&run, ANSWER_MS * MS_NS, "");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST_WITH("syn_recv_lasts_until_the_final_ack_ipv4", syn_recv_lasts_until_the_final_ack,
		      "127.0.0.1"),
	E2E_TEST_WITH("syn_recv_lasts_until_the_final_ack_ipv6", syn_recv_lasts_until_the_final_ack,
		      "::1"),
	E2E_TEST(plain_handshake_is_as_short_as_its_round_trip),
	E2E_TEST(handshake_that_is_slow_is_not_half_open),
	E2E_TEST(handshake_that_stands_for_3_s_is_half_open_by_then),
	E2E_TEST(handshake_without_a_final_ack_times_out),
	E2E_TEST(client_that_resets_a_half_open_handshake_is_told),
	E2E_TEST(listener_that_closes_takes_its_half_open_handshake_along),
	E2E_TEST(kill_from_outside_ends_a_half_open_handshake),
	E2E_TEST(full_accept_queue_is_told_as_the_cause),
	E2E_TEST(full_accept_queue_may_be_answered_with_a_reset),
	E2E_TEST(accept_queue_that_drains_in_time_is_no_half_open),
	E2E_TEST(listener_that_waits_for_data_has_no_full_queue),
	E2E_TEST(data_in_time_for_a_listener_that_waits_is_no_half_open),
};

E2E_MAIN("half_open", tests)
