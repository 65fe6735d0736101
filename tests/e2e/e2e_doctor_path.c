// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that the doctor finds, while they last, peers that do not answer and queues that are full;
// and that what comes nearest to it is innocent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "support/attempt.h"
#include "support/doctor.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define WAIT_MS	  10000
#define POLL_MS	  20
#define SECOND_NS 1000000000LL
#define TIMEOUTS  3 /// as many in a row are a dead peer
#define THIRD_MS \
	6000 /// with e2e_netns_slow_down() the first comes behind a second, the third behind 7
#define RETRIES2	  5
#define GIVES_UP_NS	  12600000000LL /// 0.2 s and five times twice as much as before
#define USER_TIMEOUT_MS	  60000
#define UNANSWERED	  2
#define KEEPALIVES	  50
#define WAITING		  3
#define MORE_THAN_BUFFERS (32 * 1024 * 1024)
#define STALL_MS	  3000	    /// probes 0.2, 0.6 and 1.4 s after the window was closed
#define STALL_NS	  SECOND_NS /// from the first of them to the third at least
#define BUFFER		  "4096 1048576 1048576" /// of the receiver, see e2e_window.c

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/// Client here, server there, and nothing of the client's comes there any more.
static void lose_way(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair->port));
}

static void connect_far(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), pair);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, 100, 100);
}

static void peer_that_acknowledges_nothing_is_found_with_when_it_is_given_up(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding, *evidence;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	e2e_netns_sysctl("ipv4/tcp_retries2", "5");
	doctor = e2e_doctor_start(e2e);
	connect_far(e2e, &pair);
	lose_way(e2e, &pair);
	e2e_actor_send(pair.client, pair.client_fd, 100);
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, TIMEOUTS + 1);
	finding = e2e_doctor_only_finding(doctor, "dead-peer-hang");

	e2e_assert_has(finding, "{s:s, s:s, s:[s]}", "severity", "crit", "confidence", "medium",
		       "connections", pair.client_conn);
	evidence = json_object_get(finding, "evidence");
	assert_true(e2e_event_number(evidence, "timeouts_in_a_row") >= TIMEOUTS);
	e2e_assert_has(evidence, "{s:i, s:i, s:I}", "given_up", 0, "tcp_retries2", RETRIES2,
		       "gives_up_after_ns", (json_int_t)GIVES_UP_NS);
}

/// Here TCP_USER_TIMEOUT decides, and not tcp_retries2.
static void peer_that_acknowledges_nothing_is_found_with_the_time_out_that_is_set(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding, *evidence;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start(e2e);
	connect_far(e2e, &pair);
	e2e_actor_set(pair.client, pair.client_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	lose_way(e2e, &pair);
	e2e_actor_send(pair.client, pair.client_fd, 100);
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, TIMEOUTS + 1);
	finding = e2e_doctor_only_finding(doctor, "dead-peer-hang");

	e2e_assert_has(finding, "{s:s}", "remedy",
		       "the peer or the way to it is gone; TCP_USER_TIMEOUT of 1m00s is set: the "
		       "kernel gives up then");
	evidence = json_object_get(finding, "evidence");
	e2e_assert_has(evidence, "{s:i, s:I}", "with_user_timeout", 1, "user_timeout_ns",
		       (json_int_t)USER_TIMEOUT_MS * 1000000);
	assert_null(json_object_get(evidence, "gives_up_after_ns"));
}

/// Two time-outs at most, and then all of it comes.
static void peer_that_acknowledges_late_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;
	long long sent_ns;

	e2e_add_far(e2e);
	e2e_netns_slow_down(&e2e->home, "main", "10.99.0.0/24");
	doctor = e2e_doctor_start_counting(e2e);
	connect_far(e2e, &pair);
	lose_way(e2e, &pair);
	sent_ns = now_ns();
	e2e_actor_send(pair.client, pair.client_fd, 100);
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, 1);
	e2e_netns_undrop(&e2e->far);
	if (now_ns() - sent_ns > THIRD_MS * 1000000LL)
		e2e_again("it was sent again more than twice");
	e2e_actor_receive(pair.server, pair.server_fd, 100);
	e2e_doctor_assert_innocent(e2e, doctor, 2);
}

