// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that the doctor finds what no event tells of: connections that hung before he came, and
// what this host itself does not let out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "support/attempt.h"
#include "support/doctor.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define TRIES		  3 /// as many in a row are no accident
#define KEEPALIVES	  50
#define SECOND_NS	  1000000000LL
#define STALL_MS	  6500
#define MORE_THAN_BUFFERS (32 * 1024 * 1024)
#define BUFFER		  "4096 1048576 1048576" /// of the receiver, see e2e_window.c

static void connect_far(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_add_far(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), pair);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, 100, 100);
}

/// The client sends what does not come there, and so often again.
static void send_in_vain(struct e2e *e2e, struct e2e_pair *pair, unsigned times)
{
	e2e_actor_send(pair->client, pair->client_fd, 100);
	e2e_ss_wait_retransmits(&e2e->home, pair->client_conn, times);
}

/// It has come, and the answer acknowledges it.
static void answer(struct e2e_pair *pair)
{
	e2e_actor_receive(pair->server, pair->server_fd, 100);
	e2e_actor_send(pair->server, pair->server_fd, 100);
	e2e_actor_receive(pair->client, pair->client_fd, 100);
}

static void lose_route(struct e2e *e2e)
{
	e2e_netns_shell(&e2e->home, "ip route add blackhole %s", E2E_FAR_HOST);
}

static void find_route(struct e2e *e2e)
{
	e2e_netns_shell(&e2e->home, "ip route del blackhole %s", E2E_FAR_HOST);
}

/// Nothing happens while he watches; the kernel has counted what happened before.
static void hang_that_began_before_is_found(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding, *evidence;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port));
	send_in_vain(e2e, &pair, TRIES + 1);
	finding = e2e_doctor_only_finding(e2e_doctor_start(e2e), "dead-peer-hang");

	e2e_assert_has(finding, "{s:s, s:[s]}", "severity", "crit", "connections",
		       pair.client_conn);
	evidence = json_object_get(finding, "evidence");
	assert_true(e2e_event_number(evidence, "timeouts_in_a_row") > TRIES);
	assert_true(e2e_event_number(evidence, "unanswered_ns") > 0);
	e2e_assert_has(evidence, "{s:i}", "opened_before_trace", 1);
}

/// Keepalive asks, and has been asking in vain.
static void peer_that_was_gone_before_is_found(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port));
	e2e_actor_set_keepalive(pair.client, pair.client_fd);
	e2e_actor_set(pair.client, pair.client_fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVES);
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, TRIES);
	finding = e2e_doctor_only_finding(e2e_doctor_start(e2e), "half-open-ghost");

	e2e_assert_has(finding, "{s:s, s:[s]}", "severity", "warn", "connections",
		       pair.client_conn);
	assert_true(e2e_event_number(json_object_get(finding, "evidence"), "unanswered_in_a_row") >=
		    TRIES);
}

/// Its window was closed for longer than in any transfer that goes on.
static void reader_who_had_stopped_before_is_found(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding;
	struct e2e_pair pair;

	e2e_netns_sysctl("ipv4/tcp_rmem", BUFFER);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_actor_begin_send(pair.client, pair.client_fd, MORE_THAN_BUFFERS);
	e2e_sleep_ms(e2e_is_guest() ? 2 * STALL_MS : STALL_MS);
	finding = e2e_doctor_only_finding(e2e_doctor_start(e2e), "zero-window-stall");

	e2e_assert_has(json_object_get(finding, "culprit"), "{s:i}", "pid", pair.server->pid);
	assert_true(e2e_event_number(json_object_get(finding, "evidence"),
				     "longest_stall_at_least_ns") >= 5 * SECOND_NS);
}

/// Before it was looked at, all has come.
static void hang_that_is_over_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port));
	send_in_vain(e2e, &pair, TRIES + 1);
	doctor = e2e_doctor_start_counting(e2e);
	e2e_netns_undrop(&e2e->far);
	answer(&pair);
	e2e_doctor_assert_innocent(e2e, doctor, 2);
}

