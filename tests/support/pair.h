// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One connection between two actors, "ct-server" and "ct-client".
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "support/actor.h"

struct e2e;

struct e2e_pair {
	struct e2e_actor *server;
	struct e2e_actor *client;
	uint16_t port; /// the server's
	int listen_fd;
	int server_fd;
	int client_fd;
	const char *server_conn; /// the accepted socket's `conn`. Borrowed from the fixture
	const char *client_conn;
	uint16_t client_port;
};

/// Starts the two actors and lets the server listen. The server is in the far namespace if there is
/// one.
void e2e_pair_listen(struct e2e *e2e, const char *host, uint16_t port, struct e2e_pair *ret_pair);

/// Connects the client, accepts, and notes what both ends are called. May be repeated.
void e2e_pair_connect(struct e2e_pair *pair, const char *host);

/// The client sends, then the server does; both receive everything.
void e2e_pair_exchange(struct e2e_pair *pair, size_t client_bytes, size_t server_bytes);

/// The client closes first; the server closes when it has seen the FIN.
void e2e_pair_close(struct e2e_pair *pair);
