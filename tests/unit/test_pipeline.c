// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pipeline_fixture.h"

#include <errno.h>

static const struct ct_sink_ops bare_ops = {.name = "bare",
					    .update = fake_update,
					    .free = fake_free};

static void records_go_in_and_lines_come_out(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_pipeline_stats stats;

	begin(f, 0);
	take(f, owned(&life, 4242, "curl", CT_OWNER_CONNECT));
	take(f, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(f, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	take(f, to(&life, CT_STATE_CLOSE));
	take(f, over(life.core.ts_ns));
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ? by connect()",
		    "rst received peer refused in SYN_SENT +rst-received",
		    "SYN_SENT>CLOSE 2ms +refused",
		    "refused by remote: SYN_SENT [rst-received refused]");
	ct_pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.records, 5);
	assert_int_equal(stats.selected, 5); /* each event once: what a recording keeps */
	assert_int_equal(stats.printed, 4);
	assert_int_equal(stats.connections, 1);
	assert_int_equal(stats.lost + stats.malformed + stats.evicted, 0);
}

static void record_that_is_not_understood_is_lost(void **state)
{
	struct fixture *f = *state;
	struct ct_pipeline_stats stats;
	struct life life = a_client();
	struct ct_event event;

	begin(f, 0);
	take(f, to(&life, CT_STATE_SYN_SENT));
	event = to(&life, CT_STATE_ESTABLISHED);
	assert_int_equal(ct_pipeline_feed(f->pipeline, &event, event_size(&event) - 1), 0);
	assert_int_equal(f->seen.last_ns, BEGAN); /* in its place in the stream */
	assert_int_equal(ct_pipeline_feed(f->pipeline, &event, 0), 0);
	take(f, over(life.core.ts_ns));
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ?", "lost 1 decode", "lost 1 decode",
		    "unknown by ?: SYN_SENT [gap]");
	ct_pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.malformed, 2);
	assert_int_equal(stats.lost, 2);
}

static void losses_of_every_kind_are_counted(void **state)
{
	struct fixture *f = *state;
	struct ct_pipeline_config config = {.select = &f->select, .max_conns = 1};
	struct ct_pipeline_stats stats;
	struct life one = a_client(), two = a_server();

	assert_int_equal(ct_pipeline_new(&config, &f->pipeline), 0);
	assert_int_equal(add_sink(f, &ops, &f->seen), 0);
	take(f, lost(BEGAN, 5, CT_LOST_RING, 0));
	take(f, to(&one, CT_STATE_SYN_SENT));
	take(f, to(&two, CT_STATE_SYN_RECV));
	ct_pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.lost, 6);
	assert_int_equal(stats.evicted, 1);
}

static void errno_of_a_sink_comes_back(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_pipeline_stats stats;

	begin(f, 0);
	f->seen.fails = -EPIPE;
	assert_int_equal(feed(f, to(&life, CT_STATE_SYN_SENT)), -EPIPE);
	assert_int_equal(ct_pipeline_flush(f->pipeline), -EPIPE);
	assert_int_equal(ct_pipeline_finish(f->pipeline), -EPIPE);
	ct_pipeline_stats(f->pipeline, &stats);
	assert_int_equal(stats.printed, 0);
}

static void every_sink_gets_everything_and_finishes_whatever_the_others_do(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();

	begin(f, 0);
	assert_int_equal(add_sink(f, &ops, &f->second), 0);
	take(f, to(&life, CT_STATE_SYN_SENT));
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ?");
	assert_told(&f->second.told, "CLOSE>SYN_SENT ?");
	f->seen.fails = -ENOSPC;
	assert_int_equal(ct_pipeline_finish(f->pipeline), -ENOSPC);
	assert_int_equal(f->second.finished, 1);
}

static void sink_without_flush_and_finish_is_fine(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	assert_int_equal(add_sink(f, &bare_ops, &f->second), 0);
	assert_int_equal(ct_pipeline_flush(f->pipeline), 0);
	assert_int_equal(ct_pipeline_finish(f->pipeline), 0);
	assert_int_equal(f->seen.flushed, 1);
	assert_int_equal(f->seen.finished, 1);
}

