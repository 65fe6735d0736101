// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a reader who does not read is told by window probes, and that these are no keepalive
// probes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/netns.h"
#include "support/pair.h"

#define WAIT_MS		  10000
#define MORE_THAN_BUFFERS (32 * 1024 * 1024)
#define STALL_MS	  1500

/// Of the receiver, in bytes. With the default Linux 6.18 may drop what fits into the window that
/// it has told, rather than queue it and close the window (tcp_can_ingest() in
/// net/ipv4/tcp_input.c).
#define BUFFER "4096 1048576 1048576"

static void closed_window_is_probed_until_it_opens(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	const json_t *events;

	e2e_netns_sysctl("ipv4/tcp_rmem", BUFFER);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_actor_begin_send(pair.client, pair.client_fd, MORE_THAN_BUFFERS);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s, s:b}", "event", "window_probe", "conn",
			      pair.client_conn, "answered", 1);
	e2e_actor_receive(pair.server, pair.server_fd, MORE_THAN_BUFFERS);
	e2e_actor_finish(pair.client);
	e2e_pair_close(&pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair.server_conn);
	e2e_tracer_stop(tracer, 0);
	events = e2e_tracer_events(tracer);

	e2e_assert_no_loss(events);
	assert_true(e2e_events_count(events, "{s:s, s:s, s:s}", "event", "window_probe", "conn",
				     pair.client_conn, "direction", "sent") > 0);
	e2e_assert_none(events, "{s:s, s:b}", "event", "window_probe", "dead", 1);
	e2e_assert_none(events, "{s:s}", "event", "keepalive");
	e2e_assert_flag(events, pair.client_conn, "zero-window");
	assert_true(e2e_events_count(events, "{s:s, s:s, s:s}", "event", "window_probe", "conn",
				     pair.server_conn, "direction", "received") > 0);
	assert_true(e2e_events_count(events, "{s:s, s:s, s:b}", "event", "window_probe", "conn",
				     pair.client_conn, "answered", 1) > 0);
}

static void slow_reader_with_an_open_window_is_not_probed(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_actor_send(pair.client, pair.client_fd, 10000);
	e2e_sleep_ms(STALL_MS);
	e2e_actor_receive(pair.server, pair.server_fd, 10000);
	e2e_pair_close(&pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair.server_conn);
	e2e_tracer_stop(tracer, 0);

	e2e_assert_no_loss(e2e_tracer_events(tracer));
	e2e_assert_none(e2e_tracer_events(tracer), "{s:s}", "event", "window_probe");
	e2e_assert_flags(e2e_tracer_events(tracer), pair.client_conn, "");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(closed_window_is_probed_until_it_opens),
	E2E_TEST(slow_reader_with_an_open_window_is_not_probed),
};

E2E_MAIN("window", tests)