/// Alive, and asks every second whether its peer is.
static void keep_alive(struct e2e_pair *pair)
{
	e2e_actor_set_keepalive(pair->client, pair->client_fd);
	e2e_actor_set(pair->client, pair->client_fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVES);
}

static void keepalive_that_nobody_answers_is_found_before_it_gives_up(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding, *evidence;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start(e2e);
	connect_far(e2e, &pair);
	keep_alive(&pair);
	lose_way(e2e, &pair);
	e2e_ss_wait_retransmits(&e2e->home, pair.client_conn, UNANSWERED + 1);
	finding = e2e_doctor_only_finding(doctor, "half-open-ghost");

	e2e_assert_has(finding, "{s:s, s:s, s:[s], s:s}", "severity", "warn", "confidence",
		       "medium", "connections", pair.client_conn, "confirm",
		       e2e_format(e2e, "ss -tanpo 'dst %s:%u'", E2E_FAR_HOST, pair.port));
	evidence = json_object_get(finding, "evidence");
	assert_true(e2e_event_number(evidence, "unanswered_in_a_row") >= UNANSWERED);
	e2e_assert_has(evidence, "{s:i}", "died", 0);
	e2e_netns_shell(&e2e->home, "%s | grep -q keepalive", e2e_event_text(finding, "confirm"));
}

static void keepalive_that_is_answered_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *watch, *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	watch = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	doctor = e2e_doctor_start_counting(e2e);
	connect_far(e2e, &pair);
	keep_alive(&pair);
	assert_true(e2e_tracer_wait_event(watch, WAIT_MS, "{s:s, s:s, s:b}", "event", "keepalive",
					  "conn", pair.client_conn, "answered", 1));
	e2e_doctor_assert_innocent(e2e, doctor, 2);
	e2e_tracer_stop(watch, 0);
	assert_true(e2e_events_count(e2e_tracer_events(watch), "{s:s, s:s, s:s}", "event",
				     "keepalive", "conn", pair.client_conn, "direction",
				     "sent") >= UNANSWERED);
}

/// Its SYN was sent again; the descriptor goes to pair->client_fd.
static void ask_in_vain(struct e2e *e2e, struct e2e_pair *pair, const char *host)
{
	struct e2e_addr to = {.port = pair->port};

	snprintf(to.host, sizeof(to.host), "%s", host);
	pair->client_fd = e2e_actor_begin_connect(pair->client, NULL, &to);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	e2e_ss_wait_retransmits(&e2e->home, pair->client_conn, 1);
}

static void syn_that_nobody_answers_is_found(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding, *evidence;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &pair);
	lose_way(e2e, &pair);
	ask_in_vain(e2e, &pair, E2E_FAR_HOST);
	finding = e2e_doctor_only_finding(doctor, "syn-unanswered");

	e2e_assert_has(finding, "{s:s, s:[s]}", "confidence", "high", "connections",
		       pair.client_conn);
	evidence = json_object_get(finding, "evidence");
	assert_true(e2e_event_number(evidence, "syns_sent_again") >= 1);
	e2e_assert_has(evidence, "{s:i}", "still_waiting", 1);
	e2e_netns_shell(&e2e->home, "%s | grep -q :%u", e2e_event_text(finding, "confirm"),
			pair.port);
}

static void syn_that_is_answered_in_the_end_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start_counting(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &pair);
	lose_way(e2e, &pair);
	ask_in_vain(e2e, &pair, E2E_FAR_HOST);
	e2e_netns_undrop(&e2e->far);
	assert_int_equal(e2e_actor_finish_connect(pair.client, pair.client_fd), 0);
	e2e_actor_accept(pair.server, pair.listen_fd);
	e2e_doctor_assert_innocent(e2e, doctor, 2);
}

/// A server that never accepts, and two of the clients that its queue has to hold.
static void listen_and_rest(struct e2e *e2e, struct e2e_pair *pair, int backlog)
{
	*pair = (struct e2e_pair){.server = e2e_actor_start(e2e, &e2e->home, "ct-server"),
				  .client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				  .port = e2e_port(0)};
	pair->listen_fd = e2e_actor_listen_with(pair->server, "127.0.0.1", pair->port,
						&(struct e2e_listen){.backlog = backlog});
	for (int i = 0; i < WAITING - 1; i++)
		e2e_actor_connect(pair->client, "127.0.0.1", pair->port);
}

