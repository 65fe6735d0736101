// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/number.h"

#include <errno.h>
#include <stddef.h>

/// strtoull() would skip spaces and take signs; here the caller wants digits. Returns what follows
/// them.
static int parse_digits(const char *text, const char **ret_rest, uint64_t *ret)
{
	const char *p = text;
	uint64_t value = 0;
	int r = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			r = -ERANGE;
	if (p == text)
		return -EINVAL;
	*ret_rest = p;
	*ret = value;
	return r;
}

int ct_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *rest = "";
	uint64_t value = 0;
	int r = parse_digits(text, &rest, &value);

	if (*rest)
		return -EINVAL;
	if (r)
		return r;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static const struct {
	char suffix;
	unsigned int shift;
} size_units[] = {
	{'K', 10}, {'k', 10}, {'M', 20}, {'m', 20}, {'G', 30}, {'g', 30},
};

int ct_parse_size(const char *text, uint64_t *ret_bytes)
{
	const char *rest = "";
	unsigned int shift = 0;
	uint64_t value = 0;
	int r = parse_digits(text, &rest, &value);

	if (*rest) {
		for (size_t i = 0; i < sizeof(size_units) / sizeof(size_units[0]); i++)
			if (size_units[i].suffix == *rest)
				shift = size_units[i].shift;
		if (!shift || rest[1])
			return -EINVAL;
	}
	if (r)
		return r;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_bytes = value << shift;
	return 0;
}
