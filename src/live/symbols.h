/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of kernel functions. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ct_symbol {
	const char *name;
	uint64_t address; /// 0: not found, or the kernel hides it (kptr_restrict)
};

/// The bytes of a function: from BEGIN on, END is the first behind them.
struct ct_symbol_range {
	uint64_t begin; /// 0: none
	uint64_t end;
};

/// What is looked up; the arrays are the caller's.
struct ct_symbols {
	/// Functions of the kernel itself, those of modules do not count.
	struct ct_symbol *symbols;
	size_t n;
	/// Functions of modules, too, and the parts that the compiler has split from them
	/// (NAME.cold).
	const char *const *names;
	size_t n_names;
	/// Where these are, up to the symbol that comes next; filled from the first on, the rest is
	/// 0.
	struct ct_symbol_range *ranges;
	size_t max;
};

/**
 * Looks the symbols up in a listing as /proc/kallsyms gives it. It is read once, and no further
 * than to the last of them if there are no names: that takes the kernel longer than anything else
 * that is read at the start.
 *
 * @return 0, also when some are not in it or there are more ranges than there is room for; -errno
 * of reading, -ENOMEM.
 */
int ct_symbols_read(FILE *listing, struct ct_symbols *wanted);

/// The same from /proc/kallsyms.
int ct_symbols_resolve(struct ct_symbols *wanted);
