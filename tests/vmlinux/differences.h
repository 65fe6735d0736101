/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The types of vmlinux.h against those of a kernel. */
#pragma once

#include "vmlinux/accesses.h"

/// The struct or union that type ID defines (a typedef: the nameless one behind it), 0 if none.
/// OWNER: what its members are called after.
__u32 defined_composite(const struct btf *types, __u32 id, char owner[KEY_LEN]);

bool is_anonymous_composite(const struct btf *btf, __u32 id);

/// True for the headers of segments: their layout is that of the network, and nothing relocates
/// them.
bool is_on_the_wire(const char *name);

/// Prints each member of TYPES that KERNEL has not, or has as something else, and no exception
/// allows; returns how many.
unsigned count_member_differences(const struct btf *types, const struct btf *kernel);

/// The same for enumerators whose value is not relocated.
unsigned count_enumerator_differences(const struct btf *types, const struct accesses *accesses,
				      const struct btf *kernel);

/// The same for what is on the wire: size, and place of the members that the kernel calls as we do.
unsigned count_wire_differences(const struct btf *types, const struct btf *kernel);

/// Prints each exception for something that the programs neither ask for nor guard; returns how
/// many.
unsigned count_unfounded_exceptions(const struct accesses *accesses);
