// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Network namespaces of the test's own. They have no name and hang on descriptors of the test
// program alone, so that the kernel removes them with everything inside when the program ends,
// however it ends.
//
// Every function here fails the running cmocka test when it cannot do its work.
#pragma once

#define E2E_HOME_HOST "10.99.0.1" /// our end of the veth pair
#define E2E_FAR_HOST  "10.99.0.2" /// the end in the far namespace

struct e2e_netns {
	int fd;		    /// open /proc/PID/ns/net, -1 when there is none
	unsigned long inum; /// inode number: what `--netns` and the JSON key `netns` name it by
};

/// Remembers the namespace in which the test program was started; call once, before the first
/// enter_new.
void e2e_netns_remember_host(void);

/// Descriptor of that namespace. Borrowed.
int e2e_netns_host_fd(void);

/// Moves the test program into a fresh namespace with lo up. Close with e2e_netns_close().
void e2e_netns_enter_new(struct e2e_netns *ret_netns);

/// Makes a second namespace, joined to home by a veth pair: E2E_HOME_HOST here, E2E_FAR_HOST there.
/// The test program must be in home.
void e2e_netns_add_far(const struct e2e_netns *home, struct e2e_netns *ret_far);

/// Runs a shell command inside a namespace and fails the test when it fails.
void e2e_netns_shell(const struct e2e_netns *netns, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/// Drops, at input of a namespace, every TCP segment that matches an nftables expression; e.g. "tcp
/// flags fin".
void e2e_netns_drop(const struct e2e_netns *netns, const char *match);

/// Drops, at input of a namespace, what is an ACK and no SYN, FIN or RST, as the last segment of a
/// handshake is; `side` of the port is "sport" or "dport".
void e2e_netns_drop_acks(const struct e2e_netns *netns, const char *side, unsigned port);

/// Takes back every drop in a namespace.
void e2e_netns_undrop(const struct e2e_netns *netns);

/// A namespace lets nothing out to a port; what becomes of it is the verdict, as nft(8) has it:
/// "drop".
void e2e_netns_forbid_out(const struct e2e_netns *netns, unsigned port, const char *verdict);
void e2e_netns_permit_out(const struct e2e_netns *netns);

/// Time-outs and probes of a closed window towards these addresses of a routing table begin with a
/// second, not a fifth of it: time for the test to act between two of them.
void e2e_netns_slow_down(const struct e2e_netns *netns, const char *table, const char *addresses);

/// Writes /proc/sys/net/NAME of the namespace that the test program is in.
void e2e_netns_sysctl(const char *name, const char *value);

/// Lets go of a namespace; the kernel removes it with its last socket. Sets *netns to none.
void e2e_netns_close(struct e2e_netns *netns);
