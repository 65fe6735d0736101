// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ways to end an established connection of which one side hears nothing for a while, or ever. */
#include "support/oracle_ways.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/tcp.h>

#include "support/sock.h"

#define REQUEST_BYTES	500
#define FLOOD_BYTES	600000
#define SMALL_BUFFER	4096
#define PAUSE_MS	30
#define DELAYED_ACK_MS	150
#define KEEPALIVE_MS	2500 /// two probes
#define DEATH_MS	6000 /// longer than any of the deaths by silence
#define FULL_MS		1500
#define FIN_TIMEOUT_MS	3500 /// longer than tcp_fin_timeout=2
#define USER_TIMEOUT_MS 1200
static int keepalive_answered(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_set_keepalive(fd);
	oracle_sleep_ms(KEEPALIVE_MS);
	return oracle_finish(fd, err);
}

/// The probes do not get there.
static int keepalive_lost(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	oracle_cut(fd);
	err = e2e_sock_set_keepalive(fd);
	return oracle_finish(fd, err ? err : oracle_expect_error(fd, ETIMEDOUT));
}

/// The probes get there, and the answers do not come back.
static int keepalive_unanswered(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_set_keepalive(fd);
	return oracle_finish(fd, err ? err : oracle_expect_error(fd, ETIMEDOUT));
}

static int serve_long(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	oracle_sleep_ms(DEATH_MS);
	return oracle_finish(fd, err);
}

static int serve_long_cut(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	oracle_sleep_ms(PAUSE_MS);
	oracle_cut(fd);
	oracle_sleep_ms(DEATH_MS);
	return oracle_finish(fd, err);
}

/// What we send is lost until we are given up.
static int send_into_nothing(int fd)
{
	int err;

	oracle_cut(fd);
	err = e2e_sock_send(fd, REQUEST_BYTES);
	return oracle_finish(fd, err ? err : oracle_expect_error(fd, ETIMEDOUT));
}

static int user_timeout(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client), timeout_ms = USER_TIMEOUT_MS;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms)))
		return oracle_finish(fd, -errno);
	return send_into_nothing(fd);
}

static int retransmission_timeout(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : send_into_nothing(fd);
}

/// The window is full until the server reads; the FIN waits behind the data.
static int zero_window(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);
	int err;

	if (fd < 0)
		return fd;
	err = e2e_sock_send(fd, FLOOD_BYTES);
	if (!err && shutdown(fd, SHUT_WR))
		err = -errno;
	if (!err)
		err = e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

static int serve_full(int fd)
{
	int bytes = SMALL_BUFFER;
	int err = setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ? -errno : 0;

	if (!err)
		err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);
	oracle_sleep_ms(FULL_MS);
	if (!err)
		err = e2e_sock_receive(fd, FLOOD_BYTES);
	if (!err)
		err = e2e_sock_receive_fin(fd);
	return oracle_finish(fd, err);
}

static int fin_wait2_expires(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	return fd < 0 ? fd : close(fd);
}

static int serve_late_fin(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	if (!err)
		err = e2e_sock_receive_fin(fd);
	oracle_sleep_ms(FIN_TIMEOUT_MS);
	return oracle_finish(fd, err);
}

/// By then the FIN is acknowledged: what gets the data is a mini-socket.
static int serve_late_data(int fd)
{
	int err = e2e_sock_send(fd, ORACLE_SYNC_BYTES);

	if (!err)
		err = e2e_sock_receive_fin(fd);
	oracle_sleep_ms(DELAYED_ACK_MS);
	if (!err)
		err = e2e_sock_send(fd, REQUEST_BYTES);
	oracle_sleep_ms(PAUSE_MS);
	return oracle_finish(fd, err);
}

/// Nobody is there to be told that nothing of it arrives.
static int orphaned_fin_lost(const struct oracle_client *client)
{
	int fd = oracle_dial_synced(client);

	if (fd < 0)
		return fd;
	oracle_cut(fd);
	return close(fd);
}

const struct oracle_way oracle_ways_of_silence[] = {
	{"keepalive answered", keepalive_answered, oracle_serve_silence, 0},
	{"keepalive lost", keepalive_lost, serve_long, 0},
	{"keepalive unanswered", keepalive_unanswered, serve_long_cut, 0},
	{"user timeout", user_timeout, serve_long, 0},
	{"retransmission timeout", retransmission_timeout, serve_long, 0},
	{"zero window", zero_window, serve_full, 0},
	{"FIN_WAIT2 expires", fin_wait2_expires, serve_late_fin, 0},
	{"data to a mini-socket", fin_wait2_expires, serve_late_data, 0},
	{"FIN of an orphan lost", orphaned_fin_lost, serve_long, 0},
	{0},
};
