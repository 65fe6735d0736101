// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/pair.h"

#include "support/e2e.h"

void e2e_pair_listen(struct e2e *e2e, const char *host, uint16_t port, struct e2e_pair *ret_pair)
{
	const struct e2e_netns *server_netns = e2e->far.fd >= 0 ? &e2e->far : &e2e->home;

	*ret_pair = (struct e2e_pair){
		.server = e2e_actor_start(e2e, server_netns, "ct-server"),
		.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
		.port = port,
		.server_fd = -1,
		.client_fd = -1,
	};
	ret_pair->listen_fd = e2e_actor_listen(ret_pair->server, host, port);
}

void e2e_pair_connect(struct e2e_pair *pair, const char *host)
{
	pair->client_fd = e2e_actor_connect(pair->client, host, pair->port);
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
	pair->client_port = e2e_actor_local_port(pair->client, pair->client_fd);
}

void e2e_pair_exchange(struct e2e_pair *pair, size_t client_bytes, size_t server_bytes)
{
	e2e_actor_send(pair->client, pair->client_fd, client_bytes);
	e2e_actor_receive(pair->server, pair->server_fd, client_bytes);
	e2e_actor_send(pair->server, pair->server_fd, server_bytes);
	e2e_actor_receive(pair->client, pair->client_fd, server_bytes);
}

void e2e_pair_close(struct e2e_pair *pair)
{
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
}
