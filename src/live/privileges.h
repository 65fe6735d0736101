/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this process may do, and how far the kernel is locked down. */
#pragma once

#include <stddef.h>

#include "conntrace/source_live.h"

/// Which of the capabilities are missing without which no program can be loaded: CAP_BPF and
/// CAP_PERFMON, or CAP_SYS_ADMIN (bpf_capable() and perfmon_capable(), include/linux/capability.h).
/// NULL: none; static.
const char *ct_missing_to_trace(void);

/// Fills in privileges and lockdown.
void ct_surroundings_look(struct ct_surroundings *ret);
