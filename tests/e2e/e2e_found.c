// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what was there before the tracer is found, once, in each namespace, and lives on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define SECOND_NS	   1000000000LL
#define WAIT_MS		   10000
#define CLIENT_BYTES	   1000
#define SERVER_BYTES	   500
#define KEEPALIVE_TIME_S   77
#define KEEPALIVE_INTVL_S  7
#define KEEPALIVE_PROBES   5
#define USER_TIMEOUT_MS	   90000
#define LINGER_S	   4
#define BACKLOG		   128 /// of e2e_sock_listen()
#define CHURN_MS	   700
#define CHURN_ROUNDS	   3
#define CHURN_PORTS	   3
#define EXIT_NOT_PERMITTED 3

/// Connections from home to far in all states that last, opened before any tracer.
struct scene {
	struct e2e *e2e;
	struct e2e_pair open;	/// ESTABLISHED both, with options on the client's end
	struct e2e_pair half;	/// FIN_WAIT2 that is held, and CLOSE_WAIT
	struct e2e_pair orphan; /// FIN_WAIT2 that is a mini-socket, and CLOSE_WAIT
	struct e2e_pair gone;	/// TIME_WAIT, and nothing
	struct e2e_pair asking; /// ESTABLISHED, and a half-open handshake
	const char *listener;
	struct e2e_tracer *tracer;
	const json_t *events;
};

