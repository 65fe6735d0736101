// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A machine of which a CPU gets no time for a while runs neither that CPU's timers nor its share of
// the network meanwhile, and then the timers first: what no segment was lost of is sent again. A
// test that measures times, and failed while one stood still, is not judged, but run again.
#pragma once

#include <stdint.h>

struct e2e_standstill;

/// Starts to look at every CPU that this process may run on, before whatever else runs there.
struct e2e_standstill *e2e_standstill_begin(void);

/// Ends it, and frees it. For how many nanoseconds at once one of them had no time for us.
int64_t e2e_standstill_end(struct e2e_standstill *standstill);
