// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the program under test can tell on this kernel, by its own word: `conntrace check --json`,
// asked once per test.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct e2e;

/// True if the capability is there, in full or in part. Fails the test if `check` knows none of
/// that name.
bool e2e_has_capability(struct e2e *e2e, const char *name);

/// True if it is there in full.
bool e2e_has_full_capability(struct e2e *e2e, const char *name);

/// Skips the running test, with the reason that `check` gives, unless the capability is there, in
/// full or in part.
void e2e_need_capability(struct e2e *e2e, const char *name);

/// The same unless it is there in full: for what the part is without.
void e2e_need_full_capability(struct e2e *e2e, const char *name);

/// How far a capability is there, of an object that `check --json` or `info --json` has printed:
/// "full", "partial", "absent", "unasked"; "(none)" for a name that is not in it. Borrowed.
const char *e2e_capability_level(const json_t *told, const char *name);
