// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/witness.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/process.h"

#define PORTS	 65536
#define PAUSE_MS 20

/// The local ports that /proc/net/tcp has in TIME_WAIT.
static void read_time_waits(bool ret_ports[PORTS])
{
	FILE *table = fopen("/proc/net/tcp", "re");
	char line[256], state[3];
	unsigned port;

	memset(ret_ports, 0, PORTS * sizeof(ret_ports[0]));
	while (table && fgets(line, sizeof(line), table)) {
		if (sscanf(line, " %*u: %*x:%x %*x:%*x %2s", &port, state) == 2 &&
		    !strcmp(state, "06"))
			ret_ports[port % PORTS] = true;
	}
	if (table)
		fclose(table);
}

static void look(FILE *notes, unsigned count)
{
	static bool now[PORTS], before[PORTS];
	struct timespec at;

	while (count > 0) {
		read_time_waits(now);
		clock_gettime(CLOCK_REALTIME, &at);
		for (unsigned port = 0; port < PORTS; port++) {
			if (!before[port] || now[port])
				continue;
			fprintf(notes, "%u %lld\n", port,
				(long long)at.tv_sec * 1000000000LL + at.tv_nsec);
			count--;
		}
		memcpy(before, now, sizeof(before));
		e2e_sleep_ms(PAUSE_MS);
	}
}

void e2e_witness_start(struct e2e *e2e, const struct e2e_netns *netns, unsigned count,
		       struct e2e_witness *ret_witness)
{
	FILE *notes;

	*ret_witness = (struct e2e_witness){.e2e = e2e, .path = e2e_path(e2e, "gone")};
	notes = fopen(ret_witness->path, "we");
	assert_non_null(notes);
	ret_witness->pid = e2e_process_fork();
	assert_true(ret_witness->pid >= 0);
	if (ret_witness->pid == 0) {
		if (setns(netns->fd, CLONE_NEWNET))
			_exit(126);
		look(notes, count);
		_exit(fclose(notes) ? 1 : 0);
	}
	fclose(notes);
	e2e_track(e2e, ret_witness->pid);
}

void e2e_witness_wait(struct e2e_witness *witness, int limit_ms)
{
	int status = e2e_process_wait(witness->pid, limit_ms, "the witness");

	e2e_untrack(witness->e2e, witness->pid);
	assert_int_equal(status, 0);
}

long long e2e_witness_gone_ns(const struct e2e_witness *witness, uint16_t port)
{
	size_t bytes;
	char *notes = e2e_file_read(witness->path, &bytes);
	char wanted[16];
	long long gone_ns = 0;

	snprintf(wanted, sizeof(wanted), "%u ", port);
	for (char *line = notes, *end; (end = strchr(line, '\n')); line = end + 1) {
		if (!strncmp(line, wanted, strlen(wanted)))
			gone_ns = strtoll(line + strlen(wanted), NULL, 10);
	}
	free(notes);
	return gone_ns;
}
