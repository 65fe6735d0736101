// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what goes on around a tracer does not lead it astray: namespaces that go away, a storm
// of processes, a wall clock that is set, and that it is stopped for a while itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/wall_clock.h"

#define SETTLE_MS     500
#define WAIT_MS	      20000
#define NS_PER_MS     1000000LL
#define NS_PER_S      1000000000LL
#define HOUR_S	      3600
#define NAMESPACES    25
#define NAMESPACE_MS  200
#define FORKS	      10000
#define FORKS_VM      500
#define FORKS_AT_ONCE 50
#define CONNECTS_EACH 50 /* so many forks for each that connects */
#define STOPPED_MS    3000
#define LASTED_MS     400

/// The mini-socket and both ends of a connection are in there when it is let go of. Returns what
/// the client is called.
static const char *live_in_doomed_namespace(struct e2e *e2e)
{
	const struct e2e_addr at = {.host = "127.0.0.1", .port = e2e_port(0)};
	struct e2e_netns doomed;
	const char *conn;
	int listener, client, server;

	e2e_netns_enter_new(&doomed);
	listener = e2e_sock_listen(&at);
	client = e2e_sock_connect(&(struct e2e_addr){.port = 0}, &at);
	assert_true(listener >= 0 && client >= 0);
	server = e2e_sock_accept(listener);
	assert_true(server >= 0);
	conn = e2e_format(e2e, "%llx", (unsigned long long)e2e_sock_cookie(client));
	close(client);
	assert_int_equal(e2e_sock_receive_fin(server), 0);
	e2e_sleep_ms(NAMESPACE_MS);
	close(server);
	close(listener);
	assert_int_equal(setns(e2e->home.fd, CLONE_NEWNET), 0);
	e2e_netns_close(&doomed);
	return conn;
}

/// Nothing tells of TIME_WAIT but the walk over all namespaces, every two seconds, for as long as
/// there is a mini-socket in FIN_WAIT2: one stands all the time.
static void namespaces_that_go_away_disturb_no_sweep(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--hide-hook", "kfree_skb",
					      "-P", e2e_port_text(e2e, 0));
	const char *conns[NAMESPACES];
	struct e2e_pair standing;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &standing);
	e2e_pair_connect(&standing, "127.0.0.1");
	e2e_actor_close(standing.client, standing.client_fd);
	for (size_t i = 0; i < NAMESPACES; i++)
		conns[i] = live_in_doomed_namespace(e2e);
	for (size_t i = 0; i < NAMESPACES; i++)
		e2e_tracer_wait_event(tracer, e2e_patience(WAIT_MS), "{s:s, s:s}", "conn", conns[i],
				      "event", "close");
	e2e_tracer_stop(tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	for (size_t i = 0; i < NAMESPACES; i++)
		e2e_assert_has(e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s}", "conn",
					      conns[i], "event", "close"),
			       "{s:s, s:i}", "closed_by", "local", "gaps", 0);
}

/// Connects and ends.
static _Noreturn void be_one_that_connects(const struct e2e_addr *to)
{
	int fd;

	prctl(PR_SET_NAME, "ct-storm");
	fd = e2e_sock_connect(&(struct e2e_addr){.port = 0}, to);
	if (fd < 0)
		_exit(1);
	close(fd);
	_exit(0);
}

static int reap_one(void)
{
	int status;

	if (wait(&status) < 0)
		return -errno;
	return status ? -ECHILD : 0;
}

/// Job: forks numbers[0] processes, numbers[1] at once, of which one in numbers[2] connects.
static int64_t do_storm(const struct e2e_job *job)
{
	int64_t running = 0;
	int r = 0;

	for (int64_t i = 0; i < job->numbers[0] && r == 0; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0 && i % job->numbers[2] == 0)
			be_one_that_connects(&job->to);
		if (pid == 0)
			_exit(0);
		if (++running == job->numbers[1]) {
			r = reap_one();
			running--;
		}
	}
	for (; running && r == 0; running--)
		r = reap_one();
	return r;
}

/// Takes every connection, and lets go of it, until the test is over.
static void start_taker(struct e2e *e2e, uint16_t port)
{
	const struct e2e_addr at = {.host = "127.0.0.1", .port = port};
	int listener = e2e_sock_listen(&at), fd;
	pid_t pid;

	assert_true(listener >= 0);
	pid = e2e_process_fork();
	assert_true(pid >= 0);
	if (pid) {
		e2e_track(e2e, pid);
		close(listener);
		return;
	}
	for (;;) {
		fd = e2e_sock_accept(listener); /* it waits for ten seconds at most */
		if (fd >= 0)
			close(fd);
	}
}

