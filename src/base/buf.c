// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

/// Digits of UINT64_MAX and a sign.
#define DECIMAL_MAX 21

int ct_buf_grow(struct ct_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *data;

	if (b->error)
		return b->error;
	if (n >= SIZE_MAX / 2 - b->len) {
		b->error = -ENOMEM;
		return b->error;
	}
	while (cap <= b->len + n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->error = -ENOMEM;
		return b->error;
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

int ct_buf_append(struct ct_buf *b, const void *p, size_t n)
{
	int r = ct_buf_reserve(b, n);

	if (r)
		return r;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int ct_buf_puts(struct ct_buf *b, const char *s)
{
	return ct_buf_append(b, s, strlen(s));
}

int ct_buf_fill(struct ct_buf *b, char c, size_t n)
{
	int r = ct_buf_reserve(b, n);

	if (r)
		return r;
	memset(b->data + b->len, c, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int ct_buf_vprintf(struct ct_buf *b, const char *fmt, va_list args)
{
	va_list again;
	int n, r;

	if (b->error)
		return b->error;
	va_copy(again, args);
	errno = 0;
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		b->error = errno ? -errno : -EINVAL;
		return b->error;
	}
	r = ct_buf_reserve(b, (size_t)n);
	if (r)
		return r;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
	b->len += (size_t)n;
	return 0;
}

int ct_buf_printf(struct ct_buf *b, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = ct_buf_vprintf(b, fmt, args);
	va_end(args);
	return r;
}

/// Writes the digits so that they end before `end`; returns where they start. By twos: each
/// division waits for the one before it, and a time of day in nanoseconds has 19 digits.
static char *decimal_backwards(char *end, uint64_t value)
{
	for (; value >= 100; value /= 100) {
		unsigned int two = (unsigned int)(value % 100);

		*--end = (char)('0' + two % 10);
		*--end = (char)('0' + two / 10);
	}
	if (value >= 10) {
		*--end = (char)('0' + value % 10);
		value /= 10;
	}
	*--end = (char)('0' + value);
	return end;
}

int ct_buf_u64(struct ct_buf *b, uint64_t value)
{
	char digits[DECIMAL_MAX];
	char *end = digits + sizeof(digits);
	char *start = decimal_backwards(end, value);

	return ct_buf_append(b, start, (size_t)(end - start));
}

int ct_buf_i64(struct ct_buf *b, int64_t value)
{
	char digits[DECIMAL_MAX];
	char *end = digits + sizeof(digits);
	char *start;

	if (value >= 0)
		return ct_buf_u64(b, (uint64_t)value);
	start = decimal_backwards(end, -(uint64_t)value);
	*--start = '-';
	return ct_buf_append(b, start, (size_t)(end - start));
}

void ct_buf_reset(struct ct_buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

void ct_buf_fini(struct ct_buf *b)
{
	free(b->data);
	*b = (struct ct_buf){};
}
