// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a reader who does not read is told by window probes, and that these are no keepalive
// probes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/netns.h"
#include "support/pair.h"

#define WAIT_MS		  10000
#define MORE_THAN_BUFFERS (32 * 1024 * 1024)
#define STALL_MS	  1500
#define LONG_STALL_MS	  3000 /// probes 0.2, 0.6 and 1.4 s after the window was closed
#define SETTLE_MS	  500

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

/// The sender's finding in what was recorded; NULL: there is none.
static const json_t *stall_of(const json_t *findings)
{
	size_t index;
	json_t *finding;

	json_array_foreach((json_t *)findings, index,
			   finding) if (!strcmp(e2e_event_text(finding, "event"), "finding") &&
					!strcmp(e2e_event_text(finding, "id"),
						"zero-window-stall")) return finding;
	return NULL;
}

static void stall_that_is_over_is_not_counted_with_the_next_one(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "x.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P",
					      e2e_port_text(e2e, 0));
	long long in_all, in_one;
	const json_t *evidence;
	struct e2e_pair pair;
	json_t *findings;

	e2e_netns_sysctl("ipv4/tcp_rmem", BUFFER);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	for (int stall = 0; stall < 2; stall++) {
		e2e_actor_begin_send(pair.client, pair.client_fd, MORE_THAN_BUFFERS);
		e2e_sleep_ms(e2e_is_guest() ? 2 * LONG_STALL_MS : LONG_STALL_MS);
		e2e_actor_receive(pair.server, pair.server_fd, MORE_THAN_BUFFERS);
		e2e_actor_finish(pair.client);
	}
	e2e_pair_close(&pair);
	e2e_sleep_ms(SETTLE_MS);
	e2e_tracer_stop(tracer, 0);
	findings = E2E_CONNTRACE_JSON("doctor", "--json", recording);

	evidence = json_object_get(stall_of(findings), "evidence");
	assert_non_null(evidence);
	in_all = e2e_event_number(evidence, "window_probes");
	in_one = e2e_event_number(evidence, "most_in_one_stall");
	assert_true(e2e_event_number(evidence, "stalls") >= 2);
	assert_true(in_one >= 3);
	assert_true(in_one < in_all);
	json_decref(findings);
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
	E2E_TEST(stall_that_is_over_is_not_counted_with_the_next_one),
	E2E_TEST(slow_reader_with_an_open_window_is_not_probed),
};

E2E_MAIN("window", tests)
