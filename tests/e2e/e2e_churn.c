// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that 20,000 connections are recorded without a gap, and that a ring which is too small
// loses nothing in silence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/recording.h"

#define CONNECTIONS	     20000
#define OVERFLOW_CONNECTIONS 500
#define WAIT_MS		     20000
#define PAUSE_MS	     50
#define EXIT_LOST	     5

/// Lives of one port in a report, listeners left out.
struct tally {
	size_t lives;
	size_t complete_clients;
	size_t complete_servers;
	size_t with_gaps;
};

static bool has_history(const json_t *life, const char *const states[])
{
	const json_t *history = json_object_get(life, "history");
	size_t n = 0;

	for (; states[n]; n++) {
		if (strcmp(e2e_event_text(json_array_get(history, n), "state"), states[n]))
			return false;
	}
	return json_array_size(history) == n;
}

static struct tally count_lives(const json_t *lives, uint16_t port)
{
	static const char *const client_states[] = {"SYN_SENT",	 "ESTABLISHED", "FIN_WAIT1",
						    "FIN_WAIT2", "TIME_WAIT",	NULL};
	static const char *const server_states[] = {"SYN_RECV", "ESTABLISHED", "CLOSE_WAIT",
						    "LAST_ACK", NULL};
	struct tally tally = {0};
	size_t index;
	json_t *life;

	json_array_foreach((json_t *)lives, index, life)
	{
		bool is_client = e2e_event_number(life, "rport") == port;
		bool is_server = e2e_event_number(life, "lport") == port;

		if (!strcmp(e2e_event_text(life, "role"), "listener") || (!is_client && !is_server))
			continue;
		tally.lives++;
		tally.with_gaps += e2e_event_number(life, "gaps") != 0;
		if (strcmp(e2e_event_text(life, "end"), "fin"))
			continue;
		tally.complete_clients += is_client && has_history(life, client_states);
		tally.complete_servers += is_server && has_history(life, server_states);
	}
	return tally;
}

static void default_recording_holds_every_life_without_a_gap(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "churn.ctr");
	struct e2e_tracer *tracer;
	struct tally tally;
	json_t *lives, *losses;

	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-w", recording);
	e2e_churn(e2e, e2e_port(0), CONNECTIONS);
	e2e_churn_settle(e2e, e2e_port(0));
	e2e_tracer_stop(tracer, 0);
	lives = E2E_CONNTRACE_JSON("report", "--json", recording);
	losses = E2E_CONNTRACE_JSON("replay", "--json", "--flag", "gap", recording);

	e2e_assert_no_loss(losses); /* first: of what was lost the rest cannot be asked */
	tally = count_lives(lives, e2e_port(0));
	assert_int_equal(tally.lives, 2 * CONNECTIONS);
	assert_int_equal(tally.with_gaps, 0);
	assert_int_equal(tally.complete_servers, CONNECTIONS);
	assert_int_equal(tally.complete_clients, CONNECTIONS);
	json_decref(lives);
	json_decref(losses);
}

/// Lives that lie before, across and after a stretch in which the ring overflows.
struct overflow {
	struct e2e_tracer *tracer;
	const char *recording;
	const char *before;
	const char *across;
	const char *after;
};

/// Whoever waits in vain finds out from what is missing.
static void wait_recorded(const char *recording, const char *conn, const char *key,
			  const char *state)
{
	e2e_recording_wait(recording, WAIT_MS, "{s:s, s:s}", "conn", conn, key, state);
}

/// The server's end is wholly gone at once; the client's TIME_WAIT would reach into what comes
/// next.
static const char *short_life(struct e2e_pair *pair, const char *recording)
{
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_sleep_ms(PAUSE_MS);
	e2e_pair_close(pair);
	wait_recorded(recording, pair->server_conn, "from", "LAST_ACK");
	return pair->server_conn;
}

