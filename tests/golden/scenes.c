// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Makes the recordings of this directory: each scene is one, NAME.ctr in the working directory. Run
// by record.sh; not a test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/pair.h"
#include "support/ss.h"

#define PORT  4700
#define PORTS "4700-4709"

#define ANSWER_MS      50
#define DELAYED_ACK_MS 300
#define KEEPALIVE_MS   5500
#define TIME_WAIT_MS   62000
#define BLACKOUT_MS    700
#define HALF_OPEN_MS   3500
#define LOSSY_PAIRS    5

struct scene {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
};

/// The recording that is there goes: the tracer would not overwrite it, and the words of its call
/// are kept.
static const char *anew(const char *file)
{
	unlink(file);
	return file;
}

static void scene_record(struct scene *scene, struct e2e *e2e, const char *file)
{
	*scene = (struct scene){
		.e2e = e2e,
		.tracer = E2E_TRACE(e2e, "record", "-w", anew(file), "-P", PORTS),
	};
}

static void scene_connect(struct scene *scene, const char *listen_host, const char *host,
			  uint16_t port)
{
	e2e_pair_listen(scene->e2e, listen_host, port, &scene->pair);
	e2e_pair_connect(&scene->pair, host);
	e2e_pair_exchange(&scene->pair, 100, 1000);
}

/// Everything of the scene has to be told before the namespaces go.
static void scene_end(struct scene *scene)
{
	e2e_sleep_ms(DELAYED_ACK_MS);
	e2e_tracer_stop(scene->tracer, 0);
}

/// IPv4, IPv6, and IPv4 at a listener for both; each to its very end, TIME_WAIT included.
static void plain_close(void **state)
{
	struct scene scene;

	scene_record(&scene, *state, "plain-close.ctr");
	scene_connect(&scene, "127.0.0.1", "127.0.0.1", PORT);
	e2e_pair_close(&scene.pair);
	scene_connect(&scene, "::1", "::1", PORT + 1);
	e2e_pair_close(&scene.pair);
	scene_connect(&scene, "::", "127.0.0.1", PORT + 2);
	e2e_pair_close(&scene.pair);
	e2e_actor_close(scene.pair.server, scene.pair.listen_fd);
	e2e_sleep_ms(TIME_WAIT_MS);
	scene_end(&scene);
}

static void half_close(void **state)
{
	struct scene scene;

	scene_record(&scene, *state, "half-close.ctr");
	scene_connect(&scene, "127.0.0.1", "127.0.0.1", PORT);
	e2e_actor_shutdown(scene.pair.client, scene.pair.client_fd, SHUT_WR);
	e2e_actor_receive_fin(scene.pair.server, scene.pair.server_fd);
	e2e_actor_begin_send(scene.pair.server, scene.pair.server_fd, 1000000);
	e2e_actor_receive(scene.pair.client, scene.pair.client_fd, 1000000);
	e2e_actor_finish(scene.pair.server);
	e2e_actor_close(scene.pair.server, scene.pair.server_fd);
	e2e_actor_receive_fin(scene.pair.client, scene.pair.client_fd);
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	scene_end(&scene);
}

static void simultaneous_close(void **state)
{
	struct scene scene;

	scene_record(&scene, *state, "simultaneous-close.ctr");
	scene_connect(&scene, "127.0.0.1", "127.0.0.1", PORT);
	e2e_netns_drop(&scene.e2e->home, "tcp flags fin");
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	e2e_actor_close(scene.pair.server, scene.pair.server_fd);
	e2e_netns_undrop(&scene.e2e->home);
	e2e_sleep_ms(BLACKOUT_MS);
	scene_end(&scene);
}

static void reset_by_linger0(struct scene *scene)
{
	scene_connect(scene, "127.0.0.1", "127.0.0.1", PORT);
	e2e_actor_set_linger0(scene->pair.client, scene->pair.client_fd);
	e2e_actor_close(scene->pair.client, scene->pair.client_fd);
	e2e_actor_try_receive(scene->pair.server, scene->pair.server_fd, 1);
	e2e_actor_close(scene->pair.server, scene->pair.server_fd);
}

