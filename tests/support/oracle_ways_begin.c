// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ways to begin: handshakes that succeed late, in another order, or not at all. */
#include "support/oracle_ways.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "support/attempt.h"
#include "support/sock.h"

#define SYN_LIMIT_MS	10000
#define HALF_ABORT_MS	1300 /// one SYN-ACK more
#define HALF_TIMEOUT_MS 7600 /// tcp_synack_retries=2: SYN-ACKs at 0, 1 and 3 s, and the end at 7 s
#define HALF_KILL_MS	300
#define KILLED_MS	30
#define DEAF_MS		3000
#define SYN_SENT_MS	200

static int refused(const struct oracle_client *client)
{
	int fd = oracle_dial(client, ORACLE_PORT_CLOSED);

	return fd == -ECONNREFUSED ? 0 : -EBADMSG;
}

/// What a connect() that was begun came to: 0, or the errno, positive.
static int wait_connect(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int err = 0;

	if (poll(&ready, 1, e2e_patience(SYN_LIMIT_MS)) != 1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length))
		return EBUSY;
	return err;
}

static int syn_into_nothing(const struct oracle_client *client)
{
	int fd, err = oracle_begin_lost_connect(client, client->ports[ORACLE_PORT_MAIN], &fd);

	if (err)
		return err;
	err = wait_connect(fd);
	close(fd);
	return err == ETIMEDOUT ? 0 : -EBADMSG;
}

static int close_in_syn_sent(const struct oracle_client *client)
{
	int fd, err = oracle_begin_lost_connect(client, client->ports[ORACLE_PORT_MAIN], &fd);

	if (err)
		return err;
	oracle_sleep_ms(SYN_SENT_MS);
	close(fd);
	return 0;
}

static int synack_lost(const struct oracle_client *client)
{
	int fd = oracle_dial(client, ORACLE_PORT_MUTE);

	return fd == -ETIMEDOUT ? 0 : -EBADMSG;
}

/// Everything was said and read: nothing but FINs is left.
static int close_after(int fd, int err)
{
	if (!err)
		err = e2e_sock_receive_fin(fd);
	close(fd);
	return err;
}

static int first_synack_lost(const struct oracle_client *client)
{
	int fd = oracle_dial(client, ORACLE_PORT_SLOW);

	return fd < 0 ? fd : close_after(fd, e2e_sock_receive(fd, ORACLE_SYNC_BYTES));
}

static int serve_sync_and_close(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	close(fd);
	return err;
}

/// The handshake is half done for the server, and whole for us.
static int dial_half(const struct oracle_client *client, int stay_ms)
{
	int fd = oracle_dial(client, ORACLE_PORT_HALF);

	if (fd >= 0)
		oracle_sleep_ms(stay_ms);
	return fd;
}

static int reset_and_close(int fd)
{
	int err = e2e_sock_set_linger0(fd);

	close(fd);
	return err;
}

static int half_open_then_reset(const struct oracle_client *client)
{
	int fd = dial_half(client, HALF_ABORT_MS);

	return fd < 0 ? fd : reset_and_close(fd);
}

static int half_open_until_timeout(const struct oracle_client *client)
{
	int fd = dial_half(client, HALF_TIMEOUT_MS);

	return fd < 0 ? fd : reset_and_close(fd);
}

static int half_open_and_fin_lost(const struct oracle_client *client)
{
	int fd = dial_half(client, 0);

	return fd < 0 ? fd : close(fd);
}

/// Our RST comes when it is clear what the server's end has ended by.
static int half_open_killed(const struct oracle_client *client)
{
	int fd = dial_half(client, HALF_KILL_MS);
	int err;

	if (fd < 0)
		return fd;
	err = oracle_ss_kill(client->far_fd, "state syn-recv sport = :%u and dport = :%u",
			     client->ports[ORACLE_PORT_HALF], e2e_sock_local_port(fd));
	oracle_sleep_ms(KILLED_MS);
	return err ? err : reset_and_close(fd);
}

/// Whether the queue has room for us is not ours to know.
static int accept_queue_full(const struct oracle_client *client)
{
	int fd = oracle_dial(client, ORACLE_PORT_DEAF);

	if (fd < 0)
		return fd == -ETIMEDOUT ? 0 : fd;
	oracle_sleep_ms(DEAF_MS);
	close(fd);
	return 0;
}

