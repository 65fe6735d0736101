// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char said[16384];
static FILE *capture;
static int saved_stderr = -1;

static void start_capture(void)
{
	capture = tmpfile();
	assert_non_null(capture);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

/// What went to stderr since start_capture().
static const char *end_capture(void)
{
	ssize_t n = pread(fileno(capture), said, sizeof(said) - 1, 0);

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	fclose(capture);
	assert_true(n >= 0);
	said[n] = '\0';
	return said;
}

static void say_all(void)
{
	ct_error("e%d", 1);
	ct_warn("w%d", 2);
	ct_info("i%d", 3);
	ct_debug("d%d", 4);
}

static void verbosity_decides_what_is_said(void **state)
{
	start_capture();
	ct_log_init(CT_LOG_QUIET);
	say_all();
	assert_string_equal(end_capture(), "conntrace: e1\nconntrace: warning: w2\n");

	start_capture();
	ct_log_init(CT_LOG_NORMAL);
	say_all();
	assert_string_equal(end_capture(),
			    "conntrace: e1\nconntrace: warning: w2\nconntrace: i3\n");

	start_capture();
	ct_log_init(CT_LOG_VERBOSE);
	say_all();
	assert_string_equal(
		end_capture(),
		"conntrace: e1\nconntrace: warning: w2\nconntrace: i3\nconntrace: d4\n");
}

static void count(void *context)
{
	++*(int *)context;
}

static void what_stands_there_is_told_before_each_line(void **state)
{
	int calls = 0;

	start_capture();
	ct_log_init(CT_LOG_NORMAL);
	ct_log_make_room(count, &calls);
	say_all();
	ct_log_make_room(NULL, NULL);
	say_all();
	end_capture();
	assert_int_equal(calls, 3);
}

static void hostile_argument_stays_on_one_line_and_harmless(void **state)
{
	start_capture();
	ct_error("cannot open %s: no", "a\nconntrace: fine\x1b[2J\x7f");
	assert_string_equal(end_capture(),
			    "conntrace: cannot open a\\x0aconntrace: fine\\x1b[2J\\x7f: no\n");
}

static void text_of_the_locale_passes(void **state)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		print_message("skipped: no locale C.UTF-8\n");
		skip();
	}
	start_capture();
	ct_error("%s", "na\xc3\xafve \xe2\x80\xae");
	assert_string_equal(end_capture(), "conntrace: na\xc3\xafve \\u{202e}\n");

	setlocale(LC_CTYPE, "C");
	start_capture();
	ct_error("%s", "na\xc3\xafve");
	assert_string_equal(end_capture(), "conntrace: na\\xc3\\xafve\n");
}

static void long_message_is_whole(void **state)
{
	start_capture();
	ct_error("%05000d", 7);
	end_capture();
	assert_int_equal(strlen(said), strlen("conntrace: \n") + 5000);
}

static void errno_survives(void **state)
{
	start_capture();
	close(STDERR_FILENO);
	errno = ENOSPC;
	ct_error("into nothing");
	assert_int_equal(errno, ENOSPC);
	end_capture();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbosity_decides_what_is_said),
		cmocka_unit_test(what_stands_there_is_told_before_each_line),
		cmocka_unit_test(hostile_argument_stays_on_one_line_and_harmless),
		cmocka_unit_test(text_of_the_locale_passes),
		cmocka_unit_test(long_message_is_whole),
		cmocka_unit_test(errno_survives),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
