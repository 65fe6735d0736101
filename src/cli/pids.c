// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether those that --pid names are there. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"
#include "conntrace/log.h"

/// PROC_PID_INIT_INO, include/linux/proc_ns.h: of the pid namespace whose numbers the tracer tells.
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu

bool ct_pids_are_ours(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == FIRST_PID_NAMESPACE;
}

/// /proc is not asked: it may hide those of other users.
static bool is_there(uint32_t pid)
{
	return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

int ct_pids_check(const struct ct_options *options)
{
	const struct ct_u32_list *pids = &options->select.pids;
	uint32_t first = 0;
	size_t absent = 0;
	char others[64] = "";

	if (!ct_pids_are_ours())
		return CT_EXIT_DONE;
	for (size_t i = 0; i < pids->n; i++) {
		if (is_there(pids->values[i]))
			continue;
		first = absent++ ? first : pids->values[i];
	}
	if (!absent)
		return CT_EXIT_DONE;
	if (absent > 1)
		snprintf(others, sizeof(others), ", nor %zu other%s that it names", absent - 1,
			 absent == 2 ? "" : "s");
	/* Of what is there now that is an answer: nothing. The others would wait for more. */
	if (absent == pids->n && !options->child_argv && options->command != CT_COMMAND_LIST) {
		ct_error("--pid: there is no process %" PRIu32 "%s", first, others);
		return CT_EXIT_USAGE;
	}
	ct_warn("--pid: there is no process %" PRIu32 "%s", first, others);
	return CT_EXIT_DONE;
}
