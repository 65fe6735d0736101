// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Text that does nothing to whoever looks at it: see hostile.h for what does.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// From here on programs run in a locale of UTF-8; false: there is none here, it is C.
bool e2e_use_utf8(void);

/// Fails the test, with the place, unless hostile_find() finds nothing.
void e2e_assert_quiet(const char *text, size_t bytes, bool utf8, const char *allowed);
