// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Plain TCP, blocking, each wait bounded by 10 s. No cmocka in here: these run in the processes
// that actors are.
//
// Functions return a descriptor or 0, and −errno on failure (−ETIMEDOUT when the bound is hit,
// −EPIPE when a peer ended too early).
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Host as a literal ("127.0.0.1", "::1"; "::" is dual-stack any) and port in host order; port 0
/// lets the kernel choose.
struct e2e_addr {
	char host[46];
	uint16_t port;
};

/// A listening socket; SO_REUSEADDR is set. The caller owns the descriptor.
int e2e_sock_listen(const struct e2e_addr *at);

/// What e2e_sock_listen() leaves at its default.
struct e2e_listen {
	int backlog;
	int protocol;	/// IPPROTO_MPTCP, or 0 for TCP
	int reuse_port; /// SO_REUSEPORT
	int fast_open;	/// TCP_FASTOPEN, the length of its queue; 0 off
};

int e2e_sock_listen_with(const struct e2e_addr *at, const struct e2e_listen *how);

/// A connected socket. from->host may be empty: then the kernel chooses address and port. The
/// caller owns it.
int e2e_sock_connect(const struct e2e_addr *from, const struct e2e_addr *to);

/// A socket of a protocol (0 is TCP) that is connecting; e2e_sock_finish_connect() waits for it.
/// The caller owns it.
int e2e_sock_begin_connect(const struct e2e_addr *from, const struct e2e_addr *to, int protocol);
int e2e_sock_finish_connect(int fd);

/// Connects a socket that is there.
int e2e_sock_connect_again(int fd, const struct e2e_addr *to);

/// connect() to AF_UNSPEC.
int e2e_sock_disconnect(int fd);

/// connect() and send() in one, the data in the SYN if there is a cookie for it: RFC 7413. The
/// caller owns the socket.
int e2e_sock_fast_open(const struct e2e_addr *to, size_t bytes);

/// The next connection of a listener. The caller owns it.
int e2e_sock_accept(int listen_fd);

/// Sends exactly `bytes` bytes.
int e2e_sock_send(int fd, size_t bytes);

/// Receives exactly `bytes` bytes.
int e2e_sock_receive(int fd, size_t bytes);

/// Waits for the peer's FIN; −EBADMSG when data comes instead.
int e2e_sock_receive_fin(int fd);

/// Waits until the peer's bytes are in the receive queue, and leaves them there.
int e2e_sock_wait_readable(int fd);

/// Closing will now send an RST instead of a FIN.
int e2e_sock_set_linger0(int fd);

/// SO_KEEPALIVE with 1 s idle, 1 s between probes, 3 probes.
int e2e_sock_set_keepalive(int fd);

/// setsockopt() of an int.
int e2e_sock_set(int fd, int level, int name, int value);

/// What SO_COOKIE says; 0 on failure.
uint64_t e2e_sock_cookie(int fd);

/// The bound local port in host order; 0 on failure.
uint16_t e2e_sock_local_port(int fd);
