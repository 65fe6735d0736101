// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows what becomes of more handshakes than are completed, with SYN cookies and without.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"

#define ANSWER_MS  100
#define TIMEOUT_MS 4500 /// 1 s + 2 s with net.ipv4.tcp_synack_retries=1, and what the timers add
#define FLOOD	   500

static const json_t *stop(struct e2e_tracer *tracer)
{
	e2e_tracer_stop(tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	return e2e_tracer_events(tracer);
}

static void syncookie_is_no_half_open_handshake(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events, *done;

	e2e_netns_sysctl("ipv4/tcp_syncookies", "2");
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	/* an emulated machine takes its time over what a program does for the first time */
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_close(&pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_sleep_ms(ANSWER_MS);
	events = stop(tracer);

	e2e_assert_path(events, pair.server_conn, "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED");
	done = e2e_events_one(events, "{s:s, s:s, s:s}", "event", "state", "conn", pair.server_conn,
			      "to", "ESTABLISHED");
	e2e_assert_has(done, "{s:s}", "handshake", "syncookie");
	e2e_assert_has(
		e2e_events_one(events, "{s:s, s:s}", "event", "close", "conn", pair.server_conn),
		"{s:s, s:n, s:i}", "handshake", "syncookie", "handshake_us", "gaps", 0);
	e2e_assert_flags(events, pair.server_conn, "");
}

/// Begins to connect again and again, and gives up once all SYNs are out.
static int64_t run_flood(const struct e2e_job *job)
{
	static int fds[FLOOD];

	for (int i = 0; i < FLOOD; i++) {
		fds[i] = e2e_sock_begin_connect(&job->from, &job->to, 0);
		if (fds[i] < 0)
			return fds[i];
	}
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
	return 0;
}

static void flood(struct e2e *e2e)
{
	struct e2e_actor *server = e2e_actor_start(e2e, &e2e->home, "ct-server");
	struct e2e_actor *client = e2e_actor_start(e2e, &e2e->home, "ct-client");

	e2e_actor_listen_with(server, "127.0.0.1", e2e_port(0),
			      &(struct e2e_listen){.backlog = 4096});
	e2e_actor_run(client, &(struct e2e_job){.run = run_flood, .to = e2e_loopback(e2e_port(0))});
}

static bool is_half_open_life(const json_t *event)
{
	return !strcmp(e2e_event_text(event, "event"), "close") &&
	       e2e_event_number(event, "lport") == e2e_port(0) &&
	       !strcmp(e2e_event_text(event, "role"), "passive");
}

static void syn_flood_is_told_and_ends(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	const json_t *events;
	size_t index, lives = 0;
	json_t *event;

	e2e_netns_sysctl("ipv4/tcp_synack_retries", "1");
	e2e_netns_sysctl("ipv4/tcp_syncookies", "0");
	e2e_netns_sysctl("ipv4/tcp_max_syn_backlog", "4096");
	e2e_netns_drop(&e2e->home, "tcp flags & (syn|ack) == (syn|ack)");
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	flood(e2e);
	e2e_sleep_ms(TIMEOUT_MS);
	events = stop(tracer);

	json_array_foreach((json_t *)events, index, event)
	{
		if (!is_half_open_life(event))
			continue;
		lives++;
		e2e_assert_has(event, "{s:s, s:s}", "end", "timeout", "comm", "ct-server");
		e2e_assert_history(event, "SYN_RECV");
		e2e_assert_life_flags(event, "half-open retransmit timeout");
	}
	assert_int_equal(lives, FLOOD);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(syncookie_is_no_half_open_handshake),
	E2E_TEST(syn_flood_is_told_and_ends),
};

E2E_MAIN("syn_flood", tests)
