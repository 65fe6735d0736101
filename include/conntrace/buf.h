/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/// A growable run of bytes. Starts as all zeroes (`struct ct_buf b = {}`). The buffer owns data,
/// which moves when it grows: no pointer into it survives an append.
struct ct_buf {
	/// len bytes, then a NUL that len does not count. NULL until the first append.
	char *data;
	size_t len;
	/// Bytes allocated, the NUL included.
	size_t cap;
	/// 0, or the -errno of the first append that failed. From then on every append fails with
	/// it and changes nothing, so that a caller may write a whole object and check once.
	int error;
};

/// Every function that appends returns 0, or -ENOMEM (also for a size that no allocation can have),
/// or the sticky error of an earlier failure. On failure the contents are unchanged.

/// For ct_buf_reserve(), which is inline because each byte that is written asks it.
int ct_buf_grow(struct ct_buf *b, size_t n);

/// Makes room for n more bytes, so that data[len .. len+n] may be written by hand (then raise len
/// and write the NUL).
static inline int ct_buf_reserve(struct ct_buf *b, size_t n)
{
	return !b->error && n < b->cap - b->len ? 0 : ct_buf_grow(b, n);
}

/// Appends n bytes. p may be NULL when n is 0, and must not point into the buffer itself.
int ct_buf_append(struct ct_buf *b, const void *p, size_t n);

/// Appends a NUL-terminated string, without its NUL.
int ct_buf_puts(struct ct_buf *b, const char *s);

static inline int ct_buf_putc(struct ct_buf *b, char c)
{
	int r = ct_buf_reserve(b, 1);

	if (r)
		return r;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
	return 0;
}

/// Appends c so many times.
int ct_buf_fill(struct ct_buf *b, char c, size_t n);

/// Also -EINVAL or -EILSEQ, when vsnprintf() refuses the format or an argument. Not for the hot
/// path.
__attribute__((format(printf, 2, 3))) int ct_buf_printf(struct ct_buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) int ct_buf_vprintf(struct ct_buf *b, const char *fmt,
							 va_list args);

/// Appends the number in decimal, exactly.
int ct_buf_u64(struct ct_buf *b, uint64_t value);
int ct_buf_i64(struct ct_buf *b, int64_t value);

/// Empties the buffer and clears its error; the memory is kept for the next use.
void ct_buf_reset(struct ct_buf *b);

/// Frees the memory; the buffer is as new. Fits `_cleanup_(ct_buf_fini)`.
void ct_buf_fini(struct ct_buf *b);
