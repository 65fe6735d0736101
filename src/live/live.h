/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loading, shared by the source and by `conntrace check`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/source_live.h"
#include "hooks.h"
#include "symbols.h"

struct btf;
struct conntrace_bpf;

enum { CT_TIMER_KEEPALIVE, CT_TIMER_WRITE, CT_TIMER_TIMEWAIT, _CT_TIMER_HANDLER_MAX };

/// What was found out about this kernel before loading.
struct ct_kernel {
	struct btf *btf; /// owned; NULL: the kernel has none
	struct ct_symbol handlers[_CT_TIMER_HANDLER_MAX];
};

/**
 * Looks at the kernel.
 *
 * @return 0; -ENOTSUP when it has no BTF, err_text says so.
 */
int ct_kernel_probe(struct ct_kernel *kernel, char *err_text, size_t err_len);
void ct_kernel_fini(struct ct_kernel *kernel);

/// A row's program is loaded: chosen by BTF, wanted by CONFIG.
bool ct_kernel_loads(const struct ct_kernel *kernel, const struct ct_live_config *config,
		     size_t hook);

/**
 * Opens and loads the programs, attaches nothing.
 *
 * @ret_skel is the caller's, freed by conntrace_bpf__destroy().
 * @return 0; -EPERM, -ENOTSUP or other -errno with one line in err_text, *ret_skel unchanged.
 */
int ct_live_load(const struct ct_kernel *kernel, const struct ct_live_config *config,
		 char *err_text, size_t err_len, struct conntrace_bpf **ret_skel);
