// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Jobs (see actor.h) that more than one scenario wants: the rarer ways to open a connection, and to
// be a process.
//
// Every function here fails the running cmocka test when the actor cannot do what it is told,
// unless it says otherwise.
#pragma once

#include <stdint.h>

#include "support/actor.h"

void e2e_actor_set(struct e2e_actor *actor, int fd, int level, int name, int value);

int e2e_actor_listen_with(struct e2e_actor *actor, const char *host, uint16_t port,
			  const struct e2e_listen *how);

/// Connects from a port; returns the descriptor, or −errno without failing the test.
int e2e_actor_try_connect_from(struct e2e_actor *actor, const struct e2e_addr *from,
			       const struct e2e_addr *to);

/// Begins to connect and returns the descriptor at once. from may be NULL: the kernel chooses.
int e2e_actor_begin_connect(struct e2e_actor *actor, const struct e2e_addr *from,
			    const struct e2e_addr *to);

/// Waits for what begin_connect began; 0 or the error (positive errno); never fails the test.
int e2e_actor_finish_connect(struct e2e_actor *actor, int fd);

/// Connects with MPTCP, as far as the peer speaks it; returns the descriptor.
int e2e_actor_connect_mptcp(struct e2e_actor *actor, const char *host, uint16_t port);

#define E2E_THREAD_COMM "ct-thread"

/// Connects in a thread of that name, which stays; returns the descriptor. Once an actor.
int e2e_actor_connect_in_thread(struct e2e_actor *actor, const char *host, uint16_t port);

/// Whom it forks from here on is in a pid namespace of its own, the first as pid 1 there.
void e2e_actor_unshare_pids(struct e2e_actor *actor);

/// 127.0.0.1 and a port.
struct e2e_addr e2e_loopback(uint16_t port);
