/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `-- CMD…`: a program that waits until tracing has begun, and the processes that others began. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conntrace/select.h"

/// Starts as {.pid = -1, .go_fd = -1, .failed_fd = -1}.
struct ct_child {
	pid_t pid;     /// -1: not started, or waited for
	int go_fd;     /// what holds it back
	int failed_fd; /// tells the errno of a failed exec
	int status;    /// exit code once it has ended: its own, or 128 + signal
};

/// Forks; the child waits for ct_child_release(). 0 or -errno, *child is unchanged then.
int ct_child_start(struct ct_child *child, char *const argv[]);

/// Lets it run. 0; -errno of exec: it has ended then, with the status a shell would give.
int ct_child_release(struct ct_child *child);

/// Whether it has ended; WAIT: waits for that, whatever signals come.
bool ct_child_ended(struct ct_child *child, bool wait);

/// Ends it if it was never released and waits for it. For _cleanup_.
void ct_child_fini(struct ct_child *child);

/// Adds all processes that descend from those in the list. 0; -errno of reading /proc; -ENOMEM.
int ct_descendants_add(struct ct_u32_list *pids);
