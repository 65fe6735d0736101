// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <fcntl.h>
#include <cmocka.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void descriptor_is_closed_at_the_end_of_its_scope(void **state)
{
	int seen;

	{
		_cleanup_(ct_closep) int fd = open_null();

		seen = fd;
	}
	assert_false(is_open(seen));
}

static void taken_descriptor_stays_open(void **state)
{
	int taken;

	{
		_cleanup_(ct_closep) int fd = open_null();

		taken = CT_TAKE_FD(fd);
		assert_int_equal(fd, -1);
	}
	assert_true(is_open(taken));
	close(taken);
}

static void taken_pointer_is_not_freed(void **state)
{
	char *taken;

	{
		_cleanup_(ct_freep) char *text = strdup("kept");

		taken = CT_TAKE_PTR(text);
		assert_null(text);
	}
	assert_string_equal(taken, "kept");
	free(taken);
}

static void nothing_to_clean_up_is_no_error(void **state)
{
	_cleanup_(ct_freep) void *ptr = NULL;
	_cleanup_(ct_closep) int fd = -1;
	_cleanup_(ct_fclosep) FILE *file = NULL;

	assert_null(ptr);
	assert_null(file);
	assert_int_equal(fd, -1);
}

static void cleanup_keeps_errno(void **state)
{
	int not_open = open_null();

	close(not_open);
	errno = ENOENT;
	ct_closep(&not_open);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(not_open, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptor_is_closed_at_the_end_of_its_scope),
		cmocka_unit_test(taken_descriptor_stays_open),
		cmocka_unit_test(taken_pointer_is_not_freed),
		cmocka_unit_test(nothing_to_clean_up_is_no_error),
		cmocka_unit_test(cleanup_keeps_errno),
	};

	return cmocka_run_group_tests_name("cleanup", tests, NULL, NULL);
}
