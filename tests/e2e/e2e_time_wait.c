// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that TIME_WAIT is told until its true end, and by what it ended: its time, connect(), a new
// SYN, a reset, `ss -K`, or the death of its network namespace. The mini-socket in FIN_WAIT2 is the
// matter of e2e_fin_wait2.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"
#include "support/witness.h"

#define MS_NS		  1000000LL
#define SECOND_NS	  1000000000LL
#define WAIT_MS		  10000
#define REUSE_DELAY_MS	  1100 /// net.ipv4.tcp_tw_reuse_delay, and a little
#define NETNS_DEATH_MS	  20000
#define TIME_WAIT_NS	  (60 * SECOND_NS)
#define TIME_WAIT_LATE_NS (TIME_WAIT_NS / 8) /// a timer may be late by an eighth of its time
#define HALF_SECOND_NS	  (SECOND_NS / 2)
#define REPEAT_NS	  (2 * SECOND_NS) /// for so long at least the FIN is repeated

/// One connection over loopback, exchanged on, under a tracer.
struct run {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	const json_t *events;
};

static void run_open(struct run *run, struct e2e *e2e)
{
	*run = (struct run){.e2e = e2e};
	run->tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &run->pair);
	e2e_pair_connect(&run->pair, "127.0.0.1");
	e2e_pair_exchange(&run->pair, 100, 100);
}

static void run_wait(struct run *run, const char *conn, const char *key, const char *value)
{
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s}", "conn", conn, key, value);
}

/// The client closes first: its end is in TIME_WAIT, the server's is gone.
static void run_to_time_wait(struct run *run, struct e2e *e2e)
{
	run_open(run, e2e);
	e2e_pair_close(&run->pair);
	run_wait(run, run->pair.client_conn, "to", "TIME_WAIT");
	run_wait(run, run->pair.server_conn, "event", "close");
}

static void run_stop(struct run *run)
{
	e2e_tracer_stop(run->tracer, 0);
	run->events = e2e_tracer_events(run->tracer);
	e2e_assert_no_loss(run->events);
}

static const json_t *transition(const json_t *events, const char *conn, const char *from,
				const char *to)
{
	return e2e_events_one(events, "{s:s, s:s, s:s, s:s}", "event", "state", "conn", conn,
			      "from", from, "to", to);
}

static const json_t *summary_of(const json_t *events, const char *conn)
{
	return e2e_events_one(events, "{s:s, s:s}", "event", "close", "conn", conn);
}