static void sinks_are_freed_once_also_those_too_many(void **state)
{
	struct fixture *f = *state;
	unsigned int added = 1;

	begin(f, 0);
	while (add_sink(f, &ops, &f->seen) == 0)
		added++;
	assert_int_equal(f->seen.freed, 1);
	ct_pipeline_free(&f->pipeline);
	assert_int_equal(f->seen.freed, added + 1);
	ct_pipeline_free(&f->pipeline);
}

static void flag_that_time_raises_is_told_at_its_tick(void **state)
{
	struct fixture *f = *state;
	struct life life = a_server();

	begin(f, 0);
	take(f, to(&life, CT_STATE_SYN_RECV));
	take(f, to(&life, CT_STATE_ESTABLISHED));
	take(f, to(&life, CT_STATE_CLOSE_WAIT));
	told_forget(&f->seen.told);
	assert_int_equal(ct_pipeline_deadline_ns(f->pipeline), life.core.ts_ns - MS + 3 * S);
	life.core.ts_ns += 3 * S;
	take(f, tick(life.core.ts_ns));
	assert_told(&f->seen.told, "in CLOSE_WAIT for 3000ms +half-close-remote");
	take(f, to(&life, CT_STATE_LAST_ACK));
	take(f, to(&life, CT_STATE_CLOSE));
	assert_told(&f->seen.told, "CLOSE_WAIT>LAST_ACK 3001ms", "LAST_ACK>CLOSE 1ms");
}

/// The tick that ends the wait comes from the deadline that the selection has asked for.
static void provisional_owner_is_released_by_the_tick(void **state)
{
	static uint32_t pid = 80;
	struct fixture *f = *state;
	struct life life = a_server();

	f->select.pids = (struct ct_u32_list){&pid, 1};
	begin(f, 0);
	take(f, owned(&life, 80, "nginx", CT_OWNER_INHERITED));
	take(f, to(&life, CT_STATE_SYN_RECV));
	take(f, to(&life, CT_STATE_ESTABLISHED));
	assert_int_equal(ct_pipeline_deadline_ns(f->pipeline), BEGAN + S);
	take(f, tick(BEGAN + S));
	assert_told(&f->seen.told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED 1ms");
	assert_true(ct_pipeline_deadline_ns(f->pipeline) == CT_NS_UNKNOWN);
}

static void life_is_chosen_by_a_flag_that_comes_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct life chosen = a_client(), other = a_server();

	f->select.flags = 1U << CT_FLAG_REFUSED;
	begin(f, 0);
	take(f, to(&chosen, CT_STATE_SYN_SENT));
	take(f, to(&other, CT_STATE_SYN_RECV));
	take(f, to(&other, CT_STATE_CLOSE));
	take(f, reset(&chosen, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	assert_silence(&f->seen.told);
	take(f, to(&chosen, CT_STATE_CLOSE));
	take(f, over(chosen.core.ts_ns));
	assert_told(&f->seen.told, "CLOSE>SYN_SENT ?",
		    "rst received peer refused in SYN_SENT +rst-received",
		    "SYN_SENT>CLOSE 2ms +refused",
		    "refused by remote: SYN_SENT [rst-received refused]");
}

static void what_is_still_held_is_freed_with_the_pipeline(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();

	f->select.flags = 1U << CT_FLAG_REFUSED;
	begin(f, 0);
	take(f, to(&life, CT_STATE_SYN_SENT));
	take(f, to(&life, CT_STATE_ESTABLISHED));
	ct_pipeline_free(&f->pipeline);
	assert_silence(&f->seen.told);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(records_go_in_and_lines_come_out),
		test(record_that_is_not_understood_is_lost),
		test(losses_of_every_kind_are_counted),
		test(errno_of_a_sink_comes_back),
		test(every_sink_gets_everything_and_finishes_whatever_the_others_do),
		test(sink_without_flush_and_finish_is_fine),
		test(sinks_are_freed_once_also_those_too_many),
		test(flag_that_time_raises_is_told_at_its_tick),
		test(provisional_owner_is_released_by_the_tick),
		test(life_is_chosen_by_a_flag_that_comes_at_its_end),
		test(what_is_still_held_is_freed_with_the_pipeline),
	};

	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
