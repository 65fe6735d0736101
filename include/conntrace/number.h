/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdint.h>

/// Parses the whole string as a decimal number: digits alone, no sign, no space, no prefix.
/// Returns 0, -EINVAL when it is no number, or -ERANGE when it is not in min..max; *ret unchanged
/// on failure.
int ct_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/// Parses a size: a decimal number, alone or with K, M or G behind it (either case) for 1024,
/// 1024^2, 1024^3 bytes. Returns 0, -EINVAL when it is no size, or -ERANGE when it does not fit;
/// *ret_bytes unchanged on failure.
int ct_parse_size(const char *text, uint64_t *ret_bytes);
