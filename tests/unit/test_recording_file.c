// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which files become a recording, and which are left as they are.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/recording.h"

static char folder[] = "/tmp/conntrace-test-XXXXXX";
static char path[64], target[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.ctr", folder);
	snprintf(target, sizeof(target), "%s/target", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static int remove_files(void **state)
{
	unlink(path);
	unlink(target);
	return 0;
}

static void put(const char *text, mode_t mode)
{
	_cleanup_(ct_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
}

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

static void expect_refused(const char *name, bool overwrite, int want)
{
	struct ct_recording_file file = {.fd = -1, .folder_fd = -1};

	assert_int_equal(ct_recording_file_open(name, overwrite, &file), want);
	assert_int_equal(file.fd, -1);
	assert_int_equal(file.folder_fd, -1);
}

static void expect_taken(bool overwrite, bool created)
{
	struct ct_recording_file file = {.fd = -1, .folder_fd = -1};

	assert_int_equal(ct_recording_file_open(path, overwrite, &file), 0);
	assert_true(file.fd >= 0);
	assert_true(file.folder_fd >= 0);
	assert_int_equal(file.created, created);
	ct_recording_file_close(&file);
	assert_int_equal(file.fd, -1);
	assert_int_equal(file.folder_fd, -1);
}

static void new_file_is_for_its_owner_alone(void **state)
{
	mode_t mask = umask(0);
	struct stat st;

	assert_int_equal(ct_recording_file_check(path), 0);
	expect_taken(false, true);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void file_with_something_in_it_is_taken_only_if_told_to(void **state)
{
	put("something", 0600);
	assert_int_equal(ct_recording_file_check(path), -EEXIST);
	expect_refused(path, false, -EEXIST);
	expect_taken(true, false);
	assert_int_equal(size_of(path), strlen("something")); /* so far */
}

static void empty_file_of_ours_alone_is_taken(void **state)
{
	put("", 0600);
	assert_int_equal(ct_recording_file_check(path), 0);
	expect_taken(false, false);
}

static void empty_file_that_others_may_read_is_not(void **state)
{
	static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put("", modes[i]);
		assert_int_equal(ct_recording_file_check(path), -EEXIST);
		expect_refused(path, false, -EEXIST);
		expect_taken(true, false);
		unlink(path);
	}
}

static void empty_file_of_somebody_else_is_not(void **state)
{
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		skip();
	}
	put("", 0600);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(ct_recording_file_check(path), -EEXIST);
	expect_refused(path, false, -EEXIST);
	expect_taken(true, false);
}

static void only_a_regular_file_is_taken(void **state)
{
	for (int overwrite = 0; overwrite <= 1; overwrite++) {
		expect_refused(folder, overwrite, -EISDIR);
		expect_refused("/dev/null", overwrite, -EINVAL);
		assert_int_equal(mkfifo(path, 0600), 0);
		expect_refused(path, overwrite, -ENXIO);
		assert_int_equal(ct_recording_file_check(path), -EEXIST);
		assert_int_equal(unlink(path), 0);
	}
	expect_refused("/nonexistent/x.ctr", true, -ENOENT);
}

static void symbolic_link_is_not_followed(void **state)
{
	for (int overwrite = 0; overwrite <= 1; overwrite++) {
		assert_int_equal(symlink(target, path), 0);
		expect_refused(path, overwrite, -ELOOP);
		assert_int_equal(ct_recording_file_check(path), -EEXIST);
		assert_int_equal(access(target, F_OK), -1);
		assert_int_equal(unlink(path), 0);
	}
}

static void name_without_a_folder_is_in_the_one_at_hand(void **state)
{
	struct ct_recording_file file = {.fd = -1, .folder_fd = -1};
	struct stat st, here;
	char *back = getcwd(NULL, 0);

	assert_non_null(back);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(ct_recording_file_open("x.ctr", false, &file), 0);
	assert_int_equal(stat(".", &here), 0);
	assert_int_equal(fstat(file.folder_fd, &st), 0);
	assert_int_equal(st.st_ino, here.st_ino);
	ct_recording_file_close(&file);
	assert_int_equal(chdir(back), 0);
	free(back);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, remove_files)
	const struct CMUnitTest tests[] = {
		TEST(new_file_is_for_its_owner_alone),
		TEST(file_with_something_in_it_is_taken_only_if_told_to),
		TEST(empty_file_of_ours_alone_is_taken),
		TEST(empty_file_that_others_may_read_is_not),
		TEST(empty_file_of_somebody_else_is_not),
		TEST(only_a_regular_file_is_taken),
		TEST(symbolic_link_is_not_followed),
		TEST(name_without_a_folder_is_in_the_one_at_hand),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
