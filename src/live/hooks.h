/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which programs are loaded here: chosen by what the kernel's BTF offers, never by its version. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/capability.h"
#include "conntrace/event.h"

struct btf;

enum ct_hook_need {
	CT_HOOK_WANTED,
	CT_HOOK_IO,	/// only when the owner is to be told by the first send or receive
	CT_HOOK_FOLLOW, /// only when forks are followed
	CT_HOOK_WALK,	/// an iterator: read when somebody asks, never attached
};

/// The kernel's handlers by which TCP's timers are told apart.
enum ct_timer_handler {
	CT_TIMER_KEEPALIVE,
	CT_TIMER_WRITE,
	CT_TIMER_TIMEWAIT,
	CT_TIMER_REQUEST,
	_CT_TIMER_HANDLER_MAX
};

/// What other programs do differently when a row's program is the one that is loaded.
enum ct_hook_role {
	CT_HOOK_ROLE_NONE,
	CT_HOOK_BY_TUPLE,    /// they keep which socket has which addresses: bpf/tuples.bpf.h
	CT_HOOK_IO_BY_TIMER, /// they keep who awaits its first I/O: bpf/identity.bpf.h
};

/// Where a hook is an iterator, as libbpf has it: iter/NAME.
#define CT_ITERATOR_PREFIX "iter/"

/// One program on one tracepoint, for one capability: a program may serve several. Rows of the same
/// capability and part are variants, the richest first; a capability wants all of its parts.
struct ct_hook {
	const char *program;
	const char *tracepoint; /// or iterator
	uint8_t arguments;	/// of the tracepoint that the program reads
	uint8_t need;		/// enum ct_hook_need
	uint8_t capability;	/// enum ct_capability_id
	uint8_t part;
	uint8_t handlers;    /// 1 << enum ct_timer_handler: those whose address it needs
	const char *partial; /// what this variant cannot tell, NULL: it tells everything
	const char *without; /// what is lost when no variant of this part can be had
	bool lessens;	     /// then the capability is not absent, but partial
	uint8_t role;	     /// enum ct_hook_role
	const char *reason;  /// an enumerator of skb_drop_reason that it needs, NULL none
};

#define CT_HOOKS_MAX 48

/// The table, in order of capability and part. Static storage, *ret_n rows: CT_HOOKS_MAX at most.
const struct ct_hook *ct_hooks(size_t *ret_n);

/// Whether a row can be had here.
enum ct_hook_state {
	CT_HOOK_GIVEN,
	CT_HOOK_NO_TRACEPOINT,
	CT_HOOK_FEW_ARGUMENTS,
	CT_HOOK_NO_REASON,  /// skb_drop_reason has not the enumerator
	CT_HOOK_NO_HANDLER, /// /proc/kallsyms does not give the address of one of its handlers
	CT_HOOK_HIDDEN,	    /// by who asked for it to be left out
	CT_HOOK_REFUSED,    /// the kernel's verifier does not take the program
};

/// Arguments of a tracepoint by its BTF typedef, of an iterator by its BTF struct; -ENOENT when
/// this kernel has none of that name.
int ct_hook_arguments(const struct btf *btf, const char *tracepoint);

/// What BTF alone says of row INDEX.
enum ct_hook_state ct_hook_look(const struct btf *btf, size_t index);

/// They stand for the same part of the same capability.
bool ct_hook_are_variants(const struct ct_hook *one, const struct ct_hook *other);

/// Of the states of all rows: the row that is the variant to load of INDEX's capability and part.
bool ct_hook_is_chosen(const enum ct_hook_state *states, size_t index);

/// True when a row of that role is the variant to load.
bool ct_hook_role_is_chosen(const enum ct_hook_state *states, enum ct_hook_role role);

/// tcp_send_reset tells of the resets of full sockets alone: as long as it gives no reason.
bool ct_hook_resets_are_untold(const struct btf *btf);

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
