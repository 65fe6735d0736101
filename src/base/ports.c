// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/ports.h"

#include <errno.h>

/// The port at *p, which goes on behind its digits; -1: there is none.
static int32_t take_port(const char **p)
{
	const char *digit = *p;
	int32_t port = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++) {
		port = port * 10 + (*digit - '0');
		if (port > UINT16_MAX)
			return -1;
	}
	if (digit == *p)
		return -1;
	*p = digit;
	return port;
}

/// How many the two ranges share.
static uint64_t count_shared(int32_t from, int32_t to, int32_t first, int32_t last)
{
	int32_t low = from > first ? from : first, high = to < last ? to : last;

	return low <= high ? (uint64_t)(high - low) + 1 : 0;
}

int ct_ports_count(const char *text, uint16_t first, uint16_t last, uint64_t *ret)
{
	int32_t before = -1;
	uint64_t n = 0;

	for (const char *p = text; *p;) {
		int32_t from = take_port(&p), to = from;

		if (from >= 0 && *p == '-') {
			p++;
			to = take_port(&p);
		}
		/* what comes twice would be counted twice */
		if (from <= before || to < from)
			return -EINVAL;
		if (*p && (*p != ',' || !*++p))
			return -EINVAL;
		n += count_shared(from, to, first, last);
		before = to;
	}
	*ret = n;
	return 0;
}
