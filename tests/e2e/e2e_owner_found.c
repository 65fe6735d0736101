// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a connection older than the tracer is told with a process that holds it, if there is
// one, and with nobody if there is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/passing.h"

#define BYTES	 100
#define WAIT_MS	 10000
#define PAUSE_MS 50

struct stage {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events; /// once it is over
};

static void stage_set(struct stage *stage, struct e2e *e2e, const char *host)
{
	*stage = (struct stage){.e2e = e2e};
	e2e_pair_listen(e2e, host, e2e_port(0), &stage->pair);
}

static void stage_trace(struct stage *stage, const char *option)
{
	stage->tracer = E2E_TRACE(stage->e2e, "watch", "--json", "-P", e2e_port_text(stage->e2e, 0),
				  option);
}

static void stage_end(struct stage *stage)
{
	e2e_tracer_stop(stage->tracer, 0);
	stage->events = e2e_tracer_events(stage->tracer);
	e2e_assert_no_loss(stage->events);
}

static void stage_end_after(struct stage *stage, const char *conn, const char *to)
{
	e2e_tracer_wait_event(stage->tracer, WAIT_MS, "{s:s, s:s}", "conn", conn, "to", to);
	stage_end(stage);
}

static const json_t *found(const struct stage *stage, const char *conn)
{
	return e2e_events_one(stage->events, "{s:s, s:s}", "event", "found", "conn", conn);
}

static void assert_found(const struct stage *stage, const char *conn, const char *role,
			 const struct e2e_actor *who)
{
	e2e_assert_has(found(stage, conn), "{s:s, s:i, s:s, s:s}", "role", role, "pid", who->pid,
		       "comm", who->comm, "owner", "scan");
}

static void assert_found_without_owner(const struct stage *stage, const char *conn)
{
	e2e_assert_has(found(stage, conn), "{s:n, s:n, s:s}", "pid", "comm", "owner", "unknown");
}

static void assert_owner_at(const struct stage *stage, const char *conn, const char *to,
			    const struct e2e_actor *who, const char *origin)
{
	e2e_assert_has(e2e_events_one(stage->events, "{s:s, s:s, s:s}", "event", "state", "conn",
				      conn, "to", to),
		       "{s:i, s:s, s:s}", "pid", who->pid, "comm", who->comm, "owner", origin);
}

static void connection_is_found_with_the_process_that_holds_it(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;
	const char *listener;

	stage_set(&stage, *state, "127.0.0.1");
	e2e_pair_connect(pair, "127.0.0.1");
	listener = e2e_actor_conn(pair->server, pair->listen_fd);
	stage_trace(&stage, NULL);
	stage_end(&stage);

	assert_found(&stage, pair->client_conn, "active", pair->client);
	assert_found(&stage, pair->server_conn, "passive", pair->server);
	assert_found(&stage, listener, "listener", pair->server);
}

static void act_of_the_process_that_was_found_makes_it_certain(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_set(&stage, *state, "127.0.0.1");
	e2e_pair_connect(pair, "127.0.0.1");
	stage_trace(&stage, NULL);
	e2e_pair_close(pair);
	stage_end_after(&stage, pair->client_conn, "TIME_WAIT");

	assert_owner_at(&stage, pair->client_conn, "FIN_WAIT1", pair->client, "actor");
	assert_owner_at(&stage, pair->server_conn, "CLOSE_WAIT", pair->server, "scan");
	assert_owner_at(&stage, pair->server_conn, "LAST_ACK", pair->server, "actor");
}

static void connection_accepted_from_an_old_listener_is_inherited(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_set(&stage, *state, "127.0.0.1");
	stage_trace(&stage, NULL);
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_close(pair);
	stage_end_after(&stage, pair->client_conn, "TIME_WAIT");

	assert_owner_at(&stage, pair->server_conn, "SYN_RECV", pair->server, "inherited");
	assert_owner_at(&stage, pair->server_conn, "LAST_ACK", pair->server, "actor");
}

static void connection_that_two_hold_is_found_with_one_of_them(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;
	struct e2e_actor *heir;
	long long pid;

	stage_set(&stage, *state, "127.0.0.1");
	e2e_pair_connect(pair, "127.0.0.1");
	heir = e2e_actor_fork(pair->client, "ct-heir");
	stage_trace(&stage, NULL);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_sleep_ms(PAUSE_MS);
	e2e_actor_close(heir, pair->client_fd);
	stage_end_after(&stage, pair->client_conn, "FIN_WAIT1");

	pid = e2e_event_number(found(&stage, pair->client_conn), "pid");
	assert_true(pid == pair->client->pid || pid == heir->pid);
	e2e_assert_has(found(&stage, pair->client_conn), "{s:s, s:s}", "owner", "scan", "comm",
		       pid == heir->pid ? "ct-heir" : "ct-client");
	assert_owner_at(&stage, pair->client_conn, "FIN_WAIT1", heir, "actor");
}

