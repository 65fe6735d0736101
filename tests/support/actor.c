// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/actor.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/e2e.h"

enum op {
	OP_LISTEN,
	OP_CONNECT,
	OP_ACCEPT,
	OP_SEND,
	OP_RECEIVE,
	OP_RECEIVE_FIN,
	OP_WAIT_READABLE,
	OP_SHUTDOWN,
	OP_CLOSE,
	OP_LINGER0,
	OP_KEEPALIVE,
	OP_COOKIE,
	OP_LOCAL_PORT,
	OP_SET_UID,
	OP_FORK,
	OP_JOB,
	_OP_MAX,
};

struct request {
	enum op op;
	int fd;
	int64_t number;
	struct e2e_addr from;
	struct e2e_addr to;
	char comm[16];
	struct e2e_job job;
};

/// Carries a request, and for OP_FORK the descriptor that the new actor will listen to.
struct packet {
	struct request request;
	int passed_fd;
};

static void serve(int control_fd, const char *comm) __attribute__((noreturn));

static int64_t do_listen(const struct packet *packet)
{
	return e2e_sock_listen(&packet->request.to);
}

static int64_t do_connect(const struct packet *packet)
{
	return e2e_sock_connect(&packet->request.from, &packet->request.to);
}

static int64_t do_accept(const struct packet *packet)
{
	return e2e_sock_accept(packet->request.fd);
}

static int64_t do_send(const struct packet *packet)
{
	return e2e_sock_send(packet->request.fd, (size_t)packet->request.number);
}

static int64_t do_receive(const struct packet *packet)
{
	return e2e_sock_receive(packet->request.fd, (size_t)packet->request.number);
}

static int64_t do_receive_fin(const struct packet *packet)
{
	return e2e_sock_receive_fin(packet->request.fd);
}

static int64_t do_wait_readable(const struct packet *packet)
{
	return e2e_sock_wait_readable(packet->request.fd);
}

static int64_t do_shutdown(const struct packet *packet)
{
	return shutdown(packet->request.fd, (int)packet->request.number) ? -errno : 0;
}

static int64_t do_close(const struct packet *packet)
{
	return close(packet->request.fd) ? -errno : 0;
}

static int64_t do_linger0(const struct packet *packet)
{
	return e2e_sock_set_linger0(packet->request.fd);
}

static int64_t do_keepalive(const struct packet *packet)
{
	return e2e_sock_set_keepalive(packet->request.fd);
}

static int64_t do_cookie(const struct packet *packet)
{
	return (int64_t)e2e_sock_cookie(packet->request.fd);
}

static int64_t do_local_port(const struct packet *packet)
{
	return e2e_sock_local_port(packet->request.fd);
}

static int64_t do_set_uid(const struct packet *packet)
{
	return setuid((uid_t)packet->request.number) ? -errno : 0;
}

static int64_t do_fork(const struct packet *packet)
{
	pid_t pid = e2e_process_fork();

	if (pid == 0)
		serve(packet->passed_fd, packet->request.comm);
	close(packet->passed_fd);
	return pid < 0 ? -errno : pid;
}

static int64_t do_job(const struct packet *packet)
{
	return packet->request.job.run(&packet->request.job);
}

static int64_t (*const handlers[])(const struct packet *packet) = {
	[OP_LISTEN] = do_listen,
	[OP_CONNECT] = do_connect,
	[OP_ACCEPT] = do_accept,
	[OP_SEND] = do_send,
	[OP_RECEIVE] = do_receive,
	[OP_RECEIVE_FIN] = do_receive_fin,
	[OP_WAIT_READABLE] = do_wait_readable,
	[OP_SHUTDOWN] = do_shutdown,
	[OP_CLOSE] = do_close,
	[OP_LINGER0] = do_linger0,
	[OP_KEEPALIVE] = do_keepalive,
	[OP_COOKIE] = do_cookie,
	[OP_LOCAL_PORT] = do_local_port,
	[OP_SET_UID] = do_set_uid,
	[OP_FORK] = do_fork,
	[OP_JOB] = do_job,
};

_Static_assert(sizeof(handlers) / sizeof(handlers[0]) == _OP_MAX, "every operation has a handler");

static int receive_packet(int control_fd, struct packet *ret_packet)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = &ret_packet->request,
			    .iov_len = sizeof(ret_packet->request)};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(control_fd, &message, 0) != sizeof(ret_packet->request))
		return -EPIPE;
	cmsg = CMSG_FIRSTHDR(&message);
	ret_packet->passed_fd = -1;
	if (cmsg)
		memcpy(&ret_packet->passed_fd, CMSG_DATA(cmsg), sizeof(int));
	return 0;
}