static int64_t run_linger(const struct e2e_job *job)
{
	struct linger linger = {.l_onoff = 1, .l_linger = LINGER_S};

	return setsockopt(job->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ? -errno : 0;
}

static void set_options(const struct e2e_pair *pair)
{
	static const int options[][3] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_TIME_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTVL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
		{IPPROTO_TCP, TCP_NODELAY, 1},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		e2e_actor_set(pair->client, pair->client_fd, options[i][0], options[i][1],
			      options[i][2]);
	e2e_actor_run(pair->client, &(struct e2e_job){.run = run_linger, .fd = pair->client_fd});
}

/// The client's final ACK never arrives, and its end is where it was told to be.
static void open_half_way(struct scene *scene, struct e2e_pair *pair)
{
	struct e2e_addr from = {.host = E2E_HOME_HOST, .port = e2e_port(1)};
	struct e2e_addr to = {.host = E2E_FAR_HOST, .port = pair->port};

	e2e_netns_drop_acks(&scene->e2e->far, "sport", from.port);
	pair->client_fd = e2e_actor_connect_from(pair->client, &from, &to);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->client_port = from.port;
	pair->server_conn = e2e_ss_conn(scene->e2e, &scene->e2e->far, "SYN_RECV", pair->port,
					pair->client_port);
}

static void scene_set(struct scene *scene, struct e2e *e2e)
{
	*scene = (struct scene){.e2e = e2e};
	e2e_add_far(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &scene->open);
	scene->listener = e2e_actor_conn(scene->open.server, scene->open.listen_fd);
	scene->half = scene->orphan = scene->gone = scene->asking = scene->open;
	e2e_pair_connect(&scene->open, E2E_FAR_HOST);
	e2e_pair_exchange(&scene->open, CLIENT_BYTES, SERVER_BYTES);
	set_options(&scene->open);
	e2e_pair_connect(&scene->half, E2E_FAR_HOST);
	e2e_actor_shutdown(scene->half.client, scene->half.client_fd, SHUT_WR);
	e2e_pair_connect(&scene->orphan, E2E_FAR_HOST);
	e2e_actor_close(scene->orphan.client, scene->orphan.client_fd);
	e2e_pair_connect(&scene->gone, E2E_FAR_HOST);
	e2e_pair_close(&scene->gone);
	open_half_way(scene, &scene->asking);
	e2e_ss_wait_none(&e2e->home, "state fin-wait-1 dport = :%u", e2e_port(0));
	e2e_ss_wait_none(&e2e->far, "state last-ack sport = :%u", e2e_port(0));
}

static void scene_trace(struct scene *scene, const char *option)
{
	scene->tracer = E2E_TRACE(scene->e2e, "watch", "--json", "-P", e2e_port_text(scene->e2e, 0),
				  option);
}

static void scene_stop(struct scene *scene)
{
	e2e_tracer_stop(scene->tracer, 0);
	scene->events = e2e_tracer_events(scene->tracer);
	e2e_assert_no_loss(scene->events);
}

static const json_t *found(const struct scene *scene, const char *conn)
{
	return e2e_events_one(scene->events, "{s:s, s:s}", "event", "found", "conn", conn);
}

/// A socket that a process has: by whom it is held is looked up.
static void assert_held(const struct scene *scene, const char *conn, const char *state,
			const char *role, const struct e2e_actor *holder)
{
	bool far = holder == scene->open.server;

	e2e_assert_has(found(scene, conn), "{s:s, s:s, s:n, s:s, s:i, s:s, s:I}", "state", state,
		       "role", role, "age_ns", "owner", "scan", "pid", holder->pid, "comm",
		       holder->comm, "netns",
		       (json_int_t)(far ? scene->e2e->far.inum : scene->e2e->home.inum));
}

/// A mini-socket: no process has it, and what it was opened for it does not know.
static void assert_mini(const struct scene *scene, const char *conn, const char *state)
{
	const json_t *event = found(scene, conn);

	e2e_assert_has(event, "{s:s, s:n, s:n, s:n, s:n, s:s, s:I}", "state", state, "role",
		       "age_ns", "pid", "comm", "owner", "unknown", "netns",
		       (json_int_t)scene->e2e->home.inum);
	assert_in_range(e2e_event_number(event, "expires_in_ns"), 1, 61 * SECOND_NS);
}

static void everything_that_is_there_is_found_once(void **state)
{
	struct scene scene;
	const json_t *request;

	scene_set(&scene, *state);
	scene_trace(&scene, NULL);
	scene_stop(&scene);

	assert_held(&scene, scene.listener, "LISTEN", "listener", scene.open.server);
	assert_held(&scene, scene.open.client_conn, "ESTABLISHED", "active", scene.open.client);
	assert_held(&scene, scene.open.server_conn, "ESTABLISHED", "passive", scene.open.server);
	assert_held(&scene, scene.half.client_conn, "FIN_WAIT2", "active", scene.open.client);
	assert_held(&scene, scene.half.server_conn, "CLOSE_WAIT", "passive", scene.open.server);
	assert_mini(&scene, scene.orphan.client_conn, "FIN_WAIT2");
	assert_held(&scene, scene.orphan.server_conn, "CLOSE_WAIT", "passive", scene.open.server);
	assert_mini(&scene, scene.gone.client_conn, "TIME_WAIT");
	assert_held(&scene, scene.asking.client_conn, "ESTABLISHED", "active", scene.open.client);
	request = found(&scene, scene.asking.server_conn);
	e2e_assert_has(request, "{s:s, s:s, s:s, s:i, s:i, s:i}", "state", "SYN_RECV", "role",
		       "passive", "owner", "inherited", "pid", scene.open.server->pid, "lport",
		       scene.open.port, "rport", scene.asking.client_port);
	assert_int_equal(e2e_events_count(scene.events, "{s:s}", "event", "found"), 10);
	e2e_assert_none(scene.events, "{s:s}", "event", "state");
}

static void found_socket_tells_its_options_and_counters(void **state)
{
	struct scene scene;
	const json_t *event;
	unsigned before, behind; /* SYN-ACKs: some guests take seconds for a tracer to start */

	scene_set(&scene, *state);
	before = e2e_ss_retransmits(&scene.e2e->far, scene.asking.server_conn);
	scene_trace(&scene, NULL);
	scene_stop(&scene);
	behind = e2e_ss_retransmits(&scene.e2e->far, scene.asking.server_conn);

	event = found(&scene, scene.open.client_conn);
	e2e_assert_has(event, "{s:i, s:i, s:i, s:b}", "bytes_sent", CLIENT_BYTES, "bytes_received",
		       SERVER_BYTES, "retransmits", 0, "mptcp", 0);
	e2e_assert_has(json_object_get(event, "options"),
		       "{s:b, s:i, s:i, s:i, s:i, s:b, s:i, s:b}", "keepalive", 1,
		       "keepalive_time_s", KEEPALIVE_TIME_S, "keepalive_interval_s",
		       KEEPALIVE_INTVL_S, "keepalive_probes", KEEPALIVE_PROBES, "user_timeout_ms",
		       USER_TIMEOUT_MS, "linger", 1, "linger_s", LINGER_S, "nodelay", 1);
	event = found(&scene, scene.open.server_conn);
	e2e_assert_has(event, "{s:i, s:i}", "bytes_sent", SERVER_BYTES, "bytes_received",
		       CLIENT_BYTES);
	/* what was not set is the namespace's */
	e2e_assert_has(json_object_get(event, "options"),
		       "{s:b, s:i, s:i, s:i, s:i, s:b, s:n, s:b}", "keepalive", 0,
		       "keepalive_time_s", 7200, "keepalive_interval_s", 75, "keepalive_probes", 9,
		       "user_timeout_ms", 0, "linger", 0, "linger_s", "nodelay", 0);
	e2e_assert_has(found(&scene, scene.listener), "{s:i, s:i}", "backlog", 0, "backlog_max",
		       BACKLOG);
	event = found(&scene, scene.asking.server_conn);
	assert_in_range(e2e_event_number(event, "synack_timeouts"), before, behind);
}

/// Everything in the scene comes to its end.
static void scene_end(struct scene *scene)
{
	struct e2e_pair *asking = &scene->asking;

	e2e_pair_close(&scene->open);
	e2e_actor_close(scene->half.server, scene->half.server_fd);
	e2e_actor_close(scene->orphan.server, scene->orphan.server_fd);
	e2e_ss_kill(&scene->e2e->home,
		    e2e_format(scene->e2e, "state time-wait sport = :%u", scene->gone.client_port));
	e2e_netns_undrop(&scene->e2e->far);
	e2e_actor_send(asking->client, asking->client_fd, 1);
	asking->server_fd = e2e_actor_accept(asking->server, asking->listen_fd);
	assert_string_equal(e2e_actor_conn(asking->server, asking->server_fd), asking->server_conn);
	e2e_actor_set_linger0(asking->client, asking->client_fd);
	e2e_actor_close(asking->client, asking->client_fd);
	e2e_tracer_wait_event(scene->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      asking->server_conn);
	e2e_tracer_wait_event(scene->tracer, WAIT_MS, "{s:s, s:s}", "conn",
			      scene->orphan.client_conn, "to", "TIME_WAIT");
	scene_stop(scene);
}

/// A life that was found goes on with these transitions and ends so; when it began nobody knows.
static const json_t *assert_end(const struct scene *scene, const char *conn, const char *path,
				const char *history, const char *end)
{
	const json_t *life = e2e_events_one(scene->events, "{s:s, s:s}", "event", "close", "conn",
					    conn);
	const json_t *first = json_array_get(json_object_get(life, "history"), 0);

	e2e_assert_path(scene->events, conn, path);
	e2e_assert_history(life, history);
	e2e_assert_has(first, "{s:s, s:n, s:n}", "basis", "found", "at_ns", "for_ns");
	e2e_assert_has(life, "{s:n, s:n, s:n, s:s, s:i, s:I}", "opened_ns", "duration_ns",
		       "handshake_us", "end", end, "gaps", 0, "found_ns",
		       (json_int_t)e2e_event_number(found(scene, conn), "ts_ns"));
	return life;
}

/// SYN-ACKs may go out in vain while a tracer starts, and after that: two make it half-open.
static const char *flags_of_asking(const json_t *events, const char *conn)
{
	const json_t *row = e2e_events_one(events, "{s:s, s:s}", "event", "found", "conn", conn);
	size_t again = e2e_events_count(events, "{s:s, s:s}", "event", "retransmit", "conn", conn);

	if (e2e_event_number(row, "synack_timeouts") + (int64_t)again < 2)
		return again ? "retransmit rst-received" : "rst-received";
	return again ? "half-open retransmit rst-received" : "half-open rst-received";
}

static void found_lives_go_on_and_end(void **state)
{
	struct scene scene;
	const json_t *life;

	scene_set(&scene, *state);
	scene_trace(&scene, NULL);
	scene_end(&scene);

	assert_end(&scene, scene.open.client_conn,
		   "ESTABLISHED>FIN_WAIT1 FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT",
		   "ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT", "fin");
	life = assert_end(&scene, scene.open.server_conn,
			  "ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE",
			  "ESTABLISHED CLOSE_WAIT LAST_ACK", "fin");
	e2e_assert_has(life, "{s:s, s:i, s:i, s:i}", "closed_by", "remote", "pid",
		       scene.open.server->pid, "bytes_sent", SERVER_BYTES, "bytes_received",
		       CLIENT_BYTES);
	assert_end(&scene, scene.half.client_conn, "FIN_WAIT2>TIME_WAIT", "FIN_WAIT2 TIME_WAIT",
		   "fin");
	assert_end(&scene, scene.half.server_conn, "CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE",
		   "CLOSE_WAIT LAST_ACK", "fin");
	assert_end(&scene, scene.orphan.client_conn, "FIN_WAIT2>TIME_WAIT", "FIN_WAIT2 TIME_WAIT",
		   "fin");
	assert_end(&scene, scene.gone.client_conn, "TIME_WAIT>CLOSE", "TIME_WAIT", "fin");
	assert_end(&scene, scene.asking.client_conn, "ESTABLISHED>CLOSE", "ESTABLISHED",
		   "rst-sent");
	assert_end(&scene, scene.asking.server_conn, "SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE",
		   "SYN_RECV ESTABLISHED", "rst-received");
	e2e_assert_flags(scene.events, scene.open.server_conn, "");
	e2e_assert_flags(scene.events, scene.gone.client_conn, "time-wait-killed");
	e2e_assert_flags(scene.events, scene.asking.server_conn,
			 flags_of_asking(scene.events, scene.asking.server_conn));
	assert_int_equal(e2e_events_count(scene.events, "{s:s}", "event", "found"), 10);
}

static void no_snapshot_leaves_out_what_was_there(void **state)
{
	struct scene scene;

	scene_set(&scene, *state);
	scene_trace(&scene, "--no-snapshot");
	scene_stop(&scene);

	assert_int_equal(json_array_size(scene.events), 0);
}

/// `conntrace list --json` with more arguments. It may warn of namespaces that it could not enter:
/// they are not the test's. The caller owns the array.
static json_t *list(const char *const more[])
{
	const char *argv[8] = {"list", "--json"};
	struct e2e_output output;
	json_t *listed;

	for (size_t i = 0; i < 5 && more[i]; i++)
		argv[2 + i] = more[i];
	e2e_conntrace(argv, &output);
	if (output.status)
		fail_msg("conntrace list exited %d and said: %s", output.status, output.err);
	listed = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);
	return listed;
}

