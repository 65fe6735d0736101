/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel at hand: what its BTF, its symbols and its verifier give, and what follows from that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/source_live.h"
#include "hooks.h"
#include "symbols.h"

struct btf;

/// Functions that receive, and what the compiler has split from them: `receive_begin` in bpf/.
#define CT_RECEIVERS_MAX 4

#define CT_OBJECTION_LEN 128

/// What was found out about this kernel before loading.
struct ct_kernel {
	struct btf *btf; /// owned; NULL: the kernel has none
	struct ct_symbol handlers[_CT_TIMER_HANDLER_MAX];
	struct ct_symbol_range receivers[CT_RECEIVERS_MAX]; /// only looked for if some row needs it
	enum ct_hook_state states[CT_HOOKS_MAX];	    /// of ct_hooks()'s rows
	char objections[CT_HOOKS_MAX][CT_OBJECTION_LEN];    /// the verifier's, to each it refused
	bool no_second;	     /// second programs are left out, bpf/again.bpf.h
	bool is_preemptible; /// programs at tracepoints can be preempted
};

/**
 * Looks at the kernel, and leaves out what CONFIG hides.
 *
 * @return 0; -ENOTSUP when it has no BTF, -EINVAL when CONFIG hides what there is not; err_text
 * says so.
 */
int ct_kernel_probe(struct ct_kernel *kernel, const struct ct_live_config *config, char *err_text,
		    size_t err_len);
void ct_kernel_fini(struct ct_kernel *kernel);

/// A row's program is loaded: chosen by its state, wanted by CONFIG.
bool ct_kernel_loads(const struct ct_kernel *kernel, const struct ct_live_config *config,
		     size_t hook);

/// A row of that role is loaded: other programs are to know.
bool ct_kernel_has_role(const struct ct_kernel *kernel, const struct ct_live_config *config,
			enum ct_hook_role role);

/// What the verifier has against the programs of a capability; "" if nothing.
const char *ct_kernel_objection(const struct ct_kernel *kernel, enum ct_capability_id id);

/// What a run with CONFIG can tell here, capability by capability, if the programs load.
void ct_kernel_judge(const struct ct_kernel *kernel, const struct ct_live_config *config,
		     struct ct_capabilities *ret);
