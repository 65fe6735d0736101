// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/job.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static int64_t run_set(const struct e2e_job *job)
{
	return e2e_sock_set(job->fd, (int)job->numbers[0], (int)job->numbers[1],
			    (int)job->numbers[2]);
}

static int64_t run_listen(const struct e2e_job *job)
{
	return e2e_sock_listen_with(&job->to, &job->listen);
}

static int64_t run_connect_from(const struct e2e_job *job)
{
	return e2e_sock_connect(&job->from, &job->to);
}

static int64_t run_begin_connect(const struct e2e_job *job)
{
	return e2e_sock_begin_connect(&job->from, &job->to, 0);
}

static int64_t run_finish_connect(const struct e2e_job *job)
{
	return e2e_sock_finish_connect(job->fd);
}

static int64_t run_connect_mptcp(const struct e2e_job *job)
{
	int fd = e2e_sock_begin_connect(&job->from, &job->to, IPPROTO_MPTCP);
	int err = fd < 0 ? fd : e2e_sock_finish_connect(fd);

	return err ? err : fd;
}

/// What a thread is asked to connect to, and what came of it.
struct thread_job {
	struct e2e_addr to;
	int fd;
	pthread_barrier_t connected;
};

static void *connect_and_stay(void *argument)
{
	struct thread_job *job = argument;

	prctl(PR_SET_NAME, E2E_THREAD_COMM);
	job->fd = e2e_sock_connect(&(struct e2e_addr){.port = 0}, &job->to);
	pthread_barrier_wait(&job->connected);
	for (;;)
		pause();
	return NULL;
}

static int64_t run_connect_in_thread(const struct e2e_job *job)
{
	static struct thread_job thread_job; /* the thread stays, and what it works on */
	pthread_t thread;
	int err;

	thread_job.to = job->to;
	pthread_barrier_init(&thread_job.connected, NULL, 2);
	err = pthread_create(&thread, NULL, connect_and_stay, &thread_job);
	if (err)
		return -err;
	pthread_barrier_wait(&thread_job.connected);
	return thread_job.fd;
}

static int64_t run_unshare_pids(const struct e2e_job *job)
{
	return unshare(CLONE_NEWPID) ? -errno : 0;
}

void e2e_actor_set(struct e2e_actor *actor, int fd, int level, int name, int value)
{
	e2e_actor_run(actor,
		      &(struct e2e_job){.run = run_set, .fd = fd, .numbers = {level, name, value}});
}

/// Does a job to an address and a port.
static int run_to(struct e2e_actor *actor, struct e2e_job job, const char *host, uint16_t port)
{
	job.to.port = port;
	snprintf(job.to.host, sizeof(job.to.host), "%s", host);
	return (int)e2e_actor_run(actor, &job);
}

int e2e_actor_listen_with(struct e2e_actor *actor, const char *host, uint16_t port,
			  const struct e2e_listen *how)
{
	return run_to(actor, (struct e2e_job){.run = run_listen, .listen = *how}, host, port);
}

int e2e_actor_try_connect_from(struct e2e_actor *actor, const struct e2e_addr *from,
			       const struct e2e_addr *to)
{
	return (int)e2e_actor_try(
		actor, &(struct e2e_job){.run = run_connect_from, .from = *from, .to = *to});
}

int e2e_actor_begin_connect(struct e2e_actor *actor, const struct e2e_addr *from,
			    const struct e2e_addr *to)
{
	struct e2e_job job = {.run = run_begin_connect, .to = *to};

	if (from)
		job.from = *from;
	return (int)e2e_actor_run(actor, &job);
}

int e2e_actor_finish_connect(struct e2e_actor *actor, int fd)
{
	return (int)-e2e_actor_try(actor, &(struct e2e_job){.run = run_finish_connect, .fd = fd});
}

int e2e_actor_connect_mptcp(struct e2e_actor *actor, const char *host, uint16_t port)
{
	return run_to(actor, (struct e2e_job){.run = run_connect_mptcp}, host, port);
}

int e2e_actor_connect_in_thread(struct e2e_actor *actor, const char *host, uint16_t port)
{
	return run_to(actor, (struct e2e_job){.run = run_connect_in_thread}, host, port);
}

void e2e_actor_unshare_pids(struct e2e_actor *actor)
{
	e2e_actor_run(actor, &(struct e2e_job){.run = run_unshare_pids});
}

struct e2e_addr e2e_loopback(uint16_t port)
{
	return (struct e2e_addr){.host = "127.0.0.1", .port = port};
}
