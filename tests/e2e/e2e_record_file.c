// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows in which files a recording is begun, and who may read it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"

#define EXIT_RUNTIME 1
#define SOMETHING    "nobody wants to lose this"

static void assert_is_whole(const char *recording)
{
	struct e2e_output output;

	E2E_CONNTRACE(&output, "info", "--json", recording);
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
}

/// Records for a moment; SCRIPT comes before, in the shell that becomes the program. The status.
static int record_a_moment(struct e2e *e2e, const char *script, const char *options)
{
	struct e2e_output output;
	int status;

	script = e2e_format(e2e, "cd '%s' && %s exec '%s' record -q -P 1 --duration 100ms %s",
			    e2e->dir, script, e2e_program(), options);
	e2e_process_run((const char *const[]){"sh", "-c", script, NULL}, &output);
	status = output.status;
	if (status && (!strstr(output.err, "cannot create the recording") ||
		       strchr(output.err, '\n') != output.err + output.err_bytes - 1))
		fail_msg("not a line on the file: %s", output.err);
	if (status && !strstr(output.err, "symbolic link") &&
	    !strstr(output.err, "exists already; --force overwrites it"))
		fail_msg("the reason is missing: %s", output.err);
	e2e_output_free(&output);
	return status;
}

static void recording_that_exists_is_overwritten_only_by_force(void **state)
{
	struct e2e *e2e = *state;
	const char *named = e2e_path(e2e, "x.ctr"), *unnamed = e2e_path(e2e, "conntrace.ctr");

	e2e_file_write(named, SOMETHING, strlen(SOMETHING));
	e2e_file_write(unnamed, SOMETHING, strlen(SOMETHING));
	assert_int_equal(record_a_moment(e2e, "", "-w x.ctr"), EXIT_RUNTIME);
	assert_int_equal(record_a_moment(e2e, "", ""), EXIT_RUNTIME);
	e2e_assert_file_is(named, SOMETHING);
	e2e_assert_file_is(unnamed, SOMETHING);
	assert_int_equal(record_a_moment(e2e, "", "--force -w x.ctr"), 0);
	assert_int_equal(record_a_moment(e2e, "", "--force"), 0);
	assert_is_whole(named);
	assert_is_whole(unnamed);
}

static void symbolic_link_is_never_followed(void **state)
{
	struct e2e *e2e = *state;
	const char *target = e2e_path(e2e, "target");

	e2e_file_write(target, SOMETHING, strlen(SOMETHING));
	assert_int_equal(symlink(target, e2e_path(e2e, "link.ctr")), 0);
	assert_int_equal(symlink(e2e_path(e2e, "nowhere"), e2e_path(e2e, "dangling.ctr")), 0);
	assert_int_equal(record_a_moment(e2e, "", "-w link.ctr"), EXIT_RUNTIME);
	assert_int_equal(record_a_moment(e2e, "", "--force -w link.ctr"), EXIT_RUNTIME);
	assert_int_equal(record_a_moment(e2e, "", "--force -w dangling.ctr"), EXIT_RUNTIME);
	e2e_assert_file_is(target, SOMETHING);
	assert_int_equal(access(e2e_path(e2e, "nowhere"), F_OK), -1);
}

static void assert_mode(const char *path, mode_t want)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, want);
}

static void recording_is_for_its_owner_alone(void **state)
{
	struct e2e *e2e = *state;

	assert_int_equal(record_a_moment(e2e, "umask 0 &&", "-w x.ctr"), 0);
	assert_mode(e2e_path(e2e, "x.ctr"), 0600);
}

static void file_that_mktemp_made_is_taken(void **state)
{
	struct e2e *e2e = *state;

	assert_int_equal(
		record_a_moment(e2e, "f=$(mktemp ./tmp.XXXXXX) && ln $f x.ctr &&", "-w $f"), 0);
	assert_mode(e2e_path(e2e, "x.ctr"), 0600);
	assert_is_whole(e2e_path(e2e, "x.ctr"));
	assert_int_equal(record_a_moment(e2e, "umask 022 && : >open.ctr &&", "-w open.ctr"),
			 EXIT_RUNTIME);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(recording_that_exists_is_overwritten_only_by_force),
	E2E_TEST(symbolic_link_is_never_followed),
	E2E_TEST(recording_is_for_its_owner_alone),
	E2E_TEST(file_that_mktemp_made_is_taken),
};

E2E_MAIN("record_file", tests)
