// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the time that was watched may have been too short for.
#include "unit/doctor_fixture.h"

#include "conntrace/count.h"

#define ALL \
	"dead-peer-hang (takes up to 6m00s), send-blocked (6m00s), close-wait-leak (1m00s), " ALL_BUT_A_LEAK
#define ALL_BUT_A_LEAK                                                                \
	"syn-unanswered (2m00s), zero-window-stall (6m00s), fin-wait-stuck (4m00s), " \
	"last-ack-stuck (4m00s), closing-stuck (4m00s), keepalive-race (5m50s)\n"

/// What the doctor says of N like this one, when the last of them is told so long after the first.
static void ask_after(struct printed *printed, enum ct_output_format format, uint64_t watched_ns,
		      struct patient patient, size_t n)
{
	const struct ct_output_options options = {.format = format};
	struct ct_session session = a_session();

	session.mono_ns = NOW - watched_ns;
	ask_as(printed, &session, options, &patient, n);
}

static void all_clear_says_what_it_is_too_early_for(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_after(&printed, CT_OUTPUT_TABLE, 5 * S, gone(50 * MS, CT_STATE_FIN_WAIT1), 3);
	assert_string_equal(printed.text, "nothing found, 3 connections seen in 5.00 s\n"
					  "5.00 s may be too short for " ALL);
}

static void what_has_had_its_time_is_not_named(void **state)
{
	_cleanup_(printed_fini) struct printed most = {}, all = {};
	struct patient patient = gone(50 * MS, CT_STATE_FIN_WAIT1);

	ask_after(&most, CT_OUTPUT_TABLE, 350 * S, patient, 1);
	assert_string_equal(most.text, "nothing found, 1 connection seen in 5m50s\n"
				       "5m50s may be too short for dead-peer-hang (takes up to "
				       "6m00s), send-blocked (6m00s), zero-window-stall (6m00s)\n");
	ask_after(&all, CT_OUTPUT_TABLE, 360 * S, patient, 1);
	assert_string_equal(all.text, "nothing found, 1 connection seen in 6m00s\n");
}

/// It is known from before the doctor came: he need not wait for it.
static void silence_is_not_waited_for(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_after(&printed, CT_OUTPUT_TABLE, 1, found_in(CT_STATE_ESTABLISHED, 120 * S), 1);
	assert_non_null(strstr(printed.text, "finding   half-open-ghost"));
	assert_null(strstr(printed.text, "half-open-ghost ("));
}

static void findings_stand_behind_what_else_there_may_be(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_after(&printed, CT_OUTPUT_TABLE, 10 * S, standing_in(CT_STATE_CLOSE_WAIT, 590), 3);
	assert_non_null(strstr(printed.text,
			       "1 finding, 3 connections seen in 10.0 s\n"
			       "10.0 s may be too short for dead-peer-hang (takes up "
			       "to 6m00s), send-blocked (6m00s), " ALL_BUT_A_LEAK "\nWARN  curl"));
}

/// Nothing came behind the beginning of the stream.
static void time_that_is_not_known_is_too_short_for_nobody_knows_what(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_after(&printed, CT_OUTPUT_JSON, 0, standing_in(CT_STATE_CLOSE_WAIT, 590), 3);
	assert_non_null(strstr(printed.text, ",\"observed_ns\":null,"
					     "\"may_be_too_short_for\":null}\n"));
}

static void json_has_it_with_each_finding(void **state)
{
	_cleanup_(printed_fini) struct printed brief = {}, later = {};
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 590);

	ask_after(&brief, CT_OUTPUT_JSON, 300 * S, patient, 3);
	assert_non_null(strstr(brief.text,
			       ",\"observed_ns\":300000000000,"
			       "\"may_be_too_short_for\":[\"dead-peer-hang\",\"send-blocked\","
			       "\"zero-window-stall\",\"keepalive-race\"]}\n"));
	ask_after(&later, CT_OUTPUT_JSON, 600 * S, patient, 3);
	assert_non_null(strstr(later.text, ",\"observed_ns\":600000000000,"
					   "\"may_be_too_short_for\":[]}\n"));
}

