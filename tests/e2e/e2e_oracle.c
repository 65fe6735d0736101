// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what conntrace records of a mixed load is what ss and a packet capture saw of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/oracle_capture.h"
#include "support/oracle_judge.h"
#include "support/oracle_lives.h"
#include "support/oracle_ss.h"
#include "support/oracle_workload.h"

#define EARLY_MS      1000
#define POLL_MS	      30
#define SLOW_POLL_MS  250
#define TIME_WAIT_MS  62000
#define CLOCK_STEP_NS 1000000

/// Most connections have two ends that live; the early ones may be over before the tracer is there.
#define LIVES_MIN     (ORACLE_CLIENTS * ORACLE_ROUNDS * 3 / 2)
#define SEGMENTS_MIN  50
#define EXCUSED_SHARE 50

#define SLACK_NS 2000000
#define NEAR_NS	 50000000

struct run {
	struct e2e *e2e;
	struct oracle_workload workload;
	struct oracle_capture capture;
	struct oracle_ss ss;
	struct e2e_tracer *tracer;
	const char *recording;
	struct oracle_record record;
	struct oracle_rules rules;
	struct oracle_counts counts;
	int64_t offset_ns;
	struct e2e_disturbance disturbance;
	struct oracle_excuses excuses;
};

/// Tests at the desk need not wait for TIME_WAIT to be over.
static int tail_ms(void)
{
	const char *given = getenv("ORACLE_TAIL_MS");

	return given ? atoi(given) : TIME_WAIT_MS;
}

static void play(struct run *run)
{
	const int64_t slower = e2e_patience(1); /* between a segment and its capture, too */
	int64_t attached_ns;

	e2e_add_far(run->e2e);
	oracle_workload_prepare(run->e2e, &run->workload);
	oracle_capture_start(run->e2e, &run->capture);
	oracle_workload_start(&run->workload);
	e2e_sleep_ms(EARLY_MS);
	run->recording = e2e_path(run->e2e, "oracle.ctr");
	run->tracer =
		E2E_TRACE(run->e2e, "record", "-w", run->recording, "--netns",
			  e2e_format(run->e2e, "%lu,%lu", run->e2e->home.inum, run->e2e->far.inum));
	attached_ns = oracle_clock_monotonic_ns();
	run->offset_ns = oracle_clock_offset_ns();
	run->rules = (struct oracle_rules){
		.from_ns = attached_ns + run->offset_ns,
		.slack_ns = SLACK_NS * slower,
		.near_ns = NEAR_NS * slower,
		.short_port = run->workload.ports[ORACLE_PORT_DEAF],
		.home_netns = run->e2e->home.inum,
		.far_netns = run->e2e->far.inum,
	};
	e2e_disturbance_begin(&run->disturbance);
	oracle_ss_start(run->e2e, POLL_MS, &run->ss);
	oracle_workload_go(&run->workload);
	oracle_workload_join(&run->workload);
	oracle_ss_set_pause(&run->ss, SLOW_POLL_MS);
	e2e_sleep_ms(tail_ms() - (int)((oracle_clock_monotonic_ns() - attached_ns) / 1000000));
	oracle_workload_stop(&run->workload);
	e2e_sleep_ms(500);
}

/// What the kernel has kept from every tracer.
static void collect_excuses(struct run *run)
{
	struct oracle_excuses *excuses = &run->excuses;

	excuses->n_events = e2e_disturbance_read(&run->disturbance, excuses->events,
						 ORACLE_UNSEEN_MAX);
	e2e_disturbance_end(&run->disturbance);
	for (size_t i = 0; i < excuses->n_events; i++)
		excuses->events[i].at_ns += run->offset_ns;
	run->rules.excuses = excuses;
}

