// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows to which files a page is written, and that it is written as a whole or not at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/churn.h"
#include "support/e2e.h"

#define EXIT_RUNTIME 1
#define LIVES	     20
#define SOMETHING    "nobody wants to lose this"
#define BEGINS	     "<!DOCTYPE html>\n"
#define ENDS	     "</body>\n</html>\n"

static void assert_text_is_whole(const char *text, size_t bytes)
{
	assert_true(bytes > strlen(BEGINS) + strlen(ENDS));
	assert_memory_equal(text, BEGINS, strlen(BEGINS));
	assert_string_equal(text + bytes - strlen(ENDS), ENDS);
	assert_non_null(strstr(text, "\"lives\":["));
}

static void assert_is_whole(const char *page)
{
	size_t bytes;
	char *text = e2e_file_read(page, &bytes);

	assert_text_is_whole(text, bytes);
	free(text);
}

/// One line that says WHY.
static void assert_refused(const struct e2e_output *output, const char *why)
{
	assert_int_equal(output->status, EXIT_RUNTIME);
	assert_string_equal(output->out, "");
	if (!strstr(output->err, why) ||
	    strchr(output->err, '\n') != output->err + output->err_bytes - 1)
		fail_msg("not one line on '%s': %s", why, output->err);
}

static void page_is_for_its_owner_and_nothing_is_printed(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES), *page = e2e_path(e2e, "x.html");
	struct e2e_output output;
	struct stat st;

	E2E_CONNTRACE(&output, "report", recording, "--html", page);
	assert_string_equal(output.err, "");
	assert_string_equal(output.out, "");
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	assert_is_whole(page);
	assert_int_equal(stat(page, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	E2E_CONNTRACE(&output, "report", recording, "--html", "-");
	assert_int_equal(output.status, 0);
	assert_text_is_whole(output.out, output.out_bytes);
	assert_int_equal(output.out_bytes, st.st_size);
	e2e_output_free(&output);
}

static void page_that_exists_is_overwritten_only_by_force(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES), *page = e2e_path(e2e, "x.html");
	struct e2e_output output;

	e2e_file_write(page, SOMETHING, strlen(SOMETHING));
	E2E_CONNTRACE(&output, "report", recording, "--html", page);
	assert_refused(&output, "exists already; --force overwrites it");
	e2e_output_free(&output);
	e2e_assert_file_is(page, SOMETHING);
	for (int round = 0; round < 2; round++) {
		E2E_CONNTRACE(&output, "report", recording, "--force", "--html", page);
		assert_string_equal(output.err, "");
		assert_int_equal(output.status, 0);
		e2e_output_free(&output);
		assert_is_whole(page);
	}
}

static void link_fifo_and_the_recording_itself_are_no_pages(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES), *target = e2e_path(e2e, "target");
	const char *linked = e2e_path(e2e, "link.html"), *fifo = e2e_path(e2e, "fifo.html");
	const char *other_name = e2e_path(e2e, "same.html");
	struct e2e_output output;

	e2e_file_write(target, SOMETHING, strlen(SOMETHING));
	assert_int_equal(symlink(target, linked), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(link(recording, other_name), 0);
	E2E_CONNTRACE(&output, "report", recording, "--force", "--html", linked);
	assert_refused(&output, "symbolic link");
	e2e_output_free(&output);
	e2e_assert_file_is(target, SOMETHING);
	E2E_CONNTRACE(&output, "report", recording, "--force", "--html", fifo);
	assert_refused(&output, "no regular file");
	e2e_output_free(&output);
	E2E_CONNTRACE(&output, "report", recording, "--force", "--html", other_name);
	assert_refused(&output, "it is the recording itself");
	e2e_output_free(&output);
	E2E_CONNTRACE(&output, "info", recording);
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
}

