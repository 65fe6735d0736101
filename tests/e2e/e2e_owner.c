// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a connection is told with the process whose it is: in servers that fork, over passed
// descriptors, in threads, behind exec, in pid namespaces, and when a process dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/passing.h"

#define BYTES	 100
#define WAIT_MS	 10000
#define PAUSE_MS 50
#define FINS	 8
#define MUCH	 (32U << 20)

/// A server that may have workers, its client, and the tracer of both.
struct stage {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	struct e2e_actor *parent; /// who listens
	const json_t *events;	  /// once it is over
};

static void stage_open(struct stage *stage, struct e2e *e2e)
{
	*stage = (struct stage){
		.e2e = e2e,
		.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0)),
		.parent = e2e_actor_start(e2e, &e2e->home, "ct-parent"),
		.pair = {.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
			 .port = e2e_port(0)},
	};
	stage->pair.server = stage->parent;
	stage->pair.listen_fd = e2e_actor_listen(stage->parent, "127.0.0.1", e2e_port(0));
}

/// What a connection is called on the server's side, once it has been served by `who`.
static const char *serve(struct stage *stage, struct e2e_actor *who)
{
	stage->pair.server = who;
	e2e_pair_connect(&stage->pair, "127.0.0.1");
	e2e_pair_exchange(&stage->pair, BYTES, BYTES);
	e2e_pair_close(&stage->pair);
	return stage->pair.server_conn;
}

static void stage_stop(struct stage *stage)
{
	e2e_tracer_stop(stage->tracer, 0);
	stage->events = e2e_tracer_events(stage->tracer);
	e2e_assert_no_loss(stage->events);
}

static void stage_close(struct stage *stage, const char *last_conn)
{
	e2e_tracer_wait_event(stage->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      last_conn);
	stage_stop(stage);
}

/// Whose a connection was said to be when it came into a state.
static void assert_owner_at(const struct stage *stage, const char *conn, const char *to,
			    const struct e2e_actor *who, const char *origin)
{
	e2e_assert_has(e2e_events_one(stage->events, "{s:s, s:s, s:s}", "event", "state", "conn",
				      conn, "to", to),
		       "{s:i, s:s, s:s}", "pid", who->pid, "comm", who->comm, "owner", origin);
}

static void assert_owner_in_summary(const struct stage *stage, const char *conn,
				    const struct e2e_actor *who, const char *origin)
{
	e2e_assert_has(e2e_events_one(stage->events, "{s:s, s:s}", "event", "close", "conn", conn),
		       "{s:i, s:s, s:s}", "pid", who->pid, "comm", who->comm, "owner", origin);
}

static void accepted_connection_is_the_workers_that_closes_it(void **state)
{
	struct stage stage;
	struct e2e_actor *first, *second;
	const char *conn_of_first, *conn_of_second;

	stage_open(&stage, *state);
	first = e2e_actor_fork(stage.parent, "ct-worker-1");
	second = e2e_actor_fork(stage.parent, "ct-worker-2");
	conn_of_first = serve(&stage, first);
	conn_of_second = serve(&stage, second);
	stage_close(&stage, conn_of_second);

	assert_owner_at(&stage, conn_of_first, "SYN_RECV", stage.parent, "inherited");
	assert_owner_at(&stage, conn_of_first, "LAST_ACK", first, "actor");
	assert_owner_in_summary(&stage, conn_of_first, first, "actor");
	assert_owner_at(&stage, conn_of_second, "SYN_RECV", stage.parent, "inherited");
	assert_owner_at(&stage, conn_of_second, "LAST_ACK", second, "actor");
	assert_owner_in_summary(&stage, conn_of_second, second, "actor");
}

static void accepted_connection_is_the_parents_where_workers_stand_idle(void **state)
{
	struct stage stage;
	const char *conn;

	stage_open(&stage, *state);
	e2e_actor_fork(stage.parent, "ct-worker-1");
	e2e_actor_fork(stage.parent, "ct-worker-2");
	conn = serve(&stage, stage.parent);
	stage_close(&stage, conn);

	assert_owner_at(&stage, conn, "SYN_RECV", stage.parent, "inherited");
	assert_owner_in_summary(&stage, conn, stage.parent, "actor");
}

static int64_t outlive_parent(const struct e2e_job *job)
{
	return prctl(PR_SET_PDEATHSIG, 0) ? -errno : 0;
}

static void connection_of_a_listener_whose_process_is_gone_is_the_workers(void **state)
{
	struct stage stage;
	struct e2e_actor *worker;
	const char *conn;

	stage_open(&stage, *state);
	worker = e2e_actor_fork(stage.parent, "ct-worker");
	e2e_actor_run(worker, &(struct e2e_job){.run = outlive_parent});
	e2e_actor_kill(stage.parent);
	e2e_track(stage.e2e, worker->pid);
	conn = serve(&stage, worker);
	stage_close(&stage, conn);

	assert_owner_at(&stage, conn, "SYN_RECV", stage.parent, "inherited");
	assert_owner_at(&stage, conn, "LAST_ACK", worker, "actor");
	assert_owner_in_summary(&stage, conn, worker, "actor");
}

