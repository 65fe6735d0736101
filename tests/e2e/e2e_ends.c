// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows the ends that come of silence, of the network and of other hands: time-outs, unreachable
// peers, `ss -K`, a listener that closes; each beside the nearest that is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define MS_NS		  1000000LL
#define WAIT_MS		  15000
#define ANSWER_MS	  100
#define USER_TIMEOUT_MS	  1500
#define MORE_THAN_BUFFERS (32 * 1024 * 1024)

/// A pair across two namespaces, so that one direction can be cut.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

static void run_listen(struct run *run, struct e2e *e2e)
{
	*run = (struct run){.e2e = e2e};
	e2e_add_far(e2e);
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &run->pair);
}

static void run_open(struct run *run, struct e2e *e2e)
{
	run_listen(run, e2e);
	e2e_pair_connect(&run->pair, E2E_FAR_HOST);
	e2e_pair_exchange(&run->pair, 100, 100);
}

/// What the client sends does not arrive.
static void run_cut(const struct run *run)
{
	e2e_netns_drop(&run->e2e->far, e2e_format(run->e2e, "tcp dport %u", run->pair.port));
}

/// What the client sends is answered by the peer's host with an ICMP error, before it is dropped if
/// it was.
static void run_reject(const struct run *run, const char *icmp)
{
	e2e_netns_shell(&run->e2e->far,
			"nft 'add table inet ct_e2e; "
			"add chain inet ct_e2e in { type filter hook input priority 0; }; "
			"insert rule inet ct_e2e in tcp dport %u reject with icmp %s'",
			run->pair.port, icmp);
}

/// Until the client has sent again what did not arrive.
static void run_wait_retransmit(const struct run *run)
{
	assert_true(e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "retransmit",
					  "conn", run->pair.client_conn));
}

/// Stops when the summary of a connection that is truly gone has been told.
static void run_stop(struct run *run, const char *conn)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn", conn);
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

static const json_t *summary_of(const struct run *run, const char *conn)
{
	return e2e_events_one(run->events, "{s:s, s:s}", "event", "close", "conn", conn);
}

/// The client's end, of which there is no reset.
static void assert_silent_end(const struct run *run, const char *end, const char *error,
			      const char *flags)
{
	const char *conn = run->pair.client_conn;

	e2e_assert_has(summary_of(run, conn), "{s:s, s:i}", "end", end, "gaps", 0);
	e2e_assert_flags(run->events, conn, flags);
	e2e_events_one(run->events, "{s:s, s:s, s:s}", "event", "error", "conn", conn, "errno",
		       error);
	e2e_assert_none(run->events, "{s:s}", "event", "rst");
}

