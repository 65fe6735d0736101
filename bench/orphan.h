/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run has started goes with it, also when it is killed. */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

/// In a child just born: it ends when PARENT does, or now. Of a parent that had ended before it was
/// asked for no signal comes.
static inline void orphan_dies(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(EXIT_FAILURE);
}
