// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that each life has its own history: of a socket that is used again, of one whose memory is,
// of fast open, of MPTCP, of listeners that share a port; and with which options it was lived.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"

#define WAIT_MS	     10000
#define POLL_MS	     20
#define CHURN	     3000
#define FAST_BYTES   100
#define SHARERS	     4
#define SHARED	     16
#define LATER_TIME_S 77

struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

static void run_open(struct run *run, struct e2e *e2e)
{
	*run = (struct run){.e2e = e2e};
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &run->pair);
}

static void run_stop(struct run *run)
{
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

/// Waits for the end of the accepted connection.
static void run_finish(struct run *run)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.server_conn);
	run_stop(run);
}

static const json_t *summary_of(const json_t *events, const char *conn)
{
	return e2e_events_one(events, "{s:s, s:s}", "event", "close", "conn", conn);
}

static int64_t run_disconnect(const struct e2e_job *job)
{
	return e2e_sock_disconnect(job->fd);
}

static int64_t run_connect_again(const struct e2e_job *job)
{
	return e2e_sock_connect_again(job->fd, &job->to);
}

static void socket_that_is_connected_again_lives_a_second_life(void **state)
{
	struct run run;
	struct e2e_pair *pair = &run.pair;
	const char *first, *second;

	run_open(&run, *state);
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_exchange(pair, 100, 100);
	first = pair->client_conn;
	second = e2e_format(run.e2e, "%s.1", first);
	e2e_actor_run(pair->client,
		      &(struct e2e_job){.run = run_disconnect, .fd = pair->client_fd});
	assert_int_equal(e2e_actor_try_receive(pair->server, pair->server_fd, 1), ECONNRESET);
	e2e_actor_run(pair->client, &(struct e2e_job){.run = run_connect_again,
						      .fd = pair->client_fd,
						      .to = e2e_loopback(pair->port)});
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
	assert_string_equal(e2e_actor_conn(pair->client, pair->client_fd), first);
	e2e_pair_close(pair);
	run_finish(&run);

	e2e_assert_path(run.events, first, "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE");
	e2e_assert_has(summary_of(run.events, first), "{s:s, s:s, s:i, s:i}", "end", "rst-sent",
		       "closed_by", "local", "bytes_sent", 100, "gaps", 0);
	e2e_assert_flags(run.events, first, "rst-sent");
	e2e_assert_path(run.events, second,
			"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
			"FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT");
	e2e_assert_history(summary_of(run.events, second),
			   "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_has(summary_of(run.events, second), "{s:s, s:s, s:i, s:i}", "end", "fin",
		       "closed_by", "local", "bytes_sent", 0, "gaps", 0);
	e2e_assert_flags(run.events, second, "");
}

/// A port is one and the same throughout a life; an event that does not know it says null.
static void assert_same_port(const json_t *life, const json_t *event, const char *key)
{
	const json_t *known = json_object_get(life, key);

	if (known && json_is_integer(json_object_get(event, key)) &&
	    !json_equal(known, json_object_get(event, key)))
		fail_msg("%s has changed its %s", e2e_event_text(event, "conn"), key);
}

static void note(json_t *life, const json_t *event, const char *key)
{
	if (json_is_integer(json_object_get(event, key)))
		json_object_set(life, key, json_object_get(event, key));
}