static void collect(struct run *run)
{
	struct oracle_record *record = &run->record;
	struct e2e_output output;
	json_t *report, *replay;
	size_t lost;

	record->sightings = oracle_ss_stop(&run->ss, &record->n_sightings);
	record->segments = oracle_capture_stop(&run->capture, &record->n_segments);
	e2e_tracer_stop(run->tracer, 0);
	collect_excuses(run);
	if (llabs(oracle_clock_offset_ns() - run->offset_ns) > CLOCK_STEP_NS)
		e2e_skip("the clock was set while the test ran");
	for (size_t i = 0; i < record->n_sightings; i++) {
		record->sightings[i].began_ns += run->offset_ns;
		record->sightings[i].ended_ns += run->offset_ns;
	}
	lost = oracle_workload_mark_lost(&run->workload, record->segments, record->n_segments);
	oracle_workload_counts(&run->workload, &run->counts);
	assert_int_equal(lost, run->counts.dropped);
	E2E_CONNTRACE(&output, "report", run->recording);
	if (strstr(output.err, " lost when"))
		e2e_again("%s", output.err);
	e2e_output_free(&output);
	report = E2E_CONNTRACE_JSON("report", "--json", run->recording);
	replay = E2E_CONNTRACE_JSON("replay", "--json", run->recording);
	oracle_lives_load(report, replay, record);
	oracle_excuses_bind(&run->excuses, record);
	json_decref(report);
	json_decref(replay);
}

/// Nothing agrees because there was nothing to compare.
static void assert_enough(const struct run *run, const struct oracle_states_verdict *states,
			  const struct oracle_segments_verdict *segments)
{
	static const enum ct_state wanted[] = {
		CT_STATE_LISTEN,      CT_STATE_SYN_SENT,   CT_STATE_SYN_RECV,
		CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1,  CT_STATE_FIN_WAIT2,
		CT_STATE_TIME_WAIT,   CT_STATE_CLOSE_WAIT, CT_STATE_CLOSING,
	};

	assert_true(run->record.n_lives > LIVES_MIN);
	for (size_t i = 0; i < ORACLE_COUNT(wanted); i++)
		assert_true(states->seen[wanted[i]] > 0);
	for (unsigned class = 0; class < _ORACLE_CLASS_MAX; class ++)
		assert_true(segments->segments[class] > SEGMENTS_MIN);
}

/// What no history can tell of is bounded by what the kernel counted, or by a share of the lives.
static void assert_excuses(const struct run *run, const struct oracle_segments_verdict *segments)
{
	assert_in_range(oracle_judge_excused(segments, "SYN found a full accept queue") +
				oracle_judge_excused(segments, "FIN found a full accept queue"),
			0, run->counts.listen_overflows);
	assert_in_range(oracle_judge_excused(segments, "SYN cookie"), 0, run->counts.syncookies);
	assert_true(run->excuses.n_excused < run->record.n_lives / EXCUSED_SHARE);
}

static void a_mixed_load_is_recorded_as_ss_and_a_capture_saw_it(void **state)
{
	static struct run run;
	struct oracle_states_verdict states;
	struct oracle_segments_verdict segments;
	size_t disagreements;

	run.e2e = *state;
	play(&run);
	collect(&run);
	disagreements = oracle_judge_states(&run.record, &run.rules, &states);
	disagreements += oracle_judge_segments(&run.record, &run.rules, &segments);
	printf("%zu lives; %zu events that this kernel shows to no tracer, %zu connections excused "
	       "for them\n",
	       run.record.n_lives, run.excuses.n_events, run.excuses.n_excused);
	oracle_excuses_print(&run.excuses);
	oracle_judge_print(&states, &segments);
	assert_int_equal(disagreements, 0);
	assert_enough(&run, &states, &segments);
	assert_excuses(&run, &segments);
	oracle_excuses_fini(&run.excuses);
	oracle_record_fini(&run.record);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(a_mixed_load_is_recorded_as_ss_and_a_capture_saw_it),
};

E2E_MAIN("oracle", tests)