/// The parent accepts and passes the connection on; returns the receiver's descriptor.
static int accept_and_pass(struct stage *stage, struct e2e_actor **ret_receiver)
{
	struct e2e_passage passage = e2e_passage_open(stage->parent);

	*ret_receiver = e2e_actor_fork(stage->parent, "ct-receiver");
	e2e_pair_connect(&stage->pair, "127.0.0.1");
	e2e_passage_give(&passage, stage->parent, stage->pair.server_fd);
	return e2e_passage_take(&passage, *ret_receiver);
}

static void passed_connection_is_the_receivers_that_closes_it(void **state)
{
	struct stage stage;
	struct e2e_actor *receiver;
	int fd;

	stage_open(&stage, *state);
	fd = accept_and_pass(&stage, &receiver);
	e2e_actor_close(stage.parent, stage.pair.server_fd);
	e2e_actor_close(receiver, fd);
	e2e_actor_receive_fin(stage.pair.client, stage.pair.client_fd);
	e2e_actor_close(stage.pair.client, stage.pair.client_fd);
	stage_close(&stage, stage.pair.client_conn);

	assert_owner_at(&stage, stage.pair.server_conn, "ESTABLISHED", stage.parent, "inherited");
	assert_owner_at(&stage, stage.pair.server_conn, "FIN_WAIT1", receiver, "actor");
	assert_owner_at(&stage, stage.pair.server_conn, "TIME_WAIT", receiver, "actor");
}

/// To close one of several descriptors is no act on the connection.
static void passed_connection_is_the_senders_where_the_sender_closes_it_last(void **state)
{
	struct stage stage;
	struct e2e_actor *receiver;
	int fd;

	stage_open(&stage, *state);
	fd = accept_and_pass(&stage, &receiver);
	e2e_actor_close(receiver, fd);
	e2e_sleep_ms(PAUSE_MS);
	e2e_actor_close(stage.parent, stage.pair.server_fd);
	e2e_actor_receive_fin(stage.pair.client, stage.pair.client_fd);
	e2e_actor_close(stage.pair.client, stage.pair.client_fd);
	stage_close(&stage, stage.pair.client_conn);

	assert_owner_at(&stage, stage.pair.server_conn, "FIN_WAIT1", stage.parent, "actor");
	e2e_assert_none(stage.events, "{s:i}", "pid", receiver->pid);
}

static void connection_of_a_killed_worker_ends_by_its_exit(void **state)
{
	struct stage stage;
	const json_t *fin_wait1;

	stage_open(&stage, *state);
	e2e_pair_connect(&stage.pair, "127.0.0.1");
	e2e_pair_exchange(&stage.pair, BYTES, BYTES);
	e2e_actor_kill(stage.parent);
	e2e_actor_receive_fin(stage.pair.client, stage.pair.client_fd);
	e2e_actor_close(stage.pair.client, stage.pair.client_fd);
	stage_close(&stage, stage.pair.client_conn);

	fin_wait1 = e2e_events_one(stage.events, "{s:s, s:s, s:s}", "event", "state", "conn",
				   stage.pair.server_conn, "to", "FIN_WAIT1");
	e2e_assert_has(fin_wait1, "{s:s}", "how", "exit");
	assert_owner_at(&stage, stage.pair.server_conn, "FIN_WAIT1", stage.parent, "actor");
	assert_owner_at(&stage, stage.pair.server_conn, "TIME_WAIT", stage.parent, "actor");
	e2e_assert_flags(stage.events, stage.pair.server_conn, "");
	e2e_events_one(stage.events, "{s:s, s:s, s:s, s:s}", "event", "close", "conn",
		       stage.pair.client_conn, "end", "fin", "closed_by", "remote");
}

static void connection_that_its_process_closes_does_not_end_by_exit(void **state)
{
	struct stage stage;
	const char *conn;

	stage_open(&stage, *state);
	conn = serve(&stage, stage.parent);
	e2e_actor_kill(stage.parent);
	stage_close(&stage, conn);

	e2e_events_one(stage.events, "{s:s, s:s, s:s}", "conn", conn, "to", "LAST_ACK", "how",
		       "close()");
	e2e_assert_none(stage.events, "{s:s, s:s}", "conn", conn, "how", "exit");
}

