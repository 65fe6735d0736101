// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: churn [-e EXCHANGES] [--here] [PAIRS]
//
// Connects, exchanges 64 bytes both ways (EXCHANGES times, 1 if not given) and closes, PAIRS times
// one after the other (30,000), between a client and a server process on loopback, in a network
// namespace of its own; --here: in that in which it is started, which has to be a fresh one. Prints
// what it took:
//   rate    pairs a second
//   cpu_us  CPU time of both processes a pair, with the softirqs that ran on it
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loopback.h"

#define PAIRS	      30000
#define PORT	      7000
#define MESSAGE_BYTES 64
#define BACKLOG	      128
#define PORTS_PER_HOST \
	10000 /* of 55,000: connect() takes every other, and searches when they run out */

struct plan {
	bool here; /// in the namespace that it is started in
	unsigned pairs;
	unsigned exchanges; /// of each pair
};

static void die(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void write_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

/// Every connection leaves a TIME_WAIT, as in life: none is reused, and there is room for all.
static void prepare_namespace(bool here)
{
	if (!here && (unshare(CLONE_NEWNET) || loopback_up()))
		die("network namespace (needs root)");
	write_sysctl("ip_local_port_range", "10000 65535");
	write_sysctl("tcp_max_tw_buckets", "1000000");
	write_sysctl("tcp_tw_reuse", "0");
}

static struct sockaddr_in address(unsigned host)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(host),
	};
}

static int listen_anywhere(void)
{
	struct sockaddr_in any = address(INADDR_ANY);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, BACKLOG))
		die("listen");
	return fd;
}

static void receive(int fd)
{
	char message[MESSAGE_BYTES];

	if (recv(fd, message, sizeof(message), MSG_WAITALL) != sizeof(message))
		die("receive");
}

static void transmit(int fd)
{
	static const char message[MESSAGE_BYTES];

	if (send(fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		die("send");
}

static void serve(int listener, unsigned pairs, unsigned exchanges)
{
	char end;

	for (unsigned i = 0; i < pairs; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			die("accept");
		for (unsigned j = 0; j < exchanges; j++) {
			receive(fd);
			transmit(fd);
		}
		if (recv(fd, &end, 1, 0) != 0)
			die("wait for the end");
		close(fd);
	}
}

/// 127.0.0.1, 127.0.0.2, …: each gives another set of ephemeral ports.
static void connect_all(unsigned pairs, unsigned exchanges)
{
	unsigned hosts = pairs / PORTS_PER_HOST + 1;

	for (unsigned i = 0; i < pairs; i++) {
		struct sockaddr_in to = address(INADDR_LOOPBACK + i % hosts);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
			die("connect");
		for (unsigned j = 0; j < exchanges; j++) {
			transmit(fd);
			receive(fd);
		}
		close(fd);
	}
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_us(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
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
	int listener, status;
	double began_s, took_s;
	pid_t server;

	if (read_plan(argc, argv, &plan)) {
		fprintf(stderr, "usage: churn [-e EXCHANGES] [--here] [PAIRS]\n");
		return EXIT_FAILURE;
	}
	prepare_namespace(plan.here);
	listener = listen_anywhere();
	began_s = now_s();
	server = fork();
	if (server < 0)
		die("fork");
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener, plan.pairs, plan.exchanges);
		_exit(EXIT_SUCCESS);
	}
	connect_all(plan.pairs, plan.exchanges);
	if (waitpid(server, &status, 0) < 0 || status)
		die("server");
	took_s = now_s() - began_s;
	printf("rate %.1f\n", plan.pairs / took_s);
	printf("cpu_us %.3f\n", (cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN)) / plan.pairs);
	return EXIT_SUCCESS;
}
