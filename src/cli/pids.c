// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether those that --pid names are there. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "conntrace/cleanup.h"
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

/// Where a line of FILE stands that begins so: what follows, as a number; 0: nowhere.
static uint32_t number_behind(FILE *file, const char *label)
{
	char line[256];

	while (fgets(line, sizeof(line), file))
		if (strncmp(line, label, strlen(label)) == 0)
			return (uint32_t)strtoul(line + strlen(label), NULL, 10);
	return 0;
}

/// A thread has a number as a process has, and can be sent signals by it. 0: it is a process, or
/// /proc does not show it.
static uint32_t process_of_thread(uint32_t pid)
{
	_cleanup_(ct_fclosep) FILE *file = NULL;
	uint32_t process;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	file = fopen(path, "re");
	process = file ? number_behind(file, "Tgid:") : 0;
	return process == pid ? 0 : process;
}

/// Nothing is ever told of a number that is none of a process.
static void put_absent(struct ct_buf *text, uint32_t first, size_t others)
{
	uint32_t process = process_of_thread(first);

	ct_buf_printf(text, "--pid: there is no process %" PRIu32, first);
	if (process)
		ct_buf_printf(text, " (it is a thread of process %" PRIu32 ")", process);
	if (others)
		ct_buf_printf(text, ", nor %zu other%s that it names", others,
			      others == 1 ? "" : "s");
}

int ct_pids_check(const struct ct_options *options)
{
	const struct ct_u32_list *pids = &options->select.pids;
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	uint32_t first = 0;
	size_t absent = 0;

	if (!ct_pids_are_ours())
		return CT_EXIT_DONE;
	for (size_t i = 0; i < pids->n; i++) {
		if (is_there(pids->values[i]) && !process_of_thread(pids->values[i]))
			continue;
		first = absent++ ? first : pids->values[i];
	}
	if (!absent)
		return CT_EXIT_DONE;
	put_absent(&text, first, absent - 1);
	if (text.error)
		return CT_EXIT_DONE;
	/* Of what is there now that is an answer: nothing. The others would wait for more. */
	if (absent == pids->n && !options->child_argv && options->command != CT_COMMAND_LIST) {
		ct_error("%s", text.data);
		return CT_EXIT_USAGE;
	}
	ct_warn("%s", text.data);
	return CT_EXIT_DONE;
}
