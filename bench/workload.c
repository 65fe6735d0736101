// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loopback.h"
#include "orphan.h"

#define PORT	    7000
#define BACKLOG	    128
#define CHUNK_BYTES 65536

_Noreturn void workload_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void write_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		workload_die(path);
	close(fd);
}

/// Every connection leaves a TIME_WAIT, as in life: none is reused, and there is room for all.
void workload_enter(bool here)
{
	if (!here && (unshare(CLONE_NEWNET) || loopback_up()))
		workload_die("network namespace (needs root)");
	write_sysctl("ip_local_port_range", "10000 65535");
	write_sysctl("tcp_max_tw_buckets", "1000000");
	write_sysctl("tcp_tw_reuse", "0");
}

struct sockaddr_in workload_address(unsigned host)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(host),
	};
}

int workload_listen(unsigned host)
{
	struct sockaddr_in at = workload_address(host);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, BACKLOG))
		workload_die("listen");
	return fd;
}

int workload_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		workload_die("accept");
	return fd;
}

int workload_connect(unsigned host)
{
	struct sockaddr_in to = workload_address(host);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		workload_die("connect");
	return fd;
}

void workload_send(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		workload_die("send");
}

void workload_receive(int fd, size_t len)
{
	char bytes[CHUNK_BYTES];

	while (len) {
		size_t wanted = len < sizeof(bytes) ? len : sizeof(bytes);
		ssize_t n = recv(fd, bytes, wanted, MSG_WAITALL);

		if (n <= 0)
			workload_die("receive");
		len -= (size_t)n;
	}
}

void workload_receive_end(int fd)
{
	char end;

	if (recv(fd, &end, 1, 0) != 0)
		workload_die("wait for the end");
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

int workload_run(void (*serve)(int listener, const void *plan), void (*connect)(const void *plan),
		 const void *plan, double units)
{
	int listener = workload_listen(INADDR_ANY), status;
	double began_s = now_s(), took_s;
	pid_t parent = getpid(), server = fork();

	if (server < 0)
		workload_die("fork");
	if (server == 0) {
		orphan_dies(parent);
		serve(listener, plan);
		_exit(EXIT_SUCCESS);
	}
	connect(plan);
	if (waitpid(server, &status, 0) < 0 || status)
		workload_die("server");
	took_s = now_s() - began_s;
	printf("rate %.1f\n", units / took_s);
	printf("cpu_us %.3f\n", (cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN)) / units);
	return EXIT_SUCCESS;
}