/// Each connection is born once, ends once, and has the same ports in between. Returns how many
/// there are.
static size_t assert_unmixed(const json_t *events)
{
	json_t *lives = json_object();
	size_t index, n;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		const char *conn = e2e_event_text(event, "conn");
		const char *to = e2e_event_text(event, "to");
		json_t *life = json_object_get(lives, conn);
		bool is_born = !strcmp(to, "SYN_SENT") || !strcmp(to, "SYN_RECV");

		/* a reset for a segment that comes when all is over is nobody's */
		if (!strcmp(e2e_event_text(event, "role"), "listener") ||
		    json_is_null(json_object_get(event, "conn")))
			continue;
		if (is_born == !!life)
			fail_msg("%s is born %s", conn, life ? "twice" : "without a word");
		if (is_born) {
			life = json_object();
			json_object_set_new(lives, conn, life);
		}
		if (json_object_get(life, "ended"))
			fail_msg("%s goes on behind its end", conn);
		assert_same_port(life, event, "lport");
		assert_same_port(life, event, "rport");
		note(life, event, "lport");
		note(life, event, "rport");
		if (!strcmp(e2e_event_text(event, "event"), "close"))
			json_object_set_new(life, "ended", json_true());
	}
	n = json_object_size(lives);
	json_decref(lives);
	return n;
}

/// One after another, each gets the memory of one that is gone.
static void churn_mixes_no_histories(void **state)
{
	struct run run = {.e2e = *state};
	struct e2e *e2e = run.e2e;

	e2e_churn_widen_ports();
	run.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_churn(e2e, e2e_port(0), CHURN);
	e2e_churn_settle(e2e, e2e_port(0));
	run_stop(&run);

	assert_int_equal(assert_unmixed(run.events), 2 * CHURN);
	assert_int_equal(e2e_events_count(run.events, "{s:s, s:s, s:s}", "event", "close", "role",
					  "passive", "end", "fin"),
			 CHURN);
	assert_int_equal(e2e_events_count(run.events, "{s:s, s:s, s:s}", "event", "close", "role",
					  "active", "end", "fin"),
			 CHURN);
}

static int64_t run_fast_open(const struct e2e_job *job)
{
	return e2e_sock_fast_open(&job->to, (size_t)job->numbers[0]);
}

/// Whether the data of the SYN was acknowledged by the SYN-ACK: TCP_INFO.
static int64_t run_syn_data_acked(const struct e2e_job *job)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	if (getsockopt(job->fd, IPPROTO_TCP, TCP_INFO, &info, &length))
		return -errno;
	return !!(info.tcpi_options & TCPI_OPT_SYN_DATA);
}

/// Connects with data, exchanges and closes. True when the data was in the SYN.
static bool play_fast_open(struct e2e_pair *pair)
{
	bool in_syn;

	pair->client_fd = (int)e2e_actor_run(pair->client,
					     &(struct e2e_job){.run = run_fast_open,
							       .to = e2e_loopback(pair->port),
							       .numbers = {FAST_BYTES}});
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	e2e_actor_receive(pair->server, pair->server_fd, FAST_BYTES);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
	in_syn = e2e_actor_run(pair->client,
			       &(struct e2e_job){.run = run_syn_data_acked, .fd = pair->client_fd});
	e2e_pair_close(pair);
	return in_syn;
}

static void assert_opened(const struct run *run, const char *client_conn, const char *server_conn,
			  const char *handshake)
{
	const json_t *life = summary_of(run->events, server_conn);

	e2e_events_one(run->events, "{s:s, s:s, s:s, s:s}", "conn", server_conn, "from", "SYN_RECV",
		       "to", "ESTABLISHED", "handshake", handshake);
	e2e_assert_path(run->events, server_conn,
			"LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT "
			"CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE");
	e2e_assert_has(life, "{s:s, s:s, s:i, s:i}", "end", "fin", "handshake", handshake,
		       "bytes_received", FAST_BYTES, "gaps", 0);
	assert_in_range(e2e_event_number(life, "handshake_us"), 1, 1000000);
	e2e_assert_flags(run->events, server_conn, "");
	e2e_assert_path(run->events, client_conn,
			"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
			"FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT");
	e2e_assert_flags(run->events, client_conn, "");
}

