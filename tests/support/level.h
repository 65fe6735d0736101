// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#pragma once

#include <jansson.h>

/// How far a capability is there, of an object that `check --json` or `info --json` has printed:
/// "full", "partial", "absent", "unasked"; "(none)" for a name that is not in it. Borrowed.
const char *e2e_level_of(const json_t *told, const char *name);
