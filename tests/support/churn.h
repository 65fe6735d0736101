// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Many short connections: as the load to be recorded, and as the noise that a selection must keep
// out.
#pragma once

#include <stdint.h>

struct e2e;

/// Makes `count` connections one after another from a process "ct-churn-cli" to one "ct-churn-srv"
/// at 127.0.0.1:port in the home namespace: connect, 64 bytes there, 64 back, close by the client,
/// close by the server. Returns when all are done.
void e2e_churn(struct e2e *e2e, uint16_t port, unsigned count);

/// Records COUNT connections of the fixture's first port. The recording's path, borrowed from it.
const char *e2e_churn_record(struct e2e *e2e, unsigned count);

/// Waits until all connections of an e2e_churn() at that port are over in the kernel, too: a
/// server's close() returns before its last ACK has come.
void e2e_churn_settle(struct e2e *e2e, uint16_t port);

/// Makes room for more than 60,000 connections in TIME_WAIT in the namespace that the test program
/// is in.
void e2e_churn_widen_ports(void);

/// Starts an endless churn beside the test; it ends with the test.
void e2e_churn_noise(struct e2e *e2e, uint16_t port);

/// Ends every churn that was started beside the test.
void e2e_churn_quiet(struct e2e *e2e);
