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

/**
 * Looks the symbols up in a listing as /proc/kallsyms gives it.
 *
 * @return 0, also when some are not in it; -errno of reading.
 */
int ct_symbols_read(FILE *listing, struct ct_symbol *symbols, size_t n);

/// The same from /proc/kallsyms.
int ct_symbols_resolve(struct ct_symbol *symbols, size_t n);

/// The bytes of a function: from BEGIN on, END is the first behind them.
struct ct_symbol_range {
	uint64_t begin; /// 0: none
	uint64_t end;
};

/**
 * Looks up where functions are, and the parts that the compiler has split from them (NAME.cold): up
 * to the symbol that comes next. Functions of modules count too.
 *
 * LISTING can be read twice. RANGES are filled from the first on, the rest of MAX is 0.
 *
 * @return 0, also when some are not in it or there are more than MAX; -errno of reading.
 */
int ct_symbols_read_ranges(FILE *listing, const char *const *names, size_t n_names,
			   struct ct_symbol_range *ranges, size_t max);

/// The same from /proc/kallsyms.
int ct_symbols_resolve_ranges(const char *const *names, size_t n_names,
			      struct ct_symbol_range *ranges, size_t max);
