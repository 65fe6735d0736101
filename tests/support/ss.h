// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What ss(8) says of the TCP sockets of a namespace: a second witness.
//
// Every function here fails the running cmocka test when ss cannot be asked.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "support/netns.h"

struct e2e;

struct e2e_ss_row {
	const char *state; /// as conntrace spells it
	uint16_t lport;
	uint16_t rport;	      /// 0 of a listener
	char conn[17];	      /// the cookie, as the JSON key `conn` shows it
	unsigned retransmits; /// of what its timer waits for; 0 without a timer
	char timer[16];	      /// "on", "keepalive", "persist", "timewait" …; "" without one
	uint64_t timer_ms;    /// until it expires; from ten seconds on cut to seconds
};

/// All rows of `ss -tan` in a namespace, at most max; returns how many there are.
size_t e2e_ss(const struct e2e_netns *netns, struct e2e_ss_row *ret_rows, size_t max);

/// The cookie of the one socket in a state with these ports (rport 0: any); none or several fail
/// the test. Borrowed; lives as long as the fixture.
const char *e2e_ss_conn(struct e2e *e2e, const struct e2e_netns *netns, const char *state,
			uint16_t lport, uint16_t rport);

/// The row of the one socket with this cookie; none fails the test.
void e2e_ss_row_of(const struct e2e_netns *netns, const char *conn, struct e2e_ss_row *ret_row);

/// So often has the socket of this cookie sent again what its timer waits for.
unsigned e2e_ss_retransmits(const struct e2e_netns *netns, const char *conn);

/// Waits until it has been so often; the test fails when it has not in 30 s and what ss takes.
void e2e_ss_wait_retransmits(const struct e2e_netns *netns, const char *conn, unsigned n);

/// Waits until no socket matches ss's filter, e.g. "state last-ack sport = :80", for a close()
/// returns before the last ACK has come; the test fails when there still are some after 20 s.
void e2e_ss_wait_none(const struct e2e_netns *netns, const char *filter, ...)
	__attribute__((format(printf, 2, 3)));

/// `ss -K` on the sockets that match ss's filter, e.g. "state time-wait sport = :80".
void e2e_ss_kill(const struct e2e_netns *netns, const char *filter);