static void assert_blocked(const json_t *finding, const char *conn, int room)
{
	const json_t *evidence = json_object_get(finding, "evidence");

	e2e_assert_has(finding, "{s:s, s:s, s:[s]}", "severity", room ? "crit" : "warn",
		       "confidence", room ? "high" : "medium", "connections", conn);
	assert_true(e2e_event_number(evidence, "tries_in_a_row") >= TRIES);
	assert_true(e2e_event_number(evidence, "blocked_ns") > 0);
	e2e_assert_has(evidence, "{s:i}", "window_has_room", room);
}

static void route_that_is_gone_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	doctor = e2e_doctor_start(e2e);
	lose_route(e2e);
	send_in_vain(e2e, &pair, TRIES);
	assert_blocked(e2e_doctor_only_finding(doctor, "send-blocked"), pair.client_conn, 1);
}

static void link_that_went_down_before_is_found(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	e2e_netns_shell(&e2e->home, "ip -o link show type veth | cut -d: -f2 | cut -d@ -f1 | "
				    "xargs -I{} ip link set {} down");
	send_in_vain(e2e, &pair, TRIES);
	finding = e2e_doctor_only_finding(e2e_doctor_start(e2e), "send-blocked");
	assert_blocked(finding, pair.client_conn, 1);
	e2e_assert_has(json_object_get(finding, "evidence"), "{s:i}", "opened_before_trace", 1);
}

/// What was sent once is on its way for all that the kernel knows; it cannot be sent again.
static void own_firewall_is_found_behind_what_was_sent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	e2e_netns_slow_down(&e2e->home, "main", "10.99.0.0/24");
	doctor = e2e_doctor_start(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &pair);
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port));
	e2e_actor_send(pair.client, pair.client_fd, 100);
	e2e_netns_forbid_out(&e2e->home, pair.port, "drop");
	if (e2e_ss_retransmits(&e2e->home, pair.client_conn))
		e2e_again("it was sent again before that was forbidden");
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, TRIES);
	assert_blocked(e2e_doctor_only_finding(doctor, "send-blocked"), pair.client_conn, 0);
}

/// It hung before the doctor came, who sees the kernel try once more and nothing leave.
static void two_looks_find_what_does_not_leave(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	const json_t *finding;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port));
	e2e_actor_send(pair.client, pair.client_fd, 100);
	e2e_netns_forbid_out(&e2e->home, pair.port, "drop");
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, TRIES);
	doctor = e2e_doctor_start(e2e);
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn,
				e2e_ss_retransmits(&e2e->home, pair.client_conn) + 1);
	finding = e2e_doctor_only_finding(doctor, "dead-peer-hang");
	assert_true(e2e_event_number(json_object_get(finding, "evidence"), "last_of_them_unsent") >=
		    1);
	assert_non_null(strstr(e2e_event_text(finding, "remedy"), "or this host does not let it "));
}

static void route_that_is_there_again_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	connect_far(e2e, &pair);
	lose_route(e2e);
	send_in_vain(e2e, &pair, TRIES);
	doctor = e2e_doctor_start_counting(e2e);
	find_route(e2e);
	answer(&pair);
	e2e_doctor_assert_innocent(e2e, doctor, 2);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(hang_that_began_before_is_found),
	E2E_TEST(peer_that_was_gone_before_is_found),
	E2E_TEST(reader_who_had_stopped_before_is_found),
	E2E_TEST(hang_that_is_over_is_innocent),
	E2E_TEST(route_that_is_gone_is_found),
	E2E_TEST(link_that_went_down_before_is_found),
	E2E_TEST(own_firewall_is_found_behind_what_was_sent),
	E2E_TEST(two_looks_find_what_does_not_leave),
	E2E_TEST(route_that_is_there_again_is_innocent),
};

E2E_MAIN("doctor_blocked", tests)