static int fast_open(const struct oracle_client *client)
{
	struct oracle_hello hello = {.way = client->way};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
				  .sin6_port = htons(client->ports[ORACLE_PORT_MAIN])};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = to.sin6_port};
	int v4 = inet_pton(AF_INET, client->host, &to4.sin_addr) == 1;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (!v4)
		inet_pton(AF_INET6, client->host, &to.sin6_addr);
	if (sendto(fd, &hello, sizeof(hello), MSG_FASTOPEN | MSG_NOSIGNAL,
		   v4 ? (void *)&to4 : (void *)&to, v4 ? sizeof(to4) : sizeof(to)) < 0) {
		close(fd);
		return -errno;
	}
	return close_after(fd, e2e_sock_receive(fd, ORACLE_SYNC_BYTES));
}

/// Who connects to whom, both ends at once.
struct crossing {
	char host[46];
	uint16_t port;
};

static int send_all(int fd, const void *data, size_t bytes)
{
	return send(fd, data, bytes, MSG_NOSIGNAL) == (ssize_t)bytes ? 0 : -EIO;
}

static int receive_all(int fd, void *ret_data, size_t bytes)
{
	return recv(fd, ret_data, bytes, MSG_WAITALL) == (ssize_t)bytes ? 0 : -EIO;
}

/// Our SYN is lost, and while we wait the server's comes from the port that we are connecting to.
static int simultaneous_open(const struct oracle_client *client)
{
	struct crossing ours = {.port = 0}, theirs;
	int control = oracle_dial(client, ORACLE_PORT_MAIN);
	int fd = -1, err;

	if (control < 0)
		return control;
	err = receive_all(control, &theirs, sizeof(theirs));
	if (!err)
		err = oracle_begin_lost_connect(client, theirs.port, &fd);
	if (!err) {
		oracle_uncut(fd);
		for (unsigned i = 0; client->own_host[i]; i++)
			ours.host[i] = client->own_host[i];
		ours.port = e2e_sock_local_port(fd);
		err = send_all(control, &ours, sizeof(ours));
	}
	if (!err)
		err = -wait_connect(fd);
	if (!err)
		err = close_after(fd, e2e_sock_receive(fd, ORACLE_SYNC_BYTES));
	else if (fd >= 0)
		close(fd);
	close(control);
	return err;
}

/// A bound port of ours that nobody listens at.
static int bind_any(uint16_t *ret_port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		close(fd);
		return -errno;
	}
	*ret_port = fd < 0 ? 0 : e2e_sock_local_port(fd);
	return fd;
}

static int connect_to(int fd, const struct crossing *peer)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(peer->port)};

	/* a v4 literal is a v4-mapped address to an IPv6 socket */
	if (inet_pton(AF_INET6, peer->host, &to.sin6_addr) != 1) {
		to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
		inet_pton(AF_INET, peer->host, &to.sin6_addr.s6_addr[12]);
	}
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

static int serve_simultaneous_open(int control)
{
	struct crossing ours = {.port = 0}, theirs;
	int fd = bind_any(&ours.port);
	int err = fd < 0 ? fd : send_all(control, &ours, sizeof(ours));

	if (!err)
		err = receive_all(control, &theirs, sizeof(theirs));
	if (!err)
		err = connect_to(fd, &theirs);
	if (!err)
		err = serve_sync_and_close(fd);
	close(control);
	return err;
}

const struct oracle_way oracle_ways_to_begin[] = {
	{"refused", refused, NULL, 0},
	{"SYN into nothing", syn_into_nothing, NULL, 0},
	{"close in SYN_SENT", close_in_syn_sent, NULL, 0},
	{"SYN-ACKs lost", synack_lost, NULL, 0},
	{"first SYN-ACK lost", first_synack_lost, serve_sync_and_close, 0},
	{"half-open, then reset", half_open_then_reset, NULL, 0},
	{"half-open until time-out", half_open_until_timeout, NULL, 0},
	{"half-open, FIN lost", half_open_and_fin_lost, NULL, 0},
	{"half-open, ss -K", half_open_killed, NULL, 0},
	{"accept queue full", accept_queue_full, NULL, 0},
	{"fast open", fast_open, serve_sync_and_close, 0},
	{"simultaneous open", simultaneous_open, serve_simultaneous_open, 0},
	{0},
};
