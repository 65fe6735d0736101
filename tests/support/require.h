// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether the end-to-end tests can run on this machine, asked before the first of them.
#pragma once

#include <stddef.h>

enum e2e_require_verdict {
	E2E_REQUIRE_MET,
	E2E_REQUIRE_SKIP, /// this machine or this user does not permit it
	E2E_REQUIRE_FAIL, /// something is missing that must be there: the program under test, or
			  /// its `check`
};

/// Judges by euid, by the tools needed, and by `PROGRAM check` (exit status 3 = not permitted or
/// not supported here). Unless the verdict is MET, one line of explanation is left in reason.
enum e2e_require_verdict e2e_require(const char *program, char *reason, size_t reason_bytes);