static void assert_plain_end(const struct run *run, const char *flags)
{
	const char *conn = run->pair.client_conn;

	e2e_assert_has(summary_of(run, conn), "{s:s, s:s, s:i}", "end", "fin", "closed_by", "local",
		       "gaps", 0);
	e2e_assert_history(summary_of(run, conn),
			   "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_flags(run->events, conn, flags);
}

static void user_timeout_ends_without_a_reset(void **state)
{
	struct run run;
	const json_t *life;

	run_open(&run, *state);
	e2e_actor_set(run.pair.client, run.pair.client_fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		      USER_TIMEOUT_MS);
	run_cut(&run);
	e2e_actor_send(run.pair.client, run.pair.client_fd, 100);
	assert_int_equal(e2e_actor_try_receive(run.pair.client, run.pair.client_fd, 1), ETIMEDOUT);
	run_stop(&run, run.pair.client_conn);

	assert_silent_end(&run, "timeout", "ETIMEDOUT", "retransmit timeout");
	life = summary_of(&run, run.pair.client_conn);
	e2e_assert_has(json_object_get(life, "options"), "{s:i}", "user_timeout_ms",
		       USER_TIMEOUT_MS);
	assert_in_range(e2e_event_number(life, "duration_ns"), USER_TIMEOUT_MS * MS_NS,
			4LL * USER_TIMEOUT_MS * MS_NS);
}

static void user_timeout_that_is_not_reached_ends_nothing(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_actor_set(run.pair.client, run.pair.client_fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		      USER_TIMEOUT_MS);
	run_cut(&run);
	e2e_actor_send(run.pair.client, run.pair.client_fd, 100);
	run_wait_retransmit(&run);
	e2e_netns_undrop(&run.e2e->far);
	e2e_actor_receive(run.pair.server, run.pair.server_fd, 100);
	e2e_pair_close(&run.pair);
	run_stop(&run, run.pair.server_conn);

	assert_plain_end(&run, "retransmit");
}

/// A connect that comes to nothing: the first SYN is lost, what becomes of the second is up to
/// the ICMP message, if there is one.
/// 0: it fails as it should.
static int64_t run_finish_connect(const struct e2e_job *job)
{
	int err = e2e_sock_finish_connect(job->fd);

	if (err == -job->numbers[0])
		return 0;
	return err ? err : -EISCONN;
}

/// It waits when the answer comes: who asks in that moment may take the error from before → CLOSE.
static void run_connect_fails(struct run *run, const char *icmp, int want_errno)
{
	struct e2e_pair *pair = &run->pair;
	struct e2e_addr to = {.host = E2E_FAR_HOST, .port = pair->port};

	run_cut(run);
	pair->client_fd = e2e_actor_begin_connect(pair->client, NULL, &to);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	e2e_actor_begin(pair->client, &(struct e2e_job){.run = run_finish_connect,
							.fd = pair->client_fd,
							.numbers = {want_errno}});
	if (icmp)
		run_reject(run, icmp);
	e2e_actor_finish(pair->client);
	run_stop(run, pair->client_conn);
	e2e_assert_path(run->events, pair->client_conn, "CLOSE>SYN_SENT SYN_SENT>CLOSE");
}

static void syn_that_nobody_answers_ends_in_a_timeout(void **state)
{
	struct run run;

	e2e_netns_sysctl("ipv4/tcp_syn_retries", "1");
	run_listen(&run, *state);
	run_connect_fails(&run, NULL, ETIMEDOUT);

	assert_silent_end(&run, "timeout", "ETIMEDOUT", "retransmit timeout");
}

/// What who reads it is told, where the JSON has no word for it.
static void assert_says(const char *words, const char *const argv[])
{
	struct e2e_output output;

	e2e_conntrace(argv, &output);
	assert_int_equal(output.status, 0);
	if (!strstr(output.out, words))
		fail_msg("'%s' is not told by %s: %s", words, argv[0], output.out);
	e2e_output_free(&output);
}

static void assert_doctor_counts_one(const char *path)
{
	json_t *findings = E2E_CONNTRACE_JSON("doctor", path, "--json");

	e2e_assert_has(e2e_events_one(findings, "{s:s}", "event", "finding"), "{s:s, s:i}", "id",
		       "syn-unanswered", "count", 1);
	json_decref(findings);
}

/// The process loses its patience first. ABORTS: with linger 0, of which the kernel tells as an
/// error, though no reset goes out.
static void give_up_connect(struct e2e *e2e, bool aborts)
{
	static const char words[] = "connect() given up unanswered after ";
	const char *path = e2e_path(e2e, "ends.ctr");
	struct e2e_addr to = {.host = E2E_FAR_HOST, .port = e2e_port(0)};
	struct run run = {.e2e = e2e};
	struct e2e_pair *pair = &run.pair;

	e2e_add_far(e2e);
	run.tracer = E2E_TRACE(e2e, "watch", "--json", "-w", path, "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), pair);
	run_cut(&run);
	pair->client_fd = e2e_actor_begin_connect(pair->client, NULL, &to);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	run_wait_retransmit(&run);
	if (aborts)
		e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	run_stop(&run, pair->client_conn);

	e2e_assert_has(summary_of(&run, pair->client_conn), "{s:s, s:s, s:s, s:i}", "end",
		       "unknown", "closed_by", "local", "closed_how", "close()", "gaps", 0);
	e2e_assert_history(summary_of(&run, pair->client_conn), "SYN_SENT");
	e2e_assert_flags(run.events, pair->client_conn, "retransmit");
	e2e_assert_none(run.events, "{s:s}", "event", "rst");
	assert_says(words, (const char *[]){"replay", path, NULL});
	assert_says(words, (const char *[]){"report", path, NULL});
	if (aborts)
		assert_says("ECONNRESET, of its own abort", (const char *[]){"replay", path, NULL});
	assert_doctor_counts_one(path);
}

static void connect_that_is_given_up_is_told_in_words(void **state)
{
	give_up_connect(*state, false);
}

static void connect_that_is_aborted_is_given_up_too(void **state)
{
	give_up_connect(*state, true);
}

static void syn_that_the_network_turns_away_ends_as_unreachable(void **state)
{
	struct run run;

	run_listen(&run, *state);
	run_connect_fails(&run, "type host-unreachable", EHOSTUNREACH);

	assert_silent_end(&run, "unreachable", "EHOSTUNREACH", "retransmit");
}

/// RFC 1122 4.2.3.9: what the network says is no reason to give up, but it is remembered as the
/// reason.
static void connection_that_gets_icmp_errors_only_ends_as_unreachable(void **state)
{
	struct run run;

	e2e_netns_sysctl("ipv4/tcp_retries2", "2");
	run_open(&run, *state);
	run_reject(&run, "type host-unreachable");
	e2e_actor_send(run.pair.client, run.pair.client_fd, 100);
	assert_int_equal(e2e_actor_try_receive(run.pair.client, run.pair.client_fd, 1),
			 EHOSTUNREACH);
	run_stop(&run, run.pair.client_conn);

	assert_silent_end(&run, "unreachable", "EHOSTUNREACH", "retransmit");
}

static void connection_that_outlives_an_icmp_error_ends_as_any_other(void **state)
{
	struct run run;

	run_open(&run, *state);
	run_reject(&run, "type host-unreachable");
	e2e_actor_send(run.pair.client, run.pair.client_fd, 100);
	run_wait_retransmit(&run);
	e2e_netns_undrop(&run.e2e->far);
	e2e_actor_receive(run.pair.server, run.pair.server_fd, 100);
	e2e_pair_close(&run.pair);
	run_stop(&run, run.pair.server_conn);

	assert_plain_end(&run, "retransmit");
}

/// The process is gone; the kernel gives its FIN up after net.ipv4.tcp_orphan_retries.
static void fin_that_nobody_acknowledges_ends_in_a_timeout(void **state)
{
	struct run run;

	e2e_netns_sysctl("ipv4/tcp_orphan_retries", "1");
	run_open(&run, *state);
	run_cut(&run);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_stop(&run, run.pair.client_conn);

	e2e_assert_has(summary_of(&run, run.pair.client_conn), "{s:s, s:s}", "end", "timeout",
		       "closed_by", "local");
	e2e_assert_history(summary_of(&run, run.pair.client_conn),
			   "SYN_SENT ESTABLISHED FIN_WAIT1");
	e2e_assert_flags(run.events, run.pair.client_conn, "retransmit timeout");
}

/// What tcp_disconnect() makes of LAST_ACK: no segment goes out, and no error remains.
static void fin_that_is_given_up_with_its_socket_is_no_end_by_fin(void **state)
{
	struct run run;
	const struct e2e_pair *pair = &run.pair;

	run_open(&run, *state);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	run_cut(&run);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	run_stop(&run, pair->client_conn);

	e2e_assert_has(summary_of(&run, pair->client_conn), "{s:s, s:s, s:i}", "end", "unknown",
		       "closed_by", "remote", "gaps", 0);
	e2e_assert_history(summary_of(&run, pair->client_conn),
			   "SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK");
}

static int64_t run_send_in_vain(const struct e2e_job *job)
{
	return e2e_sock_send(job->fd, MORE_THAN_BUFFERS) ? 0 : -EISCONN;
}

/// The peer closes its window, and then falls silent.
static void window_probes_that_nobody_answers_end_in_a_timeout(void **state)
{
	struct run run;
	const char *conn;

	e2e_netns_sysctl("ipv4/tcp_retries2", "3");
	run_open(&run, *state);
	conn = run.pair.client_conn;
	e2e_actor_begin(run.pair.client,
			&(struct e2e_job){.run = run_send_in_vain, .fd = run.pair.client_fd});
	e2e_tracer_wait_event(run.tracer, WAIT_MS, "{s:s, s:s}", "event", "window_probe", "conn",
			      conn);
	e2e_netns_drop(&run.e2e->home, e2e_format(run.e2e, "tcp sport %u", run.pair.port));
	run_stop(&run, conn);
	e2e_actor_finish(run.pair.client);

	for (int unanswered = 1; unanswered <= 3; unanswered++)
		assert_true(e2e_events_count(run.events, "{s:s, s:s, s:s, s:i}", "event",
					     "window_probe", "conn", conn, "direction", "sent",
					     "unanswered", unanswered) > 0);
	e2e_events_one(run.events, "{s:s, s:s, s:b}", "event", "window_probe", "conn", conn, "dead",
		       1);
	e2e_assert_has(summary_of(&run, conn), "{s:s, s:i}", "end", "timeout", "keepalives_sent",
		       0);
	e2e_assert_flag(run.events, conn, "zero-window");
	e2e_assert_flag(run.events, conn, "timeout");
	e2e_assert_none(run.events, "{s:s}", "event", "keepalive");
	e2e_assert_none(run.events, "{s:s, s:s}", "event", "rst", "conn", conn);
}

static void kill_from_outside_is_told_as_such_on_both_ends(void **state)
{
	struct run run;

	run_open(&run, *state);
	e2e_ss_kill(&run.e2e->home,
		    e2e_format(run.e2e, "state established dport = :%u", run.pair.port));
	assert_int_equal(e2e_actor_try_receive(run.pair.server, run.pair.server_fd, 1), ECONNRESET);
	run_stop(&run, run.pair.server_conn);

	e2e_assert_has(summary_of(&run, run.pair.client_conn), "{s:s, s:s, s:i}", "end", "killed",
		       "closed_by", "local", "pid", run.pair.client->pid);
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s}", "event", "rst", "conn",
		       run.pair.client_conn, "direction", "sent", "cause", "killed");
	e2e_assert_has(summary_of(&run, run.pair.server_conn), "{s:s, s:s}", "end", "rst-received",
		       "closed_by", "remote");
	e2e_assert_flags(run.events, run.pair.client_conn, "rst-sent");
	e2e_assert_flags(run.events, run.pair.server_conn, "rst-received");
}

