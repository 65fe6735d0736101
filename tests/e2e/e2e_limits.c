// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows the ways in which a trace ends, and that what was on the way is printed first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS	 10000
#define LASTS_MS 3000 /// longer than what happens in it

/// Starts to trace, plays one short life and sends the signal at once: nothing may be left in the
/// ring. A reset is all over when close() returns, as a FIN is not.
static void assert_ends_by(struct e2e *e2e, int signal_number)
{
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_actor_set_linger0(pair.server, pair.server_fd);
	e2e_actor_close(pair.server, pair.server_fd);
	kill(tracer->pid, signal_number);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	e2e_assert_path(e2e_tracer_events(tracer), pair.server_conn,
			"LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE");
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:s}", "event", "close", "conn",
		       pair.server_conn, "end", "rst-sent");
}

static void sigint_is_a_normal_end(void **state)
{
	assert_ends_by(*state, SIGINT);
}

static void sigterm_is_a_normal_end(void **state)
{
	assert_ends_by(*state, SIGTERM);
}

static void duration_ends_by_itself(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0),
					      "--duration",
					      e2e_format(e2e, "%dms", e2e_patience(LASTS_MS)));

	e2e_churn(e2e, e2e_port(0), 5);
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 0);
	assert_int_equal(e2e_events_count(e2e_tracer_events(tracer), "{s:s, s:s}", "from",
					  "LAST_ACK", "to", "CLOSE"),
			 5);
}

static void count_ends_after_so_many_events(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0),
					      "--count", "3");

	e2e_churn(e2e, e2e_port(0), 5);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 0);
	assert_int_equal(json_array_size(e2e_tracer_events(tracer)), 3);
}

/// `watch … -- sh -c COMMAND` until so many lines are printed, beside a listener that is found.
static void watch_until(struct e2e *e2e, const char *count, const char *command, int want_status)
{
	struct e2e_tracer *tracer;
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	tracer = E2E_TRACE(e2e, "watch", "--json", "--count", count, "-p",
			   e2e_format(e2e, "%d", (int)pair.server->pid), "--", "sh", "-c", command);
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), want_status);
	e2e_events_one(e2e_tracer_events(tracer), "{s:s}", "event", "found");
}

/// What the lines are used up by was there before it could begin. That it is attached is what
/// E2E_TRACE() waits for.
static void command_runs_to_its_end_when_what_was_there_is_enough(void **state)
{
	struct e2e *e2e = *state;
	const char *ran = e2e_path(e2e, "ran");

	watch_until(e2e, "1", e2e_format(e2e, "sleep 1; : >'%s'; exit 7", ran), 7);
	assert_int_equal(access(ran, F_OK), 0);
}

/// The nearest that it is seen of: its end is that of the trace.
static void command_that_is_seen_ends_the_trace(void **state)
{
	struct e2e *e2e = *state;
	const char *ran = e2e_path(e2e, "ran");

	watch_until(e2e, "2", e2e_format(e2e, "sleep 1; : >'%s'; exit 7", ran), 7);
	assert_int_equal(access(ran, F_OK), 0);
}

/// A limit that is reached while it runs ends it, as before.
static void command_that_has_begun_is_ended_by_a_limit(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct e2e_tracer *tracer;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	tracer = E2E_TRACE(e2e, "watch", "--json", "--count", "1", "--duration", "1s", "-p",
			   e2e_format(e2e, "%d", (int)pair.server->pid), "--", "sleep", "600");
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 128 + SIGTERM);
}

static void events_come_while_the_trace_runs(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	assert_true(e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.client_conn,
					  "to", "ESTABLISHED"));
	e2e_tracer_stop(tracer, 0);
}

static void quiet_says_nothing_on_stderr(void **state)
{
	struct e2e_output output;

	E2E_CONNTRACE(&output, "watch", "-q", "--duration", "1s", "-P", "1");
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "");
	e2e_output_free(&output);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(sigint_is_a_normal_end),
	E2E_TEST(sigterm_is_a_normal_end),
	E2E_TEST(duration_ends_by_itself),
	E2E_TEST(count_ends_after_so_many_events),
	E2E_TEST(events_come_while_the_trace_runs),
	E2E_TEST(quiet_says_nothing_on_stderr),
	E2E_TEST(command_runs_to_its_end_when_what_was_there_is_enough),
	E2E_TEST(command_that_is_seen_ends_the_trace),
	E2E_TEST(command_that_has_begun_is_ended_by_a_limit),
};

E2E_MAIN("limits", tests)
