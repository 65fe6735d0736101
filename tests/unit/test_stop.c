// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of a process that catches signals, and of what it waits for. */
#include "../../src/cli/stop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define WAITED 3 /// the status of one that was interrupted

/// Longer than what is one wish.
#define LATER_MS 400

/// Nobody is left behind by a test that fails.
#define GIVES_UP_S 20

static void sleep_ms(int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

/// A process that says when it catches signals, and when it has noticed one, and does not end.
static pid_t start(bool insist, int *ret_fd)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(GIVES_UP_S);
		ct_stop_catch();
		if (insist)
			ct_stop_insist();
		(void)!write(ends[1], "", 1);
		while (!ct_stop_is_wanted())
			sleep_ms(1);
		(void)!write(ends[1], "", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

static void await(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
}

/// As a shell has it.
static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void second_signal_of_one_who_insists_ends_at_once(void **state)
{
	int fd;
	pid_t pid = start(true, &fd);

	await(fd);
	kill(pid, SIGINT);
	await(fd);
	sleep_ms(LATER_MS);
	kill(pid, SIGTERM);
	assert_int_equal(status_of(pid), 0);
	close(fd);
}

/// As timeout(1) sends them, to the process and to its group.
static void two_signals_at_once_are_one(void **state)
{
	int fd;
	pid_t pid = start(true, &fd);

	await(fd);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED),
			 pid); /* nothing is told before both are there */
	kill(pid, SIGTERM);
	kill(pid, SIGINT);
	kill(pid, SIGCONT);
	await(fd);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	close(fd);
}

static void who_has_to_clean_up_is_not_ended_by_any(void **state)
{
	int fd;
	pid_t pid = start(false, &fd);

	await(fd);
	kill(pid, SIGTERM);
	await(fd);
	sleep_ms(LATER_MS);
	kill(pid, SIGTERM);
	sleep_ms(LATER_MS);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	close(fd);
}

/// A child of its own, or one that it has from before an exec, is none of a reader's business.
static bool is_wait_ended_by_a_child(bool wait_for_children)
{
	pid_t pid = fork(), child;

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct timespec pause = {.tv_sec = 1};
		sigset_t none, of_children;

		sigemptyset(&none);
		sigemptyset(&of_children);
		sigaddset(&of_children, SIGCHLD);
		sigprocmask(SIG_BLOCK, &of_children, NULL);
		ct_stop_catch();
		if (wait_for_children)
			ct_stop_wait_for_children();
		child = fork();
		if (child == 0)
			_exit(0);
		_exit(ppoll(NULL, 0, &pause, &none) < 0 && errno == EINTR ? WAITED : 0);
	}
	return status_of(pid) == WAITED;
}

static void child_ends_a_wait_where_that_is_wanted(void **state)
{
	assert_true(is_wait_ended_by_a_child(true));
	assert_false(is_wait_ended_by_a_child(false));
}

/// What a process says that waits for FD, which nobody writes to, and is sent a signal; or none.
static int wait_readable(int fd, bool before, bool meanwhile)
{
	pid_t pid = fork(), child;
	int r;

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(GIVES_UP_S);
		ct_stop_catch();
		if (before)
			raise(SIGTERM);
		child = meanwhile ? fork() : -1;
		if (child == 0) {
			sleep_ms(LATER_MS);
			kill(getppid(), SIGTERM);
			_exit(0);
		}
		r = ct_stop_wait_readable(fd);
		_exit(r == -EINTR && ct_stop_is_wanted() ? WAITED : -r);
	}
	return status_of(pid);
}

/// open() and read() would begin to wait then, and for ever.
static void signal_from_before_ends_a_wait(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(wait_readable(ends[0], true, false), WAITED);
	assert_int_equal(wait_readable(ends[0], false, true), WAITED);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(wait_readable(ends[0], false, false), 0);
	close(ends[1]);
	close(ends[0]);
}

/// SIGWINCH and the like: none that anybody asked for.
static void other_signal_does_not_end_a_wait(void **state)
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(GIVES_UP_S);
		ct_stop_catch();
		ct_stop_wait_for_children();
		if (fork() == 0)
			_exit(0);
		_exit(-ct_stop_wait_readable(ends[0]));
	}
	sleep_ms(LATER_MS);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(status_of(pid), 0);
	close(ends[1]);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_signal_of_one_who_insists_ends_at_once),
		cmocka_unit_test(two_signals_at_once_are_one),
		cmocka_unit_test(who_has_to_clean_up_is_not_ended_by_any),
		cmocka_unit_test(child_ends_a_wait_where_that_is_wanted),
		cmocka_unit_test(signal_from_before_ends_a_wait),
		cmocka_unit_test(other_signal_does_not_end_a_wait),
	};

	return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
