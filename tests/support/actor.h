// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// An actor is a process of its own, with a name of its own, that does to sockets what the test
// tells it: so that pid and comm of the two ends of a connection can be told apart, while the test
// reads as one sequence.
//
// Descriptors are numbers in the actor, not in the test. Every function here fails the running
// cmocka test when the actor cannot do what it is told, unless it says otherwise.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/netns.h"
#include "support/sock.h"

struct e2e;

struct e2e_actor {
	struct e2e *e2e;
	pid_t pid;
	char comm[16];
	int control_fd;
};

/// Forks an actor in a namespace. It ends with the test.
struct e2e_actor *e2e_actor_start(struct e2e *e2e, const struct e2e_netns *netns, const char *comm);

/// Lets an actor fork another, which inherits its descriptors: a prefork server and its child.
struct e2e_actor *e2e_actor_fork(struct e2e_actor *parent, const char *comm);

/// Ends an actor with SIGKILL and waits until its descriptors are closed. Not for forked ones.
void e2e_actor_kill(struct e2e_actor *actor);

/// Gives up root for good.
void e2e_actor_set_uid(struct e2e_actor *actor, uid_t uid);

int e2e_actor_listen(struct e2e_actor *actor, const char *host, uint16_t port);
int e2e_actor_connect(struct e2e_actor *actor, const char *host, uint16_t port);
int e2e_actor_connect_from(struct e2e_actor *actor, const struct e2e_addr *from,
			   const struct e2e_addr *to);
int e2e_actor_accept(struct e2e_actor *actor, int listen_fd);

/// Connects and expects the error (positive errno).
void e2e_actor_connect_fails(struct e2e_actor *actor, const char *host, uint16_t port,
			     int want_errno);

void e2e_actor_send(struct e2e_actor *actor, int fd, size_t bytes);
void e2e_actor_receive(struct e2e_actor *actor, int fd, size_t bytes);

/// Sends and returns 0 or the error (positive errno); never fails the test.
int e2e_actor_try_send(struct e2e_actor *actor, int fd, size_t bytes);

/// Receives and returns 0 or the error (positive errno); never fails the test.
int e2e_actor_try_receive(struct e2e_actor *actor, int fd, size_t bytes);

/// Starts a send that may block for want of a reader; finish with e2e_actor_finish() before
/// anything else.
void e2e_actor_begin_send(struct e2e_actor *actor, int fd, size_t bytes);
int64_t e2e_actor_finish(struct e2e_actor *actor);

/// Anything else that an actor is to do: a function of the test program, which the actor has too,
/// because it was forked from it. What the job holds is all that it can know of the test's
/// variables of today.
struct e2e_job {
	int64_t (*run)(const struct e2e_job *job); /// a descriptor, a number or 0; −errno
	int fd;
	int64_t numbers[3];
	struct e2e_addr from;
	struct e2e_addr to;
	struct e2e_listen listen;
};

/// Does a job and returns its result; an error fails the test.
int64_t e2e_actor_run(struct e2e_actor *actor, const struct e2e_job *job);

/// Does a job and returns its result or −errno; never fails the test.
int64_t e2e_actor_try(struct e2e_actor *actor, const struct e2e_job *job);

/// Starts a job that takes its time; finish with e2e_actor_finish() before anything else.
void e2e_actor_begin(struct e2e_actor *actor, const struct e2e_job *job);

void e2e_actor_receive_fin(struct e2e_actor *actor, int fd);
void e2e_actor_wait_readable(struct e2e_actor *actor, int fd);

/// how: SHUT_RD, SHUT_WR or SHUT_RDWR.
void e2e_actor_shutdown(struct e2e_actor *actor, int fd, int how);
void e2e_actor_close(struct e2e_actor *actor, int fd);
void e2e_actor_set_linger0(struct e2e_actor *actor, int fd);
void e2e_actor_set_keepalive(struct e2e_actor *actor, int fd);
uint16_t e2e_actor_local_port(struct e2e_actor *actor, int fd);

/// The socket's cookie as the JSON key `conn` shows it. Borrowed; lives as long as the fixture.
const char *e2e_actor_conn(struct e2e_actor *actor, int fd);
