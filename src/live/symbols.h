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
