/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdint.h>

/**
 * Counts the ports of a list that are FIRST, LAST or between them.
 *
 * @text ports and ranges of them as net.ipv4.ip_local_reserved_ports has them, each behind the one
 *       before: "8080,9148-9160"; "": none.
 * @return 0; -EINVAL: it is no such list, *ret is unchanged.
 */
int ct_ports_count(const char *text, uint16_t first, uint16_t last, uint64_t *ret);
