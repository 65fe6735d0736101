// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: idle [CONNECTIONS]
//
// Opens so many connections (100,000) on loopback, both ends here, in a network namespace of its
// own, says "ready" and then connects and closes another one every ten milliseconds, until its
// stdin ends.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "orphan.h"
#include "workload.h"

#define CONNECTIONS 100000
#define PER_PROCESS 4000 /* files, of which it needs two each, are limited for a process */
#define PERIOD_MS   10

/// The N-th process has an address of its own.
static unsigned host_of(unsigned n)
{
	return INADDR_LOOPBACK + 1 + n;
}

static void hold(unsigned host, unsigned connections, int ready_fd)
{
	int listener = workload_listen(host);
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (unsigned i = 0; i < connections; i++) {
		workload_connect(host);
		workload_accept(listener);
	}
	if (write(ready_fd, "", 1) != 1)
		workload_die("say that it is ready");
	for (;;)
		pause();
}

/// One process after the other, so that not all of them want the CPUs at once.
static void start_holder(unsigned n, unsigned connections)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	char byte;

	if (pipe(ends))
		workload_die("pipe");
	pid = fork();
	if (pid < 0)
		workload_die("fork");
	if (pid == 0) {
		orphan_dies(parent);
		close(ends[0]);
		hold(host_of(n), connections, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		exit(EXIT_FAILURE);
	close(ends[0]);
}

static bool is_over(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, PERIOD_MS) != 0;
}

int main(int argc, char *argv[])
{
	unsigned left = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : CONNECTIONS;
	int listener;

	workload_enter(false);
	for (unsigned n = 0; left; n++) {
		unsigned some = left < PER_PROCESS ? left : PER_PROCESS;

		start_holder(n, some);
		left -= some;
	}
	listener = workload_listen(INADDR_LOOPBACK);
	puts("ready");
	fflush(stdout);
	while (!is_over()) {
		int client = workload_connect(INADDR_LOOPBACK), server = workload_accept(listener);

		close(client);
		close(server);
	}
	return EXIT_SUCCESS;
}
