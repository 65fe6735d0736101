/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this process may do, and how far the kernel is locked down. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/source_live.h"

/// True with the capabilities without which no program can be loaded: CAP_BPF and CAP_PERFMON, or
/// CAP_SYS_ADMIN (bpf_capable() and perfmon_capable(), include/linux/capability.h).
bool ct_may_trace(void);

/// Fills in privileges and lockdown.
void ct_surroundings_look(struct ct_surroundings *ret);
