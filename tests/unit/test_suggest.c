// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What somebody who mistyped a word may have meant. */
#include "options_fixture.h"

#include "../../src/cli/suggest.h"

static void near_word_is_suggested_and_a_far_one_is_not(void **state)
{
	static const char *const words[] = {"watch", "record", "replay", "report"};

	assert_string_equal(ct_suggest("recrod", words, N_ELEMENTS(words)), "record");
	assert_string_equal(ct_suggest("reply", words, N_ELEMENTS(words)), "replay");
	assert_null(ct_suggest("doctor", words, N_ELEMENTS(words)));
	assert_null(ct_suggest("", words, N_ELEMENTS(words)));
	assert_null(ct_suggest("a-word-that-is-far-too-long-to-be-any-of-them", words, 4));
}

static void near_command_is_suggested_of_whatever_kind(void **state)
{
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		assert_string_equal(ct_suggest_command(ct_syntaxes[i].name), ct_syntaxes[i].name);
	assert_string_equal(ct_suggest_command("competion"), "completion");
	assert_string_equal(ct_suggest_command("hepl"), "help");
	assert_null(ct_suggest_command("curl"));
}

static void option_for_tests_is_taken_and_never_suggested(void **state)
{
	assert_int_equal(parsed(CT_COMMAND_WATCH, "--hide-hook x")->n_hidden, 1);
	assert_refused(CT_COMMAND_WATCH, "--hide-hok x", "'--hide-hok'; 'conntrace watch --help'");
	assert_refused(CT_COMMAND_LIST, "--btff x", "'--btff'; 'conntrace list --help'");
	assert_refused(CT_COMMAND_RECORD, "--do-nothng", "'--do-nothng'; 'conntrace record ");
}

static void option_for_tests_is_no_candidate_either(void **state)
{
	assert_refused(CT_COMMAND_WATCH, "--b 1", "'--b' is ambiguous, write it in full: --buffer");
	assert_null(strstr(line.err, "--btf"));
}

static void dashes_alone_are_the_beginning_of_nothing(void **state)
{
	assert_refused(CT_COMMAND_WATCH, "--=1", "unknown option '--';");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_word_is_suggested_and_a_far_one_is_not),
		cmocka_unit_test(near_command_is_suggested_of_whatever_kind),
		cmocka_unit_test(option_for_tests_is_taken_and_never_suggested),
		cmocka_unit_test(option_for_tests_is_no_candidate_either),
		cmocka_unit_test(dashes_alone_are_the_beginning_of_nothing),
	};

	return cmocka_run_group_tests_name("suggest", tests, NULL, forget_line);
}
