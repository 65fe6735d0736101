// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a FIN which nobody acknowledges is found, in each state in which it is waited for; and
// that one which waits as long behind data, because the peer reads nothing, is not. And of
// CLOSE_WAIT what nobody has accepted, and what is of use, and so is no leak; of FIN_WAIT2 whose
// peer has nothing to say and does not close, and not whose peer still answers. And not of
// TIME_WAIT whose ports connect() takes again.
#include <setjmp.h>
#include <stdarg.h>
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

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define LIMIT_MS  10000
#define POLL_MS	  50
#define AGAIN	  4   /// so often a FIN is sent again within the 3 s that the doctor asks for
#define STUCK_MS  400 /// behind the last of them, and before the next one
#define ANSWERED  2
#define STALL_MS  3500 /// three probes and more, and 3 s in the state
#define LEAKED	  3
#define LEAK_MS	  5500
#define ANSWER_MS 500
#define MINUTE_MS 61000
#define PORTS	  100
#define AT_A_TIME (PORTS / 10) /// in TIME_WAIT, from so many on it is pressure
#define WAITING	  (2 * AT_A_TIME)
#define APART_MS  200 /// of a second there are half of them
#define PORT_SET  "40000 40099"
#define BUFFER	  "4096 1048576 1048576" /// as in e2e_window.c

/// What brings an end into a state, and lets it wait there.
struct closing {
	const char *finding; /// NULL: none
	const char *state;   /// as conntrace spells it
	const char *in_ss;
	void (*play)(const struct closing *closing, struct e2e_pair *pair);
	bool by_server;
};

/// What goes to the server ("dport") or comes from it ("sport").
static void drop(const struct e2e_pair *pair, const char *side)
{
	char match[40];

	snprintf(match, sizeof(match), "tcp %s %u", side, pair->port);
	e2e_netns_drop(&pair->server->e2e->home, match);
}

/// The socket is gone without a word, as with a host that has crashed.
static void cut(struct e2e_actor *actor, int fd)
{
	e2e_actor_set(actor, fd, IPPROTO_TCP, TCP_REPAIR, 1);
	e2e_actor_close(actor, fd);
}

static void connect_and_talk(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_exchange(pair, 100, 100);
}

static const char *conn_of(const struct closing *closing, const struct e2e_pair *pair)
{
	return closing->by_server ? pair->server_conn : pair->client_conn;
}

static void wait_sent_again(const struct closing *closing, const struct e2e_pair *pair,
			    unsigned times)
{
	const struct e2e_netns *home = &pair->server->e2e->home;

	for (int ms = 0; ms < LIMIT_MS; ms += POLL_MS) {
		if (e2e_ss_retransmits(home, conn_of(closing, pair)) >= times)
			return;
		e2e_sleep_ms(POLL_MS);
	}
	fail_msg("its FIN was not sent again %u times", times);
}

/// The client's FIN gets lost on its way.
static void enter_fin_wait1(const struct closing *closing, struct e2e_pair *pair)
{
	(void)closing;
	connect_and_talk(pair);
	drop(pair, "dport");
	e2e_actor_close(pair->client, pair->client_fd);
}

/// The server has read the client's FIN, and its own gets lost.
static void enter_last_ack(const struct closing *closing, struct e2e_pair *pair)
{
	(void)closing;
	connect_and_talk(pair);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	/* its acknowledgement may be delayed */
	e2e_ss_wait_none(&pair->server->e2e->home, "state fin-wait-1 dport = :%u", pair->port);
	drop(pair, "sport");
	e2e_actor_close(pair->server, pair->server_fd);
}

/// The client's FIN gets lost; the server's comes, and then there is no server any more.
static void enter_closing(const struct closing *closing, struct e2e_pair *pair)
{
	(void)closing;
	connect_and_talk(pair);
	drop(pair, "dport");
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_shutdown(pair->server, pair->server_fd, SHUT_WR);
	cut(pair->server, pair->server_fd);
}

static struct e2e_tracer *watch(struct e2e *e2e, const char *format)
{
	return E2E_TRACE(e2e, "doctor", "-o", format, "--duration", "1h", "-P",
			 e2e_port_text(e2e, 0), "--netns", e2e_format(e2e, "%lu", e2e->home.inum));
}

/// What an ended doctor has found is this and nothing else.
static const json_t *assert_found(struct e2e_tracer *doctor, const char *id)
{
	const json_t *events = e2e_tracer_events(doctor);

	for (size_t i = 0; i < json_array_size(events); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(events, i), "id"),
			      e2e_event_text(json_array_get(events, i), "summary"));
	assert_int_equal(json_array_size(events), 1);
	return e2e_events_one(events, "{s:s, s:s}", "event", "finding", "id", id);
}

