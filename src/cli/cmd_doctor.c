// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/doctor.h"
#include "conntrace/log.h"

/// How long it looks if nobody says otherwise.
#define WATCH_NS 10000000000ULL

/// /proc shows the processes that the tracer tells of, and not this user's alone: proc(5), hidepid.
static bool sees_processes(void)
{
	struct stat status;

	return ct_pids_are_ours() && stat("/proc/1", &status) == 0;
}

static enum ct_process_place find_process(uint32_t pid, uint32_t netns)
{
	struct stat status;
	char path[32];

	if (!sees_processes())
		return CT_PROCESS_UNKNOWN;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	if (stat(path, &status) == 0)
		return status.st_ino == netns ? CT_PROCESS_THERE : CT_PROCESS_ELSEWHERE;
	/* of one whose first thread has ended the others may go on: it has no namespace to look at
	 */
	snprintf(path, sizeof(path), "/proc/%u", pid);
	return stat(path, &status) && errno == ENOENT ? CT_PROCESS_ENDED : CT_PROCESS_UNKNOWN;
}

static int look_live(struct ct_options *options)
{
	options->duration_is_default = !options->duration_ns;
	if (options->duration_is_default)
		options->duration_ns = WATCH_NS;
	options->output.find_process = find_process;
	return ct_live_run(options, ct_sink_doctor_new, NULL);
}

/// To whoever sees no finding in JSON: that somebody has looked.
static void tell_totals(struct ct_buf *totals)
{
	char *rest = NULL;

	if (totals->error || !totals->len)
		return;
	for (char *line = strtok_r(totals->data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		ct_info("%s", line);
}

int ct_cmd_doctor(struct ct_options *options)
{
	_cleanup_(ct_buf_fini) struct ct_buf totals = {};
	int worst = 0, r;

	options->output.worst = &worst;
	options->output.totals = &totals;
	r = options->file ? ct_file_run(options, ct_sink_doctor_new) : look_live(options);
	tell_totals(&totals);
	if (r == CT_EXIT_DONE && options->fail_on && worst >= options->fail_on)
		return CT_EXIT_FOUND;
	return r;
}
