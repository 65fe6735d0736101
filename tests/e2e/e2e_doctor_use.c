// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that ways to use connections that go wrong are found by the doctor, live, and that what
// comes nearest to each of them is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/race.h"
#include "support/slow_link.h"
#include "support/sock.h"
#include "support/ss.h"

#define LOOPBACK     "127.0.0.1"
#define PORTS	     10
#define PORT_RANGE   "40000 40009"
#define APART_MS     250
#define LIVES	     25 /// 20 are enough; one in which something was sent again does not count
#define CLOSES	     3
#define SHORT_WAY_MS 20
#define LONG_WAY_MS  45 /// there and back in less than the doctor thinks a round trip can be
#define IDLE	     "2s"
#define SILENT_MS    2500
#define LOST_MS	     5000
#define UNREAD	     1000
#define KEEPIDLE_S   1000 /// longer than the test, and less than an hour

/// Played while the doctor watches; what it leaves open is open when he concludes.
struct scene {
	void (*play)(struct e2e_pair *pair);
	struct e2e_race race; /// where there is no play
	const char *role;     /// the ends that he watches; NULL: both
	const char *finding;  /// by id: this one and no other; NULL: none at all
	size_t count;	      /// connections that speak for it; of none, ends that he has to see
	void (*look)(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding);
	bool is_some; /// some of them may do: on a machine that is slow not all come in time
	bool is_far;  /// the server is in the far namespace
	int slow_ms;  /// … and the way to it takes so long; 0: the usual one
};

static const char *host_of(const struct e2e_pair *pair)
{
	const struct e2e *e2e = pair->client->e2e;
	const struct scene *scene = e2e->argument;

	if (scene->slow_ms)
		return E2E_SLOW_FAR_HOST;
	return scene->is_far ? E2E_FAR_HOST : LOOPBACK;
}

static void connect_and_talk(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, host_of(pair));
	e2e_pair_exchange(pair, 100, 100);
}

static void take_all_ports(struct e2e_pair *pair)
{
	e2e_netns_sysctl("ipv4/ip_local_port_range", PORT_RANGE);
	for (int i = 0; i < PORTS; i++)
		e2e_pair_connect(pair, LOOPBACK);
}

static void run_out_of_ports(struct e2e_pair *pair)
{
	take_all_ports(pair);
	e2e_actor_connect_fails(pair->client, LOOPBACK, pair->port, EADDRNOTAVAIL);
}

static void use_the_last_port_again(struct e2e_pair *pair)
{
	take_all_ports(pair);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_ss_wait_none(&pair->client->e2e->home, "state last-ack dport = :%u", pair->port);
	e2e_pair_connect(pair, LOOPBACK);
}

/// The command shows who has the ports.
static void look_at_ports(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding)
{
	const struct e2e_netns host = {.fd = e2e_netns_host_fd()};
	const char *confirm = e2e_event_text(finding, "confirm");

	e2e_assert_has(finding, "{s:s, s:s, s:s}", "severity", "crit", "confidence", "high",
		       "confirm",
		       e2e_format(e2e, "nsenter -t %d -n ss -tanpo 'src %s and dst %s:%u'",
				  pair->client->pid, LOOPBACK, LOOPBACK, pair->port));
	e2e_netns_shell(&host, "test $(%s | grep -c :%u) -eq %d", confirm, pair->port, PORTS);
}

static void assert_race(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding,
			const char *what, int by_reset)
{
	const json_t *evidence = json_object_get(finding, "evidence");

	e2e_assert_has(
		finding, "{s:s, s:s, s:s}", "severity", "note", "confidence", "low", "confirm",
		e2e_format(e2e, "%s -H %s -D %u %s", e2e_program(), LOOPBACK, pair->port, what));
	e2e_assert_has(evidence, "{s:i, s:i, s:i}", "closed_by_peer", E2E_RACERS, "closed_by_reset",
		       by_reset, "ended_with_reset", 0);
	assert_true(e2e_event_number(evidence, "established_median_ns") >=
		    E2E_RACE_AGE_MS * INT64_C(900000));
}

static void look_at_race(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding)
{
	assert_race(e2e, pair, finding, "--state CLOSE_WAIT", 0);
}

static void look_at_resets(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding)
{
	assert_race(e2e, pair, finding, "--flag rst-received", E2E_RACERS);
}