static void connection_that_a_killed_server_never_accepted_is_its_listeners(void **state)
{
	struct stage stage;
	const json_t *summary;

	stage_open(&stage, *state);
	stage.pair.client_fd = e2e_actor_connect(stage.pair.client, "127.0.0.1", e2e_port(0));
	stage.pair.client_conn = e2e_actor_conn(stage.pair.client, stage.pair.client_fd);
	e2e_actor_kill(stage.parent);
	assert_int_equal(e2e_actor_try_receive(stage.pair.client, stage.pair.client_fd, 1),
			 ECONNRESET);
	stage_close(&stage, stage.pair.client_conn);

	summary = e2e_events_one(stage.events, "{s:s, s:s}", "event", "close", "role", "passive");
	e2e_assert_has(summary, "{s:s, s:s, s:i, s:s}", "end", "rst-sent", "closed_by", "local",
		       "pid", stage.parent->pid, "owner", "inherited");
}

static void connection_of_a_thread_is_its_process(void **state)
{
	struct stage stage;
	const char *conn;

	stage_open(&stage, *state);
	stage.pair.client_fd = e2e_actor_connect_in_thread(stage.pair.client, "127.0.0.1",
							   e2e_port(0));
	stage.pair.server_fd = e2e_actor_accept(stage.parent, stage.pair.listen_fd);
	conn = e2e_actor_conn(stage.parent, stage.pair.server_fd);
	e2e_pair_close(&stage.pair);
	stage_close(&stage, conn);

	e2e_events_one(stage.events, "{s:s, s:i, s:s, s:s}", "to", "SYN_SENT", "pid",
		       stage.pair.client->pid, "comm", "ct-client", "owner", "connect");
	e2e_assert_none(stage.events, "{s:s}", "comm", E2E_THREAD_COMM);
}

static int64_t rename_process(const struct e2e_job *job)
{
	return prctl(PR_SET_NAME, "ct-renamed") ? -errno : 0;
}

static void process_that_changes_its_name_has_the_new_one_by_its_next_act(void **state)
{
	struct stage stage;

	stage_open(&stage, *state);
	e2e_pair_connect(&stage.pair, "127.0.0.1");
	e2e_actor_run(stage.pair.client, &(struct e2e_job){.run = rename_process});
	e2e_pair_close(&stage.pair);
	stage_close(&stage, stage.pair.server_conn);

	e2e_events_one(stage.events, "{s:s, s:s, s:s}", "conn", stage.pair.client_conn, "to",
		       "ESTABLISHED", "comm", "ct-client");
	e2e_events_one(stage.events, "{s:s, s:s, s:i, s:s}", "conn", stage.pair.client_conn, "to",
		       "FIN_WAIT1", "pid", stage.pair.client->pid, "comm", "ct-renamed");
}

/// Runs a script of bash whose descriptor 3 is a connection to the stage's server; returns the
/// pid that bash had.
static pid_t play_script(struct stage *stage, const char *then)
{
	const char *script = e2e_format(stage->e2e, "exec 3<>/dev/tcp/127.0.0.1/%u; %s",
					e2e_port(0), then);
	const char *const argv[] = {"bash", "-c", script, NULL};
	pid_t pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = argv, .netns_fd = stage->e2e->home.fd, .out_fd = -1, .err_fd = -1});
	const char *conn;

	e2e_track(stage->e2e, pid);
	stage->pair.server_fd = e2e_actor_accept(stage->parent, stage->pair.listen_fd);
	conn = e2e_actor_conn(stage->parent, stage->pair.server_fd);
	e2e_actor_receive_fin(stage->parent, stage->pair.server_fd);
	e2e_actor_close(stage->parent, stage->pair.server_fd);
	assert_int_equal(e2e_process_wait(pid, WAIT_MS, "bash"), 0);
	e2e_untrack(stage->e2e, pid);
	stage_close(stage, conn);
	e2e_events_one(stage->events, "{s:s, s:i, s:s, s:s}", "to", "SYN_SENT", "pid", pid, "comm",
		       "bash", "owner", "connect");
	return pid;
}

static void process_that_execs_has_its_new_name_by_its_next_act(void **state)
{
	struct stage stage;
	pid_t pid;

	stage_open(&stage, *state);
	pid = play_script(&stage, "exec sleep 0.2");
	e2e_events_one(stage.events, "{s:s, s:i, s:s, s:s, s:s}", "to", "FIN_WAIT1", "pid", pid,
		       "comm", "sleep", "owner", "connect", "how", "exit");
}

static void child_that_only_inherits_a_connection_is_not_its_owner(void **state)
{
	struct stage stage;
	pid_t pid;

	stage_open(&stage, *state);
	pid = play_script(&stage, "sleep 0.2; exec 3>&-");
	e2e_events_one(stage.events, "{s:s, s:i, s:s, s:s, s:s}", "to", "FIN_WAIT1", "pid", pid,
		       "comm", "bash", "owner", "connect", "how", "close()");
	e2e_assert_none(stage.events, "{s:s}", "comm", "sleep");
}