/// There is no handshake that would tell of it: the kernel makes nothing of the SYN.
static void listener_that_accepts_nobody_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = e2e_doctor_start(e2e);
	const json_t *findings, *overflow;
	struct e2e_pair pair;

	listen_and_rest(e2e, &pair, 1);
	ask_in_vain(e2e, &pair, "127.0.0.1");
	findings = e2e_doctor_findings(doctor);

	assert_int_equal(json_array_size(findings), 2);
	e2e_events_one(findings, "{s:s, s:s}", "id", "syn-unanswered", "confidence", "medium");
	overflow = e2e_events_one(findings, "{s:s}", "id", "accept-overflow");
	e2e_assert_has(overflow, "{s:s, s:s, s:i}", "severity", "crit", "confidence", "high",
		       "count", WAITING - 1);
	e2e_assert_has(json_object_get(overflow, "culprit"), "{s:i, s:s}", "pid", pair.server->pid,
		       "comm", "ct-server");
	e2e_assert_has(json_object_get(overflow, "evidence"), "{s:i, s:i, s:i}",
		       "handshakes_without_room", 0, "backlog", WAITING - 1, "backlog_max", 1);
	assert_true(e2e_event_number(json_object_get(overflow, "evidence"), "syns_sent_again") > 0);
	e2e_netns_shell(&e2e->home, "%s | grep -q 'LISTEN *2 *1 '",
			e2e_event_text(overflow, "confirm"));
}

/// Full before anybody looked.
static void listener_that_was_full_before_is_found_at_once(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;

	listen_and_rest(e2e, &pair, 1);
	e2e_assert_has(e2e_doctor_only_finding(e2e_doctor_start(e2e), "accept-overflow"),
		       "{s:s, s:s, s:i}", "severity", "warn", "confidence", "medium", "count",
		       WAITING - 1);
}

/// Another address of the port, at which nobody listens, and a filter that drops what comes there.
static void full_listener_that_was_not_asked_is_not_blamed(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = e2e_doctor_start(e2e);
	const json_t *findings, *overflow;
	struct e2e_pair pair;

	listen_and_rest(e2e, &pair, 1);
	e2e_netns_drop(&e2e->home, e2e_format(e2e, "ip daddr 127.0.0.2 tcp dport %u", pair.port));
	ask_in_vain(e2e, &pair, "127.0.0.2");
	findings = e2e_doctor_findings(doctor);

	assert_int_equal(json_array_size(findings), 2);
	e2e_events_one(findings, "{s:s, s:s}", "id", "syn-unanswered", "confidence", "high");
	overflow = e2e_events_one(findings, "{s:s}", "id", "accept-overflow");
	e2e_assert_has(overflow, "{s:s, s:s, s:i}", "severity", "warn", "confidence", "medium",
		       "count", WAITING - 1);
	assert_null(json_object_get(json_object_get(overflow, "evidence"), "syns_sent_again"));
}

/// As many wait, and nobody accepts them either.
static void listener_with_room_for_all_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = e2e_doctor_start_counting(e2e);
	struct e2e_pair pair;

	listen_and_rest(e2e, &pair, WAITING);
	e2e_actor_connect(pair.client, "127.0.0.1", pair.port);
	e2e_doctor_assert_innocent(e2e, doctor, 2 * WAITING);
}

static void connect_to_small_buffer(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_netns_sysctl("ipv4/tcp_rmem", BUFFER);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), pair);
	e2e_pair_connect(pair, "127.0.0.1");
}

