// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What goes with `report` alone: --by, --html. */
#include "conntrace/report.h"
#include "options_fixture.h"

static void report_counts_by_what_is_asked_for(void **state)
{
	assert_int_equal(parsed(CT_COMMAND_REPORT, "x.ctr")->output.by, CT_REPORT_BY_NONE);
	assert_int_equal(parsed(CT_COMMAND_REPORT, "x.ctr --by peer")->output.by,
			 CT_REPORT_BY_PEER);
	assert_int_equal(parsed(CT_COMMAND_REPORT, "--by cgroup --json -o wide x.ctr")->output.by,
			 CT_REPORT_BY_CGROUP);
}

static void page_goes_to_a_file_or_to_stdout(void **state)
{
	assert_null(parsed(CT_COMMAND_REPORT, "x.ctr")->html_path);
	assert_string_equal(parsed(CT_COMMAND_REPORT, "x.ctr --html y.html --utc -P 80")->html_path,
			    "y.html");
	assert_false(line.options.force);
	assert_string_equal(parsed(CT_COMMAND_REPORT, "--html - x.ctr")->html_path, "-");
	assert_true(parsed(CT_COMMAND_REPORT, "x.ctr --html y.html --force")->force);
}

static void what_does_not_go_together_is_refused(void **state)
{
	static const struct {
		enum ct_command command;
		const char *text;
		const char *named;
	} bad[] = {
		{CT_COMMAND_REPORT, "x.ctr --force", "'--force'"},
		{CT_COMMAND_REPLAY, "x.ctr --html y.html", "'--html'"},
		{CT_COMMAND_REPORT, "x.ctr --html=", "--html: the value is empty"},
		{CT_COMMAND_REPORT, "x.ctr --html y.html --json", "--html: a page has neither"},
		{CT_COMMAND_REPORT, "x.ctr --html y.html -o wide", "--html: a page has neither"},
		{CT_COMMAND_REPORT, "x.ctr --html y.html --fields pid",
		 "--html: a page has neither"},
		{CT_COMMAND_REPORT, "x.ctr --by address", "--by: 'address' is not peer, process"},
		{CT_COMMAND_REPORT, "x.ctr --by peer --json", "--by: the text of the report"},
		{CT_COMMAND_REPORT, "x.ctr -o csv --by port", "--by: the text of the report"},
		{CT_COMMAND_REPORT, "x.ctr --html y.html --by port",
		 "--by: the text of the report"},
		{CT_COMMAND_REPLAY, "x.ctr --by peer", "'--by'"},
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_refused(bad[i].command, bad[i].text, bad[i].named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_counts_by_what_is_asked_for),
		cmocka_unit_test(page_goes_to_a_file_or_to_stdout),
		cmocka_unit_test(what_does_not_go_together_is_refused),
	};

	return cmocka_run_group_tests_name("options_report", tests, NULL, NULL);
}