static void child_that_keeps_a_connection_open_is_the_one_that_ends_it(void **state)
{
	struct stage stage;
	const char *pid_path;
	char *pid_text;
	size_t bytes;

	stage_open(&stage, *state);
	pid_path = e2e_path(stage.e2e, "pid");
	play_script(&stage,
		    e2e_format(stage.e2e, "sleep 0.2 & echo $! >%s; exec 3>&-; wait", pid_path));
	pid_text = e2e_file_read(pid_path, &bytes);
	e2e_events_one(stage.events, "{s:s, s:i, s:s, s:s, s:s}", "to", "FIN_WAIT1", "pid",
		       atoi(pid_text), "comm", "sleep", "owner", "actor", "how", "exit");
	free(pid_text);
}

static int64_t own_pid(const struct e2e_job *job)
{
	return getpid();
}

static void process_in_a_pid_namespace_has_its_pid_of_the_host(void **state)
{
	struct stage stage;
	struct e2e_actor *outside;
	const char *conn;

	stage_open(&stage, *state);
	outside = e2e_actor_start(stage.e2e, &stage.e2e->home, "ct-outside");
	e2e_actor_unshare_pids(outside);
	stage.pair.client = e2e_actor_fork(outside, "ct-inside");
	assert_int_equal(e2e_actor_run(stage.pair.client, &(struct e2e_job){.run = own_pid}), 1);
	conn = serve(&stage, stage.parent);
	stage_close(&stage, conn);

	assert_owner_at(&stage, stage.pair.client_conn, "SYN_SENT", stage.pair.client, "connect");
	assert_owner_at(&stage, stage.pair.client_conn, "FIN_WAIT1", stage.pair.client, "connect");
	e2e_assert_none(stage.events, "{s:i}", "pid", 1);
}

/// Whoever holds a socket's lock works off what comes meanwhile. It sends here, and so holds it for
/// most of the time; one FIN of several is sure to find it so.
static void segment_that_another_works_off_makes_it_no_owner(void **state)
{
	struct stage stage;
	struct e2e_pair pairs[FINS];
	struct e2e_actor *other;

	stage_open(&stage, *state);
	for (int i = 0; i < FINS; i++) {
		pairs[i] = stage.pair;
		e2e_pair_connect(&pairs[i], "127.0.0.1");
	}
	other = e2e_actor_fork(stage.pair.client, "ct-other");
	for (int i = 0; i < FINS; i++) {
		e2e_actor_begin_send(other, pairs[i].client_fd, MUCH);
		e2e_actor_receive(stage.pair.server, pairs[i].server_fd, MUCH / 4);
		e2e_actor_shutdown(stage.pair.server, pairs[i].server_fd, SHUT_WR);
		e2e_actor_receive(stage.pair.server, pairs[i].server_fd, MUCH - MUCH / 4);
		e2e_actor_finish(other);
	}
	e2e_tracer_wait_event(stage.tracer, WAIT_MS, "{s:s, s:s}", "to", "CLOSE_WAIT", "conn",
			      pairs[FINS - 1].client_conn);
	stage_stop(&stage);

	for (int i = 0; i < FINS; i++)
		assert_owner_at(&stage, pairs[i].client_conn, "CLOSE_WAIT", stage.pair.client,
				"connect");
	e2e_assert_none(stage.events, "{s:s}", "comm", "ct-other");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(accepted_connection_is_the_workers_that_closes_it),
	E2E_TEST(accepted_connection_is_the_parents_where_workers_stand_idle),
	E2E_TEST(connection_of_a_listener_whose_process_is_gone_is_the_workers),
	E2E_TEST(passed_connection_is_the_receivers_that_closes_it),
	E2E_TEST(passed_connection_is_the_senders_where_the_sender_closes_it_last),
	E2E_TEST(connection_of_a_killed_worker_ends_by_its_exit),
	E2E_TEST(connection_that_its_process_closes_does_not_end_by_exit),
	E2E_TEST(connection_that_a_killed_server_never_accepted_is_its_listeners),
	E2E_TEST(connection_of_a_thread_is_its_process),
	E2E_TEST(process_that_changes_its_name_has_the_new_one_by_its_next_act),
	E2E_TEST(process_that_execs_has_its_new_name_by_its_next_act),
	E2E_TEST(child_that_only_inherits_a_connection_is_not_its_owner),
	E2E_TEST(child_that_keeps_a_connection_open_is_the_one_that_ends_it),
	E2E_TEST(segment_that_another_works_off_makes_it_no_owner),
	E2E_TEST(process_in_a_pid_namespace_has_its_pid_of_the_host),
};

E2E_MAIN("owner", tests)
