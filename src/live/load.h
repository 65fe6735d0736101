/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Steps of loading: configure.c, sift.c. */
#pragma once

#include <stdbool.h>

#include "live.h"

/// Opens the programs; NULL with errno. The caller frees by conntrace_bpf__destroy().
struct conntrace_bpf *ct_load_open(const struct ct_live_config *config);

/// Chooses programs and sizes, and tells the programs what KERNEL is like. 0 or -errno.
int ct_load_configure(struct conntrace_bpf *skel, const struct ct_kernel *kernel,
		      const struct ct_live_config *config);

/**
 * Tries the programs one by one, and leaves out those that the verifier does not take: with each
 * kernel it learns and forgets something. KERNEL says so.
 *
 * @return true if any is left out now.
 */
bool ct_load_sift(struct ct_kernel *kernel, const struct ct_live_config *config);
