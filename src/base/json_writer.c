// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/json_writer.h"

#include <assert.h>
#include <string.h>

#include "conntrace/buf.h"
#include "conntrace/text.h"
#include "conntrace/utf8.h"

/// U+FFFD, what stands for a byte that is not UTF-8.
static const char replacement[] = "\xef\xbf\xbd";

/// Bytes that go into a JSON string as they are: printable ASCII without quote and backslash (RFC
/// 8259, 7).
static const bool is_plain[UINT8_MAX + 1] = {
	[' ' ... '"' - 1] = true,
	['"' + 1 ... '\\' - 1] = true,
	['\\' + 1 ... '~'] = true,
};

static bool in_object(const struct ct_json *w)
{
	return w->objects >> w->depth & 1;
}

/// What stands between the last value and this one.
static void before_value(struct ct_json *w)
{
	assert(!in_object(w) || w->key);
	if (w->comma)
		ct_buf_putc(w->buf, ',');
}

static void after_value(struct ct_json *w)
{
	w->key = false;
	w->comma = w->depth > 0;
}

void ct_json_init(struct ct_json *w, struct ct_buf *buf)
{
	*w = (struct ct_json){.buf = buf};
}

static void begin(struct ct_json *w, char bracket, bool is_object)
{
	before_value(w);
	ct_buf_putc(w->buf, bracket);
	assert(w->depth + 1 < CT_JSON_MAX_DEPTH);
	w->depth++;
	w->objects &= ~(UINT32_C(1) << w->depth);
	w->objects |= (uint32_t)is_object << w->depth;
	w->comma = false;
	w->key = false;
}

static void end(struct ct_json *w, char bracket, bool is_object)
{
	assert(w->depth > 0 && in_object(w) == is_object && !w->key);
	ct_buf_putc(w->buf, bracket);
	w->depth--;
	after_value(w);
}

void ct_json_object_begin(struct ct_json *w)
{
	begin(w, '{', true);
}

void ct_json_object_end(struct ct_json *w)
{
	end(w, '}', true);
}

void ct_json_array_begin(struct ct_json *w)
{
	begin(w, '[', false);
}

void ct_json_array_end(struct ct_json *w)
{
	end(w, ']', false);
}

void ct_json_keyn(struct ct_json *w, const char *name, size_t n)
{
	char *p;

	assert(in_object(w) && !w->key);
	if (ct_buf_reserve(w->buf, n + 4) == 0) {
		p = w->buf->data + w->buf->len;
		if (w->comma)
			*p++ = ',';
		*p++ = '"';
		memcpy(p, name, n);
		p += n;
		*p++ = '"';
		*p++ = ':';
		*p = '\0';
		w->buf->len = (size_t)(p - w->buf->data);
	}
	w->comma = false;
	w->key = true;
}

void ct_json_key(struct ct_json *w, const char *name)
{
	ct_json_keyn(w, name, strlen(name));
}

static void put_code_unit(struct ct_buf *b, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";

	ct_buf_append(b,
		      (char[]){'\\', 'u', hex[unit >> 12], hex[unit >> 8 & 15], hex[unit >> 4 & 15],
			       hex[unit & 15]},
		      6);
}

/// What is above U+FFFF takes two, RFC 8259, 7.
static void put_code_units(struct ct_buf *b, uint32_t c)
{
	if (c > 0xffff) {
		put_code_unit(b, 0xd800 | (c - 0x10000) >> 10);
		c = 0xdc00 | (c & 0x3ff);
	}
	put_code_unit(b, c);
}

/// Appends what stands for the byte or character at s; returns how many bytes of s that was. What a
/// terminal would obey is spelled out, though JSON does not ask for it: people look at it there.
static size_t escape_one(struct ct_buf *b, const char *s, size_t n)
{
	static const char short_escapes[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
	};
	unsigned char byte = (unsigned char)*s;
	uint32_t c;
	size_t len;

	if (byte == '"' || byte == '\\') {
		ct_buf_append(b, (char[]){'\\', *s}, 2);
		return 1;
	}
	if (byte < 0x20 && short_escapes[byte]) {
		ct_buf_append(b, (char[]){'\\', short_escapes[byte]}, 2);
		return 1;
	}
	len = ct_utf8_decode(s, n, &c);
	if (len == 0) {
		ct_buf_append(b, replacement, sizeof(replacement) - 1);
		return 1;
	}
	if (ct_text_is_safe(c))
		ct_buf_append(b, s, len);
	else
		put_code_units(b, c);
	return len;
}