/// Nothing is wrong with so many that it has seen, each end by itself.
static void assert_innocent(struct e2e *e2e, const struct e2e_tracer *doctor, int connections)
{
	const char *want = e2e_format(e2e, "nothing found, %d connections seen in ", connections);
	size_t bytes;
	char *told = e2e_file_read(doctor->out_path, &bytes);

	if (strncmp(told, want, strlen(want)) != 0)
		fail_msg("not \"%s\": %s", want, told);
	free(told);
}

static void fin_that_nobody_acknowledges_is_found(void **state)
{
	const struct e2e_netns host = {.fd = e2e_netns_host_fd()};
	struct e2e *e2e = *state;
	const struct closing *closing = e2e->argument;
	struct e2e_tracer *doctor = watch(e2e, "json");
	const json_t *finding;
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	closing->play(closing, &pair);
	wait_sent_again(closing, &pair, AGAIN);
	e2e_sleep_ms(STUCK_MS);
	e2e_tracer_stop(doctor, 0);
	finding = assert_found(doctor, closing->finding);
	e2e_assert_has(finding, "{s:s, s:s, s:i, s:[s]}", "severity", "warn", "confidence", "high",
		       "count", 1, "connections", conn_of(closing, &pair));
	assert_non_null(strstr(e2e_event_text(finding, "summary"), closing->state));
	e2e_netns_shell(&host, "%s | grep -q :%u", e2e_event_text(finding, "confirm"),
			pair.client_port);
}

/// It was sent again as well.
static void fin_that_is_acknowledged_late_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	const struct closing *closing = e2e->argument;
	struct e2e_tracer *doctor = watch(e2e, "table");
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	closing->play(closing, &pair);
	wait_sent_again(closing, &pair, ANSWERED);
	e2e_netns_undrop(&e2e->home);
	e2e_ss_wait_none(&e2e->home, "state %s", closing->in_ss);
	e2e_tracer_stop(doctor, 0);
	assert_innocent(e2e, doctor, 2);
}

/// All that there is room for, at the peer and here.
static int64_t run_fill(const struct e2e_job *job)
{
	static const char block[4096];
	ssize_t sent;

	do
		sent = send(job->fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent > 0);
	return errno == EAGAIN ? 0 : -errno;
}

/// The FIN has to wait behind what the peer has no room for.
static void fill_and_half_close(struct e2e_actor *actor, int fd)
{
	e2e_actor_run(actor, &(struct e2e_job){.run = run_fill, .fd = fd});
	e2e_actor_shutdown(actor, fd, SHUT_WR);
}

static void stay_in_fin_wait1(const struct closing *closing, struct e2e_pair *pair)
{
	(void)closing;
	connect_and_talk(pair);
	fill_and_half_close(pair->client, pair->client_fd);
}

static void stay_in_last_ack(const struct closing *closing, struct e2e_pair *pair)
{
	(void)closing;
	connect_and_talk(pair);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	fill_and_half_close(pair->server, pair->server_fd);
}

static void stay_in_closing(const struct closing *closing, struct e2e_pair *pair)
{
	(void)closing;
	connect_and_talk(pair);
	fill_and_half_close(pair->client, pair->client_fd);
	e2e_actor_shutdown(pair->server, pair->server_fd, SHUT_WR);
}

/// It is the peer's window that is closed, and its process that is slow. That is told, and no more.
static void fin_behind_a_closed_window_is_no_fin_that_is_lost(void **state)
{
	struct e2e *e2e = *state;
	const struct closing *closing = e2e->argument;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_netns_sysctl("ipv4/tcp_rmem", BUFFER);
	doctor = watch(e2e, "json");
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	closing->play(closing, &pair);
	e2e_sleep_ms(STALL_MS);
	assert_string_equal(e2e_ss_conn(e2e, &e2e->home, closing->state,
					closing->by_server ? pair.port : pair.client_port,
					closing->by_server ? pair.client_port : pair.port),
			    conn_of(closing, &pair));
	e2e_tracer_stop(doctor, 0);
	assert_found(doctor, "zero-window-stall");
}

