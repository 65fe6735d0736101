// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/wall_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"

#define NS_PER_S 1000000000LL

/// Of the wall clock before the monotonic one, while it was right.
static int64_t right_ns;
static int guard_fd = -1;

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int set(int64_t off_ns)
{
	int64_t ns = clock_ns(CLOCK_MONOTONIC) + right_ns + off_ns;
	struct timespec then = {ns / NS_PER_S, ns % NS_PER_S};

	return clock_settime(CLOCK_REALTIME, &then);
}

/// Waits until nobody has the other end of the pipe any more.
static _Noreturn void guard(int fd)
{
	char byte;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(set(0) ? 1 : 0);
}

static void start_guard(void)
{
	int ends[2];
	pid_t pid;

	right_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[1]);
		setsid();
		guard(ends[0]);
	}
	close(ends[0]);
	guard_fd = ends[1];
}

bool e2e_may_set_wall_clock(void)
{
	struct timespec now;

	if (!e2e_is_guest() && !getenv("E2E_CLOCK"))
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return clock_settime(CLOCK_REALTIME, &now) == 0;
}

void e2e_set_wall_clock_off(int seconds)
{
	if (guard_fd < 0)
		start_guard();
	if (set(seconds * NS_PER_S))
		fail_msg("set the clock: %s", strerror(errno));
}