/// Nobody has accepted it, and nobody can any more.
static void listener_that_closes_resets_whom_it_did_not_accept(void **state)
{
	struct run run;
	struct e2e_pair *pair = &run.pair;
	const json_t *life;

	run_listen(&run, *state);
	pair->client_fd = e2e_actor_connect(pair->client, E2E_FAR_HOST, pair->port);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->client_port = e2e_actor_local_port(pair->client, pair->client_fd);
	e2e_actor_close(pair->server, pair->listen_fd);
	assert_int_equal(e2e_actor_try_receive(pair->client, pair->client_fd, 1), ECONNRESET);
	run_stop(&run, pair->client_conn);

	life = e2e_events_one(run.events, "{s:s, s:s, s:i}", "event", "close", "role", "passive",
			      "rport", pair->client_port);
	e2e_assert_history(life, "SYN_RECV ESTABLISHED");
	e2e_assert_has(life, "{s:s, s:s, s:i}", "end", "rst-sent", "closed_by", "local", "pid",
		       pair->server->pid);
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s, s:s}", "event", "rst", "conn",
		       e2e_event_text(life, "conn"), "direction", "sent", "by", "app", "cause",
		       "abort");
	e2e_assert_flags(run.events, e2e_event_text(life, "conn"), "rst-sent");
	e2e_assert_has(summary_of(&run, pair->client_conn), "{s:s, s:s}", "end", "rst-received",
		       "closed_by", "remote");
}