#define LIST(...) list((const char *const[]){__VA_ARGS__, NULL})

/// What `list` says of a namespace is what ss says of it, row by row.
static void assert_listed(const struct e2e *e2e, const struct e2e_netns *netns)
{
	struct e2e_ss_row rows[64];
	size_t n = e2e_ss(netns, rows, sizeof(rows) / sizeof(rows[0]));
	json_t *listed = LIST("--netns", e2e_format((struct e2e *)e2e, "%lu", netns->inum));

	assert_true(n > 4);
	for (size_t i = 0; i < n; i++)
		e2e_events_one(listed, "{s:s, s:s, s:s, s:i}", "event", "found", "conn",
			       rows[i].conn, "state", rows[i].state, "lport", rows[i].lport);
	assert_int_equal(json_array_size(listed), n);
	json_decref(listed);
}

static void list_prints_what_ss_prints(void **state)
{
	struct scene scene;

	scene_set(&scene, *state);
	assert_listed(scene.e2e, &scene.e2e->home);
	assert_listed(scene.e2e, &scene.e2e->far);
}

static void list_selects_by_port_and_state(void **state)
{
	struct scene scene;
	const char *port;
	json_t *listed;

	scene_set(&scene, *state);
	port = e2e_port_text(scene.e2e, 0);
	listed = LIST("-P", port, "--state", "TIME_WAIT,SYN_RECV");
	e2e_events_one(listed, "{s:s, s:s}", "conn", scene.gone.client_conn, "state", "TIME_WAIT");
	e2e_events_one(listed, "{s:s, s:s}", "conn", scene.asking.server_conn, "state", "SYN_RECV");
	assert_int_equal(json_array_size(listed), 2);
	json_decref(listed);
	listed = LIST("-P", e2e_port_text(scene.e2e, 2));
	assert_int_equal(json_array_size(listed), 0);
	json_decref(listed);
}