static void what_is_no_recording_costs_no_page(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "no.ctr"), *page = e2e_path(e2e, "x.html");
	struct e2e_output output;

	e2e_file_write(recording, SOMETHING, strlen(SOMETHING));
	E2E_CONNTRACE(&output, "report", recording, "--html", page);
	assert_refused(&output, "no conntrace recording");
	e2e_output_free(&output);
	assert_int_equal(access(page, F_OK), -1);
	e2e_file_write(page, SOMETHING, strlen(SOMETHING));
	E2E_CONNTRACE(&output, "report", recording, "--force", "--html", page);
	assert_refused(&output, "no conntrace recording");
	e2e_output_free(&output);
	e2e_assert_file_is(page, SOMETHING);
}

static void full_disk_leaves_nothing_of_a_page(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES), *disk = e2e_path(e2e, "disk");
	const char *page = e2e_path(e2e, "disk/x.html"), *old = e2e_path(e2e, "disk/old.html");
	struct e2e_output output;

	assert_int_equal(mkdir(disk, 0755), 0);
	assert_int_equal(mount("none", disk, "tmpfs", 0, "size=16k"), 0);
	E2E_CONNTRACE(&output, "report", recording, "--html", page);
	assert_refused(&output, "No space left");
	assert_non_null(strstr(output.err, page));
	e2e_output_free(&output);
	assert_int_equal(access(page, F_OK), -1);
	e2e_file_write(old, SOMETHING, strlen(SOMETHING));
	E2E_CONNTRACE(&output, "report", recording, "--force", "--html", old);
	assert_refused(&output, "No space left");
	e2e_output_free(&output);
	e2e_assert_file_is(old, "");
}

static void recording_that_was_cut_makes_a_whole_page_that_says_so(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES), *page = e2e_path(e2e, "x.html");
	struct e2e_output output;
	size_t bytes;
	char *text;

	free(e2e_file_read(recording, &bytes));
	assert_int_equal(truncate(recording, (off_t)bytes - 40), 0);
	E2E_CONNTRACE(&output, "report", recording, "--html", page);
	assert_refused(&output, "is not whole");
	e2e_output_free(&output);
	text = e2e_file_read(page, &bytes);
	assert_text_is_whole(text, bytes);
	assert_non_null(strstr(text, "\"problem\":\""));
	free(text);
}

/// The recording is a FIFO that has nothing more to say: the signal comes in the midst of reading.
/// To write to a FIFO is possible once its reader has opened it.
static void signal_leaves_the_page_that_was_there(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES), *page = e2e_path(e2e, "x.html");
	struct e2e_output output;

	e2e_file_write(page, SOMETHING, strlen(SOMETHING));
	e2e_process_run(
		(const char *const[]){
			"sh", "-c",
			e2e_format(e2e,
				   "cd '%s' && mkfifo f || exit 9\n"
				   "(cat '%s'; : >written; exec sleep 600) >f & writer=$!\n"
				   "'%s' report f --html x.html --force & reader=$!\n"
				   "until [ -e written ] || ! kill -0 $reader; do sleep 0.1; done\n"
				   "kill $reader; kill $writer\n"
				   "wait $reader",
				   e2e->dir, recording, e2e_program()),
			NULL},
		&output);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "conntrace: warning: interrupted: no page is written\n");
	assert_string_equal(output.out, "");
	e2e_assert_file_is(page, SOMETHING);
	e2e_output_free(&output);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(page_is_for_its_owner_and_nothing_is_printed),
	E2E_TEST(page_that_exists_is_overwritten_only_by_force),
	E2E_TEST(link_fifo_and_the_recording_itself_are_no_pages),
	E2E_TEST(what_is_no_recording_costs_no_page),
	E2E_TEST(full_disk_leaves_nothing_of_a_page),
	E2E_TEST(recording_that_was_cut_makes_a_whole_page_that_says_so),
	E2E_TEST(signal_leaves_the_page_that_was_there),
};

E2E_MAIN("report_page", tests)
