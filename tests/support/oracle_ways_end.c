// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ways to end an established connection. */
#include "support/oracle_ways.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/tcp.h>

#include "support/sock.h"

#define REQUEST_BYTES 500
#define BULK_BYTES    20000
#define PAUSE_MS      30
#define CROSS_MS      60
#define RTO_MS	      400  /// longer than the first time-out of an established connection
#define TW_REUSE_MS   1300 /// longer than net.ipv4.tcp_tw_reuse_delay

static int client_closes(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : oracle_finish(fd, e2e_sock_send(fd, REQUEST_BYTES));
}

static int serve_until_fin(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	if (!err)
		err = e2e_sock_receive(fd, REQUEST_BYTES);
	if (!err)
		err = e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

static int server_closes(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : oracle_finish(fd, e2e_sock_receive_fin(fd));
}

static int serve_and_close(int fd)
{
	return oracle_finish(fd, e2e_sock_send(fd, ORACLE_SYNC_BYTES));
}

static int client_half_closes(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = shutdown(fd, SHUT_WR) ? -errno : e2e_sock_receive(fd, BULK_BYTES);
	if (!err)
		err = e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

static int serve_half_closed(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	if (!err)
		err = e2e_sock_receive_fin(fd);
	oracle_sleep_ms(PAUSE_MS);
	if (!err)
		err = e2e_sock_send(fd, BULK_BYTES);
	return oracle_finish(fd, err);
}

static int server_half_closes(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_receive_fin(fd);
	if (!err)
		err = e2e_sock_send(fd, REQUEST_BYTES);
	oracle_sleep_ms(PAUSE_MS);
	return oracle_finish(fd, err);
}

static int serve_by_half_close(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	if (!err && shutdown(fd, SHUT_WR))
		err = -errno;
	if (!err)
		err = e2e_sock_receive(fd, REQUEST_BYTES);
	if (!err)
		err = e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

/// Our FIN is lost, and the server's is on its way before ours is sent again.
static int simultaneous_close(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	oracle_cut(fd);
	err = shutdown(fd, SHUT_WR) ? -errno : 0;
	oracle_uncut(fd);
	if (!err)
		err = e2e_sock_receive_fin(fd);
	oracle_sleep_ms(RTO_MS);
	return oracle_finish(fd, err);
}

static int serve_simultaneous_close(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	oracle_sleep_ms(CROSS_MS);
	return oracle_finish(fd, err);
}

static int client_lingers_0(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : oracle_finish(fd, e2e_sock_set_linger0(fd));
}

static int serve_reset(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	return oracle_finish(fd, err ? err : oracle_expect_error(fd, ECONNRESET));
}

static int server_lingers_0(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : oracle_finish(fd, oracle_expect_error(fd, ECONNRESET));
}

static int serve_linger_0(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	oracle_sleep_ms(PAUSE_MS);
	return oracle_finish(fd, err ? err : e2e_sock_set_linger0(fd));
}

static int server_leaves_unread(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_send(fd, REQUEST_BYTES);
	return oracle_finish(fd, err ? err : oracle_expect_error(fd, ECONNRESET));
}

static int serve_unread(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	return oracle_finish(fd, err ? err : e2e_sock_wait_readable(fd));
}

static int data_to_closed(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_receive_fin(fd);
	if (!err)
		err = e2e_sock_send(fd, REQUEST_BYTES);
	oracle_sleep_ms(PAUSE_MS);
	return oracle_finish(fd, err);
}

/// Both have closed, we first: the port is that of a TIME_WAIT of ours.
static int close_into_time_wait(const struct oracle_client *client, uint16_t *ret_port)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	*ret_port = e2e_sock_local_port(fd);
	err = shutdown(fd, SHUT_WR) ? -errno : e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

/// Once more from the same port to the same port.
static int dial_again(const struct oracle_client *client, uint16_t port)
{
	int fd = oracle_dial_from(client, port);

	if (fd < 0)
		return fd;
	return oracle_finish(fd, e2e_sock_receive(fd, ORACLE_SYNC_BYTES));
}

static int time_wait_reused(const struct oracle_client *client)
{
	uint16_t port;
	int err = close_into_time_wait(client, &port);

	oracle_sleep_ms(TW_REUSE_MS);
	return err ? err : dial_again(client, port);
}

/// Here the TIME_WAIT is the server's.
static int time_wait_recycled(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	uint16_t port;
	int err;

	if (fd < 0)
		return fd;
	port = e2e_sock_local_port(fd);
	err = oracle_finish(fd, e2e_sock_receive_fin(fd));
	oracle_sleep_ms(TW_REUSE_MS);
	return err ? err : dial_again(client, port);
}

static int time_wait_killed(const struct oracle_client *client)
{
	uint16_t port;
	int err = close_into_time_wait(client, &port);

	oracle_sleep_ms(PAUSE_MS);
	return err ? err : oracle_ss_kill(client->home_fd, "state time-wait sport = :%u", port);
}

static int established_killed(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	oracle_sleep_ms(PAUSE_MS);
	err = oracle_ss_kill(client->home_fd, "state established sport = :%u",
			     e2e_sock_local_port(fd));
	return oracle_finish(fd, err ? err : oracle_expect_error(fd, ECONNABORTED));
}

static int process_killed(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : raise(SIGKILL);
}

static int process_exits(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : 0;
}

/// The same socket again: its second life has the same cookie.
static int disconnect_and_reconnect(const struct oracle_client *client)
{
	struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	int fd = oracle_dial_synced(client);
	int err = 0;

	if (fd < 0)
		return fd;
	if (getpeername(fd, (struct sockaddr *)&peer, &length) ||
	    connect(fd, &unspecified, sizeof(unspecified)))
		return oracle_finish(fd, -errno);
	oracle_sleep_ms(PAUSE_MS);
	if (connect(fd, (struct sockaddr *)&peer, length))
		err = -errno;
	if (!err)
		err = oracle_say_hello(client, fd);
	if (!err)
		err = e2e_sock_receive(fd, ORACLE_SYNC_BYTES);
	return oracle_finish(fd, err);
}

/// Its first client is reset, its second closes.
static int serve_either(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	e2e_sock_receive(fd, 1);
	return oracle_finish(fd, err);
}

const struct oracle_way oracle_ways_to_end[] = {
	{"client closes", client_closes, serve_until_fin, 0},
	{"server closes", server_closes, serve_and_close, 0},
	{"client half-closes", client_half_closes, serve_half_closed, 0},
	{"server half-closes", server_half_closes, serve_by_half_close, 0},
	{"simultaneous close", simultaneous_close, serve_simultaneous_close, 0},
	{"linger 0, client", client_lingers_0, serve_reset, 0},
	{"linger 0, server", server_lingers_0, serve_linger_0, 0},
	{"unread data", server_leaves_unread, serve_unread, 0},
	{"data to closed", data_to_closed, serve_and_close, 0},
	{"TIME_WAIT reused", time_wait_reused, oracle_serve_silence, 0},
	{"TIME_WAIT recycled", time_wait_recycled, serve_and_close, 0},
	{"TIME_WAIT, ss -K", time_wait_killed, oracle_serve_silence, 0},
	{"established, ss -K", established_killed, serve_reset, 0},
	{"process killed", process_killed, oracle_serve_silence, SIGKILL},
	{"process exits", process_exits, oracle_serve_silence, 0},
	{"disconnect, reconnect", disconnect_and_reconnect, serve_either, 0},
	{0},
};