/// They stay in CLOSE_WAIT for long enough, and are of use: their answers are under way.
static void answer_half_closed(struct e2e_pair *pair)
{
	int server_fds[LEAKED], client_fds[LEAKED];

	for (int i = 0; i < LEAKED; i++) {
		connect_and_talk(pair);
		e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
		e2e_actor_receive_fin(pair->server, pair->server_fd);
		server_fds[i] = pair->server_fd;
		client_fds[i] = pair->client_fd;
	}
	for (int ms = 0; ms <= LEAK_MS; ms += ANSWER_MS) {
		e2e_sleep_ms(ANSWER_MS);
		for (int i = 0; i < LEAKED; i++) {
			e2e_actor_send(pair->server, server_fds[i], 1000);
			e2e_actor_receive(pair->client, client_fds[i], 1000);
		}
	}
}

static void answer_to_half_closed_clients_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = watch(e2e, "table");
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	answer_half_closed(&pair);
	e2e_tracer_stop(doctor, 0);
	assert_innocent(e2e, doctor, 2 * LEAKED);
}

/// Clients that ask and go, of whom the server takes no notice.
static void leave_unaccepted(struct e2e_pair *pair)
{
	for (int i = 0; i < LEAKED; i++) {
		int fd = e2e_actor_connect(pair->client, "127.0.0.1", pair->port);

		e2e_actor_send(pair->client, fd, 100);
		e2e_actor_close(pair->client, fd);
	}
	e2e_sleep_ms(LEAK_MS);
}

/// Nobody is said to have forgotten close(), and the command finds what no process has.
static void what_was_never_accepted_is_told_as_that(void **state)
{
	const struct e2e_netns host = {.fd = e2e_netns_host_fd()};
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = watch(e2e, "json");
	struct e2e_pair pair;
	const json_t *leak;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	leave_unaccepted(&pair);
	e2e_tracer_stop(doctor, 0);
	leak = assert_found(doctor, "close-wait-leak");
	e2e_assert_has(leak, "{s:i}", "count", LEAKED);
	assert_non_null(strstr(e2e_event_text(leak, "summary"), "no process has read anything"));
	assert_null(strstr(e2e_event_text(leak, "summary"), "close()"));
	e2e_netns_shell(&host, "test $(%s | grep -c :%u) = %d", e2e_event_text(leak, "confirm"),
			pair.port, LEAKED);
}

/// The client has said all that it has to say. The pair as it is then.
static struct e2e_pair half_close(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	return *pair;
}

static void close_both(struct e2e_pair *pair)
{
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
}

static void look_at_fin_wait2(struct e2e *e2e, const struct e2e_pair *silent)
{
	const struct e2e_netns host = {.fd = e2e_netns_host_fd()};
	const struct e2e_actor *client = silent->client;
	struct e2e_tracer *doctor = E2E_TRACE(e2e, "doctor", "-o", "json", "--duration", "1h", "-p",
					      e2e_format(e2e, "%d", client->pid));
	const json_t *stuck;

	e2e_tracer_stop(doctor, 0);
	stuck = assert_found(doctor, "fin-wait-stuck");
	e2e_assert_has(stuck, "{s:s, s:i, s:[s]}", "severity", "warn", "count", 1, "connections",
		       silent->client_conn);
	e2e_assert_has(json_object_get(stuck, "evidence"), "{s:i, s:i}", "fin_wait1", 0,
		       "fin_wait2", 1);
	e2e_assert_has(json_object_get(stuck, "culprit"), "{s:i, s:s}", "pid", (int)client->pid,
		       "comm", client->comm);
	e2e_netns_shell(&host, "%s | grep -q :%u", e2e_event_text(stuck, "confirm"),
			silent->client_port);
}

/// The server's end of it was left alone for a minute, and that of the other one answered.
static void look_at_what_is_over(const char *recording, const struct e2e_pair *silent)
{
	json_t *events = E2E_CONNTRACE_JSON("doctor", "-o", "json", recording);
	const json_t *over;

	assert_int_equal(json_array_size(events), 1);
	over = e2e_events_one(events, "{s:s}", "id", "close-wait-leak");
	e2e_assert_has(over, "{s:s, s:i, s:[s]}", "severity", "note", "count", 1, "connections",
		       silent->server_conn);
	assert_non_null(strstr(e2e_event_text(over, "summary"), "by now that is over"));
	json_decref(events);
}

