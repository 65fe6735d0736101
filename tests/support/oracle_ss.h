// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Polls `ss -tinoe` in all its states, in the home and the far namespace in turn, as long as a
// scenario runs.
#pragma once

#include "support/oracle_model.h"
#include "support/oracle_watcher.h"

struct e2e;

struct oracle_ss {
	struct oracle_watcher watcher;
	int home_fd; /// namespaces. Borrowed
	int far_fd;
	volatile int *pause_ms; /// between two rounds; shared with the watcher
};

/// Starts polling every pause_ms. Fails the running test when it cannot.
void oracle_ss_start(struct e2e *e2e, int pause_ms, struct oracle_ss *ret_ss);

/// From now on another pause: when nothing but time-outs is to come.
void oracle_ss_set_pause(struct oracle_ss *ss, int pause_ms);

/// Stops it. The caller owns the array; its times are CLOCK_MONOTONIC.
struct oracle_sighting *oracle_ss_stop(struct oracle_ss *ss, size_t *ret_count);

/// One line that `ss -HtinoeO` printed: state, both ends and cookie; the rest is unchanged. False
/// when there is something in it that is not understood.
bool oracle_ss_parse(char *line, struct oracle_sighting *ret_sighting);
