// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/churn.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/process.h"
#include "support/ss.h"

#define CHURN_BYTES    64
#define CHURN_LIMIT_MS 300000
#define NOISE_PAUSE_MS 1

static int serve_one(int listen_fd)
{
	int fd = e2e_sock_accept(listen_fd);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_receive(fd, CHURN_BYTES);
	if (!err)
		err = e2e_sock_send(fd, CHURN_BYTES);
	if (!err)
		err = e2e_sock_receive_fin(fd);
	close(fd);
	return err;
}

static int connect_one(const struct e2e_addr *to)
{
	int fd = e2e_sock_connect(&(struct e2e_addr){.port = 0}, to);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_send(fd, CHURN_BYTES);
	if (!err)
		err = e2e_sock_receive(fd, CHURN_BYTES);
	close(fd);
	return err;
}

static struct e2e_addr loopback(uint16_t port)
{
	return (struct e2e_addr){.host = "127.0.0.1", .port = port};
}

/// An endless churn ends in the middle of something.
static void report_child_error(const char *what, unsigned done, unsigned count, int err)
{
	if (count == UINT_MAX)
		return;
	fprintf(stderr, "churn: %s no. %u: %s\n", what, done, strerror(-err));
}

/// A child that is named and dies with the test program; the parent gets its pid.
static pid_t fork_named(struct e2e *e2e, const char *comm)
{
	pid_t pid = e2e_process_fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_NAME, comm);
		return 0;
	}
	e2e_track(e2e, pid);
	return pid;
}

static pid_t start_server(struct e2e *e2e, int listen_fd, unsigned count)
{
	pid_t pid = fork_named(e2e, "ct-churn-srv");
	int err = 0;

	if (pid)
		return pid;
	for (unsigned i = 0; i < count && !err; i++) {
		err = serve_one(listen_fd);
		if (err)
			report_child_error("serve", i, count, err);
	}
	_exit(err ? 1 : 0);
}

static pid_t start_client(struct e2e *e2e, uint16_t port, unsigned count, int pause_ms)
{
	pid_t pid = fork_named(e2e, "ct-churn-cli");
	struct e2e_addr to = loopback(port);
	int err = 0;

	if (pid)
		return pid;
	for (unsigned i = 0; i < count && !err; i++) {
		err = connect_one(&to);
		if (err)
			report_child_error("connect", i, count, err);
		if (pause_ms)
			e2e_sleep_ms(pause_ms);
	}
	_exit(err ? 1 : 0);
}

static int listen_at(uint16_t port)
{
	struct e2e_addr at = loopback(port);
	int fd = e2e_sock_listen(&at);

	if (fd < 0)
		fail_msg("listen at port %u: %s", port, strerror(-fd));
	return fd;
}

static void wait_for_end(struct e2e *e2e, pid_t pid, const char *what)
{
	int status = e2e_process_wait(pid, CHURN_LIMIT_MS, what);

	e2e_untrack(e2e, pid);
	if (status)
		fail_msg("%s exited %d", what, status);
}

void e2e_churn(struct e2e *e2e, uint16_t port, unsigned count)
{
	int listen_fd = listen_at(port);
	pid_t server = start_server(e2e, listen_fd, count);
	pid_t client;

	close(listen_fd);
	client = start_client(e2e, port, count, 0);
	wait_for_end(e2e, client, "churn client");
	wait_for_end(e2e, server, "churn server");
}

const char *e2e_churn_record(struct e2e *e2e, unsigned count)
{
	const char *path = e2e_path(e2e, "lives.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", path, "-P",
					      e2e_port_text(e2e, 0));

	e2e_churn(e2e, e2e_port(0), count);
	e2e_tracer_stop(tracer, 0);
	return path;
}

void e2e_churn_settle(struct e2e *e2e, uint16_t port)
{
	e2e_ss_wait_none(&e2e->home, "state last-ack sport = :%u", port);
}

void e2e_churn_widen_ports(void)
{
	e2e_netns_sysctl("ipv4/ip_local_port_range", "1024 65535");
	e2e_netns_sysctl("ipv4/tcp_max_tw_buckets", "200000");
}

/// A test runs in a process of its own: these are its.
static pid_t noise[E2E_PROCESSES_MAX];
static size_t noise_count;

void e2e_churn_noise(struct e2e *e2e, uint16_t port)
{
	int listen_fd = listen_at(port);

	assert_true(noise_count + 2 <= E2E_PROCESSES_MAX);
	noise[noise_count++] = start_server(e2e, listen_fd, UINT_MAX);
	close(listen_fd);
	noise[noise_count++] = start_client(e2e, port, UINT_MAX, e2e_patience(NOISE_PAUSE_MS));
}

void e2e_churn_quiet(struct e2e *e2e)
{
	while (noise_count > 0) {
		pid_t pid = noise[--noise_count];

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		e2e_untrack(e2e, pid);
	}
}
