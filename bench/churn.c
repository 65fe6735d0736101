// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: churn [-e EXCHANGES] [--here] [PAIRS]
//
// Connects, exchanges 64 bytes both ways (EXCHANGES times, 1 if not given) and closes, PAIRS times
// one after the other (30,000), between a client and a server process on loopback, in a network
// namespace of its own; --here: in that in which it is started, which has to be a fresh one. Prints
// what it took, workload.h.
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "workload.h"

#define PAIRS	      30000
#define MESSAGE_BYTES 64
#define PORTS_PER_HOST \
	10000 /* of 55,000: connect() takes every other, and searches when they run out */

struct plan {
	bool here; /// in the namespace that it is started in
	unsigned pairs;
	unsigned exchanges; /// of each pair
};

static const char message[MESSAGE_BYTES];

static void serve(int listener, const void *arg)
{
	const struct plan *plan = arg;

	for (unsigned i = 0; i < plan->pairs; i++) {
		int fd = workload_accept(listener);

		for (unsigned j = 0; j < plan->exchanges; j++) {
			workload_receive(fd, sizeof(message));
			workload_send(fd, message, sizeof(message));
		}
		workload_receive_end(fd);
		close(fd);
	}
}

/// 127.0.0.1, 127.0.0.2, …: each gives another set of ephemeral ports.
static void connect_all(const void *arg)
{
	const struct plan *plan = arg;
	unsigned hosts = plan->pairs / PORTS_PER_HOST + 1;

	for (unsigned i = 0; i < plan->pairs; i++) {
		int fd = workload_connect(INADDR_LOOPBACK + i % hosts);

		for (unsigned j = 0; j < plan->exchanges; j++) {
			workload_send(fd, message, sizeof(message));
			workload_receive(fd, sizeof(message));
		}
		close(fd);
	}
}

/// 0, or -EINVAL when the arguments are wrong.
static int read_plan(int argc, char *argv[], struct plan *plan)
{
	static const struct option long_options[] = {{"here", no_argument, NULL, 'h'}, {}};
	int option;

	while ((option = getopt_long(argc, argv, "e:", long_options, NULL)) != -1) {
		if (option == 'h')
			plan->here = true;
		else if (option == 'e')
			plan->exchanges = (unsigned)strtoul(optarg, NULL, 10);
		else
			return -EINVAL;
	}
	if (optind < argc)
		plan->pairs = (unsigned)strtoul(argv[optind], NULL, 10);
	return plan->pairs && plan->exchanges ? 0 : -EINVAL;
}

int main(int argc, char *argv[])
{
	struct plan plan = {.pairs = PAIRS, .exchanges = 1};

	if (read_plan(argc, argv, &plan)) {
		fprintf(stderr, "usage: churn [-e EXCHANGES] [--here] [PAIRS]\n");
		return EXIT_FAILURE;
	}
	workload_enter(plan.here);
	return workload_run(serve, connect_all, &plan, plan.pairs);
}
