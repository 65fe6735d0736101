// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_LIMIT_MS 10000
#define POLL_MS	      1
#define CHUNK_BYTES   65536

static int to_sockaddr(const struct e2e_addr *addr, struct sockaddr_storage *ret_sa,
		       socklen_t *ret_length)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_sa;

	memset(ret_sa, 0, sizeof(*ret_sa));
	if (inet_pton(AF_INET, addr->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(addr->port);
		*ret_length = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, addr->host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(addr->port);
		*ret_length = sizeof(*v6);
		return 0;
	}
	return -EINVAL;
}

/// An unconnected socket of the address's family, bound to it when `bound` is set.
static int open_socket(const struct e2e_addr *addr, int bound, int type, int protocol)
{
	struct sockaddr_storage sa;
	socklen_t length;
	int fd, one = 1, err = to_sockaddr(addr, &sa, &length);

	if (err)
		return err;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | type, protocol);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bound && bind(fd, (struct sockaddr *)&sa, length)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int wait_for(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready = poll(&poll_fd, 1, WAIT_LIMIT_MS);

	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

static int close_with(int fd, int err)
{
	close(fd);
	return err;
}

int e2e_sock_listen_with(const struct e2e_addr *at, const struct e2e_listen *how)
{
	struct sockaddr_storage sa;
	socklen_t length;
	int fd, err = to_sockaddr(at, &sa, &length);

	if (err)
		return err;
	fd = open_socket(at, 0, 0, how->protocol);
	if (fd < 0)
		return fd;
	if (how->reuse_port)
		err = e2e_sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err && bind(fd, (struct sockaddr *)&sa, length))
		err = -errno;
	if (!err && how->fast_open)
		err = e2e_sock_set(fd, IPPROTO_TCP, TCP_FASTOPEN, how->fast_open);
	if (!err && listen(fd, how->backlog))
		err = -errno;
	return err ? close_with(fd, err) : fd;
}

int e2e_sock_listen(const struct e2e_addr *at)
{
	return e2e_sock_listen_with(at, &(struct e2e_listen){.backlog = 128});
}

int e2e_sock_connect_again(int fd, const struct e2e_addr *to)
{
	struct sockaddr_storage sa;
	socklen_t length;
	int err = to_sockaddr(to, &sa, &length);

	if (err)
		return err;
	return connect(fd, (struct sockaddr *)&sa, length) ? -errno : 0;
}

static int connect_new(const struct e2e_addr *from, const struct e2e_addr *to, int type,
		       int protocol)
{
	const struct e2e_addr *own = from->host[0] ? from : to;
	int fd = open_socket(own, own == from, type, protocol);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_connect_again(fd, to);
	return err && err != -EINPROGRESS ? close_with(fd, err) : fd;
}

int e2e_sock_connect(const struct e2e_addr *from, const struct e2e_addr *to)
{
	return connect_new(from, to, 0, 0);
}

int e2e_sock_begin_connect(const struct e2e_addr *from, const struct e2e_addr *to, int protocol)
{
	return connect_new(from, to, SOCK_NONBLOCK, protocol);
}

/// Also when it is writable: an ICMP error wakes who waits before the socket has it, see
/// tcp_v4_err() in net/ipv4/tcp_ipv4.c.
static bool is_connecting(int fd)
{
	struct tcp_info info = {};
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_state == TCP_SYN_SENT;
}

int e2e_sock_finish_connect(int fd)
{
	for (int waited_ms = 0; waited_ms < WAIT_LIMIT_MS; waited_ms += POLL_MS) {
		int sk_err, err = wait_for(fd, POLLOUT);
		socklen_t length = sizeof(sk_err);
		bool connecting = is_connecting(fd); /* first: an error is there before its end */

		if (!err && getsockopt(fd, SOL_SOCKET, SO_ERROR, &sk_err, &length))
			err = -errno;
		if (err || sk_err || !connecting)
			return err ? err : -sk_err;
		poll(NULL, 0, POLL_MS);
	}
	return -ETIMEDOUT;
}

int e2e_sock_disconnect(int fd)
{
	struct sockaddr sa = {.sa_family = AF_UNSPEC};

	return connect(fd, &sa, sizeof(sa)) ? -errno : 0;
}

int e2e_sock_fast_open(const struct e2e_addr *to, size_t bytes)
{
	static const char zeros[1000];
	struct sockaddr_storage sa;
	socklen_t length;
	int fd, err = to_sockaddr(to, &sa, &length);

	if (err)
		return err;
	fd = open_socket(to, 0, 0, 0);
	if (fd < 0)
		return fd;
	if (bytes > sizeof(zeros))
		err = -EMSGSIZE;
	else if (sendto(fd, zeros, bytes, MSG_FASTOPEN, (struct sockaddr *)&sa, length) < 0)
		err = -errno;
	return err ? close_with(fd, err) : fd;
}

int e2e_sock_accept(int listen_fd)
{
	int err = wait_for(listen_fd, POLLIN);
	int fd;

	if (err)
		return err;
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int e2e_sock_send(int fd, size_t bytes)
{
	static const char zeros[CHUNK_BYTES];

	while (bytes) {
		ssize_t sent;
		int err = wait_for(fd, POLLOUT);

		if (err)
			return err;
		sent = send(fd, zeros, bytes < sizeof(zeros) ? bytes : sizeof(zeros),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN)
			return -errno;
		bytes -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

int e2e_sock_receive(int fd, size_t bytes)
{
	char sink[CHUNK_BYTES];

	while (bytes) {
		ssize_t got;
		int err = wait_for(fd, POLLIN);

		if (err)
			return err;
		got = recv(fd, sink, bytes < sizeof(sink) ? bytes : sizeof(sink), 0);
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EPIPE;
		bytes -= (size_t)got;
	}
	return 0;
}

int e2e_sock_receive_fin(int fd)
{
	char byte;
	ssize_t got;
	int err = wait_for(fd, POLLIN);

	if (err)
		return err;
	got = recv(fd, &byte, 1, 0);
	if (got < 0)
		return -errno;
	return got ? -EBADMSG : 0;
}

int e2e_sock_wait_readable(int fd)
{
	return wait_for(fd, POLLIN);
}

int e2e_sock_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

int e2e_sock_set_linger0(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ? -errno : 0;
}

int e2e_sock_set_keepalive(int fd)
{
	if (e2e_sock_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1) ||
	    e2e_sock_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1) ||
	    e2e_sock_set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3))
		return -errno;
	return e2e_sock_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

uint64_t e2e_sock_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) ? 0 : cookie;
}

uint16_t e2e_sock_local_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t length = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &length))
		return 0;
	return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
					     : ((struct sockaddr_in6 *)&sa)->sin6_port);
}