static void list_without_privilege_is_refused(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;

	E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, "list");
	assert_int_equal(output.status, EXIT_NOT_PERMITTED);
	assert_int_equal(output.out_bytes, 0);
	assert_non_null(strstr(output.err, "root"));
	e2e_output_free(&output);
}

/// It was there before, and something happened to it before it was looked for.
static bool is_met_alive(const json_t *summaries, const char *conn)
{
	const json_t *life = json_object_get(summaries, conn);
	const json_t *first = json_array_get(json_object_get(life, "history"), 0);

	return !strcmp(e2e_event_text(first, "basis"), "found");
}

/// A step continues what is known of a connection, which begins once: born, found, or met alive.
static void assert_step(const json_t *summaries, const json_t *event, const json_t *known)
{
	const char *conn = e2e_event_text(event, "conn");
	const char *from = e2e_event_text(event, "from");
	const char *to = e2e_event_text(event, "to");
	bool is_birth = !strcmp(to, "SYN_RECV") || !strcmp(to, "SYN_SENT");

	if (known ? is_birth || strcmp(json_string_value(known), from)
		  : !is_birth && !is_met_alive(summaries, conn))
		fail_msg("%s goes from %s to %s, and was %s", conn, from, to,
			 known ? json_string_value(known) : "nothing");
}

