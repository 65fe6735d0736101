// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a selection holds where port or owner come to light late, that it follows children,
// and what -- CMD does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/sock.h"

#define ONLY_PORT      40000
#define ONLY_PORT_TEXT "40000"
#define NEXT_PORT_TEXT "40001"
#define WAIT_MS	       10000

static const char active_path[] = "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
				  "FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT";
static const char passive_path[] = "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT "
				   "CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE";
static const char closed_by_peer_path[] =
	"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE_WAIT "
	"CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE";

static void stop_after_time_wait(struct e2e_tracer *tracer, const char *conn)
{
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", conn, "to", "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
}

/// At SYN_SENT the socket has no port yet; here the kernel has only one to choose from, so that it
/// can be asked for.
static void local_port_that_the_kernel_chooses_is_selected_from_syn_sent_on(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-L", ONLY_PORT_TEXT);
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_netns_sysctl("ipv4/ip_local_port_range", ONLY_PORT_TEXT " " ONLY_PORT_TEXT);
	e2e_pair_connect(&pair, "127.0.0.1");
	assert_int_equal(pair.client_port, ONLY_PORT);
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	stop_after_time_wait(tracer, pair.client_conn);

	e2e_assert_only(e2e_tracer_events(tracer), pair.client_conn);
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn, active_path);
}

static int64_t run_disconnect(const struct e2e_job *job)
{
	return e2e_sock_disconnect(job->fd);
}

static int64_t run_connect_again(const struct e2e_job *job)
{
	return e2e_sock_connect_again(job->fd, &job->to);
}

/// Between connect() and its port the socket has that of its life before: neither is taken for the
/// other.
static void life_of_a_socket_that_is_connected_again_is_selected_by_its_own_port(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *former = E2E_TRACE(e2e, "watch", "--json", "-L", ONLY_PORT_TEXT);
	struct e2e_tracer *later = E2E_TRACE(e2e, "watch", "--json", "-L", NEXT_PORT_TEXT);
	struct e2e_pair pair;
	const char *again;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_netns_sysctl("ipv4/ip_local_port_range", ONLY_PORT_TEXT " " ONLY_PORT_TEXT);
	e2e_pair_connect(&pair, "127.0.0.1");
	again = e2e_format(e2e, "%s.1", pair.client_conn);
	e2e_actor_run(pair.client, &(struct e2e_job){.run = run_disconnect, .fd = pair.client_fd});
	e2e_netns_sysctl("ipv4/ip_local_port_range", NEXT_PORT_TEXT " " NEXT_PORT_TEXT);
	e2e_actor_run(pair.client, &(struct e2e_job){.run = run_connect_again,
						     .fd = pair.client_fd,
						     .to = e2e_loopback(pair.port)});
	pair.server_fd = e2e_actor_accept(pair.server, pair.listen_fd);
	e2e_pair_close(&pair);
	stop_after_time_wait(later, again);
	e2e_tracer_stop(former, 0);

	e2e_assert_only(e2e_tracer_events(later), again);
	e2e_assert_path(e2e_tracer_events(later), again, active_path);
	e2e_assert_only(e2e_tracer_events(former), pair.client_conn);
	e2e_assert_path(e2e_tracer_events(former), pair.client_conn,
			"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE");
}

static void local_port_that_was_bound_is_selected(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-L", e2e_port_text(e2e, 3));
	struct e2e_addr from = {.host = "127.0.0.1", .port = e2e_port(3)};
	struct e2e_addr to = {.host = "127.0.0.1", .port = e2e_port(0)};
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	pair.client_fd = e2e_actor_connect_from(pair.client, &from, &to);
	pair.server_fd = e2e_actor_accept(pair.server, pair.listen_fd);
	pair.client_conn = e2e_actor_conn(pair.client, pair.client_fd);
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	stop_after_time_wait(tracer, pair.client_conn);

	e2e_assert_only(e2e_tracer_events(tracer), pair.client_conn);
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn, active_path);
}

