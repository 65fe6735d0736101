// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that --io-owner tells who first sends or receives on an accepted connection, before he acts
// on it otherwise, and that nothing else makes anybody its owner.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "support/capability.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define BYTES	100
#define WAIT_MS 10000

/// A parent that listens, a worker of it that has inherited the listener, and a client.
struct stage {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair; /// its server is the worker
	struct e2e_actor *parent;
	const json_t *events; /// once it is over
};

static void stage_open(struct stage *stage, struct e2e *e2e, const char *option)
{
	*stage = (struct stage){
		.e2e = e2e,
		.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0), option),
		.parent = e2e_actor_start(e2e, &e2e->home, "ct-parent"),
		.pair = {.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
			 .port = e2e_port(0)},
	};
	stage->pair.listen_fd = e2e_actor_listen(stage->parent, "127.0.0.1", e2e_port(0));
	stage->pair.server = e2e_actor_fork(stage->parent, "ct-worker");
	e2e_pair_connect(&stage->pair, "127.0.0.1");
}

/// The client's FIN makes the kernel tell of the server's end, which comes into this state.
static void stage_close(struct stage *stage, const char *to)
{
	e2e_actor_shutdown(stage->pair.client, stage->pair.client_fd, SHUT_WR);
	e2e_tracer_wait_event(stage->tracer, WAIT_MS, "{s:s, s:s}", "conn", stage->pair.server_conn,
			      "to", to);
	e2e_tracer_stop(stage->tracer, 0);
	stage->events = e2e_tracer_events(stage->tracer);
	e2e_assert_no_loss(stage->events);
}

/// Whose the server's end was said to be when the FIN came.
static void assert_owner(const struct stage *stage, const struct e2e_actor *who, const char *origin)
{
	e2e_assert_has(e2e_events_one(stage->events, "{s:s, s:s}", "conn", stage->pair.server_conn,
				      "to", "CLOSE_WAIT"),
		       "{s:i, s:s, s:s}", "pid", who->pid, "comm", who->comm, "owner", origin);
}

static void first_to_receive_is_the_owner(void **state)
{
	struct stage stage;

	stage_open(&stage, *state, "--io-owner");
	e2e_actor_send(stage.pair.client, stage.pair.client_fd, BYTES);
	e2e_actor_receive(stage.pair.server, stage.pair.server_fd, BYTES);
	stage_close(&stage, "CLOSE_WAIT");

	assert_owner(&stage, stage.pair.server, "io");
	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s}", "conn", stage.pair.server_conn, "to",
		       "ESTABLISHED", "pid", stage.parent->pid, "owner", "inherited");
}

static void first_to_send_is_the_owner(void **state)
{
	struct stage stage;

	e2e_need_capability(*state, "owner by first send");
	stage_open(&stage, *state, "--io-owner");
	e2e_actor_send(stage.pair.server, stage.pair.server_fd, BYTES);
	e2e_actor_receive(stage.pair.client, stage.pair.client_fd, BYTES);
	stage_close(&stage, "CLOSE_WAIT");

	assert_owner(&stage, stage.pair.server, "io");
}

static void to_accept_and_to_wait_make_no_owner(void **state)
{
	struct stage stage;

	stage_open(&stage, *state, "--io-owner");
	e2e_actor_send(stage.pair.client, stage.pair.client_fd, BYTES);
	e2e_actor_wait_readable(stage.pair.server, stage.pair.server_fd);
	stage_close(&stage, "CLOSE_WAIT");

	assert_owner(&stage, stage.parent, "inherited");
	e2e_assert_none(stage.events, "{s:i}", "pid", stage.pair.server->pid);
}

static void io_makes_no_owner_without_the_option(void **state)
{
	struct stage stage;

	stage_open(&stage, *state, NULL);
	e2e_pair_exchange(&stage.pair, BYTES, BYTES);
	stage_close(&stage, "CLOSE_WAIT");

	assert_owner(&stage, stage.parent, "inherited");
}

static void later_io_of_another_does_not_change_the_owner(void **state)
{
	struct stage stage;
	struct e2e_actor *heir;

	stage_open(&stage, *state, "--io-owner");
	e2e_actor_send(stage.pair.client, stage.pair.client_fd, 2 * BYTES);
	e2e_actor_receive(stage.pair.server, stage.pair.server_fd, BYTES);
	heir = e2e_actor_fork(stage.pair.server, "ct-heir");
	e2e_actor_receive(heir, stage.pair.server_fd, BYTES);
	stage_close(&stage, "CLOSE_WAIT");

	assert_owner(&stage, stage.pair.server, "io");
	e2e_assert_none(stage.events, "{s:i}", "pid", heir->pid);
}

/// An act on the connection tells more than its use.
static void who_closes_is_the_owner_though_another_received_first(void **state)
{
	struct stage stage;
	struct e2e_actor *heir;

	stage_open(&stage, *state, "--io-owner");
	e2e_pair_exchange(&stage.pair, BYTES, BYTES);
	heir = e2e_actor_fork(stage.pair.server, "ct-heir");
	e2e_actor_close(stage.pair.server, stage.pair.server_fd);
	e2e_actor_shutdown(heir, stage.pair.server_fd, SHUT_WR);
	stage_close(&stage, "TIME_WAIT");

	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s, s:s}", "conn", stage.pair.server_conn,
		       "to", "FIN_WAIT1", "pid", heir->pid, "comm", "ct-heir", "owner", "actor");
}

static void io_on_a_connection_of_ones_own_changes_nothing(void **state)
{
	struct stage stage;
	struct e2e_actor *heir;

	stage_open(&stage, *state, "--io-owner");
	heir = e2e_actor_fork(stage.pair.client, "ct-heir");
	e2e_actor_send(heir, stage.pair.client_fd, BYTES);
	e2e_actor_receive(stage.pair.server, stage.pair.server_fd, BYTES);
	e2e_actor_send(stage.pair.server, stage.pair.server_fd, BYTES);
	e2e_actor_receive(heir, stage.pair.client_fd, BYTES);
	stage_close(&stage, "CLOSE_WAIT");

	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s, s:s}", "conn", stage.pair.client_conn,
		       "to", "FIN_WAIT1", "pid", stage.pair.client->pid, "comm", "ct-client",
		       "owner", "connect");
	e2e_assert_none(stage.events, "{s:i}", "pid", heir->pid);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(first_to_receive_is_the_owner),
	E2E_TEST(first_to_send_is_the_owner),
	E2E_TEST(to_accept_and_to_wait_make_no_owner),
	E2E_TEST(io_makes_no_owner_without_the_option),
	E2E_TEST(later_io_of_another_does_not_change_the_owner),
	E2E_TEST(who_closes_is_the_owner_though_another_received_first),
	E2E_TEST(io_on_a_connection_of_ones_own_changes_nothing),
};

E2E_MAIN("owner_io", tests)
