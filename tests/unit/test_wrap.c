// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sentences on a narrow screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_words.h"

static void assert_wrapped(const char *text, size_t indent, size_t width, const char *wanted)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_buf_puts(&buf, "");
	ct_words_wrap(&buf, text, indent, width);
	assert_string_equal(buf.data, wanted);
}

static void words_that_do_not_fit_go_to_the_next_line(void **state)
{
	assert_wrapped("one two three four five six", 2, 22, "one two three four\n  five six");
	assert_wrapped("one two three four5", 2, 22, "one two three four5");
	assert_wrapped("one two three four567", 2, 22, "one two three\n  four567");
	assert_wrapped("", 2, 22, "");
}

static void word_is_never_broken(void **state)
{
	assert_wrapped("a-word-that-is-much-too-long-for-it b", 0, 20,
		       "a-word-that-is-much-too-long-for-it\nb");
}

static void character_of_several_bytes_takes_one_column(void **state)
{
	assert_wrapped(
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 "
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 b",
		0, 20,
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 "
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 b");
}

static void where_there_is_no_width_there_is_one_line(void **state)
{
	assert_wrapped("one two three four five six", 2, 0, "one two three four five six");
	assert_wrapped("one two three four five six", 30, 49, "one two three four five six");
}

/// A process may have a name with two blanks in it.
static void blanks_within_a_line_stay_as_many(void **state)
{
	assert_wrapped("one  two three four five", 2, 22, "one  two three four\n  five");
	assert_wrapped("one two three four  five", 2, 22, "one two three four\n  five");
	assert_wrapped("one ", 2, 22, "one ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_do_not_fit_go_to_the_next_line),
		cmocka_unit_test(word_is_never_broken),
		cmocka_unit_test(character_of_several_bytes_takes_one_column),
		cmocka_unit_test(where_there_is_no_width_there_is_one_line),
		cmocka_unit_test(blanks_within_a_line_stay_as_many),
	};

	return cmocka_run_group_tests_name("wrap", tests, NULL, NULL);
}
