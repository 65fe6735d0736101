// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../src/cli/terminal.h"
#include "conntrace/cleanup.h"

static void assert_wrapped(const char *text, size_t indent, size_t width, const char *wanted)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_buf_puts(&buf, "");
	ct_terminal_wrap(&buf, text, indent, width);
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

/// What ct_terminal_width() answers when stdout is FD.
static size_t width_of(int fd)
{
	int kept = dup(STDOUT_FILENO);
	size_t width;

	assert_true(kept >= 0);
	fflush(stdout);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	width = ct_terminal_width();
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	close(kept);
	return width;
}

static void width_is_that_of_the_terminal_unless_columns_says_otherwise(void **state)
{
	_cleanup_(ct_closep) int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	_cleanup_(ct_closep) int file = open("/dev/null", O_WRONLY);
	_cleanup_(ct_closep) int user = -1;
	struct winsize size = {.ws_col = 61, .ws_row = 24};

	assert_true(terminal >= 0 && file >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	user = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(user >= 0);
	assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
	unsetenv("COLUMNS");
	assert_int_equal(width_of(user), 61);
	assert_int_equal(width_of(file), 0);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(width_of(user), 61);
	setenv("COLUMNS", "99", 1);
	assert_int_equal(width_of(user), 99);
	assert_int_equal(width_of(file), 0);
	unsetenv("COLUMNS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_do_not_fit_go_to_the_next_line),
		cmocka_unit_test(word_is_never_broken),
		cmocka_unit_test(character_of_several_bytes_takes_one_column),
		cmocka_unit_test(where_there_is_no_width_there_is_one_line),
		cmocka_unit_test(width_is_that_of_the_terminal_unless_columns_says_otherwise),
	};

	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