static void storm_of_processes_is_followed(void **state)
{
	struct e2e *e2e = *state;
	const int forks = e2e_is_guest() ? FORKS_VM : FORKS;
	struct e2e_actor *parent = e2e_actor_start(e2e, &e2e->home, "ct-parent");
	struct e2e_tracer *tracer;

	start_taker(e2e, e2e_port(0));
	tracer = E2E_TRACE(e2e, "watch", "--json", "--follow", "-p",
			   e2e_format(e2e, "%d", parent->pid));
	e2e_actor_run(parent, &(struct e2e_job){
				      .run = do_storm,
				      .numbers = {forks, FORKS_AT_ONCE, CONNECTS_EACH},
				      .to = {.host = "127.0.0.1", .port = e2e_port(0)},
			      });
	e2e_sleep_ms(SETTLE_MS);
	e2e_tracer_stop(tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	assert_int_equal(e2e_events_count(e2e_tracer_events(tracer), "{s:s}", "event", "close"),
			 forks / CONNECTS_EACH);
	assert_int_equal(e2e_events_count(e2e_tracer_events(tracer), "{s:s, s:s, s:s, s:s, s:i}",
					  "event", "close", "comm", "ct-storm", "owner", "connect",
					  "role", "active", "rport", e2e_port(0)),
			 forks / CONNECTS_EACH);
}

/// No time of it is before the one before, or longer than the test can have taken.
static void assert_times_are_right(const json_t *events, long long began_ns, long long ended_ns)
{
	long long before_ns = began_ns;
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		long long ts_ns = e2e_event_number(event, "ts_ns");
		const json_t *in_state = json_object_get(event, "in_state_ns");

		if (ts_ns < began_ns || ts_ns > ended_ns)
			fail_msg("not between %lld and %lld: %s", began_ns, ended_ns,
				 json_dumps(event, JSON_COMPACT));
		/* lines of several CPUs may be microseconds out of turn */
		if (ts_ns < before_ns - NS_PER_S)
			fail_msg("goes back behind %lld: %s", before_ns,
				 json_dumps(event, JSON_COMPACT));
		before_ns = ts_ns;
		if (json_is_integer(in_state) &&
		    (json_integer_value(in_state) < 0 ||
		     json_integer_value(in_state) > ended_ns - began_ns))
			fail_msg("no such time has passed: %s", json_dumps(event, JSON_COMPACT));
	}
}

static long long wall_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void wall_clock_that_is_set_changes_no_duration(void **state)
{
	static const int offs_s[] = {HOUR_S, -HOUR_S, 0};
	struct e2e *e2e = *state;
	long long began_ns, ended_ns;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;

	if (!e2e_may_set_wall_clock())
		e2e_skip("sets the machine's clock: in a guest, or where E2E_CLOCK=1 permits it");
	began_ns = wall_clock_ns() - NS_PER_S;
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P",
			   e2e_format(e2e, "%u-%u", e2e_port(0), e2e_port(1)));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	for (size_t i = 0; i < sizeof(offs_s) / sizeof(offs_s[0]); i++) {
		e2e_set_wall_clock_off(offs_s[i]);
		e2e_pair_exchange(&pair, 100, 100);
		e2e_churn(e2e, e2e_port(1), 1);
		e2e_sleep_ms(SETTLE_MS);
	}
	e2e_pair_close(&pair);
	e2e_tracer_wait_event(tracer, e2e_patience(WAIT_MS), "{s:s, s:s}", "event", "close", "conn",
			      pair.server_conn);
	e2e_tracer_stop(tracer, 0);
	ended_ns = wall_clock_ns() + NS_PER_S;
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	assert_times_are_right(e2e_tracer_events(tracer), began_ns, ended_ns);
	e2e_assert_path(
		e2e_tracer_events(tracer), pair.server_conn,
		"LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE");
}

/// What happened meanwhile is told late, and as it was: by when it happened, not by when it is
/// read.
static void tracer_that_was_stopped_tells_all_behind(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	const json_t *events, *established;
	struct e2e_pair pair;
	long long lasted_ns;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	kill(tracer->pid, SIGSTOP);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_sleep_ms(LASTED_MS);
	e2e_pair_close(&pair);
	e2e_sleep_ms(e2e_patience(STOPPED_MS));
	kill(tracer->pid, SIGCONT);
	e2e_sleep_ms(SETTLE_MS);
	e2e_tracer_stop(tracer, 0);

	events = e2e_tracer_events(tracer);
	e2e_assert_no_loss(events);
	e2e_assert_path(
		events, pair.server_conn,
		"LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE");
	e2e_assert_flags(events, pair.server_conn, "");
	e2e_assert_flags(events, pair.client_conn, "");
	established = e2e_events_one(events, "{s:s, s:s}", "conn", pair.server_conn, "from",
				     "ESTABLISHED");
	lasted_ns = e2e_event_number(established, "in_state_ns");
	assert_true(lasted_ns >= LASTED_MS * NS_PER_MS);
	assert_true(lasted_ns < LASTED_MS * NS_PER_MS + e2e_patience(STOPPED_MS) * NS_PER_MS);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(namespaces_that_go_away_disturb_no_sweep),
	E2E_TEST(storm_of_processes_is_followed),
	E2E_TEST(wall_clock_that_is_set_changes_no_duration),
	E2E_TEST(tracer_that_was_stopped_tells_all_behind),
};

E2E_MAIN("surroundings", tests)
