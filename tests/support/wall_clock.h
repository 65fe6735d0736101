// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The machine's wall clock, set by a test. It is set right again when the test process ends,
// however it ends.
//
// Every function here fails the running cmocka test when it cannot do its work, unless it says
// otherwise.
#pragma once

#include <stdbool.h>

/// Whoever else is on the machine would suffer: only in a guest, or where E2E_CLOCK in the
/// environment permits it, and where the kernel does.
bool e2e_may_set_wall_clock(void);

/// Sets it off by so many seconds from what is right; 0 sets it right. The first call starts who
/// will set it right.
void e2e_set_wall_clock_off(int seconds);