static void reader_who_does_not_read_is_found_and_for_how_long(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = e2e_doctor_start(e2e);
	const json_t *finding, *evidence;
	struct e2e_pair pair;
	long long began_ns;

	connect_to_small_buffer(e2e, &pair);
	began_ns = now_ns();
	e2e_actor_begin_send(pair.client, pair.client_fd, MORE_THAN_BUFFERS);
	e2e_sleep_ms(e2e_is_guest() ? 2 * STALL_MS : STALL_MS);
	finding = e2e_doctor_only_finding(doctor, "zero-window-stall");

	e2e_assert_has(finding, "{s:s, s:[s]}", "severity", "warn", "connections",
		       pair.client_conn);
	/* who waits is not who reads too slowly */
	assert_non_null(strstr(e2e_event_text(finding, "summary"),
			       e2e_format(e2e,
					  "ct-server[%d] reads too slowly at 127.0.0.1:%u what "
					  "ct-client[%d] sends: ",
					  pair.server->pid, pair.port, pair.client->pid)));
	e2e_assert_has(json_object_get(finding, "culprit"), "{s:i, s:s, s:n}", "pid",
		       pair.server->pid, "comm", "ct-server", "address");
	evidence = json_object_get(finding, "evidence");
	assert_true(e2e_event_number(evidence, "most_in_one_stall") >= 3);
	assert_in_range(e2e_event_number(evidence, "longest_stall_at_least_ns"), STALL_NS,
			now_ns() - began_ns);
	e2e_actor_receive(pair.server, pair.server_fd, MORE_THAN_BUFFERS);
	e2e_actor_finish(pair.client);
}

/// Its end is seen as well, but addresses alone do not tell whose it is in another namespace.
static void reader_in_another_namespace_is_said_not_to_be_known(void **state)
{
	struct e2e *e2e = *state;
	const json_t *finding, *culprit;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &pair);
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_actor_begin_send(pair.client, pair.client_fd, MORE_THAN_BUFFERS);
	e2e_sleep_ms(e2e_is_guest() ? 2 * STALL_MS : STALL_MS);
	finding = e2e_doctor_only_finding(doctor, "zero-window-stall");
	culprit = json_object_get(finding, "culprit");

	assert_non_null(strstr(e2e_event_text(finding, "summary"),
			       "; which process reads there is not known"));
	e2e_assert_has(culprit, "{s:i, s:s, s:i}", "pid", pair.client->pid, "address", E2E_FAR_HOST,
		       "port", pair.port);
	e2e_actor_receive(pair.server, pair.server_fd, MORE_THAN_BUFFERS);
	e2e_actor_finish(pair.client);
}

/// The window was closed, and probed; behind the first probe everything is read.
static void reader_who_pauses_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *watch = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_tracer *doctor = e2e_doctor_start_counting(e2e);
	struct e2e_pair pair;
	long long began_ns;

	e2e_netns_slow_down(&e2e->home, "local", "127.0.0.1");
	connect_to_small_buffer(e2e, &pair);
	began_ns = now_ns();
	e2e_actor_begin_send(pair.client, pair.client_fd, MORE_THAN_BUFFERS);
	assert_true(e2e_tracer_wait_event(watch, WAIT_MS, "{s:s, s:s, s:s}", "event",
					  "window_probe", "conn", pair.client_conn, "direction",
					  "sent"));
	if (now_ns() - began_ns > THIRD_MS * 1000000LL)
		e2e_again("the window was closed for too long");
	e2e_actor_receive(pair.server, pair.server_fd, MORE_THAN_BUFFERS);
	e2e_actor_finish(pair.client);
	e2e_doctor_assert_innocent(e2e, doctor, 2);
	e2e_tracer_stop(watch, 0);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(peer_that_acknowledges_nothing_is_found_with_when_it_is_given_up),
	E2E_TEST(peer_that_acknowledges_nothing_is_found_with_the_time_out_that_is_set),
	E2E_TEST(peer_that_acknowledges_late_is_innocent),
	E2E_TEST(keepalive_that_nobody_answers_is_found_before_it_gives_up),
	E2E_TEST(keepalive_that_is_answered_is_innocent),
	E2E_TEST(syn_that_nobody_answers_is_found),
	E2E_TEST(syn_that_is_answered_in_the_end_is_innocent),
	E2E_TEST(listener_that_accepts_nobody_is_found),
	E2E_TEST(listener_that_was_full_before_is_found_at_once),
	E2E_TEST(full_listener_that_was_not_asked_is_not_blamed),
	E2E_TEST(listener_with_room_for_all_is_innocent),
	E2E_TEST(reader_who_does_not_read_is_found_and_for_how_long),
	E2E_TEST(reader_in_another_namespace_is_said_not_to_be_known),
	E2E_TEST(reader_who_pauses_is_innocent),
};

E2E_MAIN("doctor_path", tests)
