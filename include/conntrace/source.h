/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A source hands over records, one callback a record, live or replayed alike. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Takes one record.
 *
 * @bytes aligned to 8, not checked yet, valid during the call.
 * @return 0 to go on; anything else stops the source, which returns it.
 */
typedef int (*ct_record_fn)(void *context, const void *bytes, size_t len);