/// The parent listens; whose the accepted connection is shows only when the child acts on it.
static void prefork_child_is_selected_with_what_it_accepted(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_actor *parent = e2e_actor_start(e2e, &e2e->home, "ct-parent");
	struct e2e_pair pair = {
		.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
		.port = e2e_port(0),
		.listen_fd = e2e_actor_listen(parent, "127.0.0.1", e2e_port(0)),
	};
	struct e2e_tracer *tracer;
	const json_t *events, *last_ack;
	const char *conn_of_child;
	pid_t child_pid;

	pair.server = e2e_actor_fork(parent, "ct-child");
	tracer = E2E_TRACE(e2e, "watch", "--json", "-p", e2e_format(e2e, "%d", pair.server->pid));
	e2e_pair_connect(&pair, "127.0.0.1");
	conn_of_child = pair.server_conn;
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	child_pid = pair.server->pid;
	pair.server = parent;
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      conn_of_child);
	e2e_tracer_stop(tracer, 0);
	events = e2e_tracer_events(tracer);

	e2e_assert_no_loss(events);
	e2e_assert_only(events, conn_of_child);
	e2e_assert_path(events, conn_of_child, passive_path);
	last_ack = e2e_events_one(events, "{s:s, s:s}", "event", "state", "to", "LAST_ACK");
	e2e_assert_has(last_ack, "{s:i, s:s}", "pid", child_pid, "comm", "ct-child");
	assert_string_not_equal(e2e_event_text(last_ack, "owner"), "inherited");
}

/// Two hold it, and it is found with one of them; whose it is shows when the child acts on it.
static void found_connection_of_two_is_selected_when_the_one_asked_for_acts(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	struct e2e_actor *child;
	struct e2e_pair pair;
	const json_t *events;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	child = e2e_actor_fork(pair.client, "ct-child");
	tracer = E2E_TRACE(e2e, "watch", "--json", "-p", e2e_format(e2e, "%d", child->pid));
	e2e_actor_shutdown(child, pair.client_fd, SHUT_WR);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s}", "to", "FIN_WAIT2");
	e2e_tracer_stop(tracer, 0);
	events = e2e_tracer_events(tracer);

	e2e_assert_no_loss(events);
	e2e_assert_only(events, pair.client_conn);
	e2e_events_one(events, "{s:s, s:s}", "event", "found", "owner", "scan");
	e2e_assert_path(events, pair.client_conn, "ESTABLISHED>FIN_WAIT1 FIN_WAIT1>FIN_WAIT2");
	e2e_assert_has(e2e_events_one(events, "{s:s, s:s}", "event", "state", "to", "FIN_WAIT1"),
		       "{s:i, s:s, s:s}", "pid", child->pid, "comm", "ct-child", "owner", "actor");
}

static void child_forked_later_is_followed(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_actor *parent = e2e_actor_start(e2e, &e2e->home, "ct-parent");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--follow", "-p",
					      e2e_format(e2e, "%d", parent->pid));
	struct e2e_actor *child = e2e_actor_fork(parent, "ct-child");
	struct e2e_actor *grandchild = e2e_actor_fork(child, "ct-grandchild");
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	pair.client = grandchild;
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	stop_after_time_wait(tracer, pair.client_conn);

	e2e_assert_only(e2e_tracer_events(tracer), pair.client_conn);
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn, active_path);
}

static void child_is_not_selected_without_follow(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_actor *parent = e2e_actor_start(e2e, &e2e->home, "ct-parent");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-p",
					      e2e_format(e2e, "%d", parent->pid));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	pair.client = e2e_actor_fork(parent, "ct-child");
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	e2e_sleep_ms(500);
	e2e_tracer_stop(tracer, 0);
	assert_int_equal(json_array_size(e2e_tracer_events(tracer)), 0);
}

/// What comes behind the end of a command is not waited for long: the script waits for the last ACK
/// of what it has closed. State 09 of /proc/net/tcp is LAST_ACK.
static const char *await_last_ack(struct e2e *e2e)
{
	return e2e_format(e2e, "while grep -q ':%04X 09 ' /proc/net/tcp; do sleep 0.01; done",
			  e2e_port(0));
}