/// The first connection fetches the cookie, RFC 7413 4.1; the second has its data in the SYN.
static void fast_open_is_told_from_a_plain_handshake(void **state)
{
	struct run run = {.e2e = *state};
	struct e2e *e2e = run.e2e;
	struct e2e_pair *pair = &run.pair;
	const char *conns[2][2];

	e2e_netns_sysctl("ipv4/tcp_fastopen", "3");
	run.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	*pair = (struct e2e_pair){.server = e2e_actor_start(e2e, &e2e->home, "ct-server"),
				  .client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				  .port = e2e_port(0)};
	pair->listen_fd =
		e2e_actor_listen_with(pair->server, "127.0.0.1", pair->port,
				      &(struct e2e_listen){.backlog = 16, .fast_open = 16});
	for (int i = 0; i < 2; i++) {
		assert_int_equal(play_fast_open(pair), i);
		conns[i][0] = pair->client_conn;
		conns[i][1] = pair->server_conn;
	}
	run_finish(&run);

	assert_opened(&run, conns[0][0], conns[0][1], "request");
	assert_opened(&run, conns[1][0], conns[1][1], "fastopen");
}

/// The one life on a side, and whether it is said to be a subflow.
static void assert_subflow(const struct run *run, const char *role, uint16_t client_port,
			   const char *path, bool mptcp)
{
	bool active = !strcmp(role, "active");
	const json_t *life = e2e_events_one(run->events, "{s:s, s:s, s:i}", "event", "close",
					    "role", role, active ? "lport" : "rport", client_port);
	const struct e2e_actor *owner = active ? run->pair.client : run->pair.server;

	e2e_assert_path(run->events, e2e_event_text(life, "conn"), path);
	e2e_assert_has(life, "{s:b, s:i, s:i}", "mptcp", mptcp, "gaps", 0, "pid", owner->pid);
}

/// Two clients of one MPTCP listener: one that speaks MPTCP, and one that does not.
static void mptcp_subflows_are_tcp_connections_and_said_to_be_subflows(void **state)
{
	static const char client_path[] = "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED";
	static const char server_path[] = "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED";
	struct run run = {.e2e = *state};
	struct e2e *e2e = run.e2e;
	struct e2e_pair *pair = &run.pair;
	uint16_t ports[2];

	e2e_netns_sysctl("mptcp/enabled", "1");
	run.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	*pair = (struct e2e_pair){.server = e2e_actor_start(e2e, &e2e->home, "ct-server"),
				  .client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				  .port = e2e_port(0)};
	pair->listen_fd = e2e_actor_listen_with(
		pair->server, "127.0.0.1", pair->port,
		&(struct e2e_listen){.backlog = 16, .protocol = IPPROTO_MPTCP});
	for (int i = 0; i < 2; i++) {
		pair->client_fd = i ? e2e_actor_connect(pair->client, "127.0.0.1", pair->port)
				    : e2e_actor_connect_mptcp(pair->client, "127.0.0.1",
							      pair->port);
		pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
		e2e_pair_exchange(pair, 100, 100);
		ports[i] = e2e_actor_local_port(pair->client, pair->client_fd);
	}
	run_stop(&run);

	assert_subflow(&run, "active", ports[0], client_path, true);
	assert_subflow(&run, "passive", ports[0], server_path, true);
	assert_subflow(&run, "active", ports[1], client_path, false);
	assert_subflow(&run, "passive", ports[1], server_path, false);
}

static int64_t run_accept_now(const struct e2e_job *job)
{
	struct pollfd listener = {.fd = job->fd, .events = POLLIN};

	return poll(&listener, 1, 0) == 1 ? e2e_sock_accept(job->fd) : -EAGAIN;
}

/// A connection is the one's who accepted it, from SYN_RECV on: each has his own listener.
static void assert_accepted(const struct run *run, const struct e2e_actor *server,
			    const char *const conns[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		e2e_events_one(run->events, "{s:s, s:s, s:i, s:s}", "conn", conns[i], "to",
			       "SYN_RECV", "pid", server->pid, "comm", server->comm);
		e2e_assert_has(summary_of(run->events, conns[i]), "{s:i, s:s, s:s}", "pid",
			       server->pid, "comm", server->comm, "role", "passive");
	}
}

