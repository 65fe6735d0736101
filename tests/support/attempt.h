// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Each test runs in a process of its own, and once more when something other than what it tests
// has disturbed it: see disturbance.h; or a machine that stood still while it measured times, as a
// guest does whose host is busy. With E2E_GUEST in the environment, one of which nothing could be
// said in all its runs is skipped, with the reason; else it fails. There, and with E2E_SHARED on a
// machine whose CPUs are others' as well, a failure counts when it comes twice: what comes once is
// shown, and told with the result and at the end of all ("repeated: TEST ...").
#pragma once

#include <stdbool.h>

/// The test runs in a machine without hardware's help, twenty times slower than this one: what only
/// the sheer number makes long may be less there.
bool e2e_is_guest(void);

/// How long to wait there for what takes at most so long here.
int e2e_patience(int here);

/// A cmocka test that runs the one in *state, a `const struct CMUnitTest *`.
void e2e_attempt(void **state);