static void listener_that_closes_leaves_alone_whom_it_accepted(void **state)
{
	struct run run;
	struct e2e_pair *pair = &run.pair;

	run_open(&run, *state);
	e2e_actor_close(pair->server, pair->listen_fd);
	e2e_sleep_ms(ANSWER_MS);
	e2e_pair_exchange(pair, 100, 100);
	e2e_pair_close(pair);
	run_stop(&run, pair->server_conn);

	assert_plain_end(&run, "");
	e2e_assert_flags(run.events, pair->server_conn, "");
	e2e_assert_none(run.events, "{s:s}", "event", "rst");
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(user_timeout_ends_without_a_reset),
	E2E_TEST(user_timeout_that_is_not_reached_ends_nothing),
	E2E_TEST(syn_that_nobody_answers_ends_in_a_timeout),
	E2E_TEST(connect_that_is_given_up_is_told_in_words),
	E2E_TEST(connect_that_is_aborted_is_given_up_too),
	E2E_TEST(syn_that_the_network_turns_away_ends_as_unreachable),
	E2E_TEST(connection_that_gets_icmp_errors_only_ends_as_unreachable),
	E2E_TEST(connection_that_outlives_an_icmp_error_ends_as_any_other),
	E2E_TEST(fin_that_nobody_acknowledges_ends_in_a_timeout),
	E2E_TEST(fin_that_is_given_up_with_its_socket_is_no_end_by_fin),
	E2E_TEST(window_probes_that_nobody_answers_end_in_a_timeout),
	E2E_TEST(kill_from_outside_is_told_as_such_on_both_ends),
	E2E_TEST(listener_that_closes_resets_whom_it_did_not_accept),
	E2E_TEST(listener_that_closes_leaves_alone_whom_it_accepted),
};

E2E_MAIN("ends", tests)