static void reset_by_unread_data(struct scene *scene)
{
	scene_connect(scene, "127.0.0.1", "127.0.0.1", PORT + 1);
	e2e_actor_send(scene->pair.client, scene->pair.client_fd, 5000);
	e2e_actor_wait_readable(scene->pair.server, scene->pair.server_fd);
	e2e_actor_close(scene->pair.server, scene->pair.server_fd);
	e2e_actor_try_receive(scene->pair.client, scene->pair.client_fd, 1);
	e2e_actor_close(scene->pair.client, scene->pair.client_fd);
}

/// Into the orphaned socket without a pause, into the mini-socket with one.
static void reset_by_data_to_closed(struct scene *scene, uint16_t port, int pause_ms)
{
	scene_connect(scene, "127.0.0.1", "127.0.0.1", port);
	e2e_actor_close(scene->pair.server, scene->pair.server_fd);
	e2e_actor_receive_fin(scene->pair.client, scene->pair.client_fd);
	e2e_sleep_ms(pause_ms);
	e2e_actor_send(scene->pair.client, scene->pair.client_fd, 10);
	e2e_sleep_ms(ANSWER_MS);
	e2e_actor_try_send(scene->pair.client, scene->pair.client_fd, 10);
	e2e_actor_close(scene->pair.client, scene->pair.client_fd);
}

static void reset_by_kill(struct scene *scene)
{
	scene_connect(scene, "127.0.0.1", "127.0.0.1", PORT + 4);
	e2e_netns_shell(&scene->e2e->home, "ss -tK dport = %u >/dev/null", PORT + 4);
	e2e_actor_try_receive(scene->pair.server, scene->pair.server_fd, 1);
	e2e_actor_close(scene->pair.server, scene->pair.server_fd);
	e2e_actor_close(scene->pair.client, scene->pair.client_fd);
}

static void resets(void **state)
{
	struct scene scene;

	scene_record(&scene, *state, "resets.ctr");
	reset_by_linger0(&scene);
	reset_by_unread_data(&scene);
	reset_by_data_to_closed(&scene, PORT + 2, 0);
	reset_by_data_to_closed(&scene, PORT + 3, DELAYED_ACK_MS);
	reset_by_kill(&scene);
	e2e_actor_connect_fails(scene.pair.client, "127.0.0.1", PORT + 5, ECONNREFUSED);
	scene_end(&scene);
}

/// Two probes are answered; then the peer is not heard of any more.
static void keepalive(void **state)
{
	struct scene scene;

	e2e_add_far(*state);
	scene_record(&scene, *state, "keepalive.ctr");
	scene_connect(&scene, E2E_FAR_HOST, E2E_FAR_HOST, PORT);
	e2e_actor_set_keepalive(scene.pair.client, scene.pair.client_fd);
	e2e_sleep_ms(KEEPALIVE_MS / 2);
	e2e_netns_drop(&scene.e2e->home, "tcp sport 4700");
	e2e_sleep_ms(KEEPALIVE_MS);
	e2e_actor_try_receive(scene.pair.client, scene.pair.client_fd, 1);
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	e2e_actor_close(scene.pair.server, scene.pair.server_fd);
	scene_end(&scene);
}

/// Data, a SYN and a FIN that have to be repeated.
static void retransmits(void **state)
{
	struct scene scene;

	e2e_add_far(*state);
	scene_record(&scene, *state, "retransmits.ctr");
	scene_connect(&scene, E2E_FAR_HOST, E2E_FAR_HOST, PORT);
	e2e_netns_drop(&scene.e2e->far, "tcp dport 4700");
	e2e_actor_send(scene.pair.client, scene.pair.client_fd, 3000);
	e2e_sleep_ms(BLACKOUT_MS);
	e2e_netns_undrop(&scene.e2e->far);
	e2e_actor_receive(scene.pair.server, scene.pair.server_fd, 3000);
	e2e_netns_drop(&scene.e2e->home, "tcp flags fin");
	e2e_actor_close(scene.pair.server, scene.pair.server_fd);
	e2e_sleep_ms(BLACKOUT_MS);
	e2e_netns_undrop(&scene.e2e->home);
	e2e_actor_receive_fin(scene.pair.client, scene.pair.client_fd);
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	e2e_netns_sysctl("ipv4/tcp_syn_retries", "1");
	e2e_netns_drop(&scene.e2e->far, "tcp flags syn");
	e2e_actor_connect_fails(scene.pair.client, E2E_FAR_HOST, PORT + 1, ETIMEDOUT);
	scene_end(&scene);
}

