// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what the kernel does on its own (timers, packets, sockets of its own) is never laid at
// the door of a process that happened to run meanwhile, and that an orphan keeps its owner.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"

#define BYTES	     1000
#define WAIT_MS	     10000
#define PAUSE_MS     50
#define SUBFLOW_HOST "10.99.0.3"

/// Two namespaces, all of whose processes share a CPU with one that is busy and has no socket.
struct stage {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	pid_t stranger;
	const json_t *events; /// once it is over
};

/// The test program and all that it starts from here on.
static void stay_on_one_cpu(void)
{
	cpu_set_t all, one;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++) {
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static pid_t start_stranger(struct e2e *e2e)
{
	volatile unsigned long rounds = 0;
	pid_t pid = e2e_process_fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_NAME, "ct-stranger");
		for (;;)
			rounds++;
	}
	e2e_track(e2e, pid);
	return pid;
}

static void stage_open(struct stage *stage, struct e2e *e2e)
{
	e2e_add_far(e2e);
	*stage = (struct stage){
		.e2e = e2e,
		.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0)),
	};
	stay_on_one_cpu();
	stage->stranger = start_stranger(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &stage->pair);
}

static void stage_close(struct stage *stage)
{
	e2e_tracer_stop(stage->tracer, 0);
	stage->events = e2e_tracer_events(stage->tracer);
	e2e_assert_no_loss(stage->events);
	e2e_assert_none(stage->events, "{s:i}", "pid", stage->stranger);
	e2e_assert_none(stage->events, "{s:s}", "comm", "ct-stranger");
}

/// Nothing that is told of a connection names anybody but its owner.
static void assert_owner_throughout(const json_t *events, const char *conn,
				    const struct e2e_actor *who)
{
	size_t index;
	json_t *event;

	assert_true(e2e_events_count(events, "{s:s}", "conn", conn) > 0);
	json_array_foreach((json_t *)events, index, event)
	{
		if (!strcmp(e2e_event_text(event, "conn"), conn))
			e2e_assert_has(event, "{s:i, s:s}", "pid", who->pid, "comm", who->comm);
	}
}

static void cut(struct e2e *e2e)
{
	const char *format = "tcp %s %u";

	e2e_netns_drop(&e2e->home, e2e_format(e2e, format, "sport", e2e_port(0)));
	e2e_netns_drop(&e2e->far, e2e_format(e2e, format, "dport", e2e_port(0)));
}

static void mend(struct e2e *e2e)
{
	e2e_netns_undrop(&e2e->home);
	e2e_netns_undrop(&e2e->far);
}

/// A process sits in accept() or connect() or waits: what acts is the timers.
static void transitions_by_timers_show_no_stranger(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;
	struct e2e_actor *late;

	stage_open(&stage, *state);
	e2e_netns_sysctl("ipv4/tcp_syn_retries", "1");
	late = e2e_actor_start(stage.e2e, &stage.e2e->home, "ct-late");
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, BYTES, BYTES);
	e2e_actor_set_keepalive(pair->server, pair->server_fd);
	e2e_actor_set(pair->server, pair->server_fd, IPPROTO_TCP, TCP_KEEPCNT, 1);
	cut(stage.e2e);
	e2e_actor_connect_fails(late, E2E_FAR_HOST, e2e_port(0), ETIMEDOUT);
	e2e_tracer_wait_event(stage.tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair->server_conn);
	stage_close(&stage);

	assert_owner_throughout(stage.events, pair->server_conn, pair->server);
	assert_owner_throughout(stage.events, pair->client_conn, pair->client);
	e2e_events_one(stage.events, "{s:s, s:s, s:s}", "event", "close", "conn", pair->server_conn,
		       "end", "keepalive-dead");
	e2e_events_one(stage.events, "{s:s, s:i, s:s, s:s, s:s}", "event", "close", "pid",
		       late->pid, "comm", "ct-late", "owner", "connect", "end", "timeout");
}

/// On one CPU a packet is received by whoever sent it.
static void transitions_by_packets_show_no_peer(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_open(&stage, *state);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, BYTES, BYTES);
	e2e_pair_close(pair);
	e2e_tracer_wait_event(stage.tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair->server_conn);
	stage_close(&stage);

	assert_owner_throughout(stage.events, pair->server_conn, pair->server);
	assert_owner_throughout(stage.events, pair->client_conn, pair->client);
	e2e_events_one(stage.events, "{s:s, s:s, s:s}", "conn", pair->server_conn, "to",
		       "CLOSE_WAIT", "owner", "inherited");
}

