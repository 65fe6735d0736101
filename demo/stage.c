// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stage.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG	    16
#define POLL_MS	    2
#define CHUNK_BYTES 65536

_Noreturn void stage_die(const char *what)
{
	int err = errno;
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	fprintf(stderr, "%s: %s: %s\n", name, what, strerror(err));
	exit(EXIT_FAILURE);
}

void stage_sleep_ms(long ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static struct sockaddr_in address_of(const struct stage *stage)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(stage->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int open_socket(int type)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);

	if (fd < 0)
		stage_die("socket");
	return fd;
}

int stage_listen(const struct stage *stage)
{
	struct sockaddr_in at = address_of(stage);
	int fd = open_socket(0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, BACKLOG))
		stage_die("listen");
	return fd;
}

int stage_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		stage_die("accept");
	return fd;
}

int stage_connect(const struct stage *stage)
{
	struct sockaddr_in to = address_of(stage);
	int fd = open_socket(0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		stage_die("connect");
	return fd;
}

int stage_begin_connect(const struct stage *stage)
{
	struct sockaddr_in to = address_of(stage);
	int fd = open_socket(SOCK_NONBLOCK);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		stage_die("connect");
	return fd;
}

void stage_be_refused(const struct stage *stage)
{
	struct sockaddr_in to = address_of(stage);
	int fd = open_socket(0);

	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) || errno != ECONNREFUSED)
		stage_die("connect, which should be refused");
	close(fd);
}

void stage_send(int fd, size_t bytes)
{
	static const char chunk[CHUNK_BYTES];

	while (bytes) {
		size_t some = bytes < sizeof(chunk) ? bytes : sizeof(chunk);
		ssize_t n = send(fd, chunk, some, MSG_NOSIGNAL);

		if (n < 0)
			stage_die("send");
		bytes -= (size_t)n;
	}
}

void stage_send_some(int fd, size_t bytes)
{
	static const char chunk[CHUNK_BYTES];
	ssize_t n = 1;

	while (bytes && n > 0) {
		size_t some = bytes < sizeof(chunk) ? bytes : sizeof(chunk);

		n = send(fd, chunk, some, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			stage_die("send");
		bytes -= n > 0 ? (size_t)n : 0;
	}
}

void stage_receive(int fd, size_t bytes)
{
	char chunk[4096];

	while (bytes) {
		ssize_t n = recv(fd, chunk, bytes < sizeof(chunk) ? bytes : sizeof(chunk), 0);

		if (n == 0)
			errno = ENODATA;
		if (n <= 0)
			stage_die("receive");
		bytes -= (size_t)n;
	}
}

void stage_receive_end(int fd)
{
	char end;

	if (recv(fd, &end, sizeof(end), 0) != 0)
		stage_die("wait for the end");
}

void stage_ask(int fd)
{
	stage_send(fd, STAGE_REQUEST_BYTES);
	stage_receive(fd, STAGE_ANSWER_BYTES);
}

void stage_answer(int fd)
{
	stage_receive(fd, STAGE_REQUEST_BYTES);
	stage_send(fd, STAGE_ANSWER_BYTES);
}

int stage_connect_and_ask(const struct stage *stage)
{
	int fd = stage_connect(stage);

	stage_ask(fd);
	return fd;
}

int stage_accept_and_answer(int listener)
{
	int fd = stage_accept(listener);

	stage_answer(fd);
	return fd;
}

/// What an ioctl counts of a connection.
static int count(int fd, unsigned long what)
{
	int bytes;

	if (ioctl(fd, what, &bytes))
		stage_die("ask for the queue");
	return bytes;
}

void stage_await_bytes(int fd, int bytes)
{
	while (count(fd, SIOCINQ) < bytes)
		stage_sleep_ms(POLL_MS);
}

void stage_settle(int fd)
{
	while (count(fd, SIOCOUTQ))
		stage_sleep_ms(POLL_MS);
}

static void await(int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};

	while (poll(&one, 1, -1) < 0)
		if (errno != EINTR)
			stage_die("poll");
}

void stage_await_end(int fd)
{
	await(fd, POLLRDHUP);
}

void stage_await_error(int fd)
{
	await(fd, 0); /* POLLERR and POLLHUP are told unasked */
}

struct tcp_info stage_info(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		stage_die("TCP_INFO");
	return info;
}

void stage_cut(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &nothing};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		stage_die("SO_ATTACH_FILTER");
}

void stage_uncut(int fd)
{
	int unused = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)))
		stage_die("SO_DETACH_FILTER");
}

void stage_cue(const struct stage *stage)
{
	if (send(stage->cue_fd, "", 1, MSG_NOSIGNAL) != 1)
		stage_die("tell the other side");
}

void stage_await_cue(const struct stage *stage)
{
	char cue;

	if (recv(stage->cue_fd, &cue, sizeof(cue), 0) != 1)
		stage_die("wait for the other side");
}

void stage_meet(const struct stage *stage)
{
	stage_cue(stage);
	stage_await_cue(stage);
}
