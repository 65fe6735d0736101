// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The mixed load of the oracle test: many clients in the home namespace, each of which goes through
// several of the ways of oracle_ways.h to a server in the far one.
//
// What a client does, when, and over which family follows from its number alone: every run is the
// same but for the timing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/oracle_model.h"
#include "support/oracle_ways.h"

struct e2e;
struct oracle_shared;

#define ORACLE_CLIENTS 200
#define ORACLE_ROUNDS  2 /// ways that each client goes through

struct oracle_workload {
	struct e2e *e2e;
	uint16_t ports[_ORACLE_PORT_MAX];
	pid_t server;
	pid_t clients;
	struct oracle_shared *shared;
};

/// Addresses, options and rules of the two namespaces, and the server. Fails the running test when
/// something of it cannot be had.
void oracle_workload_prepare(struct e2e *e2e, struct oracle_workload *ret_workload);

/// Starts the clients: one for each way at once, so that something of every way is there before a
/// tracer is; the others wait for oracle_workload_go().
void oracle_workload_start(struct oracle_workload *workload);

void oracle_workload_go(struct oracle_workload *workload);

/// Waits until all clients are through, and fails the running test if one did not get what its way
/// promises: the load would not be what it is said to be.
void oracle_workload_join(struct oracle_workload *workload);

/// Ends the server, and what is left of it.
void oracle_workload_stop(struct oracle_workload *workload);

/// Marks the segments that the rules of the namespaces have dropped, and returns how many they are.
/// The segments must be in the order of their time.
size_t oracle_workload_mark_lost(const struct oracle_workload *workload,
				 struct oracle_segment *segments, size_t n);

/// What the kernel counted of what no history can hold.
struct oracle_counts {
	unsigned long dropped;		/// segments, by the rules of the test
	unsigned long listen_overflows; /// SYNs and final ACKs that found a full accept queue
	unsigned long syncookies;	/// SYN-ACKs that are no request socket's, RFC 4987 3.6
};

void oracle_workload_counts(const struct oracle_workload *workload,
			    struct oracle_counts *ret_counts);