/// Takes what is there, behind the n that were taken before. How many there are now.
static size_t accept_all(struct e2e_actor *server, int listen_fd, const char *conns[SHARED],
			 size_t n)
{
	struct e2e_job job = {.run = run_accept_now, .fd = listen_fd};
	int64_t fd;

	while (n < SHARED && (fd = e2e_actor_try(server, &job)) >= 0)
		conns[n++] = e2e_actor_conn(server, (int)fd);
	return n;
}

static void shared_port_gives_each_process_what_it_accepted(void **state)
{
	struct run run = {.e2e = *state};
	struct e2e *e2e = run.e2e;
	struct e2e_actor *servers[SHARERS], *client;
	const char *conns[SHARERS][SHARED];
	size_t accepted[SHARERS] = {0}, total = 0;
	int listen_fds[SHARERS];

	run.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	for (int i = 0; i < SHARERS; i++) {
		servers[i] = e2e_actor_start(e2e, &e2e->home, e2e_format(e2e, "ct-server-%d", i));
		listen_fds[i] = e2e_actor_listen_with(
			servers[i], "127.0.0.1", e2e_port(0),
			&(struct e2e_listen){.backlog = SHARED, .reuse_port = 1});
	}
	client = e2e_actor_start(e2e, &e2e->home, "ct-client");
	for (int i = 0; i < SHARED; i++)
		e2e_actor_connect(client, "127.0.0.1", e2e_port(0));
	/* a client is connected before its last ACK has come */
	for (int waited_ms = 0; total < SHARED && waited_ms < WAIT_MS; waited_ms += POLL_MS) {
		total = 0;
		for (int i = 0; i < SHARERS; i++) {
			accepted[i] = accept_all(servers[i], listen_fds[i], conns[i], accepted[i]);
			total += accepted[i];
		}
		e2e_sleep_ms(POLL_MS);
	}
	assert_int_equal(total, SHARED);
	run_stop(&run);

	for (int i = 0; i < SHARERS; i++)
		assert_accepted(&run, servers[i], conns[i], accepted[i]);
}

/// The flag keeps what was in force when it was raised, the end what is in force then.
static void flag_carries_the_options_of_its_moment(void **state)
{
	struct run run;
	const json_t *life, *flag;

	run_open(&run, *state);
	e2e_pair_connect(&run.pair, "127.0.0.1");
	e2e_actor_set_keepalive(run.pair.client, run.pair.client_fd);
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s}", "event", "keepalive", "conn",
			      run.pair.client_conn);
	e2e_actor_set(run.pair.client, run.pair.client_fd, IPPROTO_TCP, TCP_KEEPIDLE, LATER_TIME_S);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	life = summary_of(run.events, run.pair.client_conn);
	flag = e2e_events_one(json_object_get(life, "flags"), "{s:s}", "flag", "keepalive-probe");
	e2e_assert_has(json_object_get(flag, "options"), "{s:b, s:i, s:i, s:i}", "keepalive", 1,
		       "keepalive_time_s", 1, "keepalive_interval_s", 1, "keepalive_probes", 3);
	e2e_assert_has(json_object_get(life, "options"), "{s:b, s:i, s:i, s:i}", "keepalive", 1,
		       "keepalive_time_s", LATER_TIME_S, "keepalive_interval_s", 1,
		       "keepalive_probes", 3);
	e2e_assert_flags(run.events, run.pair.client_conn, "keepalive-probe");
	e2e_assert_flags(run.events, run.pair.server_conn, "keepalive-probe");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(socket_that_is_connected_again_lives_a_second_life),
	E2E_TEST(churn_mixes_no_histories),
	E2E_TEST(fast_open_is_told_from_a_plain_handshake),
	E2E_TEST(mptcp_subflows_are_tcp_connections_and_said_to_be_subflows),
	E2E_TEST(shared_port_gives_each_process_what_it_accepted),
	E2E_TEST(flag_carries_the_options_of_its_moment),
};

E2E_MAIN("history", tests)
