/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a BPF object asks of the kernel's types: its CO-RE relocations, and the BTF they stand in.
 */
#pragma once

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

/// What is asked of a member or an enumerator, or-ed together.
enum access_kind {
	ACCESS_NONE = 0,
	ACCESS_READ = 1,   /// its place, its size or its value
	ACCESS_EXISTS = 2, /// whether it is there: the code lives without it
};

#define KEY_LEN 128

struct accesses;

/**
 * Reads the relocations of an object file.
 *
 * @return 0; -errno of reading it; -EINVAL: it has no BTF, or one that cannot be understood; *ret
 * is unchanged on failure. The caller frees *ret.
 */
int accesses_load(const char *object, struct accesses **ret);

void accesses_free(struct accesses **accesses);

/// What is asked of KEY, "sock_common.skc_family", "in6_addr.in6_u.u6_addr32",
/// "sock_flags.SOCK_DEAD": the type's name, or that of its typedef, and the member's. enum
/// access_kind, or-ed.
unsigned accesses_of(const struct accesses *accesses, const char *key);

/// The type behind typedefs, const and volatile.
__u32 btf_bare(const struct btf *btf, __u32 id);

/// What the members of a struct, union or enum are called after: its name without a ___flavour,
/// else that of the typedef in front of it, else FALLBACK.
void btf_owner(const struct btf *btf, __u32 id, const char *fallback, char ret[KEY_LEN]);

/// OWNER.MEMBER; OWNER alone for a member without a name.
void btf_key(const char *owner, const char *member, char ret[KEY_LEN]);