static int64_t ask_once_each(const struct e2e_job *job)
{
	for (int i = 0; i < LIVES; i++) {
		int fd = e2e_sock_connect(&job->from, &job->to);

		if (fd < 0 || e2e_sock_send(fd, 100) || e2e_sock_receive(fd, 100))
			return -EIO;
		close(fd);
	}
	return 0;
}

static int64_t answer_once_each(const struct e2e_job *job)
{
	for (int i = 0; i < LIVES; i++) {
		int fd = e2e_sock_accept(job->fd);

		if (fd < 0 || e2e_sock_receive(fd, 100) || e2e_sock_send(fd, 100))
			return -EIO;
		close(fd);
	}
	return 0;
}

/// The exchange takes as long as the handshake.
static void connect_for_one_exchange(struct e2e_pair *pair)
{
	struct e2e_job client = {.run = ask_once_each, .to = {.port = pair->port}};
	const struct e2e_job server = {.run = answer_once_each, .fd = pair->listen_fd};

	snprintf(client.to.host, sizeof(client.to.host), "%s", host_of(pair));
	e2e_actor_begin(pair->client, &client);
	(void)e2e_actor_run(pair->server, &server);
	(void)e2e_actor_finish(pair->client);
}

/// To see whether somebody listens.
static void connect_for_nothing(struct e2e_pair *pair)
{
	for (int i = 0; i < LIVES; i++) {
		int fd = e2e_actor_connect(pair->client, host_of(pair), pair->port);

		e2e_actor_close(pair->client, fd);
		fd = e2e_actor_accept(pair->server, pair->listen_fd);
		e2e_actor_close(pair->server, fd);
	}
}

/// Two exchanges take twice as long as a handshake.
static void connect_for_more(struct e2e_pair *pair)
{
	for (int i = 0; i < LIVES; i++) {
		connect_and_talk(pair);
		e2e_pair_exchange(pair, 100, 100);
		e2e_pair_close(pair);
	}
}

/// What the server sends is on its way when the client closes.
static void close_while_the_server_sends(struct e2e_pair *pair)
{
	for (int i = 0; i < CLOSES; i++) {
		int64_t sent_ms;

		connect_and_talk(pair);
		/* or it waits until the answer before is acknowledged, RFC 1122 4.2.3.4 */
		e2e_actor_set(pair->server, pair->server_fd, IPPROTO_TCP, TCP_NODELAY, 1);
		sent_ms = e2e_now_ms();
		e2e_actor_send(pair->server, pair->server_fd, 100);
		e2e_actor_close(pair->client, pair->client_fd);
		if (e2e_now_ms() - sent_ms >= LONG_WAY_MS)
			e2e_again("the close came behind the data");
		(void)e2e_actor_try_receive(pair->server, pair->server_fd, 1);
		e2e_actor_close(pair->server, pair->server_fd);
	}
}

/// It says goodbye when it has seen the client's FIN, as TLS does.
static void be_answered_behind_the_close(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_send(pair->server, pair->server_fd, 100);
	(void)e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

/// Until what the end with the server's port at SIDE has sent is acknowledged.
static void wait_acked(struct e2e_pair *pair, const char *side)
{
	e2e_netns_shell(&pair->client->e2e->home,
			"until ss -tn '%s = :%u' | grep -q '^ESTAB *0 *0 '; do sleep 0.01; done",
			side, pair->port);
}

/// The input is closed first, and what comes then nobody reads.
static void close_input_and_be_sent_to(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_RD);
	e2e_actor_send(pair->server, pair->server_fd, UNREAD);
	/* which says nothing about its data: the server's send queue does */
	wait_acked(pair, "sport");
	e2e_actor_close(pair->client, pair->client_fd);
	(void)e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

static void look_at_unread(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding)
{
	(void)e2e;
	e2e_assert_has(json_object_get(finding, "culprit"), "{s:i}", "pid", pair->client->pid);
	e2e_assert_has(json_object_get(finding, "evidence"), "{s:i}", "unread_bytes", UNREAD);
}

static void close_input_and_then_all(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_RD);
	e2e_pair_close(pair);
}

