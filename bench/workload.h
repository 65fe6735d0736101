/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every workload does: a client and a server on loopback, and what they took. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/// Says which step failed, with errno, and exits.
_Noreturn void workload_die(const char *what);

/// HERE: the namespace it is started in is a fresh one; else it makes one of its own. Neither
/// TIME_WAIT nor ports run short there.
void workload_enter(bool here);

/// Port of the server on a host, in host order.
struct sockaddr_in workload_address(unsigned host);

/// HOST: in host order, INADDR_ANY for all.
int workload_listen(unsigned host);
int workload_accept(int listener);
int workload_connect(unsigned host);

/// All of it, or exits.
void workload_send(int fd, const void *bytes, size_t len);
/// Receives exactly LEN bytes; what they are is thrown away.
void workload_receive(int fd, size_t len);
/// Waits for the peer's FIN, behind which nothing comes.
void workload_receive_end(int fd);

/**
 * Runs SERVE in a process of its own and CONNECT in this one, both with PLAN, and prints
 *   rate    units a second
 *   cpu_us  CPU time of both processes a unit, with the softirqs that ran on it
 *
 * @return the program's exit code.
 */
int workload_run(void (*serve)(int listener, const void *plan), void (*connect)(const void *plan),
		 const void *plan, double units);