/// The recorder is stopped while others overflow its ring of one page: so the loss is certain, and
/// it is known when.
static void play_overflow(struct e2e *e2e, bool strict, struct overflow *ret_overflow)
{
	const char *recording = e2e_path(e2e, "overflow.ctr");
	struct e2e_pair pair, long_pair;

	ret_overflow->recording = recording;
	ret_overflow->tracer = E2E_TRACE(e2e, "record", "--buffer", "4096", "-w", recording, "-P",
					 e2e_format(e2e, "%u-%u", e2e_port(0), e2e_port(2)),
					 strict ? "--strict" : NULL);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(1), &long_pair);
	ret_overflow->before = short_life(&pair, recording);
	e2e_pair_connect(&long_pair, "127.0.0.1");
	ret_overflow->across = long_pair.client_conn;
	wait_recorded(recording, ret_overflow->across, "to", "ESTABLISHED");

	kill(ret_overflow->tracer->pid, SIGSTOP);
	e2e_churn(e2e, e2e_port(2), OVERFLOW_CONNECTIONS);
	e2e_pair_close(&long_pair);
	kill(ret_overflow->tracer->pid, SIGCONT);
	e2e_recording_wait(recording, WAIT_MS, "{s:s}", "event", "lost");
	ret_overflow->after = short_life(&pair, recording);
}

/// What a command makes of a recording with losses: it says so on stderr, and exits 0.
static json_t *read_lossy(const char *command, const char *recording)
{
	struct e2e_output output;
	json_t *events;

	E2E_CONNTRACE(&output, command, "--json", recording);
	assert_int_equal(output.status, 0);
	assert_non_null(strstr(output.err, "lost"));
	events = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);
	return events;
}

/// Events told as lost between two places of the stream.
static long long lost_between(const json_t *events, long from, long to)
{
	long long lost = 0;

	for (long i = from; i < to; i++) {
		const json_t *event = json_array_get(events, (size_t)i);

		if (!strcmp(e2e_event_text(event, "event"), "lost"))
			lost += e2e_event_number(event, "events");
	}
	return lost;
}

static void loss_is_counted_and_stands_in_its_place(void **state)
{
	struct overflow overflow;
	json_t *events;
	long before, across, after;

	play_overflow(*state, false, &overflow);
	e2e_tracer_stop(overflow.tracer, 0);
	events = read_lossy("replay", overflow.recording);

	before = e2e_events_position(events, "{s:s, s:s}", "conn", overflow.before, "from",
				     "LAST_ACK");
	across = e2e_events_position(events, "{s:s, s:s}", "conn", overflow.across, "to",
				     "ESTABLISHED");
	after = e2e_events_position(events, "{s:s, s:s}", "conn", overflow.after, "to", "SYN_RECV");
	assert_true(before >= 0);
	assert_true(across > before);
	assert_true(after > across);
	assert_true(lost_between(events, across, after) > OVERFLOW_CONNECTIONS);
	json_decref(events);
}

static void histories_that_a_loss_touches_carry_a_gap(void **state)
{
	struct overflow overflow;
	json_t *lives;

	play_overflow(*state, false, &overflow);
	e2e_tracer_stop(overflow.tracer, 0);
	lives = read_lossy("report", overflow.recording);

	e2e_assert_has(e2e_events_one(lives, "{s:s}", "conn", overflow.before), "{s:i}", "gaps", 0);
	e2e_assert_has(e2e_events_one(lives, "{s:s}", "conn", overflow.after), "{s:i}", "gaps", 0);
	assert_true(e2e_event_number(e2e_events_one(lives, "{s:s}", "conn", overflow.across),
				     "gaps") > 0);
	e2e_assert_flags(lives, overflow.across, "gap");
	json_decref(lives);
}

static void loss_under_strict_is_an_exit_status(void **state)
{
	struct overflow overflow;

	play_overflow(*state, true, &overflow);
	e2e_tracer_stop(overflow.tracer, EXIT_LOST);
}

static void strict_without_a_loss_exits_0(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "--strict", "-w",
					      e2e_path(e2e, "strict.ctr"), "-P",
					      e2e_port_text(e2e, 0));

	e2e_churn(e2e, e2e_port(0), 100);
	e2e_tracer_stop(tracer, 0);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(default_recording_holds_every_life_without_a_gap),
	E2E_TEST(loss_is_counted_and_stands_in_its_place),
	E2E_TEST(histories_that_a_loss_touches_carry_a_gap),
	E2E_TEST(loss_under_strict_is_an_exit_status),
	E2E_TEST(strict_without_a_loss_exits_0),
};

E2E_MAIN("churn", tests)
