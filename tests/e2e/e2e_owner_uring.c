// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what a process does through io_uring is told as its own doing, whichever thread does
// it for it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/uring.h"

#define BYTES	100
#define WAIT_MS 10000

struct stage {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	int64_t by;	      /// enum e2e_uring_by
	const json_t *events; /// once it is over
};

static void stage_open(struct stage *stage, struct e2e *e2e)
{
	if (!e2e_uring_is_there())
		e2e_skip("this kernel has no io_uring");
	*stage = (struct stage){
		.e2e = e2e,
		.tracer = E2E_TRACE(e2e, "watch", "--json", "--io-owner", "-P",
				    e2e_port_text(e2e, 0)),
		.by = *(const enum e2e_uring_by *)e2e->argument,
	};
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &stage->pair);
}

static void stage_close(struct stage *stage)
{
	e2e_tracer_wait_event(stage->tracer, WAIT_MS, "{s:s, s:s}", "conn", stage->pair.client_conn,
			      "to", "TIME_WAIT");
	e2e_tracer_stop(stage->tracer, 0);
	stage->events = e2e_tracer_events(stage->tracer);
	e2e_assert_no_loss(stage->events);
}

static int64_t connect_through_ring(const struct e2e_job *job)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(job->to.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = e2e_uring_do((enum e2e_uring_by)job->numbers[0],
			   &(struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
						  .fd = fd,
						  .addr = (uintptr_t)&to,
						  .off = sizeof(to)});
	return err ? err : fd;
}

static int64_t receive_through_ring(const struct e2e_job *job)
{
	char buffer[BYTES];
	int got = e2e_uring_do((enum e2e_uring_by)job->numbers[0],
			       &(struct io_uring_sqe){.opcode = IORING_OP_RECV,
						      .fd = job->fd,
						      .addr = (uintptr_t)buffer,
						      .len = sizeof(buffer)});

	return got == 0 ? -EPIPE : got;
}

static int64_t close_through_ring(const struct e2e_job *job)
{
	return e2e_uring_do((enum e2e_uring_by)job->numbers[0],
			    &(struct io_uring_sqe){.opcode = IORING_OP_CLOSE, .fd = job->fd});
}

static void acts_are_those_of_the_process(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_open(&stage, *state);
	pair->client_fd = (int)e2e_actor_run(pair->client,
					     &(struct e2e_job){.run = connect_through_ring,
							       .to.port = e2e_port(0),
							       .numbers = {stage.by}});
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
	e2e_actor_run(pair->client, &(struct e2e_job){.run = close_through_ring,
						      .fd = pair->client_fd,
						      .numbers = {stage.by}});
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_run(pair->server, &(struct e2e_job){.run = close_through_ring,
						      .fd = pair->server_fd,
						      .numbers = {stage.by}});
	stage_close(&stage);

	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s, s:s}", "conn", pair->client_conn, "to",
		       "SYN_SENT", "pid", pair->client->pid, "comm", "ct-client", "owner",
		       "connect");
	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s, s:s}", "conn", pair->client_conn, "to",
		       "FIN_WAIT1", "pid", pair->client->pid, "comm", "ct-client", "owner",
		       "connect");
	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s}", "conn", pair->server_conn, "to",
		       "LAST_ACK", "pid", pair->server->pid, "comm", "ct-server");
	e2e_assert_none(stage.events, "{s:s}", "how", "exit");
}

static void io_is_that_of_the_process(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;
	struct e2e_actor *parent;

	stage_open(&stage, *state);
	parent = pair->server;
	pair->server = e2e_actor_fork(parent, "ct-worker");
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_actor_send(pair->client, pair->client_fd, BYTES);
	e2e_actor_run(pair->server, &(struct e2e_job){.run = receive_through_ring,
						      .fd = pair->server_fd,
						      .numbers = {stage.by}});
	e2e_pair_close(pair);
	stage_close(&stage);

	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s}", "conn", pair->server_conn, "to",
		       "ESTABLISHED", "pid", parent->pid, "owner", "inherited");
	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s, s:s}", "conn", pair->server_conn, "to",
		       "CLOSE_WAIT", "pid", pair->server->pid, "comm", "ct-worker", "owner", "io");
}

#define BY(name, function, by) E2E_TEST_WITH(name, function, (&(enum e2e_uring_by){by}))

static const struct CMUnitTest tests[] = {
	BY("acts_in_the_callers_name", acts_are_those_of_the_process, E2E_URING_CALLER),
	BY("acts_by_a_worker_thread", acts_are_those_of_the_process, E2E_URING_WORKER),
	BY("acts_by_a_polling_thread", acts_are_those_of_the_process, E2E_URING_POLLER),
	BY("io_in_the_callers_name", io_is_that_of_the_process, E2E_URING_CALLER),
	BY("io_by_a_worker_thread", io_is_that_of_the_process, E2E_URING_WORKER),
	BY("io_by_a_polling_thread", io_is_that_of_the_process, E2E_URING_POLLER),
};

E2E_MAIN("owner_uring", tests)