/// Closed with data that nobody has acknowledged; its process is gone before they are.
static void orphan_keeps_its_owner_to_its_end(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_open(&stage, *state);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, BYTES, BYTES);
	cut(stage.e2e);
	e2e_actor_send(pair->client, pair->client_fd, BYTES);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_kill(pair->client);
	e2e_sleep_ms(PAUSE_MS);
	mend(stage.e2e);
	e2e_actor_receive(pair->server, pair->server_fd, BYTES);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_tracer_wait_event(stage.tracer, WAIT_MS, "{s:s, s:s}", "conn", pair->client_conn, "to",
			      "TIME_WAIT");
	stage_close(&stage);

	assert_owner_throughout(stage.events, pair->client_conn, pair->client);
	e2e_events_one(stage.events, "{s:s, s:s, s:s, s:s}", "conn", pair->client_conn, "to",
		       "FIN_WAIT1", "owner", "connect", "how", "close()");
	e2e_events_one(stage.events, "{s:s, s:s, s:s}", "conn", pair->client_conn, "to",
		       "TIME_WAIT", "owner", "connect");
}

static void orphan_that_is_given_up_keeps_its_owner(void **state)
{
	struct stage stage;
	struct e2e_pair *pair = &stage.pair;

	stage_open(&stage, *state);
	e2e_netns_sysctl("ipv4/tcp_orphan_retries", "1");
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, BYTES, BYTES);
	cut(stage.e2e);
	e2e_actor_send(pair->client, pair->client_fd, BYTES);
	e2e_actor_kill(pair->client);
	e2e_tracer_wait_event(stage.tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair->client_conn);
	stage_close(&stage);

	assert_owner_throughout(stage.events, pair->client_conn, pair->client);
	e2e_events_one(stage.events, "{s:s, s:s, s:s, s:s}", "event", "close", "conn",
		       pair->client_conn, "end", "timeout", "owner", "connect");
}

static bool has_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/// An address of the client's that its kernel may open a second subflow from.
static void offer_second_path(struct e2e *e2e)
{
	e2e_netns_shell(&e2e->home, "ip addr add " SUBFLOW_HOST "/24 dev ct-home && "
				    "ip mptcp limits set subflows 1 add_addr_accepted 1 && "
				    "ip mptcp endpoint add " SUBFLOW_HOST " dev ct-home subflow");
	e2e_netns_shell(&e2e->far, "ip mptcp limits set subflows 1 add_addr_accepted 1");
}

/// Every event names one of the two, or nobody.
static void assert_nobody_else(const json_t *events, const struct e2e_actor *one,
			       const struct e2e_actor *other)
{
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		long long pid = e2e_event_number(event, "pid");

		assert_true(pid == -1 || pid == one->pid || pid == other->pid);
		assert_true((pid == -1) == !strcmp(e2e_event_text(event, "comm"), "(null)"));
	}
}

/// The path manager connects in a kernel thread; the first subflow is the process' own connect().
static void subflow_that_the_kernel_opens_has_no_owner(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_actor *server, *client;
	struct e2e_tracer *tracer;
	const json_t *events;
	int listen_fd, server_fd, client_fd;

	if (!has_mptcp())
		e2e_skip("this kernel has no MPTCP");
	e2e_add_far(e2e);
	offer_second_path(e2e);
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	server = e2e_actor_start(e2e, &e2e->far, "ct-server");
	client = e2e_actor_start(e2e, &e2e->home, "ct-client");
	listen_fd = e2e_actor_listen_with(
		server, E2E_FAR_HOST, e2e_port(0),
		&(struct e2e_listen){.backlog = 1, .protocol = IPPROTO_MPTCP});
	client_fd = e2e_actor_connect_mptcp(client, E2E_FAR_HOST, e2e_port(0));
	server_fd = e2e_actor_accept(server, listen_fd);
	e2e_actor_send(client, client_fd, BYTES);
	e2e_actor_receive(server, server_fd, BYTES);
	e2e_actor_send(server, server_fd, BYTES);
	e2e_actor_receive(client, client_fd, BYTES);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "raddr", SUBFLOW_HOST, "to",
			      "ESTABLISHED");
	e2e_sleep_ms(PAUSE_MS);
	e2e_actor_close(client, client_fd);
	e2e_actor_receive_fin(server, server_fd);
	e2e_actor_close(server, server_fd);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "laddr", SUBFLOW_HOST, "to",
			      "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);
	events = e2e_tracer_events(tracer);

	e2e_assert_no_loss(events);
	e2e_events_one(events, "{s:s, s:s, s:i, s:s}", "laddr", E2E_HOME_HOST, "to", "SYN_SENT",
		       "pid", client->pid, "owner", "connect");
	e2e_events_one(events, "{s:s, s:s, s:n, s:n, s:s}", "laddr", SUBFLOW_HOST, "to", "SYN_SENT",
		       "pid", "comm", "owner", "unknown");
	assert_nobody_else(events, client, server);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(transitions_by_timers_show_no_stranger),
	E2E_TEST(transitions_by_packets_show_no_peer),
	E2E_TEST(orphan_keeps_its_owner_to_its_end),
	E2E_TEST(orphan_that_is_given_up_keeps_its_owner),
	E2E_TEST(subflow_that_the_kernel_opens_has_no_owner),
};

E2E_MAIN("owner_softirq", tests)
