// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a soak takes its samples from: /proc of a tracer, and what ss and `conntrace list` say.
//
// Every function here fails the running cmocka test when it cannot do its work, unless it says
// otherwise.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "soak/judge.h"
#include "support/netns.h"

/// False: the process has ended meanwhile.
bool soak_take_sample(pid_t pid, struct soak_sample *ret);

/// What `conntrace list` says of a namespace, between two looks of ss.
void soak_look(const struct e2e_netns *netns, struct soak_drift *ret);
