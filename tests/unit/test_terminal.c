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

/// A terminal that nobody looks at.
struct terminal {
	int fd;	   /// what a program has
	int other; /// what whoever shows it has
};

static void terminal_open(struct terminal *terminal)
{
	terminal->other = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(terminal->other >= 0);
	assert_int_equal(grantpt(terminal->other), 0);
	assert_int_equal(unlockpt(terminal->other), 0);
	terminal->fd = open(ptsname(terminal->other), O_RDWR | O_NOCTTY);
	assert_true(terminal->fd >= 0);
}

static void terminal_close(struct terminal *terminal)
{
	close(terminal->fd);
	close(terminal->other);
}

static void set_size(const struct terminal *terminal, unsigned short rows, unsigned short columns)
{
	const struct winsize size = {.ws_row = rows, .ws_col = columns};

	assert_int_equal(ioctl(terminal->other, TIOCSWINSZ, &size), 0);
}

static void assert_size(int fd, size_t rows, size_t columns)
{
	struct ct_terminal_size size = {};

	ct_terminal_size(fd, &size);
	assert_int_equal(size.rows, rows);
	assert_int_equal(size.columns, columns);
}

static void size_is_what_the_terminal_says_else_the_usual_one(void **state)
{
	_cleanup_(ct_closep) int file = open("/dev/null", O_WRONLY);
	_cleanup_(terminal_close) struct terminal terminal = {-1, -1};

	assert_true(file >= 0);
	terminal_open(&terminal);
	setenv("COLUMNS", "99", 1);
	set_size(&terminal, 17, 61);
	assert_size(terminal.fd, 17, 61);
	set_size(&terminal, 0, 61);
	assert_size(terminal.fd, 24, 61);
	set_size(&terminal, 17, 0);
	assert_size(terminal.fd, 17, 80);
	assert_size(file, 24, 80);
	unsetenv("COLUMNS");
}

static void assert_can(int fd, bool rewrites, bool colours, bool moves)
{
	assert_int_equal(ct_terminal_can(fd, CT_TERMINAL_REWRITES), rewrites);
	assert_int_equal(ct_terminal_can(fd, CT_TERMINAL_COLOURS), colours);
	assert_int_equal(ct_terminal_can(fd, CT_TERMINAL_MOVES), moves);
}

static void terminal_can_what_its_name_lets_expect_and_a_file_nothing(void **state)
{
	_cleanup_(ct_closep) int file = open("/dev/null", O_WRONLY);
	_cleanup_(terminal_close) struct terminal terminal = {-1, -1};

	assert_true(file >= 0);
	terminal_open(&terminal);
	setenv("TERM", "xterm", 1);
	assert_can(terminal.fd, true, true, true);
	assert_can(file, false, false, false);
	setenv("TERM", "dumb", 1);
	assert_can(terminal.fd, false, false, false);
	setenv("TERM", "", 1);
	assert_can(terminal.fd, true, true, false);
	unsetenv("TERM");
	assert_can(terminal.fd, true, false, false);
	assert_can(file, false, false, false);
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
	_cleanup_(ct_closep) int file = open("/dev/null", O_WRONLY);
	_cleanup_(terminal_close) struct terminal terminal = {-1, -1};

	assert_true(file >= 0);
	terminal_open(&terminal);
	set_size(&terminal, 24, 61);
	unsetenv("COLUMNS");
	assert_int_equal(width_of(terminal.fd), 61);
	assert_int_equal(width_of(file), 0);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(width_of(terminal.fd), 61);
	setenv("COLUMNS", "99", 1);
	assert_int_equal(width_of(terminal.fd), 99);
	assert_int_equal(width_of(file), 0);
	unsetenv("COLUMNS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_is_what_the_terminal_says_else_the_usual_one),
		cmocka_unit_test(terminal_can_what_its_name_lets_expect_and_a_file_nothing),
		cmocka_unit_test(width_is_that_of_the_terminal_unless_columns_says_otherwise),
	};

	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