/// Two of one process for a minute, the doctor comes behind it; the peer of one of them is heard.
/// He comes once more when both are over, and has a recording.
static void peer_that_never_closes_is_found_and_no_other(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "minute.ctr");
	struct e2e_tracer *recorder = E2E_TRACE(e2e, "record", "-w", recording, "--netns",
						e2e_format(e2e, "%lu", e2e->home.inum));
	struct e2e_pair pair, silent, heard;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	silent = half_close(&pair);
	heard = half_close(&pair);
	for (int ms = 0; ms <= MINUTE_MS; ms += LEAK_MS) {
		e2e_sleep_ms(LEAK_MS);
		e2e_actor_send(pair.server, heard.server_fd, 100);
		e2e_actor_receive(pair.client, heard.client_fd, 100);
	}
	look_at_fin_wait2(e2e, &silent);
	close_both(&silent);
	close_both(&heard);
	e2e_tracer_stop(recorder, 0);
	look_at_what_is_over(recording, &silent);
}

/// The client has gone when the server closes. He comes when the kernel has given that up.
static void fin_that_was_given_up_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = watch(e2e, "json");
	const json_t *over;
	struct e2e_pair pair;

	e2e_netns_sysctl("ipv4/tcp_orphan_retries", "2");
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	enter_last_ack(NULL, &pair);
	e2e_ss_wait_none(&e2e->home, "state last-ack");
	e2e_tracer_stop(doctor, 0);
	over = assert_found(doctor, "last-ack-stuck");
	e2e_assert_has(over, "{s:i, s:[s]}", "count", 1, "connections", pair.server_conn);
	assert_non_null(strstr(e2e_event_text(over, "summary"), "ended in LAST_ACK"));
}

/// On loopback it takes a port after a second, by default and without a word.
static void time_wait_that_connect_takes_a_port_from_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {
		"doctor", "--json", "--duration", "1h", "-P", e2e_port_text(e2e, 0), NULL};
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	e2e_netns_sysctl("ipv4/tcp_tw_reuse", "2");
	e2e_netns_sysctl("ipv4/ip_local_port_range", PORT_SET);
	doctor = e2e_tracer_start_as(e2e, &e2e->home, -1, argv);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	for (int i = 0; i < WAITING; i++) {
		connect_and_talk(&pair);
		e2e_pair_close(&pair);
		e2e_sleep_ms(APART_MS);
	}
	e2e_netns_shell(&e2e->home, "test $(ss -tanH state time-wait 'dport = :%u' | wc -l) -ge %d",
			pair.port, AT_A_TIME);
	e2e_tracer_stop(doctor, 0);
	assert_int_equal(json_array_size(e2e_tracer_events(doctor)), 0);
}

#define CLOSING(name, function, ...) E2E_TEST_WITH(name, function, (&(struct closing){__VA_ARGS__}))

static const struct CMUnitTest tests[] = {
	CLOSING("fin_wait1_is_found", fin_that_nobody_acknowledges_is_found,
		.finding = "fin-wait-stuck", .state = "FIN_WAIT1", .play = enter_fin_wait1),
	CLOSING("last_ack_is_found", fin_that_nobody_acknowledges_is_found,
		.finding = "last-ack-stuck", .state = "LAST_ACK", .play = enter_last_ack,
		.by_server = true),
	CLOSING("closing_is_found", fin_that_nobody_acknowledges_is_found,
		.finding = "closing-stuck", .state = "CLOSING", .play = enter_closing),
	CLOSING("fin_wait1_that_ends_is_innocent", fin_that_is_acknowledged_late_is_innocent,
		.in_ss = "fin-wait-1", .play = enter_fin_wait1),
	CLOSING("last_ack_that_ends_is_innocent", fin_that_is_acknowledged_late_is_innocent,
		.in_ss = "last-ack", .play = enter_last_ack, .by_server = true),
	CLOSING("fin_wait1_behind_data_is_innocent",
		fin_behind_a_closed_window_is_no_fin_that_is_lost, .state = "FIN_WAIT1",
		.play = stay_in_fin_wait1),
	CLOSING("last_ack_behind_data_is_innocent",
		fin_behind_a_closed_window_is_no_fin_that_is_lost, .state = "LAST_ACK",
		.play = stay_in_last_ack, .by_server = true),
	CLOSING("closing_behind_data_is_innocent",
		fin_behind_a_closed_window_is_no_fin_that_is_lost, .state = "CLOSING",
		.play = stay_in_closing),
	E2E_TEST(answer_to_half_closed_clients_is_innocent),
	E2E_TEST(what_was_never_accepted_is_told_as_that),
	E2E_TEST(peer_that_never_closes_is_found_and_no_other),
	E2E_TEST(fin_that_was_given_up_is_found),
	E2E_TEST(time_wait_that_connect_takes_a_port_from_is_innocent),
};

E2E_MAIN("doctor_stuck", tests)
