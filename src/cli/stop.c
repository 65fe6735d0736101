// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t stop_from_process;

static void note(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (signal == SIGCHLD)
		return;
	/* SI_KERNEL and other positive codes: not by kill(2), sigqueue(3), tgkill(2). */
	stop_from_process = info->si_code <= 0;
	stop_signal = signal;
}

void ct_stop_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	/* No SA_RESTART: a wait ends with the signal. */
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP};
	struct sigaction before;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &before);
		if (signals[i] == SIGHUP && before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
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
