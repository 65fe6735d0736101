// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A second way between home and the far namespace, on which each packet takes its time: two tun
// devices, and a process that carries from one to the other. Not every kernel has a qdisc that
// delays.
#pragma once

#define E2E_SLOW_HOME_HOST "10.98.0.1" /// our end
#define E2E_SLOW_FAR_HOST  "10.98.0.2" /// the end in the far namespace

struct e2e;

/// Asks for the way, which takes ms milliseconds in each direction, or longer where the machine is
/// busy; e2e_add_far() comes before. Where there are no tun devices the running test is skipped.
void e2e_add_slow_link(struct e2e *e2e, int ms);