/// Runs `conntrace watch --json -- bash -c SCRIPT` against a server that sends 100 bytes and
/// closes.
static struct e2e_tracer *trace_command(struct e2e *e2e, const char *script)
{
	struct e2e_actor *server = e2e_actor_start(e2e, &e2e->home, "ct-server");
	int listen_fd = e2e_actor_listen(server, "127.0.0.1", e2e_port(0));
	const char *const argv[] = {"watch", "--json", "--", "bash", "-c", script, NULL};
	struct e2e_tracer *tracer;
	int fd;

	e2e_churn_noise(e2e, e2e_port(1));
	tracer = e2e_tracer_start_as(e2e, &e2e->home, -1, argv);
	fd = e2e_actor_accept(server, listen_fd);
	e2e_actor_send(server, fd, 100);
	e2e_actor_close(server, fd);
	e2e_tracer_join(tracer, WAIT_MS);
	return tracer;
}

/// The events are one life of a client, and nothing else.
static void assert_one_client(struct e2e_tracer *tracer)
{
	const json_t *events = e2e_tracer_events(tracer);
	const char *conn = e2e_event_text(json_array_get(events, 0), "conn");

	e2e_assert_no_loss(events);
	e2e_assert_only(events, conn);
	e2e_assert_path(events, conn, closed_by_peer_path);
}

static void command_is_traced_and_its_status_handed_on(void **state)
{
	struct e2e *e2e = *state;
	const char *pid_path = e2e_path(e2e, "pid");
	const char *script = e2e_format(
		e2e,
		"echo $$ >%s; exec 3<>/dev/tcp/127.0.0.1/%u; cat <&3 >/dev/null; exec 3>&-; %s; exit 7",
		pid_path, e2e_port(0), await_last_ack(e2e));
	struct e2e_tracer *tracer = trace_command(e2e, script);
	size_t bytes;
	char *pid_text = e2e_file_read(pid_path, &bytes);

	assert_int_equal(tracer->status, 7);
	assert_one_client(tracer);
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:i, s:s}", "event", "state", "to",
		       "SYN_SENT", "pid", atoi(pid_text), "comm", "bash");
	free(pid_text);
}

static void children_of_the_command_are_traced(void **state)
{
	struct e2e *e2e = *state;
	const char *script = e2e_format(
		e2e, "(exec 3<>/dev/tcp/127.0.0.1/%u; cat <&3 >/dev/null; exec 3>&-); %s; exit 0",
		e2e_port(0), await_last_ack(e2e));
	struct e2e_tracer *tracer = trace_command(e2e, script);

	assert_int_equal(tracer->status, 0);
	assert_one_client(tracer);
}

static void command_ended_by_a_signal_is_told_as_a_shell_does(void **state)
{
	struct e2e *e2e = *state;
	const char *script = e2e_format(
		e2e,
		"exec 3<>/dev/tcp/127.0.0.1/%u; cat <&3 >/dev/null; exec 3>&-; %s; kill -KILL $$",
		e2e_port(0), await_last_ack(e2e));
	struct e2e_tracer *tracer = trace_command(e2e, script);

	assert_int_equal(tracer->status, 128 + 9);
	assert_one_client(tracer);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(local_port_that_the_kernel_chooses_is_selected_from_syn_sent_on),
	E2E_TEST(life_of_a_socket_that_is_connected_again_is_selected_by_its_own_port),
	E2E_TEST(local_port_that_was_bound_is_selected),
	E2E_TEST(prefork_child_is_selected_with_what_it_accepted),
	E2E_TEST(found_connection_of_two_is_selected_when_the_one_asked_for_acts),
	E2E_TEST(child_forked_later_is_followed),
	E2E_TEST(child_is_not_selected_without_follow),
	E2E_TEST(command_is_traced_and_its_status_handed_on),
	E2E_TEST(children_of_the_command_are_traced),
	E2E_TEST(command_ended_by_a_signal_is_told_as_a_shell_does),
};

E2E_MAIN("select_late", tests)
