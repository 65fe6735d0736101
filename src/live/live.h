/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loading, shared by the source and by `conntrace check`; the source, shared with the snapshot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/source_live.h"
#include "hooks.h"
#include "symbols.h"

struct btf;
struct conntrace_bpf;
struct ring_buffer;

enum {
	CT_TIMER_KEEPALIVE,
	CT_TIMER_WRITE,
	CT_TIMER_TIMEWAIT,
	CT_TIMER_REQUEST,
	_CT_TIMER_HANDLER_MAX
};

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

struct ct_source_live {
	struct conntrace_bpf *skel; /// owned
	struct ring_buffer *ring;   /// owned
	int epoll_fd;
	uint64_t recursion_checked_ns;
	uint64_t newest_ns; /// of the records that were handed over
	uint64_t ticked_ns;
	uint64_t recursion_misses; /// told so far
	uint64_t sweep_asked_ns;   /// when ct_source_live_sweep() was called last
	uint64_t swept_ns;	   /// nothing that it looks for was missed up to here
	uint64_t sweep_due_ns;	   /// no sweep before this
	bool lost;		   /// some event was, since the last sweep
	/// of the call that is consuming
	ct_record_fn fn;
	void *context;
	uint64_t records;
	int stopped; /// what fn returned to stop
	bool more;   /// a batch ended before the ring was empty
};

/**
 * Hands over what the ring holds, and what could not get a place in it.
 *
 * LIVE's fn and context are those of the call.
 *
 * @return as ct_source_live_poll().
 */
int ct_live_drain(struct ct_source_live *live);
