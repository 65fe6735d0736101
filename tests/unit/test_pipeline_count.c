// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where a limit ends a trace, and that a recording of it ends there too. */
#include "pipeline_fixture.h"

static void count_stops_exactly_where_it_is_reached(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();

	begin(f, 2);
	take(f, owned(&life, 4242, "curl", CT_OWNER_CONNECT));
	take(f, to(&life, CT_STATE_SYN_SENT));
	assert_int_equal(feed(f, to(&life, CT_STATE_ESTABLISHED)), CT_PIPELINE_STOP);
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ?", "SYN_SENT>ESTABLISHED 1ms");
}

static void count_stops_in_the_midst_of_what_is_released(void **state)
{
	static struct ct_port_range port = {45678, 45678};
	struct fixture *f = *state;
	struct life life = a_client();

	f->select.lports = (struct ct_port_list){&port, 1};
	begin(f, 1);
	life.core.lport = 0;
	take(f, to(&life, CT_STATE_SYN_SENT));
	life.core.lport = 45678;
	assert_int_equal(feed(f, to(&life, CT_STATE_ESTABLISHED)), CT_PIPELINE_STOP);
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ?");
}

/// A handshake whose SYN-ACK is sent again, and goes on.
static struct life add_handshake(struct events *events)
{
	struct life life = a_server();

	add(events, request(&life, CT_TIMER_START));
	life.core.ts_ns += S;
	add(events, request(&life, CT_TIMER_EXPIRE));
	add(events, synack_again(&life));
	add(events, request(&life, CT_TIMER_START));
	add(events, to(&life, CT_STATE_SYN_RECV));
	add(events, to(&life, CT_STATE_ESTABLISHED));
	return life;
}

/// A client that has closed first, and whose mini-socket's timer was taken off.
static struct life add_client(struct events *events, uint64_t cookie, uint64_t ts_ns)
{
	struct life life = a_client();

	life.core.cookie = cookie;
	life.core.lport = (__u16)cookie;
	life.core.ts_ns = ts_ns;
	add(events, owned(&life, 4242, "curl", CT_OWNER_CONNECT));
	add(events, to(&life, CT_STATE_SYN_SENT));
	add(events, to(&life, CT_STATE_ESTABLISHED));
	add(events, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	add(events, to(&life, CT_STATE_FIN_WAIT2));
	add(events, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	add(events, to(&life, CT_STATE_CLOSE));
	add(events, mini(&life, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	return life;
}

/// The peer's reset is why it was.
static struct ct_event killing(struct life *life)
{
	struct ct_event event = reset(life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE);

	event.generation = CT_GENERATION_ANY;
	event.sock_flags = 0;
	event.state = CT_STATE_TIME_WAIT;
	event.reset.mini = 1;
	return event;
}

/// Takes the events until it is enough. True: it was.
static bool take_all(struct fixture *f, const struct events *events)
{
	for (size_t i = 0; i < events->n; i++) {
		int r = feed(f, events->list[i]);

		if (r == CT_PIPELINE_STOP)
			return true;
		assert_int_equal(r, 0);
	}
	return false;
}

static void count_ends_within_an_event_and_its_recording_behind_it(void **state)
{
	struct fixture *f = *state;
	struct events events = {.n = 0};
	struct life killed;

	begin(f, 1);
	assert_int_equal(add_sink(f, &keeping_ops, &f->second), 0);
	add_handshake(&events);
	assert_true(take_all(f, &events));
	assert_told(&f->seen.told, "LISTEN>SYN_RECV ?");
	assert_told(&f->second.told, "LISTEN>SYN_RECV ?", "retransmit synack synack 1 +retransmit");
	ct_pipeline_free(&f->pipeline);

	begin(f, 6);
	assert_int_equal(add_sink(f, &keeping_ops, &f->second), 0);
	events.n = 0;
	killed = add_client(&events, 7, BEGAN);
	add(&events, killing(&killed));
	assert_true(take_all(f, &events));
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ?", "SYN_SENT>ESTABLISHED 1ms",
		    "ESTABLISHED>FIN_WAIT1 1ms by close()", "FIN_WAIT1>FIN_WAIT2 1ms",
		    "FIN_WAIT2>TIME_WAIT 1ms", "rst received peer peer in TIME_WAIT +rst-received");
	assert_non_null(strstr(f->second.told.text, "TIME_WAIT>CLOSE 2ms (rst) +time-wait-killed"));
}

/// What became due at different moments is more than one event, though one tick told of it.
static void count_stops_between_the_moments_of_a_tick(void **state)
{
	struct fixture *f = *state;
	struct events events = {.n = 0};

	begin(f, 11);
	add_client(&events, 7, BEGAN);
	add_client(&events, 8, BEGAN + 1);
	assert_false(take_all(f, &events));
	told_forget(&f->seen.told);
	assert_int_equal(feed(f, tick(BEGAN + S)), CT_PIPELINE_STOP);
	assert_told(&f->seen.told, "TIME_WAIT>CLOSE 2ms");
}

static size_t lines_of(const struct told *told)
{
	size_t n = 0;

	for (const char *at = told->text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/// Ends a trace after each number of lines in turn: so many are printed, and its recording says the
/// same, with the rest of the last line's event.
static void assert_replay_of_any_count(struct fixture *f, const struct events *events)
{
	bool stopped = true;

	for (uint64_t count = 1; stopped; count++) {
		const struct ct_select select = f->select;
		struct seen printed;

		assert_in_range(count, 1, EVENTS_MAX);
		begin(f, count);
		f->second = (struct seen){0};
		assert_int_equal(add_sink(f, &keeping_ops, &f->second), 0);
		stopped = take_all(f, events);
		ct_pipeline_free(&f->pipeline);
		printed = f->seen;
		assert_true(!stopped || lines_of(&printed.told) == count);
		assert_memory_equal(f->second.told.text, printed.told.text, printed.told.len);

		f->seen = (struct seen){0};
		f->select = (struct ct_select){0};
		begin(f, 0);
		assert_false(take_all(f, &f->second.kept));
		assert_string_equal(f->seen.told.text, f->second.told.text);
		ct_pipeline_free(&f->pipeline);
		f->seen = (struct seen){0};
		f->select = select;
	}
	assert_true(f->second.told.len > 0);
}

static void replay_of_any_count_is_what_was_printed(void **state)
{
	struct fixture *f = *state;
	struct events events = {.n = 0};
	struct life life;

	life = add_handshake(&events);
	life = add_client(&events, 7, life.core.ts_ns);
	add(&events, killing(&life));
	life = add_client(&events, 8, life.core.ts_ns);
	life = add_client(&events, 9, life.core.ts_ns);
	add(&events, tick(life.core.ts_ns + S));
	life.core.cookie = 10;
	add(&events, to(&life, CT_STATE_SYN_SENT));
	add(&events, over(life.core.ts_ns + 2 * S));
	assert_replay_of_any_count(f, &events);
	f->select.flags = 1U << CT_FLAG_RETRANSMIT | 1U << CT_FLAG_TIME_WAIT_KILLED;
	assert_replay_of_any_count(f, &events);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(count_stops_exactly_where_it_is_reached),
		test(count_stops_in_the_midst_of_what_is_released),
		test(count_ends_within_an_event_and_its_recording_behind_it),
		test(count_stops_between_the_moments_of_a_tick),
		test(replay_of_any_count_is_what_was_printed),
	};

	return cmocka_run_group_tests_name("pipeline_count", tests, NULL, NULL);
}