/// TIME_WAIT was left by this, and the life that ended so is whole.
static void assert_left_by(const struct run *run, const char *conn, const char *left_by,
			   const char *flags)
{
	const json_t *summary = summary_of(run->events, conn);
	const json_t *left = transition(run->events, conn, "TIME_WAIT", "CLOSE");

	e2e_assert_has(left, "{s:s, s:s}", "left_by", left_by, "basis", "seen");
	e2e_assert_has(summary, "{s:s, s:I}", "end", "fin", "closed_ns",
		       (json_int_t)e2e_event_number(left, "ts_ns"));
	e2e_assert_history(summary, "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_flags(run->events, conn, flags);
}

/// TIME_WAIT lasts: nothing has ended it when the tracer stops.
static void assert_stands(const struct run *run, const char *conn, const char *flags)
{
	e2e_assert_none(run->events, "{s:s, s:s}", "conn", conn, "from", "TIME_WAIT");
	e2e_assert_has(summary_of(run->events, conn), "{s:s, s:n}", "end", "fin", "closed_ns");
	e2e_assert_flags(run->events, conn, flags);
}

static struct e2e_addr client_addr(const struct run *run)
{
	return e2e_loopback(run->pair.client_port);
}

static struct e2e_addr server_addr(const struct run *run)
{
	return e2e_loopback(run->pair.port);
}

/// In TIME_WAIT, and with no other port left to connect from.
static void run_to_last_port(struct run *run, struct e2e *e2e, const char *tw_reuse)
{
	e2e_netns_sysctl("ipv4/tcp_tw_reuse", tw_reuse);
	e2e_netns_sysctl("ipv4/ip_local_port_range",
			 e2e_format(e2e, "%u %u", e2e_port(1), e2e_port(1)));
	run_to_time_wait(run, e2e);
	assert_int_equal(run->pair.client_port, e2e_port(1));
	e2e_sleep_ms(REUSE_DELAY_MS);
}

static void connect_that_reuses_it_cuts_time_wait_short(void **state)
{
	struct run run;
	const char *old;
	const json_t *left;

	run_to_last_port(&run, *state, "1");
	old = run.pair.client_conn;
	e2e_pair_connect(&run.pair, "127.0.0.1");
	run_wait(&run, old, "event", "close");
	run_stop(&run);

	assert_int_equal(run.pair.client_port, e2e_port(1));
	assert_left_by(&run, old, "reused", "");
	left = transition(run.events, old, "TIME_WAIT", "CLOSE");
	e2e_assert_has(left, "{s:i, s:s}", "by_pid", run.pair.client->pid, "by_conn",
		       run.pair.client_conn);
	assert_in_range(e2e_event_number(left, "in_state_ns"), REUSE_DELAY_MS * MS_NS,
			TIME_WAIT_NS / 2);
	e2e_assert_path(run.events, run.pair.client_conn, "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED");
	e2e_assert_flags(run.events, run.pair.client_conn, "");
}

static void connect_that_may_not_reuse_it_leaves_time_wait_alone(void **state)
{
	struct run run;

	run_to_last_port(&run, *state, "0");
	e2e_actor_connect_fails(run.pair.client, "127.0.0.1", run.pair.port, EADDRNOTAVAIL);
	run_stop(&run);

	assert_stands(&run, run.pair.client_conn, "");
}

/// RFC 9293 3.6.1: the server closed first, and the client comes back from the same port.
static void new_syn_recycles_time_wait(void **state)
{
	struct run run;
	struct e2e_addr from, to;
	const char *old, *new;
	int fd;

	run_open(&run, *state);
	old = run.pair.server_conn;
	from = client_addr(&run);
	to = server_addr(&run);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_actor_receive_fin(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_wait(&run, old, "to", "TIME_WAIT");
	/* told some time behind: the clock of TCP's timestamps has gone on */
	run_wait(&run, run.pair.client_conn, "event", "close");
	e2e_actor_connect_from(run.pair.client, &from, &to);
	fd = e2e_actor_accept(run.pair.server, run.pair.listen_fd);
	new = e2e_actor_conn(run.pair.server, fd);
	run_wait(&run, old, "event", "close");
	run_stop(&run);

	assert_string_not_equal(old, new);
	e2e_assert_has(transition(run.events, old, "TIME_WAIT", "CLOSE"), "{s:s}", "left_by",
		       "recycled");
	e2e_assert_history(summary_of(run.events, old),
			   "SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_has(summary_of(run.events, old), "{s:s, s:s}", "end", "fin", "closed_by",
		       "local");
	e2e_assert_flags(run.events, old, "");
	e2e_assert_path(run.events, new, "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED");
	e2e_assert_flags(run.events, new, "");
}

/// RFC 1337: a SYN that nobody listens for is answered out of TIME_WAIT with the last ACK, which
/// the peer, who knows of no such connection, answers with a reset.
static void assassinate(struct run *run)
{
	struct e2e_addr from = server_addr(run), to = client_addr(run);

	e2e_actor_close(run->pair.server, run->pair.listen_fd);
	e2e_actor_begin_connect(run->pair.server, &from, &to);
	e2e_tracer_wait_event(run->tracer, WAIT_MS, "{s:s, s:s, s:i}", "event", "rst", "direction",
			      "sent", "rport", run->pair.client_port);
}

static void reset_kills_time_wait(void **state)
{
	struct run run;

	e2e_netns_sysctl("ipv4/tcp_rfc1337", "0");
	run_to_time_wait(&run, *state);
	assassinate(&run);
	run_wait(&run, run.pair.client_conn, "event", "close");
	run_stop(&run);

	assert_left_by(&run, run.pair.client_conn, "rst", "rst-received time-wait-killed");
	e2e_events_one(run.events, "{s:s, s:s, s:s, s:s, s:s}", "event", "rst", "conn",
		       run.pair.client_conn, "direction", "received", "by", "peer", "state",
		       "TIME_WAIT");
}

static void reset_that_rfc1337_ignores_kills_nothing(void **state)
{
	struct run run;

	e2e_netns_sysctl("ipv4/tcp_rfc1337", "1");
	run_to_time_wait(&run, *state);
	assassinate(&run);
	run_stop(&run);

	assert_true(e2e_events_count(run.events, "{s:s, s:s, s:i}", "event", "rst", "direction",
				     "sent", "rport", run.pair.client_port) > 0);
	e2e_assert_none(run.events, "{s:s, s:s}", "conn", run.pair.client_conn, "from",
			"TIME_WAIT");
	e2e_assert_has(summary_of(run.events, run.pair.client_conn), "{s:s, s:n}", "end", "fin",
		       "closed_ns");
}

static void kill_from_outside_is_told(void **state)
{
	struct run run;
	const json_t *left;

	run_to_time_wait(&run, *state);
	e2e_ss_kill(&run.e2e->home,
		    e2e_format(run.e2e, "state time-wait sport = :%u", run.pair.client_port));
	run_wait(&run, run.pair.client_conn, "event", "close");
	run_stop(&run);

	assert_left_by(&run, run.pair.client_conn, "killed", "time-wait-killed");
	left = transition(run.events, run.pair.client_conn, "TIME_WAIT", "CLOSE");
	assert_in_range(e2e_event_number(left, "by_pid"), 2, INT32_MAX);
	e2e_assert_has(left, "{s:i}", "pid", run.pair.client->pid);
}

static void time_wait_dies_with_its_network_namespace(void **state)
{
	struct e2e *e2e = *state;
	struct run run = {.e2e = e2e};
	struct e2e_netns doomed;

	run.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_netns_enter_new(&doomed);
	assert_int_equal(setns(e2e->home.fd, CLONE_NEWNET), 0);
	run.pair = (struct e2e_pair){.server = e2e_actor_start(e2e, &doomed, "ct-server"),
				     .client = e2e_actor_start(e2e, &doomed, "ct-client"),
				     .port = e2e_port(0)};
	run.pair.listen_fd = e2e_actor_listen(run.pair.server, "127.0.0.1", run.pair.port);
	e2e_pair_connect(&run.pair, "127.0.0.1");
	e2e_pair_close(&run.pair);
	run_wait(&run, run.pair.client_conn, "to", "TIME_WAIT");
	e2e_actor_kill(run.pair.client);
	e2e_actor_kill(run.pair.server);
	e2e_netns_close(&doomed);
	e2e_tracer_wait_event(run.tracer, NETNS_DEATH_MS, "{s:s, s:s}", "conn",
			      run.pair.client_conn, "event", "close");
	run_stop(&run);

	assert_left_by(&run, run.pair.client_conn, "netns", "");
}

/// The FIN comes while its socket is there, and there is no room for a mini-socket.
static void no_time_wait_is_told_where_there_is_none(void **state)
{
	struct run run;

	e2e_netns_sysctl("ipv4/tcp_max_tw_buckets", "0");
	run_open(&run, *state);
	e2e_actor_shutdown(run.pair.client, run.pair.client_fd, SHUT_WR);
	e2e_actor_receive_fin(run.pair.server, run.pair.server_fd);
	e2e_actor_close(run.pair.server, run.pair.server_fd);
	e2e_actor_receive_fin(run.pair.client, run.pair.client_fd);
	e2e_actor_close(run.pair.client, run.pair.client_fd);
	run_wait(&run, run.pair.client_conn, "event", "close");
	run_stop(&run);

	e2e_assert_path(run.events, run.pair.client_conn,
			"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
			"FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>CLOSE");
	e2e_assert_has(summary_of(run.events, run.pair.client_conn), "{s:s, s:s}", "end", "fin",
		       "closed_by", "local");
	e2e_assert_none(run.events, "{s:s}", "to", "TIME_WAIT");
}

/* The rest lasts a minute: several lives of it go on beside each other. */
#define PLAIN_PORT    7
#define REPEATED_PORT 6
#define LIVES	      9
#define LIFE_GAP_MS   480 /// together more than the kernel's timer wheel may be late for a minute
#define UNDROP_AFTER  5	  /// lives: 2.4 s, of which the peer spends 1.4 s sending FINs
#define LAST_LIMIT_MS 75000

struct minute {
	struct e2e *e2e;
	struct e2e_tracer *tracer;
	struct e2e_witness witness;
	struct e2e_pair plain;
	const char *conns[LIVES];
	uint16_t ports[LIVES];
	struct e2e_pair repeated; /// its server sends its FIN again and again
	const json_t *events;
};

/// The server's FIN is never acknowledged, and so is sent again, until undropped.
static void minute_begin_repeated(struct minute *minute)
{
	struct e2e_pair *pair = &minute->repeated;

	e2e_pair_listen(minute->e2e, "127.0.0.1", e2e_port(REPEATED_PORT), pair);
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_netns_drop_acks(&minute->e2e->home, "dport", pair->port);
	e2e_actor_close(pair->server, pair->server_fd);
}

static void minute_begin(struct minute *minute, struct e2e *e2e)
{
	*minute = (struct minute){.e2e = e2e};
	minute->tracer =
		E2E_TRACE(e2e, "watch", "--json", "-P",
			  e2e_format(e2e, "%u-%u", e2e_port(REPEATED_PORT), e2e_port(PLAIN_PORT)));
	e2e_witness_start(e2e, &e2e->home, LIVES + 1, &minute->witness);
	minute_begin_repeated(minute);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(PLAIN_PORT), &minute->plain);
	for (int i = 0; i < LIVES; i++) {
		if (i == UNDROP_AFTER)
			e2e_netns_undrop(&e2e->home);
		e2e_pair_connect(&minute->plain, "127.0.0.1");
		minute->conns[i] = minute->plain.client_conn;
		minute->ports[i] = minute->plain.client_port;
		e2e_pair_close(&minute->plain);
		assert_true(e2e_tracer_wait_event(minute->tracer, WAIT_MS, "{s:s, s:s}", "conn",
						  minute->conns[i], "to", "TIME_WAIT"));
		e2e_sleep_ms(LIFE_GAP_MS);
	}
}

/// Waits for the end of all of them.
static void minute_end(struct minute *minute)
{
	e2e_witness_wait(&minute->witness, LAST_LIMIT_MS);
	for (int i = 0; i < LIVES; i++)
		e2e_tracer_wait_event(minute->tracer, WAIT_MS, "{s:s, s:s}", "conn",
				      minute->conns[i], "event", "close");
	e2e_tracer_wait_event(minute->tracer, WAIT_MS, "{s:s, s:s}", "conn",
			      minute->repeated.client_conn, "event", "close");
	e2e_tracer_stop(minute->tracer, 0);
	minute->events = e2e_tracer_events(minute->tracer);
	e2e_assert_no_loss(minute->events);
}

/// A timer is never early; how late it may be is a matter of the kernel's timer wheel, and of which
/// the witness knows.
static void assert_plain(const struct minute *minute)
{
	long long shortest_ns = INT64_MAX;

	for (int i = 0; i < LIVES; i++) {
		const json_t *left = transition(minute->events, minute->conns[i], "TIME_WAIT",
						"CLOSE");
		long long in_state_ns = e2e_event_number(left, "in_state_ns");
		long long late_ns = e2e_event_number(left, "ts_ns") -
				    e2e_witness_gone_ns(&minute->witness, minute->ports[i]);

		e2e_assert_has(left, "{s:s, s:s}", "left_by", "expired", "basis", "seen");
		e2e_assert_has(summary_of(minute->events, minute->conns[i]), "{s:s, s:s}", "end",
			       "fin", "closed_by", "local");
		e2e_assert_flags(minute->events, minute->conns[i], "");
		assert_in_range(in_state_ns, TIME_WAIT_NS - HALF_SECOND_NS,
				TIME_WAIT_NS + TIME_WAIT_LATE_NS);
		assert_in_range(late_ns + HALF_SECOND_NS, 0, 2 * HALF_SECOND_NS);
		if (in_state_ns < shortest_ns)
			shortest_ns = in_state_ns;
	}
	assert_in_range(shortest_ns, TIME_WAIT_NS - HALF_SECOND_NS, TIME_WAIT_NS + HALF_SECOND_NS);
}

/// The 60 s begin anew with each FIN, and the last is the one whose acknowledgement arrived.
static void assert_prolonged(const struct minute *minute)
{
	const json_t *left, *last_fin, *summary;
	long long since_ns;

	left = transition(minute->events, minute->repeated.client_conn, "TIME_WAIT", "CLOSE");
	last_fin = transition(minute->events, minute->repeated.server_conn, "LAST_ACK", "CLOSE");
	since_ns = e2e_event_number(left, "ts_ns") - e2e_event_number(last_fin, "ts_ns");
	e2e_assert_has(left, "{s:s}", "left_by", "expired");
	assert_in_range(since_ns, TIME_WAIT_NS - HALF_SECOND_NS, TIME_WAIT_NS + TIME_WAIT_LATE_NS);
	assert_true(e2e_event_number(left, "in_state_ns") > since_ns + REPEAT_NS);
	summary = summary_of(minute->events, minute->repeated.client_conn);
	e2e_assert_history(summary, "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_flags(minute->events, minute->repeated.client_conn, "");
}

static void time_wait_lasts_its_60_s_and_longer_where_the_fin_is_repeated(void **state)
{
	struct minute minute;

	minute_begin(&minute, *state);
	minute_end(&minute);
	assert_plain(&minute);
	assert_prolonged(&minute);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(connect_that_reuses_it_cuts_time_wait_short),
	E2E_TEST(connect_that_may_not_reuse_it_leaves_time_wait_alone),
	E2E_TEST(new_syn_recycles_time_wait),
	E2E_TEST(reset_kills_time_wait),
	E2E_TEST(reset_that_rfc1337_ignores_kills_nothing),
	E2E_TEST(kill_from_outside_is_told),
	E2E_TEST(time_wait_dies_with_its_network_namespace),
	E2E_TEST(no_time_wait_is_told_where_there_is_none),
	E2E_TEST(time_wait_lasts_its_60_s_and_longer_where_the_fin_is_repeated),
};

E2E_MAIN("time_wait", tests)