/// All that has come was read.
static void close_with_nothing_unread(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_send(pair->client, pair->client_fd, UNREAD);
	e2e_actor_receive(pair->server, pair->server_fd, UNREAD);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// Both have closed by their FINs when it closes with SO_LINGER 0.
static void linger0_behind_a_shutdown(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_ss_wait_none(&pair->client->e2e->home, "state last-ack sport = :%u", pair->port);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// The first SYN is lost; the second is answered, and by no reset.
static void connect_at_the_second_try(struct e2e_pair *pair)
{
	const struct e2e_netns *home = &pair->client->e2e->home;
	struct e2e_addr to = e2e_loopback(pair->port);
	char match[64];

	snprintf(match, sizeof(match), "tcp dport %u tcp flags syn", pair->port);
	e2e_netns_drop(home, match);
	pair->client_fd = e2e_actor_begin_connect(pair->client, NULL, &to);
	e2e_netns_undrop(home);
	assert_int_equal(e2e_actor_finish_connect(pair->client, pair->client_fd), 0);
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	e2e_pair_close(pair);
}

/// As with a host that has crashed: without a word.
static void lose_peer(struct e2e_pair *pair)
{
	e2e_actor_set(pair->server, pair->server_fd, IPPROTO_TCP, TCP_REPAIR, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

static void fall_silent(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	lose_peer(pair);
	e2e_sleep_ms(SILENT_MS);
}

static unsigned sent_again(const struct e2e_pair *pair)
{
	return e2e_ss_retransmits(&pair->client->e2e->home, pair->client_conn);
}

/// One segment had to be sent twice before; that is a flag.
static void fall_silent_behind_a_loss(struct e2e_pair *pair)
{
	const struct e2e_netns *far = &pair->client->e2e->far;
	int64_t began_ms;
	char match[32];

	connect_and_talk(pair);
	snprintf(match, sizeof(match), "tcp dport %u", pair->port);
	e2e_netns_drop(far, match);
	e2e_actor_send(pair->client, pair->client_fd, 100);
	began_ms = e2e_now_ms();
	while (!sent_again(pair) && e2e_now_ms() - began_ms < LOST_MS)
		e2e_sleep_ms(1);
	assert_true(sent_again(pair));
	e2e_netns_undrop(far);
	e2e_actor_receive(pair->server, pair->server_fd, 100);
	wait_acked(pair, "dport");
	lose_peer(pair);
	e2e_sleep_ms(SILENT_MS);
}

static void fall_silent_with_keepalive(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_set(pair->client, pair->client_fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	e2e_actor_set(pair->client, pair->client_fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPIDLE_S);
	lose_peer(pair);
	e2e_sleep_ms(SILENT_MS);
}

static void look_at_ghost(struct e2e *e2e, const struct e2e_pair *pair, const json_t *finding)
{
	(void)e2e;
	e2e_assert_has(finding, "{s:s, s:[s]}", "confidence", "low", "connections",
		       pair->client_conn);
	assert_true(e2e_event_number(json_object_get(finding, "evidence"), "idle_ns") >=
		    INT64_C(2000000000));
}

static struct e2e_tracer *start_doctor(struct e2e *e2e, const struct scene *scene)
{
	const char *argv[16] = {"doctor",     scene->finding ? "--json" : "-otable",
				"--duration", "1h",
				"--idle",     IDLE,
				"-P",	      e2e_port_text(e2e, 0),
				"--netns"};
	size_t n = 9;

	argv[n++] = e2e->far.fd < 0 ? e2e_format(e2e, "%lu", e2e->home.inum)
				    : e2e_format(e2e, "%lu,%lu", e2e->home.inum, e2e->far.inum);
	if (scene->role) {
		argv[n++] = "--role";
		argv[n++] = scene->role;
	}
	return e2e_tracer_start(e2e, argv);
}

static void judge(struct e2e *e2e, const struct e2e_pair *pair, struct e2e_tracer *doctor)
{
	const struct scene *scene = e2e->argument;
	const json_t *events = e2e_tracer_events(doctor), *finding;

	for (size_t i = 0; i < json_array_size(events); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(events, i), "id"),
			      e2e_event_text(json_array_get(events, i), "summary"));
	assert_int_equal(json_array_size(events), 1);
	finding = e2e_events_one(events, "{s:s, s:s}", "event", "finding", "id", scene->finding);
	assert_in_range(e2e_event_number(finding, "count"), scene->is_some ? 1 : scene->count,
			scene->count);
	if (scene->look)
		scene->look(e2e, pair, finding);
}

static void judge_innocent(struct e2e *e2e, const struct e2e_tracer *doctor)
{
	const struct scene *scene = e2e->argument;
	const char *want = e2e_format(e2e, "nothing found, %zu connection%s seen in ", scene->count,
				      scene->count == 1 ? "" : "s");
	size_t bytes;
	char *told = e2e_file_read(doctor->out_path, &bytes);

	if (strncmp(told, want, strlen(want)) != 0)
		fail_msg("not \"%s\": %s", want, told);
	free(told);
}

static void scene_is_judged(void **state)
{
	struct e2e *e2e = *state;
	const struct scene *scene = e2e->argument;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	if (scene->is_far || scene->slow_ms)
		e2e_add_far(e2e);
	if (scene->slow_ms)
		e2e_add_slow_link(e2e, scene->slow_ms);
	doctor = start_doctor(e2e, scene);
	e2e_pair_listen(e2e, "0.0.0.0", e2e_port(0), &pair);
	if (scene->play)
		scene->play(&pair);
	else
		e2e_race(&pair, &scene->race);
	e2e_tracer_stop(doctor, 0);
	if (scene->finding)
		judge(e2e, &pair, doctor);
	else
		judge_innocent(e2e, doctor);
}

#define SCENE(name, ...) E2E_TEST_WITH(name, scene_is_judged, (&(struct scene){__VA_ARGS__}))

static const struct CMUnitTest tests[] = {
	SCENE("connect_without_a_port_is_found", .play = run_out_of_ports,
	      .finding = "port-exhaustion", .count = 1, .look = look_at_ports),
	SCENE("ports_that_are_just_enough_are_innocent", .play = use_the_last_port_again,
	      .count = 2 * (PORTS + 1)),
	SCENE("closes_at_one_age_are_found", .role = "active", .finding = "keepalive-race",
	      .count = E2E_RACERS, .look = look_at_race),
	SCENE("closes_at_different_ages_are_innocent", .race.apart_ms = APART_MS, .role = "active",
	      .count = E2E_RACERS),
	SCENE("closes_of_what_was_busy_until_then_are_innocent", .race.is_busy = true,
	      .role = "active", .count = E2E_RACERS),
	SCENE("closes_at_one_age_by_who_asks_are_innocent", .race.by_client = true,
	      .count = 2 * E2E_RACERS),
	SCENE("resets_at_one_age_are_found", .race.end = E2E_RACE_END_RESET, .role = "active",
	      .finding = "keepalive-race", .count = E2E_RACERS, .look = look_at_resets),
	SCENE("resets_that_answer_are_innocent", .race.end = E2E_RACE_END_FORGET, .role = "active",
	      .count = E2E_RACERS),
	SCENE("lives_of_mostly_handshake_are_found", .play = connect_for_one_exchange,
	      .role = "active", .finding = "handshake-bound", .count = LIVES, .is_some = true,
	      .slow_ms = SHORT_WAY_MS),
	SCENE("lives_of_no_exchange_are_innocent", .play = connect_for_nothing, .role = "active",
	      .count = LIVES, .slow_ms = SHORT_WAY_MS),
	SCENE("lives_of_two_exchanges_are_innocent", .play = connect_for_more, .role = "active",
	      .count = LIVES, .slow_ms = SHORT_WAY_MS),
	SCENE("close_while_the_peer_sends_is_found", .play = close_while_the_server_sends,
	      .finding = "nonstandard-close", .count = CLOSES, .is_some = true,
	      .slow_ms = LONG_WAY_MS),
	SCENE("answer_to_a_close_is_innocent", .play = be_answered_behind_the_close, .count = 2,
	      .slow_ms = LONG_WAY_MS),
	SCENE("input_that_is_closed_first_is_found_by_what_it_leaves_unread",
	      .play = close_input_and_be_sent_to, .finding = "unread-data-reset", .count = 1,
	      .look = look_at_unread),
	SCENE("input_that_is_closed_first_and_sent_nothing_is_innocent",
	      .play = close_input_and_then_all, .count = 2),
	SCENE("close_with_nothing_unread_is_innocent", .play = close_with_nothing_unread,
	      .count = 2),
	SCENE("linger0_behind_a_shutdown_is_innocent", .play = linger0_behind_a_shutdown,
	      .count = 2),
	SCENE("connect_at_the_second_try_is_innocent", .play = connect_at_the_second_try,
	      .count = 2),
	SCENE("silence_that_began_meanwhile_is_found", .play = fall_silent, .role = "active",
	      .finding = "half-open-ghost", .count = 1, .look = look_at_ghost, .is_far = true),
	SCENE("silence_behind_a_loss_is_found", .play = fall_silent_behind_a_loss, .role = "active",
	      .finding = "half-open-ghost", .count = 1, .look = look_at_ghost, .is_far = true),
	SCENE("silence_that_began_meanwhile_with_keepalive_is_innocent",
	      .play = fall_silent_with_keepalive, .role = "active", .count = 1, .is_far = true),
};

E2E_MAIN("doctor_use", tests)
