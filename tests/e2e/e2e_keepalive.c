// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that keepalive probes are counted, answered or not, on both ends, and what an unanswered
// one leads to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "support/capability.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define PROBES	       3
#define DEATH_LIMIT_MS 15000
#define WAIT_MS	       10000

/// One connection from home to far; the client keeps it alive with 1 s, 1 s, 3 probes.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

static void run_open(struct run *run, struct e2e *e2e)
{
	run->e2e = e2e;
	e2e_add_far(e2e);
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &run->pair);
	e2e_pair_connect(&run->pair, E2E_FAR_HOST);
	e2e_pair_exchange(&run->pair, 100, 100);
	e2e_actor_set_keepalive(run->pair.client, run->pair.client_fd);
}

static void run_finish(struct run *run)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.server_conn);
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

/// The peer's segments are dropped at our input: it gets our probes, and we never hear of it again.
static void run_until_dead(struct run *run, struct e2e *e2e)
{
	run_open(run, e2e);
	e2e_netns_drop(&e2e->home, e2e_format(e2e, "tcp sport %u", run->pair.port));
	e2e_tracer_wait_event(run->tracer, DEATH_LIMIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.client_conn);
	assert_int_equal(e2e_actor_try_receive(run->pair.client, run->pair.client_fd, 1),
			 ETIMEDOUT);
	e2e_actor_close(run->pair.client, run->pair.client_fd);
	e2e_actor_close(run->pair.server, run->pair.server_fd);
	run_finish(run);
}

static void unanswered_probes_are_counted_until_death(void **state)
{
	struct run run;
	const char *conn;

	run_until_dead(&run, *state);
	conn = run.pair.client_conn;
	for (int unanswered = 1; unanswered <= PROBES; unanswered++) {
		e2e_events_one(run.events, "{s:s, s:s, s:s, s:i, s:b, s:b}", "event", "keepalive",
			       "conn", conn, "direction", "sent", "unanswered", unanswered,
			       "answered", 0, "dead", 0);
	}
	assert_int_equal(e2e_events_count(run.events, "{s:s, s:s, s:b}", "event", "keepalive",
					  "conn", conn, "dead", 0),
			 PROBES);
	e2e_events_one(run.events, "{s:s, s:s, s:b}", "event", "keepalive", "conn", conn, "dead",
		       1);
	e2e_assert_none(run.events, "{s:s, s:s, s:b}", "event", "keepalive", "conn", conn,
			"answered", 1);
	e2e_assert_path(run.events, conn, "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE");
}

static void death_by_keepalive_is_told_in_the_summary(void **state)
{
	struct run run;
	const json_t *summary, *options;

	run_until_dead(&run, *state);
	summary = e2e_events_one(run.events, "{s:s, s:s}", "event", "close", "conn",
				 run.pair.client_conn);
	e2e_assert_has(summary, "{s:s, s:i}", "end", "keepalive-dead", "keepalives_sent", PROBES);
	options = json_object_get(summary, "options");
	e2e_assert_has(options, "{s:b, s:i, s:i, s:i}", "keepalive", 1, "keepalive_time_s", 1,
		       "keepalive_interval_s", 1, "keepalive_probes", PROBES);
	e2e_assert_flags(run.events, run.pair.client_conn,
			 "keepalive-dead keepalive-probe rst-sent");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s, s:s}", "event", "rst", "conn",
		       run.pair.client_conn, "direction", "sent", "by", "stack", "cause",
		       "keepalive-timeout");
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "error", "conn",
		       run.pair.client_conn, "errno", "ETIMEDOUT");
}

static void probes_are_seen_by_their_receiver(void **state)
{
	struct run run;

	e2e_need_capability(*state, "probes received");
	run_until_dead(&run, *state);
	assert_int_equal(e2e_events_count(run.events, "{s:s, s:s, s:s}", "event", "keepalive",
					  "conn", run.pair.server_conn, "direction", "received"),
			 PROBES);
	e2e_assert_none(run.events, "{s:s, s:s, s:s}", "event", "keepalive", "conn",
			run.pair.server_conn, "direction", "sent");
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "rst", "conn", run.pair.server_conn,
		       "direction", "received");
}

static void answered_probes_are_no_death(void **state)
{
	struct run run;
	const char *conn;

	run_open(&run, *state);
	e2e_sleep_ms(3500);
	e2e_pair_exchange(&run.pair, 100, 100);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	conn = run.pair.client_conn;
	assert_in_range(e2e_events_count(run.events, "{s:s, s:s, s:s, s:i, s:b}", "event",
					 "keepalive", "conn", conn, "direction", "sent",
					 "unanswered", 1, "answered", 0),
			2, 3);
	assert_true(e2e_events_count(run.events, "{s:s, s:s, s:b}", "event", "keepalive", "conn",
				     conn, "answered", 1) > 0);
	e2e_assert_none(run.events, "{s:s, s:s, s:i}", "event", "keepalive", "conn", conn,
			"unanswered", 2);
	e2e_assert_none(run.events, "{s:s, s:b}", "event", "keepalive", "dead", 1);
	e2e_assert_flags(run.events, conn, "keepalive-probe");
	e2e_assert_none(run.events, "{s:s}", "event", "rst");
}

/// The keepalive timer fires here too, finds that it heard of the peer a moment ago, and sends
/// nothing.
static void busy_connection_sends_no_probe(void **state)
{
	struct run run;

	run_open(&run, *state);
	for (int i = 0; i < 10; i++) {
		e2e_sleep_ms(250);
		e2e_pair_exchange(&run.pair, 100, 100);
	}
	e2e_pair_close(&run.pair);
	run_finish(&run);

	e2e_assert_none(run.events, "{s:s}", "event", "keepalive");
	e2e_assert_flags(run.events, run.pair.client_conn, "");
	e2e_assert_flags(run.events, run.pair.server_conn, "");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(unanswered_probes_are_counted_until_death),
	E2E_TEST(death_by_keepalive_is_told_in_the_summary),
	E2E_TEST(probes_are_seen_by_their_receiver),
	E2E_TEST(answered_probes_are_no_death),
	E2E_TEST(busy_connection_sends_no_probe),
};

E2E_MAIN("keepalive", tests)
