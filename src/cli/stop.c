// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/clock.h"

/// Closer together they are one wish: timeout(1) sends each signal to the process and to its group.
#define SECOND_NS 200000000u

/// The terminal writes its echo behind the signal: n_tty_receive_signal_char() in
/// drivers/tty/n_tty.c.
#define ECHO_MS 5

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t stop_echoed;
static volatile sig_atomic_t stop_from_process;
static volatile sig_atomic_t insisting;
static uint64_t noted_ns; /// the handler's, which the others' signals wait for

static void note(int signal, siginfo_t *info, void *context)
{
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC);

	(void)context;
	if (signal == SIGCHLD)
		return;
	if (insisting && stop_signal && now - noted_ns > SECOND_NS)
		_exit(CT_EXIT_DONE);
	if (!stop_signal)
		noted_ns = now;
	/* SI_KERNEL and other positive codes: not by kill(2), sigqueue(3), tgkill(2). */
	stop_from_process = info->si_code <= 0;
	if (signal == SIGINT && info->si_code > 0)
		stop_echoed = 1;
	stop_signal = signal;
}

/// No SA_RESTART: a wait ends with the signal.
static void take_note_of(int signal)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP};

	sigfillset(&action.sa_mask);
	sigaction(signal, &action, NULL);
}

void ct_stop_catch(void)
{
	struct sigaction before;

	take_note_of(SIGINT);
	take_note_of(SIGTERM);
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		take_note_of(SIGHUP);
}

void ct_stop_insist(void)
{
	insisting = true;
}

void ct_stop_wait_for_children(void)
{
	take_note_of(SIGCHLD);
}

/// By a carriage return and blanks, which harm nothing where there is no echo; a terminal that
/// knows no carriage return goes on in the next line. Nobody waits for one that takes nothing.
static void clear_echo(int fd)
{
	const char *term = getenv("TERM");
	bool is_dumb = term && strcmp(term, "dumb") == 0;
	const char *text = is_dumb ? "\n" : "\r  \r";
	struct pollfd terminal = {.fd = fd, .events = POLLOUT};
	ssize_t n = 0;

	if (poll(&terminal, 1, 0) == 1 && terminal.revents & POLLOUT)
		n = write(fd, text, strlen(text));
	(void)n;
}

/// A pager has the terminal then, and does not echo.
static bool is_paged(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

void ct_stop_clear_echo(bool alone)
{
	int fd = isatty(STDERR_FILENO) ? STDERR_FILENO : STDOUT_FILENO;

	if (!stop_echoed || !alone)
		return;
	stop_echoed = 0;
	if (!isatty(fd) || is_paged())
		return;
	poll(NULL, 0, ECHO_MS);
	clear_echo(fd);
}

bool ct_stop_is_wanted(void)
{
	return stop_signal != 0;
}

int ct_stop_take(bool *ret_from_process)
{
	int signal = stop_signal;

	stop_signal = 0;
	*ret_from_process = stop_from_process;
	return signal;
}

/// Between the look at what has come and the wait none comes in.
int ct_stop_wait_readable(int fd)
{
	struct pollfd fds = {.fd = fd, .events = POLLIN};
	sigset_t ours, before;
	int r;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, &before);
	do {
		r = ct_stop_is_wanted() ? -EINTR : 0;
		if (r == 0 && ppoll(&fds, 1, NULL, &before) < 0)
			r = -errno;
	} while (r == -EINTR && !ct_stop_is_wanted());
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
