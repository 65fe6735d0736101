// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stop.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/clock.h"

/// Closer together they are one wish: timeout(1) sends each signal to the process and to its group.
#define SECOND_NS 200000000u

static volatile sig_atomic_t stop_signal;
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
