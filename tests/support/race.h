// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Connections that a server, or who asks it, ends when they are of one age, as by an idle time-out.
#pragma once

#include <stdbool.h>

#include "support/pair.h"

#define E2E_RACERS	6
#define E2E_RACE_AGE_MS 2000

enum e2e_race_end {
	E2E_RACE_END_FIN,
	E2E_RACE_END_RESET,  /// SO_LINGER 0, as nginx's reset_timedout_connection
	E2E_RACE_END_FORGET, /// without a word; what the client sends then is answered with a reset
};

struct e2e_race {
	int apart_ms;	/// each lives so much longer than the one before
	bool is_busy;	/// the server sends until the end
	bool by_client; /// who asks closes first, by a FIN; nothing else can be asked for then
	enum e2e_race_end end;
};

/// Connects, exchanges a hundred bytes each way, and waits until all are over. Is another attempt
/// where the machine was too slow for one age. PAIR listens, on a loopback address too.
void e2e_race(struct e2e_pair *pair, const struct e2e_race *race);