/// Its process lives on, and has nothing to do with it any more.
static void orphan_is_found_without_an_owner(void **state)
{
	struct e2e *e2e = *state;
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	e2e_add_far(e2e);
	stage_set(&stage, e2e, E2E_FAR_HOST);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", e2e_port(0)));
	e2e_actor_send(pair->client, pair->client_fd, BYTES);
	e2e_actor_close(pair->client, pair->client_fd);
	stage_trace(&stage, NULL);
	stage_end(&stage);

	e2e_assert_has(found(&stage, pair->client_conn), "{s:s}", "state", "FIN_WAIT1");
	assert_found_without_owner(&stage, pair->client_conn);
	assert_found(&stage, pair->server_conn, "passive", pair->server);
}

static void connection_that_lies_in_a_unix_socket_is_the_takers(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;
	struct e2e_passage passage;
	struct e2e_actor *taker;
	int fd;

	stage_set(&stage, *state, "127.0.0.1");
	passage = e2e_passage_open(pair->server);
	taker = e2e_actor_fork(pair->server, "ct-taker");
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_passage_give(&passage, pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	stage_trace(&stage, NULL);
	fd = e2e_passage_take(&passage, taker);
	e2e_actor_close(taker, fd);
	stage_end_after(&stage, pair->server_conn, "FIN_WAIT1");

	assert_found_without_owner(&stage, pair->server_conn);
	assert_owner_at(&stage, pair->server_conn, "FIN_WAIT1", taker, "actor");
}

static void connection_of_a_thread_is_found_with_its_process(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_set(&stage, *state, "127.0.0.1");
	pair->client_fd = e2e_actor_connect_in_thread(pair->client, "127.0.0.1", e2e_port(0));
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	stage_trace(&stage, NULL);
	stage_end(&stage);

	assert_found(&stage, pair->client_conn, "active", pair->client);
	e2e_assert_none(stage.events, "{s:s}", "comm", E2E_THREAD_COMM);
}

static void connection_from_a_pid_namespace_is_found_with_the_pid_of_the_host(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_set(&stage, *state, "127.0.0.1");
	e2e_actor_unshare_pids(pair->client);
	pair->client = e2e_actor_fork(pair->client, "ct-inside");
	e2e_pair_connect(pair, "127.0.0.1");
	stage_trace(&stage, NULL);
	stage_end(&stage);

	assert_found(&stage, pair->client_conn, "active", pair->client);
}

static void owner_is_not_known_before_an_act_without_a_snapshot(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_set(&stage, *state, "127.0.0.1");
	e2e_pair_connect(pair, "127.0.0.1");
	stage_trace(&stage, "--no-snapshot");
	e2e_pair_close(pair);
	stage_end_after(&stage, pair->client_conn, "TIME_WAIT");

	e2e_assert_none(stage.events, "{s:s}", "event", "found");
	assert_owner_at(&stage, pair->client_conn, "FIN_WAIT1", pair->client, "actor");
	e2e_events_one(stage.events, "{s:s, s:s, s:n, s:n, s:s}", "conn", pair->server_conn, "to",
		       "CLOSE_WAIT", "pid", "comm", "owner", "unknown");
	assert_owner_at(&stage, pair->server_conn, "LAST_ACK", pair->server, "actor");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(connection_is_found_with_the_process_that_holds_it),
	E2E_TEST(act_of_the_process_that_was_found_makes_it_certain),
	E2E_TEST(connection_accepted_from_an_old_listener_is_inherited),
	E2E_TEST(connection_that_two_hold_is_found_with_one_of_them),
	E2E_TEST(orphan_is_found_without_an_owner),
	E2E_TEST(connection_that_lies_in_a_unix_socket_is_the_takers),
	E2E_TEST(connection_of_a_thread_is_found_with_its_process),
	E2E_TEST(connection_from_a_pid_namespace_is_found_with_the_pid_of_the_host),
	E2E_TEST(owner_is_not_known_before_an_act_without_a_snapshot),
};

E2E_MAIN("owner_found", tests)
