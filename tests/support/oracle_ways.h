// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// All the ways in which a connection can begin and end, each as what the client and the server of
// it do. No cmocka in here: these run in processes of their own.
//
// A segment is lost where a test wants it to be: whatever carries the DSCP "cut" (RFC 2474) is
// dropped at input, and a socket sets it for its own segments as it likes.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ORACLE_DSCP_CUT 8

/// Ports of the far namespace.
enum oracle_port {
	ORACLE_PORT_MAIN,   /// accepts, and does what the hello asks for
	ORACLE_PORT_SLOW,   /// the same; the first SYN-ACK to each client is lost
	ORACLE_PORT_HALF,   /// only SYNs and RSTs get there: no handshake is ever completed
	ORACLE_PORT_MUTE,   /// its SYN-ACKs are lost
	ORACLE_PORT_DEAF,   /// never accepts, and its queue is short; first SYN-ACKs are lost too
	ORACLE_PORT_CLOSED, /// nobody listens
	_ORACLE_PORT_MAX,
};

/// Where a client is and whom it talks to.
struct oracle_client {
	unsigned way;
	const char *host;     /// the far end
	const char *own_host; /// the home end, of the same family
	const uint16_t *ports;
	int home_fd; /// namespaces
	int far_fd;
};

/// What a client says first: never one byte alone, which would look like a keepalive probe when it
/// is sent again.
struct oracle_hello {
	uint32_t way;
	uint32_t unused;
	uint64_t unused2;
};

struct oracle_way {
	const char *name;
	/// 0 or −errno. NULL of a server: this way has none.
	int (*client)(const struct oracle_client *client);
	int (*server)(int fd);
	int signal; /// that ends the client, 0: it exits
};

/// The n-th of all; NULL behind the last. Those about beginnings, ends and silence are in a file
/// each, and their tables end with an empty one.
const struct oracle_way *oracle_way(unsigned n);

extern const struct oracle_way oracle_ways_to_begin[];
extern const struct oracle_way oracle_ways_to_end[];
extern const struct oracle_way oracle_ways_of_silence[];

/// A connection to a port of the far end, with the hello said; −errno.
int oracle_dial(const struct oracle_client *client, enum oracle_port port);

/// The same from a port of ours that may be in TIME_WAIT.
int oracle_dial_from(const struct oracle_client *client, uint16_t own_port);

#define ORACLE_SYNC_BYTES 8

/// oracle_dial() to ORACLE_PORT_MAIN, and the server's ORACLE_SYNC_BYTES have come.
int oracle_dial_synced(const struct oracle_client *client);

/// A server that sends its ORACLE_SYNC_BYTES and closes when the client has.
int oracle_serve_silence(int fd);

/// Closes fd; returns err.
int oracle_finish(int fd, int err);

/// 0 when receiving fails with want_errno, else −EBADMSG.
int oracle_expect_error(int fd, int want_errno);

int oracle_say_hello(const struct oracle_client *client, int fd);

/// Begins to connect with its SYN lost; *ret_fd is a socket in SYN_SENT, bound to our address.
int oracle_begin_lost_connect(const struct oracle_client *client, uint16_t port, int *ret_fd);

/// From now on what this socket sends is lost, or is not.
void oracle_cut(int fd);
void oracle_uncut(int fd);

void oracle_sleep_ms(int ms);

/// `ss -K` with a filter, in a namespace.
int oracle_ss_kill(int netns_fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
