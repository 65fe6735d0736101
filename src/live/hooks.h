/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which programs are loaded here: chosen by what the kernel's BTF offers, never by its version. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/event.h"
#include "conntrace/source_live.h"

struct btf;

enum ct_hook_need {
	CT_HOOK_REQUIRED, /// nothing can be traced without it
	CT_HOOK_WANTED,
	CT_HOOK_IO,	/// only when the owner is to be told by the first send or receive
	CT_HOOK_FOLLOW, /// only when forks are followed
	CT_HOOK_WALK,	/// an iterator: read when somebody asks, never attached
};

/// Where a hook is an iterator, as libbpf has it: iter/NAME.
#define CT_ITERATOR_PREFIX "iter/"

/// One program on one tracepoint, for one capability: a program may serve several. Rows of the same
/// capability are variants, the richest first.
struct ct_hook {
	const char *program;
	const char *tracepoint; /// or iterator
	uint8_t arguments;	/// of the tracepoint that the program reads
	enum ct_hook_need need;
	const char *capability;
	const char *partial; /// what this variant cannot tell, NULL: it tells everything
	const char *without; /// what is lost when no variant can be had
};

/// The table, in order of capability. Static storage, *ret_n rows.
const struct ct_hook *ct_hooks(size_t *ret_n);

/// Arguments of a tracepoint by its BTF typedef, of an iterator by its BTF struct; -ENOENT when
/// this kernel has none of that name.
int ct_hook_arguments(const struct btf *btf, const char *tracepoint);

/// True when row INDEX is the variant to load with this BTF.
bool ct_hook_is_chosen(const struct btf *btf, size_t index);

/// Fills MAP with our enum ct_reset_reason for each of the kernel's numbers, by name.
void ct_hook_reset_reasons(const struct btf *btf, uint8_t map[CT_RESET_REASON_MAP_LEN]);

/**
 * From a CPU's runqueue, of which each task knows the address, to the CPU's preempt_count: both
 * have their place in the section of variables that each CPU has. BTF gives it also where
 * /proc/kallsyms has no variables.
 *
 * @return bytes, negative when the count comes first; 0: this BTF does not tell (on arm64 the count
 *         is the task's, and nobody asks).
 */
int64_t ct_hook_preempt_count(const struct btf *btf);
