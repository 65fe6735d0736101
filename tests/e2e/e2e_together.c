// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that several tracers at once see the same, and that neither the beginning nor the end of
// one, however it ends, is noticed by the others.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"

#define CHURN	  600
#define CHURN_VM  100
#define SETTLE_MS 500
#define WAIT_MS	  60000
#define OTHERS	  4
#define OTHERS_VM 2
#define NOISE_MS  500

static unsigned churn_size(void)
{
	return e2e_is_guest() ? CHURN_VM : CHURN;
}

static size_t count_lives(const json_t *events)
{
	return e2e_events_count(events, "{s:s}", "event", "close");
}

static bool is_equal(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/// The states, and not the times: each tracer takes its own.
static bool have_same_states(const json_t *a, const json_t *b)
{
	const json_t *first = json_object_get(a, "history"),
		     *second = json_object_get(b, "history");
	size_t n = json_array_size(first);

	if (n != json_array_size(second))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_equal(json_array_get(first, i), json_array_get(second, i), "state") ||
		    !is_equal(json_array_get(first, i), json_array_get(second, i), "basis"))
			return false;
	return true;
}

static void assert_same_life(const json_t *life, const json_t *other)
{
	static const char *const keys[] = {"laddr",	"lport",      "raddr", "rport", "netns",
					   "role",	"pid",	      "comm",  "owner", "end",
					   "closed_by", "bytes_sent", "gaps",  "flags"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!is_equal(life, other, keys[i]))
			fail_msg("%s differs: %s\n%s", keys[i], json_dumps(life, JSON_COMPACT),
				 json_dumps(other, JSON_COMPACT));
	if (!have_same_states(life, other))
		fail_msg("the history differs: %s\n%s", json_dumps(life, JSON_COMPACT),
			 json_dumps(other, JSON_COMPACT));
}

/// Each life that EVENTS tell of, LIVES (of whoever traced for longer) tell alike.
static void assert_same_lives(const json_t *events, const json_t *lives)
{
	json_t *by_conn = e2e_events_summaries(lives), *life;
	size_t index;

	json_array_foreach((json_t *)events, index, life)
	{
		const char *conn = e2e_event_text(life, "conn");
		const json_t *other = json_object_get(by_conn, conn);

		if (strcmp(e2e_event_text(life, "event"), "close"))
			continue;
		if (!other)
			fail_msg("%s is told by one of them alone", conn);
		assert_same_life(life, other);
	}
	json_decref(by_conn);
}

static void three_tell_the_same_and_two_of_them_end(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "first.ctr"), *port = e2e_port_text(e2e, 0);
	struct e2e_tracer *first = E2E_TRACE(e2e, "record", "-w", recording, "-P", port);
	struct e2e_tracer *killed = E2E_TRACE(e2e, "watch", "--json", "-P", port);
	struct e2e_tracer *stopped = E2E_TRACE(e2e, "watch", "--json", "-P", port);
	json_t *all;

	e2e_churn_widen_ports();
	e2e_churn(e2e, e2e_port(0), churn_size());
	e2e_churn_settle(e2e, e2e_port(0));
	kill(killed->pid, SIGKILL);
	assert_int_equal(e2e_tracer_join(killed, e2e_patience(WAIT_MS)), 128 + SIGKILL);
	e2e_tracer_stop(stopped, 0);
	e2e_churn(e2e, e2e_port(0), churn_size());
	e2e_churn_settle(e2e, e2e_port(0));
	e2e_tracer_stop(first, 0);

	all = E2E_CONNTRACE_JSON("replay", "--json", recording);
	e2e_assert_no_loss(all);
	e2e_assert_no_loss(e2e_tracer_events(stopped));
	assert_int_equal(count_lives(all), 4 * churn_size());
	assert_int_equal(count_lives(e2e_tracer_events(stopped)), 2 * churn_size());
	assert_same_lives(e2e_tracer_events(stopped), all);
	json_decref(all);
}

/// They attach, look at what is there, and detach, while connections come and go.
static void others_come_and_go_unnoticed(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *whole = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	const int others = e2e_is_guest() ? OTHERS_VM : OTHERS;

	e2e_churn_widen_ports();
	e2e_churn_noise(e2e, e2e_port(0));
	for (int i = 0; i < others; i++) {
		struct e2e_tracer *other = E2E_TRACE(e2e, "watch", "--json", "-P",
						     e2e_port_text(e2e, 0));

		e2e_sleep_ms(NOISE_MS);
		if (i % 2) {
			kill(other->pid, SIGKILL);
			e2e_tracer_join(other, e2e_patience(WAIT_MS));
			continue;
		}
		e2e_tracer_stop(other, 0);
		e2e_assert_no_loss(e2e_tracer_events(other));
		assert_true(count_lives(e2e_tracer_events(other)) > 0);
	}
	e2e_churn_quiet(e2e);
	e2e_sleep_ms(SETTLE_MS);
	e2e_tracer_stop(whole, 0);
	e2e_assert_no_loss(e2e_tracer_events(whole));
	assert_true(count_lives(e2e_tracer_events(whole)) > 2 * (size_t)others);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(three_tell_the_same_and_two_of_them_end),
	E2E_TEST(others_come_and_go_unnoticed),
};

E2E_MAIN("together", tests)
