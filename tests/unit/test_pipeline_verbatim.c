// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A recording of everything, of which nothing was made: what it means is found out when it is read.
 */
#include "pipeline_fixture.h"

#include <errno.h>

static void begin_verbatim(struct fixture *f)
{
	const struct ct_pipeline_config config = {.select = &f->select, .verbatim = true};

	assert_int_equal(ct_pipeline_new(&config, &f->pipeline), 0);
	assert_int_equal(add_sink(f, &keeping_ops, &f->second), 0);
}

/// A client whose mini-socket expires, and a server that forgets to close for five seconds.
static void add_lives(struct events *events)
{
	struct life client = a_client(), server = a_server();

	add(events, owned(&client, 4242, "curl", CT_OWNER_CONNECT));
	add(events, to(&client, CT_STATE_SYN_SENT));
	add(events, to(&client, CT_STATE_ESTABLISHED));
	add(events, does(&client, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	add(events, to(&client, CT_STATE_FIN_WAIT2));
	add(events, mini(&client, CT_TIMER_START, CT_STATE_TIME_WAIT));
	add(events, to(&client, CT_STATE_CLOSE));
	add(events, mini(&client, CT_TIMER_CANCEL, CT_STATE_TIME_WAIT));
	server.core.ts_ns = client.core.ts_ns + S;
	add(events, to(&server, CT_STATE_SYN_RECV));
	add(events, to(&server, CT_STATE_ESTABLISHED));
	add(events, to(&server, CT_STATE_CLOSE_WAIT));
	server.core.ts_ns += 5 * S;
	add(events, does(&server, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	add(events, to(&server, CT_STATE_CLOSE));
	add(events, over(server.core.ts_ns + S));
}

static void take_all(struct fixture *f, const struct events *events, bool timely)
{
	for (size_t i = 0; i < events->n; i++) {
		if (timely)
			take(f, tick(events->list[i].ts_ns));
		take(f, events->list[i]);
	}
}

static void replay_is_what_would_have_been_printed(void **state)
{
	struct fixture *f = *state;
	struct events events = {.n = 0};
	struct seen printed;

	add_lives(&events);
	begin(f, 0);
	take_all(f, &events, true);
	ct_pipeline_free(&f->pipeline);
	printed = f->seen;
	assert_non_null(strstr(printed.told.text, "+half-close-remote"));

	begin_verbatim(f);
	take_all(f, &events, false);
	ct_pipeline_free(&f->pipeline);
	f->seen = (struct seen){0};
	begin(f, 0);
	take_all(f, &f->second.kept, false);
	assert_string_equal(f->seen.told.text, printed.told.text);
}

static void events_are_kept_as_they_came_with_the_time(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_pipeline_stats stats;
	struct ct_event first = to(&life, CT_STATE_SYN_SENT), next;

	begin_verbatim(f);
	take(f, first);
	next = to(&life, CT_STATE_ESTABLISHED); /* a millisecond later */
	take(f, next);
	assert_int_equal(f->second.kept.n, 3);
	assert_int_equal(f->second.kept.list[0].kind, CT_EVENT_TICK);
	assert_int_equal(f->second.kept.list[0].ts_ns, first.ts_ns);
	assert_memory_equal(&f->second.kept.list[1], &first, event_size(&first));
	assert_memory_equal(&f->second.kept.list[2], &next, event_size(&next));

	life.core.ts_ns = first.ts_ns + 10 * MS;
	take(f, to(&life, CT_STATE_CLOSE));
	assert_int_equal(f->second.kept.n, 5);
	assert_int_equal(f->second.kept.list[3].kind, CT_EVENT_TICK);
	ct_pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.records, 3);
	assert_int_equal(stats.selected, 5);
}

static void silence_is_told_by_the_sources_tick(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	uint64_t began = life.core.ts_ns;

	begin_verbatim(f);
	assert_int_equal(ct_pipeline_deadline_ns(f->pipeline), CT_NS_UNKNOWN);
	take(f, to(&life, CT_STATE_SYN_SENT));
	assert_int_equal(ct_pipeline_deadline_ns(f->pipeline), began + 10 * S);
	take(f, tick(began + 10 * S));
	assert_int_equal(f->second.kept.n, 3);
	assert_int_equal(f->second.kept.list[2].kind, CT_EVENT_TICK);
	assert_int_equal(ct_pipeline_deadline_ns(f->pipeline), began + 20 * S);
}

/// What was lost may be what the time is waited for: no deadline may come before it is known.
static void loss_stands_before_the_time_in_which_it_was(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();

	begin_verbatim(f);
	take(f, to(&life, CT_STATE_SYN_SENT));
	take(f, to(&life, CT_STATE_CLOSE));
	take(f, lost(BEGAN + S, 5, CT_LOST_RING, CT_UNCOUNTED_ALL));
	life.core.ts_ns = BEGAN + S + MS;
	take(f, to(&life, CT_STATE_SYN_SENT));
	assert_int_equal(f->second.kept.n, 6);
	assert_int_equal(f->second.kept.list[3].kind, CT_EVENT_LOST);
	assert_int_equal(f->second.kept.list[4].kind, CT_EVENT_TICK);
}

static void sweeps_are_wanted_while_a_mini_socket_is_in_fin_wait2(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_event start;

	begin_verbatim(f);
	take(f, to(&life, CT_STATE_SYN_SENT));
	assert_int_equal(ct_pipeline_fin_wait2_minis(f->pipeline), 0);
	take(f, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	assert_int_equal(ct_pipeline_fin_wait2_minis(f->pipeline), 0);
	start = mini(&life, CT_TIMER_START, CT_STATE_FIN_WAIT2);
	assert_true(start.timewait.timeout_ns > 0);
	take(f, start);
	assert_int_equal(ct_pipeline_fin_wait2_minis(f->pipeline), 1);
	take(f, tick(start.ts_ns + start.timewait.timeout_ns));
	assert_int_equal(ct_pipeline_fin_wait2_minis(f->pipeline), 0);
}

static void losses_are_counted(void **state)
{
	struct fixture *f = *state;
	struct ct_pipeline_stats stats;

	begin_verbatim(f);
	take(f, lost(BEGAN, 5, CT_LOST_RING, 0));
	assert_int_equal(ct_pipeline_feed(f->pipeline, "", 0), 0);
	ct_pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.lost, 6);
	assert_int_equal(stats.lost_at[CT_LOST_RING], 5);
	assert_int_equal(stats.lost_at[CT_LOST_DECODE], 1);
	assert_int_equal(stats.malformed, 1);
}

static void errno_of_a_sink_comes_back(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();

	begin_verbatim(f);
	f->second.fails = -ENOSPC;
	assert_int_equal(feed(f, to(&life, CT_STATE_SYN_SENT)), -ENOSPC);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(replay_is_what_would_have_been_printed),
		test(events_are_kept_as_they_came_with_the_time),
		test(silence_is_told_by_the_sources_tick),
		test(loss_stands_before_the_time_in_which_it_was),
		test(sweeps_are_wanted_while_a_mini_socket_is_in_fin_wait2),
		test(losses_are_counted),
		test(errno_of_a_sink_comes_back),
	};

	return cmocka_run_group_tests_name("pipeline_verbatim", tests, NULL, NULL);
}
