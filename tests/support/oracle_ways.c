// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "support/sock.h"

const struct oracle_way *oracle_way(unsigned n)
{
	static const struct oracle_way *const tables[] = {oracle_ways_to_begin, oracle_ways_to_end,
							  oracle_ways_of_silence};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct oracle_way *way = tables[i]; way->name; way++)
			if (n-- == 0)
				return way;
	return NULL;
}

static struct e2e_addr far_address(const struct oracle_client *client, uint16_t port)
{
	struct e2e_addr addr = {.port = port};

	snprintf(addr.host, sizeof(addr.host), "%s", client->host);
	return addr;
}

int oracle_say_hello(const struct oracle_client *client, int fd)
{
	struct oracle_hello hello = {.way = client->way};

	return send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) == sizeof(hello) ? 0 : -EIO;
}

/// Closes the connection if what it was made for failed.
static int with_hello(const struct oracle_client *client, int fd)
{
	int err = fd < 0 ? fd : oracle_say_hello(client, fd);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

int oracle_dial(const struct oracle_client *client, enum oracle_port port)
{
	struct e2e_addr to = far_address(client, client->ports[port]);

	return with_hello(client, e2e_sock_connect(&(struct e2e_addr){.port = 0}, &to));
}

int oracle_dial_from(const struct oracle_client *client, uint16_t own_port)
{
	struct e2e_addr to = far_address(client, client->ports[ORACLE_PORT_MAIN]);
	struct e2e_addr from = {.port = own_port};

	snprintf(from.host, sizeof(from.host), "%s", client->own_host);
	return with_hello(client, e2e_sock_connect(&from, &to));
}

int oracle_dial_synced(const struct oracle_client *client)
{
	int fd = oracle_dial(client, ORACLE_PORT_MAIN);
	int err = fd < 0 ? fd : e2e_sock_receive(fd, ORACLE_SYNC_BYTES);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

int oracle_finish(int fd, int err)
{
	close(fd);
	return err;
}

int oracle_expect_error(int fd, int want_errno)
{
	return e2e_sock_receive(fd, 1) == -want_errno ? 0 : -EBADMSG;
}

int oracle_serve_silence(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	if (!err)
		err = e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

static socklen_t to_sockaddr(const char *host, uint16_t port, struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_sa;

	memset(ret_sa, 0, sizeof(*ret_sa));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	inet_pton(AF_INET6, host, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

int oracle_begin_lost_connect(const struct oracle_client *client, uint16_t port, int *ret_fd)
{
	struct sockaddr_storage own, far;
	socklen_t own_length = to_sockaddr(client->own_host, 0, &own);
	socklen_t far_length = to_sockaddr(client->host, port, &far);
	int fd = socket(own.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	oracle_cut(fd);
	if (bind(fd, (struct sockaddr *)&own, own_length) ||
	    !connect(fd, (struct sockaddr *)&far, far_length) || errno != EINPROGRESS) {
		close(fd);
		return -EIO;
	}
	*ret_fd = fd;
	return 0;
}

/// An IPv6 socket that is connected to a v4-mapped address sends IPv4: it is told both.
static void set_dscp(int fd, int dscp)
{
	int tos = dscp << 2;

	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

void oracle_cut(int fd)
{
	set_dscp(fd, ORACLE_DSCP_CUT);
}

void oracle_uncut(int fd)
{
	set_dscp(fd, 0);
}

void oracle_sleep_ms(int ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

int oracle_ss_kill(int netns_fd, const char *format, ...)
{
	char command[256] = "exec ss -K -tn ";
	size_t length = strlen(command);
	va_list args;
	int status;
	pid_t pid;

	va_start(args, format);
	vsnprintf(command + length, sizeof(command) - length, format, args);
	va_end(args);
	pid = fork();
	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		dup2(null_fd, STDOUT_FILENO);
		if (setns(netns_fd, CLONE_NEWNET) == 0)
			execlp("sh", "sh", "-c", command, NULL);
		_exit(126);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EIO : 0;
}
