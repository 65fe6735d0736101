// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a segment sent again is told with what it was and why, and that clean traffic has
// none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS 10000

/// A pair across two namespaces, so that one direction can be cut.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

static void run_listen(struct run *run, struct e2e *e2e)
{
	run->e2e = e2e;
	e2e_add_far(e2e);
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &run->pair);
}

static void run_finish(struct run *run)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->pair.server_conn);
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

static void data_that_is_lost_is_sent_again(void **state)
{
	struct run run;
	const json_t *first;
	size_t retransmits;

	run_listen(&run, *state);
	e2e_pair_connect(&run.pair, E2E_FAR_HOST);
	e2e_pair_exchange(&run.pair, 100, 100);
	e2e_netns_drop(&run.e2e->far, e2e_format(run.e2e, "tcp dport %u", run.pair.port));
	e2e_actor_send(run.pair.client, run.pair.client_fd, 100);
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s, s:s}", "event", "retransmit", "conn",
			      run.pair.client_conn, "kind", "rto");
	e2e_netns_undrop(&run.e2e->far);
	e2e_actor_receive(run.pair.server, run.pair.server_fd, 100);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	first = e2e_events_nth(run.events, 0, "{s:s, s:s}", "event", "retransmit", "conn",
			       run.pair.client_conn);
	assert_non_null(first);
	e2e_assert_has(first, "{s:s, s:s, s:i}", "state", "ESTABLISHED", "segment", "data", "count",
		       1);
	assert_true(e2e_events_count(run.events, "{s:s, s:s, s:s}", "event", "retransmit", "conn",
				     run.pair.client_conn, "kind", "rto") > 0);
	retransmits = e2e_events_count(run.events, "{s:s, s:s}", "event", "retransmit", "conn",
				       run.pair.client_conn);
	e2e_events_one(run.events, "{s:s, s:s, s:I}", "event", "retransmit", "conn",
		       run.pair.client_conn, "count", (json_int_t)retransmits);
	e2e_assert_flags(run.events, run.pair.client_conn, "retransmit");
	e2e_assert_flags(run.events, run.pair.server_conn, "");
}

static void syn_that_is_lost_is_sent_again(void **state)
{
	struct run run;

	run_listen(&run, *state);
	e2e_netns_shell(
		&run.e2e->far,
		"nft 'add table inet ct_e2e; add chain inet ct_e2e in { type filter hook input priority 0; }; "
		"add rule inet ct_e2e in tcp flags syn limit rate over 1/day burst 1 packets accept; "
		"add rule inet ct_e2e in tcp flags syn drop'");
	e2e_pair_connect(&run.pair, E2E_FAR_HOST);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s, s:i}", "event", "retransmit", "conn",
		       run.pair.client_conn, "state", "SYN_SENT", "segment", "syn", "count", 1);
	e2e_assert_flags(run.events, run.pair.client_conn, "retransmit");
}

/// The client drops the first SYN-ACK: the server sends it again from the request socket, before
/// there is a child.
static void synack_that_is_lost_is_sent_again(void **state)
{
	struct run run;
	const json_t *synack;

	run_listen(&run, *state);
	e2e_netns_shell(
		&run.e2e->home,
		"nft 'add table inet ct_e2e; add chain inet ct_e2e in { type filter hook input priority 0; }; "
		"add rule inet ct_e2e in tcp flags syn limit rate over 1/day burst 1 packets accept; "
		"add rule inet ct_e2e in tcp flags syn drop'");
	e2e_pair_connect(&run.pair, E2E_FAR_HOST);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	synack = e2e_events_nth(run.events, 0, "{s:s, s:s}", "event", "retransmit", "conn",
				run.pair.server_conn);
	assert_non_null(synack);
	e2e_assert_has(synack, "{s:s, s:s, s:s}", "state", "SYN_RECV", "segment", "synack", "kind",
		       "synack");
	e2e_assert_has(synack, "{s:s, s:i}", "role", "passive", "count", 1);
	e2e_assert_flags(run.events, run.pair.server_conn, "retransmit");
}

/// The peer is gone for good while data is on its way: the life ends by time-out, and by no reset.
static void data_that_nobody_acknowledges_ends_in_a_timeout(void **state)
{
	struct run run;

	run_listen(&run, *state);
	e2e_netns_sysctl("ipv4/tcp_retries2", "2");
	e2e_pair_connect(&run.pair, E2E_FAR_HOST);
	e2e_pair_exchange(&run.pair, 100, 100);
	e2e_netns_drop(&run.e2e->far, e2e_format(run.e2e, "tcp dport %u", run.pair.port));
	e2e_actor_send(run.pair.client, run.pair.client_fd, 100);
	assert_int_equal(e2e_actor_try_receive(run.pair.client, run.pair.client_fd, 1), ETIMEDOUT);
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run.pair.client_conn);
	e2e_tracer_stop(run.tracer, 0);
	run.events = e2e_tracer_events(run.tracer);

	e2e_assert_no_loss(run.events);
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "error", "conn",
		       run.pair.client_conn, "errno", "ETIMEDOUT");
	e2e_events_one(run.events, "{s:s, s:s, s:s}", "event", "close", "conn",
		       run.pair.client_conn, "end", "timeout");
	e2e_assert_flags(run.events, run.pair.client_conn, "retransmit timeout");
	e2e_assert_none(run.events, "{s:s}", "event", "rst");
}

static void clean_traffic_has_no_retransmit(void **state)
{
	struct run run;

	run_listen(&run, *state);
	e2e_pair_connect(&run.pair, E2E_FAR_HOST);
	e2e_pair_exchange(&run.pair, 100000, 100000);
	e2e_pair_close(&run.pair);
	run_finish(&run);

	e2e_assert_none(run.events, "{s:s}", "event", "retransmit");
	e2e_assert_flags(run.events, run.pair.client_conn, "");
	e2e_assert_flags(run.events, run.pair.server_conn, "");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(data_that_is_lost_is_sent_again),
	E2E_TEST(syn_that_is_lost_is_sent_again),
	E2E_TEST(synack_that_is_lost_is_sent_again),
	E2E_TEST(data_that_nobody_acknowledges_ends_in_a_timeout),
	E2E_TEST(clean_traffic_has_no_retransmit),
};

E2E_MAIN("retransmit", tests)