/// Copies the plain bytes at s, up to n; returns how many those are.
static size_t copy_plain(char *to, const char *s, size_t n)
{
	size_t plain = 0;

	for (; plain < n && is_plain[(unsigned char)s[plain]]; plain++)
		to[plain] = s[plain];
	return plain;
}

/// Appends the plain bytes at s, up to n; returns how many those are. n bytes fit.
static size_t put_plain(struct ct_buf *b, const char *s, size_t n)
{
	size_t plain = copy_plain(b->data + b->len, s, n);

	b->len += plain;
	b->data[b->len] = '\0';
	return plain;
}

/// A string of which nothing has to be escaped, as most are. False: it is another one, and nothing
/// was appended.
static bool put_plain_str(struct ct_json *w, const char *s, size_t n)
{
	struct ct_buf *b = w->buf;
	char *p;

	if (ct_buf_reserve(b, n + 3))
		return false;
	p = b->data + b->len;
	if (w->comma)
		*p++ = ',';
	*p++ = '"';
	if (copy_plain(p, s, n) < n) {
		b->data[b->len] = '\0';
		return false;
	}
	p += n;
	*p++ = '"';
	*p = '\0';
	b->len = (size_t)(p - b->data);
	return true;
}

static void put_escaped_str(struct ct_json *w, const char *s, size_t n)
{
	before_value(w);
	ct_buf_putc(w->buf, '"');
	while (n > 0 && ct_buf_reserve(w->buf, n) == 0) {
		size_t done = put_plain(w->buf, s, n);

		if (!done)
			done = escape_one(w->buf, s, n);
		s += done;
		n -= done;
	}
	ct_buf_putc(w->buf, '"');
}

void ct_json_str(struct ct_json *w, const char *s, size_t n)
{
	assert(!in_object(w) || w->key);
	if (!put_plain_str(w, s, n))
		put_escaped_str(w, s, n);
	after_value(w);
}

void ct_json_u64(struct ct_json *w, uint64_t value)
{
	before_value(w);
	ct_buf_u64(w->buf, value);
	after_value(w);
}

void ct_json_i64(struct ct_json *w, int64_t value)
{
	before_value(w);
	ct_buf_i64(w->buf, value);
	after_value(w);
}

void ct_json_bool(struct ct_json *w, bool value)
{
	before_value(w);
	ct_buf_puts(w->buf, value ? "true" : "false");
	after_value(w);
}

void ct_json_null(struct ct_json *w)
{
	before_value(w);
	ct_buf_puts(w->buf, "null");
	after_value(w);
}

void ct_json_kv_str(struct ct_json *w, const char *name, const char *s)
{
	ct_json_key(w, name);
	if (s)
		ct_json_str(w, s, strlen(s));
	else
		ct_json_null(w);
}

void ct_json_kv_strn(struct ct_json *w, const char *name, const char *s, size_t n)
{
	ct_json_key(w, name);
	ct_json_str(w, s, n);
}

void ct_json_kv_u64(struct ct_json *w, const char *name, uint64_t value)
{
	ct_json_key(w, name);
	ct_json_u64(w, value);
}

void ct_json_kv_i64(struct ct_json *w, const char *name, int64_t value)
{
	ct_json_key(w, name);
	ct_json_i64(w, value);
}

void ct_json_kv_bool(struct ct_json *w, const char *name, bool value)
{
	ct_json_key(w, name);
	ct_json_bool(w, value);
}

void ct_json_kv_null(struct ct_json *w, const char *name)
{
	ct_json_key(w, name);
	ct_json_null(w);
}