/// Goes through a stream and judges each step of each connection. Returns how many were found.
static size_t assert_continuous(const json_t *events)
{
	json_t *states = json_object(); /* conn → state */
	json_t *summaries = e2e_events_summaries(events);
	size_t index, found_count = 0;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		const char *conn = e2e_event_text(event, "conn");
		const char *kind = e2e_event_text(event, "event");
		const json_t *known = json_object_get(states, conn);

		/* of a handshake that is cut off by the end of the trace the cookie is not known */
		if (json_is_null(json_object_get(event, "conn")))
			continue;
		if (!strcmp(kind, "found")) {
			if (known)
				fail_msg("%s is found, and was %s", conn, json_string_value(known));
			found_count++;
			json_object_set(states, conn, json_object_get(event, "state"));
		} else if (!strcmp(kind, "state")) {
			assert_step(summaries, event, known);
			json_object_set(states, conn, json_object_get(event, "to"));
		}
	}
	json_decref(states);
	json_decref(summaries);
	return found_count;
}

static void churn_while_it_starts_is_told_without_gap_or_double(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracers[CHURN_ROUNDS];
	size_t found_count = 0, rounds = e2e_is_guest() ? 1 : CHURN_ROUNDS;

	e2e_churn_widen_ports();
	for (unsigned i = 0; i < CHURN_PORTS; i++)
		e2e_churn_noise(e2e, e2e_port(i));
	e2e_sleep_ms(CHURN_MS);
	for (size_t round = 0; round < rounds; round++) {
		tracers[round] =
			E2E_TRACE(e2e, "watch", "--json", "-P",
				  e2e_format(e2e, "%u-%u", e2e_port(0), e2e_port(CHURN_PORTS - 1)));
		e2e_sleep_ms(CHURN_MS);
		e2e_tracer_stop(tracers[round], 0);
	}
	e2e_churn_quiet(e2e); /* to judge takes its time, and the noise takes it away */
	for (size_t round = 0; round < rounds; round++) {
		struct e2e_tracer *tracer = tracers[round];

		e2e_assert_no_loss(e2e_tracer_events(tracer));
		assert_true(e2e_events_count(e2e_tracer_events(tracer), "{s:s, s:s}", "from",
					     "LAST_ACK", "to", "CLOSE") > 10);
		/* here each client closes first, and so comes to TIME_WAIT */
		e2e_assert_none(e2e_tracer_events(tracer), "{s:s, s:s}", "from", "FIN_WAIT2", "to",
				"CLOSE");
		found_count += assert_continuous(e2e_tracer_events(tracer));
		e2e_tracer_release(tracer);
	}
	assert_true(found_count > rounds * CHURN_PORTS);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(everything_that_is_there_is_found_once),
	E2E_TEST(found_socket_tells_its_options_and_counters),
	E2E_TEST(found_lives_go_on_and_end),
	E2E_TEST(no_snapshot_leaves_out_what_was_there),
	E2E_TEST(list_prints_what_ss_prints),
	E2E_TEST(list_selects_by_port_and_state),
	E2E_TEST(list_without_privilege_is_refused),
	E2E_TEST(churn_while_it_starts_is_told_without_gap_or_double),
};

E2E_MAIN("found", tests)
