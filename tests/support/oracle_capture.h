// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Captures every TCP segment that passes the home end of the veth pair, in both directions; before
// any rule of the test's own drops it at input.
#pragma once

#include "support/oracle_model.h"
#include "support/oracle_watcher.h"

struct e2e;

struct oracle_capture {
	struct oracle_watcher watcher;
	int fd;
};

/// Once it returns nothing is missed. Fails the running test when it cannot capture.
void oracle_capture_start(struct e2e *e2e, struct oracle_capture *ret_capture);

/// Stops it, and fails the running test if the kernel dropped a segment for want of room. The
/// caller owns the array.
struct oracle_segment *oracle_capture_stop(struct oracle_capture *capture, size_t *ret_count);

/// Reads an IP packet of which `bytes` bytes are there. False when it is no TCP segment.
bool oracle_capture_parse(const uint8_t *packet, size_t bytes, struct oracle_segment *ret_segment);
