// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: bulk [--here] [MIB]
//
// Sends so many MiB (4,000) on one connection over loopback, 64 KiB at a time, in a network
// namespace of its own; --here: in that in which it is started. Prints what it took, workload.h.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload.h"

#define MIB	    4000
#define CHUNK_BYTES 65536
#define CHUNKS	    16 /* a MiB */

static void serve(int listener, const void *arg)
{
	const unsigned *mib = arg;
	int fd = workload_accept(listener);

	for (unsigned i = 0; i < *mib * CHUNKS; i++)
		workload_receive(fd, CHUNK_BYTES);
	close(fd);
}

static void connect_one(const void *arg)
{
	static const char chunk[CHUNK_BYTES];
	const unsigned *mib = arg;
	int fd = workload_connect(INADDR_LOOPBACK);

	for (unsigned i = 0; i < *mib * CHUNKS; i++)
		workload_send(fd, chunk, sizeof(chunk));
	workload_receive_end(fd);
	close(fd);
}

int main(int argc, char *argv[])
{
	bool here = argc > 1 && strcmp(argv[1], "--here") == 0;
	unsigned mib = MIB;

	argv += here ? 2 : 1;
	if (*argv)
		mib = (unsigned)strtoul(*argv, NULL, 10);
	if (!mib || (*argv && argv[1])) {
		fprintf(stderr, "usage: bulk [--here] [MIB]\n");
		return EXIT_FAILURE;
	}
	workload_enter(here);
	return workload_run(serve, connect_one, &mib, mib);
}
