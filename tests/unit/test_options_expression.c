// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Conditions that are not a list of words: expressions, ages, cgroups. */
#include "options_fixture.h"

#include "conntrace/conn.h"

static void min_age_and_cgroups_are_conditions(void **state)
{
	const struct ct_select *select =
		selected("--min-age 1.5s --cgroup 4294967297 --cgroup 77 --cgroup=78");

	assert_true(select->min_age_ns == 1500000000);
	assert_int_equal(select->cgroups.n, 3);
	assert_true(select->cgroups.values[0] == 77);
	assert_true(select->cgroups.values[1] == 78);
	assert_true(select->cgroups.values[2] == 4294967297);
}

static void words_are_an_expression_wherever_they_stand(void **state)
{
	const struct ct_options *options =
		parsed(CT_COMMAND_WATCH, "sport = :80 -P 80 or not --json flag gap -- sport -P");

	assert_non_null(options->select.expression);
	assert_int_equal(ct_select_flags(&options->select), 1u << CT_FLAG_GAP);
	assert_int_equal(options->select.ports.n, 1);
	assert_int_equal(options->output.format, CT_OUTPUT_JSON);
	assert_string_equal(options->child_argv[0], "sport");
	assert_string_equal(options->child_argv[1], "-P");
	assert_non_null(parsed(CT_COMMAND_RECORD, "-w x.ctr comm = x")->select.expression);
	assert_non_null(parsed(CT_COMMAND_LIST, "state listening")->select.expression);
	assert_null(parsed(CT_COMMAND_LIST, "-P 80")->select.expression);
}

static void expression_stands_behind_the_file(void **state)
{
	const struct ct_options *options = parsed(CT_COMMAND_REPLAY, "x.ctr age gt 5s --json");

	assert_string_equal(options->file, "x.ctr");
	assert_true(ct_select_by_age(&options->select));
	assert_int_equal(options->output.format, CT_OUTPUT_JSON);
	assert_string_equal(parsed(CT_COMMAND_REPORT, "-- x.ctr pid 1")->file, "x.ctr");
	assert_true(ct_select_by_owner(&line.options.select));
}

static void doctor_takes_an_expression_with_a_file_or_without(void **state)
{
	const struct ct_options *options = parsed(CT_COMMAND_DOCTOR, "dport = :80 -P 80 --json");

	assert_null(options->file);
	assert_non_null(options->select.expression);
	assert_int_equal(options->select.ports.n, 1);
	assert_int_equal(options->output.format, CT_OUTPUT_JSON);
	options = parsed(CT_COMMAND_DOCTOR, "x.ctr --json not pid 1");
	assert_string_equal(options->file, "x.ctr");
	assert_true(ct_select_by_owner(&options->select));
	assert_string_equal(parsed(CT_COMMAND_DOCTOR, "-- ./state")->file, "./state");
	assert_null(line.options.select.expression);
	/* what stands behind an expression is no file */
	assert_refused(CT_COMMAND_DOCTOR, "dport = :80 x.ctr", "'x.ctr' at character 13");
}

static void one_word_may_be_a_whole_expression(void **state)
{
	char *argv[] = {"watch", "( sport = :80 or", "dport = :80 ) and not comm = 'a b'", NULL};

	forget_line(NULL);
	assert_int_equal(ct_options_parse(CT_COMMAND_WATCH, 3, argv, &line.options, line.err), 0);
	assert_true(ct_select_by_owner(&line.options.select));
}

static void wrong_expression_is_refused_in_a_line_that_names_the_word(void **state)
{
	static const struct {
		const char *text, *named;
	} bad[] = {
		{"sport = :80 and", "expression: at its end: "},
		{"-P 80 sport = htttp", "expression: 'htttp' at character 9: no port"},
		{"( sport = :80", "expression: '(' at character 1: the parenthesis is not closed"},
		{"sport = :80 rport = 9", "'rport' at character 13: no condition; there are age"},
		{"flag rst", "'rst' at character 6: no flag; there are half-close-local"},
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		assert_refused(CT_COMMAND_WATCH, bad[i].text, bad[i].named);
		assert_null(strstr(line.err, "behind --"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_age_and_cgroups_are_conditions),
		cmocka_unit_test(words_are_an_expression_wherever_they_stand),
		cmocka_unit_test(expression_stands_behind_the_file),
		cmocka_unit_test(doctor_takes_an_expression_with_a_file_or_without),
		cmocka_unit_test(one_word_may_be_a_whole_expression),
		cmocka_unit_test(wrong_expression_is_refused_in_a_line_that_names_the_word),
	};

	return cmocka_run_group_tests_name("options_expression", tests, NULL, forget_line);
}
