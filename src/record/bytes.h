/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Integers of the recording format to bytes and back: little-endian ones and varints. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes that the longest varint takes.
#define CT_VARINT_MAX 10

/// Bytes still to be read. Every ct_cursor_*() returns false, and reads nothing, when what it is
/// asked for does not lie between p and end.
struct ct_cursor {
	const uint8_t *p;
	const uint8_t *end;
};

static inline size_t ct_cursor_left(const struct ct_cursor *c)
{
	return (size_t)(c->end - c->p);
}

/// *ret_bytes points at the n bytes that were passed over.
static inline bool ct_cursor_bytes(struct ct_cursor *c, size_t n, const uint8_t **ret_bytes)
{
	if (ct_cursor_left(c) < n)
		return false;
	*ret_bytes = c->p;
	c->p += n;
	return true;
}

/// A little-endian integer of size bytes, at most 8.
static inline bool ct_cursor_le(struct ct_cursor *c, size_t size, uint64_t *ret)
{
	const uint8_t *bytes;
	uint64_t value = 0;

	if (!ct_cursor_bytes(c, size, &bytes))
		return false;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	*ret = value;
	return true;
}

/// Seven bits a byte, the lowest first, bit 7 set on all but the last (LEB128). What does not fit
/// in 64 bits is refused.
static inline bool ct_cursor_varint(struct ct_cursor *c, uint64_t *ret)
{
	uint64_t value = 0;
	size_t left = ct_cursor_left(c);

	if (left && !(*c->p & 0x80)) { /* as most are */
		*ret = *c->p++;
		return true;
	}
	for (size_t i = 0; i < left && i < CT_VARINT_MAX; i++) {
		uint8_t byte = c->p[i];

		if (i == CT_VARINT_MAX - 1 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			c->p += i + 1;
			*ret = value;
			return true;
		}
	}
	return false;
}

/// Every ct_put_*() writes to p, where there must be room, and returns the end of what it wrote.

static inline uint8_t *ct_put_le(uint8_t *p, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		*p++ = (uint8_t)(value >> (8 * i));
	return p;
}

static inline uint8_t *ct_put_varint(uint8_t *p, uint64_t value)
{
	while (value >= 0x80) {
		*p++ = (uint8_t)value | 0x80;
		value >>= 7;
	}
	*p++ = (uint8_t)value;
	return p;
}

/// The difference of two integers, modulo 2^64, so that small ones of either sign make small
/// varints: 0, -1, 1, -2 … become 0, 1, 2, 3 …
static inline uint64_t ct_zigzag(uint64_t difference)
{
	return difference << 1 ^ -(difference >> 63);
}

static inline uint64_t ct_unzigzag(uint64_t value)
{
	return value >> 1 ^ -(value & 1);
}