static void serve(int control_fd, const char *comm)
{
	struct packet packet;

	prctl(PR_SET_NAME, comm);
	signal(SIGINT, SIG_IGN);
	while (!receive_packet(control_fd, &packet)) {
		int64_t result = handlers[packet.request.op](&packet);

		if (write(control_fd, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static void send_request(struct e2e_actor *actor, const struct request *request, int pass_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)request, .iov_len = sizeof(*request)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (pass_fd >= 0) {
		struct cmsghdr *cmsg = &control.align;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		*cmsg = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(cmsg), &pass_fd, sizeof(int));
	}
	if (sendmsg(actor->control_fd, &message, MSG_NOSIGNAL) != sizeof(*request))
		fail_msg("actor %s is gone: %s", actor->comm, strerror(errno));
}

static int64_t receive_result(struct e2e_actor *actor)
{
	int64_t result;

	if (read(actor->control_fd, &result, sizeof(result)) != sizeof(result))
		fail_msg("actor %s (pid %d) died on the job", actor->comm, actor->pid);
	return result;
}

static int64_t call(struct e2e_actor *actor, const struct request *request)
{
	send_request(actor, request, -1);
	return receive_result(actor);
}

/// As call(), and an error fails the test.
static int64_t must(struct e2e_actor *actor, const char *what, const struct request *request)
{
	int64_t result = call(actor, request);

	if (result < 0)
		fail_msg("%s: %s: %s", actor->comm, what, strerror((int)-result));
	return result;
}

static struct e2e_addr address(const char *host, uint16_t port)
{
	struct e2e_addr addr = {.port = port};

	snprintf(addr.host, sizeof(addr.host), "%s", host);
	return addr;
}

/// A fresh record in the fixture with a control pair; the actor's end goes to *ret_actor_fd, owned
/// by the caller.
static struct e2e_actor *new_actor(struct e2e *e2e, const char *comm, int *ret_actor_fd)
{
	struct e2e_actor *actor;
	int ends[2];

	assert_true(e2e->actor_count < E2E_ACTORS_MAX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	actor = &e2e->actors[e2e->actor_count++];
	*actor = (struct e2e_actor){.e2e = e2e, .control_fd = ends[0]};
	snprintf(actor->comm, sizeof(actor->comm), "%s", comm);
	*ret_actor_fd = ends[1];
	return actor;
}

struct e2e_actor *e2e_actor_start(struct e2e *e2e, const struct e2e_netns *netns, const char *comm)
{
	int actor_fd;
	struct e2e_actor *actor = new_actor(e2e, comm, &actor_fd);

	actor->pid = e2e_process_fork();
	assert_true(actor->pid >= 0);
	if (actor->pid == 0) {
		close(actor->control_fd);
		if (setns(netns->fd, CLONE_NEWNET))
			_exit(126);
		serve(actor_fd, actor->comm);
	}
	close(actor_fd);
	e2e_track(e2e, actor->pid);
	return actor;
}

struct e2e_actor *e2e_actor_fork(struct e2e_actor *parent, const char *comm)
{
	int actor_fd;
	struct e2e_actor *actor = new_actor(parent->e2e, comm, &actor_fd);
	struct request request = {.op = OP_FORK};
	int64_t pid;

	snprintf(request.comm, sizeof(request.comm), "%s", comm);
	send_request(parent, &request, actor_fd);
	pid = receive_result(parent);
	close(actor_fd);
	if (pid < 0)
		fail_msg("%s: fork: %s", parent->comm, strerror((int)-pid));
	actor->pid = (pid_t)pid;
	return actor;
}

void e2e_actor_kill(struct e2e_actor *actor)
{
	kill(actor->pid, SIGKILL);
	assert_int_equal(waitpid(actor->pid, NULL, 0), actor->pid);
	e2e_untrack(actor->e2e, actor->pid);
}

void e2e_actor_set_uid(struct e2e_actor *actor, uid_t uid)
{
	must(actor, "setuid", &(struct request){.op = OP_SET_UID, .number = uid});
}

int e2e_actor_listen(struct e2e_actor *actor, const char *host, uint16_t port)
{
	return (int)must(actor, "listen",
			 &(struct request){.op = OP_LISTEN, .to = address(host, port)});
}

int e2e_actor_connect(struct e2e_actor *actor, const char *host, uint16_t port)
{
	return (int)must(actor, "connect",
			 &(struct request){.op = OP_CONNECT, .to = address(host, port)});
}

int e2e_actor_connect_from(struct e2e_actor *actor, const struct e2e_addr *from,
			   const struct e2e_addr *to)
{
	return (int)must(actor, "connect",
			 &(struct request){.op = OP_CONNECT, .from = *from, .to = *to});
}

int e2e_actor_accept(struct e2e_actor *actor, int listen_fd)
{
	return (int)must(actor, "accept", &(struct request){.op = OP_ACCEPT, .fd = listen_fd});
}

void e2e_actor_connect_fails(struct e2e_actor *actor, const char *host, uint16_t port,
			     int want_errno)
{
	int64_t result = call(actor,
			      &(struct request){.op = OP_CONNECT, .to = address(host, port)});

	if (result != -want_errno)
		fail_msg("connect to %s:%u gave %ld, wanted %s", host, port, (long)result,
			 strerror(want_errno));
}

void e2e_actor_send(struct e2e_actor *actor, int fd, size_t bytes)
{
	must(actor, "send", &(struct request){.op = OP_SEND, .fd = fd, .number = (int64_t)bytes});
}

void e2e_actor_receive(struct e2e_actor *actor, int fd, size_t bytes)
{
	must(actor, "receive",
	     &(struct request){.op = OP_RECEIVE, .fd = fd, .number = (int64_t)bytes});
}

int e2e_actor_try_send(struct e2e_actor *actor, int fd, size_t bytes)
{
	return (int)-call(actor,
			  &(struct request){.op = OP_SEND, .fd = fd, .number = (int64_t)bytes});
}

int e2e_actor_try_receive(struct e2e_actor *actor, int fd, size_t bytes)
{
	return (int)-call(actor,
			  &(struct request){.op = OP_RECEIVE, .fd = fd, .number = (int64_t)bytes});
}

void e2e_actor_begin_send(struct e2e_actor *actor, int fd, size_t bytes)
{
	send_request(actor, &(struct request){.op = OP_SEND, .fd = fd, .number = (int64_t)bytes},
		     -1);
}

int64_t e2e_actor_finish(struct e2e_actor *actor)
{
	int64_t result = receive_result(actor);

	if (result < 0)
		fail_msg("%s: what was begun: %s", actor->comm, strerror((int)-result));
	return result;
}

int64_t e2e_actor_run(struct e2e_actor *actor, const struct e2e_job *job)
{
	return must(actor, "job", &(struct request){.op = OP_JOB, .job = *job});
}

int64_t e2e_actor_try(struct e2e_actor *actor, const struct e2e_job *job)
{
	return call(actor, &(struct request){.op = OP_JOB, .job = *job});
}

void e2e_actor_begin(struct e2e_actor *actor, const struct e2e_job *job)
{
	send_request(actor, &(struct request){.op = OP_JOB, .job = *job}, -1);
}

void e2e_actor_receive_fin(struct e2e_actor *actor, int fd)
{
	must(actor, "wait for FIN", &(struct request){.op = OP_RECEIVE_FIN, .fd = fd});
}

void e2e_actor_wait_readable(struct e2e_actor *actor, int fd)
{
	must(actor, "wait for data", &(struct request){.op = OP_WAIT_READABLE, .fd = fd});
}

void e2e_actor_shutdown(struct e2e_actor *actor, int fd, int how)
{
	must(actor, "shutdown", &(struct request){.op = OP_SHUTDOWN, .fd = fd, .number = how});
}

void e2e_actor_close(struct e2e_actor *actor, int fd)
{
	must(actor, "close", &(struct request){.op = OP_CLOSE, .fd = fd});
}

void e2e_actor_set_linger0(struct e2e_actor *actor, int fd)
{
	must(actor, "SO_LINGER", &(struct request){.op = OP_LINGER0, .fd = fd});
}

void e2e_actor_set_keepalive(struct e2e_actor *actor, int fd)
{
	must(actor, "SO_KEEPALIVE", &(struct request){.op = OP_KEEPALIVE, .fd = fd});
}

uint16_t e2e_actor_local_port(struct e2e_actor *actor, int fd)
{
	int64_t port = must(actor, "getsockname", &(struct request){.op = OP_LOCAL_PORT, .fd = fd});

	assert_int_not_equal(port, 0);
	return (uint16_t)port;
}

const char *e2e_actor_conn(struct e2e_actor *actor, int fd)
{
	uint64_t cookie = (uint64_t)call(actor, &(struct request){.op = OP_COOKIE, .fd = fd});

	assert_true(cookie != 0);
	return e2e_format(actor->e2e, "%llx", (unsigned long long)cookie);
}
