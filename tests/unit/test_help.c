// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "options_fixture.h"

#include <wordexp.h>

#include "../../src/cli/examples.h"
#include "conntrace/cleanup.h"

#define SCREEN_COLUMNS 80

/// *text is the caller's.
static void help_of(enum ct_command command, char **text)
{
	size_t size;
	FILE *out = open_memstream(text, &size);

	assert_non_null(out);
	ct_options_help(command, out);
	assert_int_equal(fclose(out), 0);
}

/// What becomes of an example's words once a shell has read them.
static int parse_example(enum ct_command command, const struct ct_example *example, char *err)
{
	_cleanup_(ct_options_fini) struct ct_options options;
	char call[512];
	wordexp_t words;
	int r;

	snprintf(call, sizeof(call), "%s %s", ct_syntaxes[command].name, example->words);
	if (wordexp(call, &words, WRDE_NOCMD | WRDE_UNDEF))
		fail_msg("no shell takes '%s' as it is", call);
	r = ct_options_parse(command, (int)words.we_wordc, words.we_wordv, &options, err);
	wordfree(&words);
	return r;
}

static void each_example_is_taken_by_the_parser(void **state)
{
	for (int command = 0; command < _CT_COMMAND_MAX; command++) {
		for (const struct ct_example *one = ct_examples[command]; one->words; one++) {
			char err[CT_OPTIONS_ERR_LEN];

			if (parse_example((enum ct_command)command, one, err))
				fail_msg("'%s %s': %s", ct_syntaxes[command].name, one->words, err);
		}
	}
}

static void example_that_is_wrong_is_noticed(void **state)
{
	static const struct ct_example wrong = {"--flag 'rst sent'", ""};
	char err[CT_OPTIONS_ERR_LEN];

	assert_int_equal(parse_example(CT_COMMAND_WATCH, &wrong, err), -EINVAL);
	assert_non_null(strstr(err, "'rst sent'"));
}

static void each_command_has_two_to_four_examples_that_fit_the_screen(void **state)
{
	for (int command = 0; command < _CT_COMMAND_MAX; command++) {
		_cleanup_(ct_freep) char *text = NULL;
		char *rest;
		int n = 0;

		help_of((enum ct_command)command, &text);
		rest = strstr(text, "\nExamples\n");
		assert_non_null(rest);
		rest += strlen("\nExamples\n");
		for (char *row = strsep(&rest, "\n"); row && *row; row = strsep(&rest, "\n")) {
			assert_string_equal(strndupa(row, strlen("  conntrace ")), "  conntrace ");
			assert_non_null(strstr(row, ct_examples[command][n].words));
			assert_non_null(strstr(row, ct_examples[command][n].what));
			if (strlen(row) > SCREEN_COLUMNS)
				fail_msg("%zu columns: %s", strlen(row), row);
			n++;
		}
		assert_null(ct_examples[command][n].words);
		assert_in_range(n, 2, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_is_taken_by_the_parser),
		cmocka_unit_test(example_that_is_wrong_is_noticed),
		cmocka_unit_test(each_command_has_two_to_four_examples_that_fit_the_screen),
	};

	return cmocka_run_group_tests_name("help", tests, NULL, forget_line);
}