/// Nobody empties the ring while it fills: of the connection that is shut down then a transition is
/// missing, of those of the churn more than that. The idle one may have missed something, for all
/// that can be known: not every event that was lost had a socket to count it.
static void losses(void **state)
{
	struct e2e *e2e = *state;
	struct scene scene = {
		.e2e = e2e,
		.tracer = E2E_TRACE(e2e, "record", "-w", anew("losses.ctr"), "-P", PORTS,
				    "--buffer", "4096"),
	};
	struct e2e_pair idle;

	scene_connect(&scene, "127.0.0.1", "127.0.0.1", PORT);
	idle = scene.pair;
	scene_connect(&scene, "127.0.0.1", "127.0.0.1", PORT + 1);
	e2e_sleep_ms(DELAYED_ACK_MS);
	kill(scene.tracer->pid, SIGSTOP);
	e2e_churn(e2e, PORT + 2, LOSSY_PAIRS);
	e2e_actor_shutdown(scene.pair.client, scene.pair.client_fd, SHUT_WR);
	e2e_actor_receive_fin(scene.pair.server, scene.pair.server_fd);
	kill(scene.tracer->pid, SIGCONT);
	e2e_sleep_ms(DELAYED_ACK_MS);
	e2e_actor_close(scene.pair.server, scene.pair.server_fd);
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	e2e_pair_close(&idle);
	scene_end(&scene);
}

/// What was there before, a handshake that is never completed, and mini-sockets that end in three
/// ways: their time is over, a reset, `ss -K`.
static void whole_lives(void **state)
{
	struct scene scene = {.e2e = *state};
	struct e2e_pair old, gone;
	struct e2e_addr from = {.host = E2E_HOME_HOST, .port = PORT + 9};
	struct e2e_addr to = {.host = E2E_FAR_HOST, .port = PORT};

	e2e_add_far(*state);
	e2e_netns_sysctl("ipv4/tcp_fin_timeout", "1");
	scene_connect(&scene, E2E_FAR_HOST, E2E_FAR_HOST, PORT);
	old = gone = scene.pair;
	e2e_pair_connect(&gone, E2E_FAR_HOST);
	e2e_pair_close(&gone);
	scene.tracer = E2E_TRACE(scene.e2e, "record", "-w", anew("whole-lives.ctr"), "-P", PORTS);
	e2e_netns_drop_acks(&scene.e2e->far, "sport", 4709);
	scene.pair.client_fd = e2e_actor_connect_from(scene.pair.client, &from, &to);
	e2e_sleep_ms(HALF_OPEN_MS);
	e2e_actor_set_linger0(scene.pair.client, scene.pair.client_fd);
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	e2e_netns_undrop(&scene.e2e->far);
	e2e_ss_kill(&scene.e2e->home, "state time-wait dport = :4700");
	e2e_pair_connect(&scene.pair, E2E_FAR_HOST);
	e2e_actor_close(scene.pair.client, scene.pair.client_fd);
	e2e_actor_receive_fin(scene.pair.server, scene.pair.server_fd);
	e2e_pair_close(&old);
	e2e_sleep_ms(HALF_OPEN_MS);
	e2e_actor_close(scene.pair.server, scene.pair.server_fd);
	scene_end(&scene);
}

static const struct CMUnitTest scenes[] = {
	E2E_TEST(plain_close), E2E_TEST(half_close),  E2E_TEST(simultaneous_close),
	E2E_TEST(resets),      E2E_TEST(keepalive),   E2E_TEST(retransmits),
	E2E_TEST(losses),      E2E_TEST(whole_lives),
};

E2E_MAIN("golden", scenes)