/// No line of JSON says that somebody has looked. No terminal's width breaks what says it instead.
static void json_without_a_finding_leaves_the_all_clear_to_others(void **state)
{
	const struct patient innocent = gone(50 * MS, CT_STATE_FIN_WAIT1),
			     ill = standing_in(CT_STATE_CLOSE_WAIT, 590);
	const struct {
		struct patient patient;
		enum ct_output_format format;
		const char *totals;
		bool prints;
	} cases[] = {
		{innocent, CT_OUTPUT_JSON,
		 "nothing found, 3 connections seen in 5.00 s\n5.00 s may be too short for " ALL,
		 false},
		{ill, CT_OUTPUT_JSON, NULL, true},
		{innocent, CT_OUTPUT_TABLE, NULL, true},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};
		_cleanup_(ct_buf_fini) struct ct_buf totals = {};
		const struct ct_output_options options = {
			.format = cases[i].format, .width = 50, .totals = &totals};
		struct ct_session session = a_session();
		struct patient patient = cases[i].patient;

		session.mono_ns = NOW - 5 * S;
		ask_as(&printed, &session, options, &patient, 3);
		assert_int_equal(printed.text && *printed.text, cases[i].prints);
		if (cases[i].totals)
			assert_string_equal(totals.data, cases[i].totals);
		else
			assert_int_equal(totals.len, 0);
	}
}

/// The stream tells nothing but that time passes; of one that was cut at once not even that.
static void idle_time_counts_from_the_beginning_to_the_end(void **state)
{
	static const struct {
		uint64_t end_ns;
		const char *told;
	} cases[] = {
		{BEGAN + 360 * S, "nothing found, 0 connections seen in 6m00s\n"},
		{BEGAN, "nothing found, 0 connections seen in a time that is not known\n"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		const struct ct_output_options options = {};
		_cleanup_(printed_fini) struct printed printed = {};
		struct ct_update end = an_update(CT_UPDATE_SILENT);
		struct ct_sink *sink = NULL;

		end.ts_ns = cases[i].end_ns;
		printed_init(&printed);
		assert_int_equal(
			ct_sink_doctor_new(&options, &printed.session, printed.file, &sink, NULL),
			0);
		print_all(&printed, sink, &end, 1);
		assert_string_equal(printed.text, cases[i].told);
	}
}

#define NARROW 50

static void sentences_go_to_the_next_line_and_commands_do_not(void **state)
{
	const struct ct_output_options options = {.width = NARROW};
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 590);
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_session session = a_session();
	size_t commands = 0, longest = 0;
	char *rest, *line;

	session.mono_ns = NOW - 10 * S;
	ask_as(&printed, &session, options, &patient, 3);
	for (line = strtok_r(printed.text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "      confirm ", 14) == 0) {
			assert_true(strlen(line) > NARROW);
			commands++;
		} else if (!strstr(line, " -> ")) { /* an address is one word */
			assert_in_range(strlen(line), 0, NARROW);
			longest = longest > strlen(line) ? longest : strlen(line);
		}
	}
	assert_int_equal(commands, 1);
	assert_in_range(longest, NARROW - 10, NARROW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_time_counts_from_the_beginning_to_the_end),
		cmocka_unit_test(all_clear_says_what_it_is_too_early_for),
		cmocka_unit_test(what_has_had_its_time_is_not_named),
		cmocka_unit_test(silence_is_not_waited_for),
		cmocka_unit_test(findings_stand_behind_what_else_there_may_be),
		cmocka_unit_test(time_that_is_not_known_is_too_short_for_nobody_knows_what),
		cmocka_unit_test(json_has_it_with_each_finding),
		cmocka_unit_test(json_without_a_finding_leaves_the_all_clear_to_others),
		cmocka_unit_test(sentences_go_to_the_next_line_and_commands_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
