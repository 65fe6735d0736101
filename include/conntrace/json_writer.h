/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_buf;

/// Deepest nesting of objects and arrays, asserted.
#define CT_JSON_MAX_DEPTH 32

/// Writes JSON values one after the other into a buffer, commas and colons included. Plain data on
/// the stack, nothing to free; the buffer stays the caller's. Values at the top level have nothing
/// between them: the caller puts a newline into the buffer. The functions return nothing: a failure
/// stays in the buffer (buf->error) and is checked once. Misuse (a value without key in an object,
/// an end that fits no begin) is a bug of the caller and asserted.
struct ct_json {
	struct ct_buf *buf;
	unsigned int depth;
	/// bit n: the value that is open at depth n is an object
	uint32_t objects;
	/// something stands before the next value or key at this depth
	bool comma;
	/// a key stands before the next value
	bool key;
};

void ct_json_init(struct ct_json *w, struct ct_buf *buf);

void ct_json_object_begin(struct ct_json *w);
void ct_json_object_end(struct ct_json *w);
void ct_json_array_begin(struct ct_json *w);
void ct_json_array_end(struct ct_json *w);

/// The name is the program's own: UTF-8 without quotes, backslashes and control characters. It is
/// not escaped.
void ct_json_key(struct ct_json *w, const char *name);
/// The same of a name whose length is known.
void ct_json_keyn(struct ct_json *w, const char *name, size_t n);

/// Untrusted bytes are welcome: what is not UTF-8 becomes U+FFFD, a byte each, and what
/// ct_text_is_safe() refuses is escaped, so that it parses back and does nothing to a terminal. The
/// string may hold NULs. s may be NULL when n is 0.
void ct_json_str(struct ct_json *w, const char *s, size_t n);
void ct_json_u64(struct ct_json *w, uint64_t value);
void ct_json_i64(struct ct_json *w, int64_t value);
void ct_json_bool(struct ct_json *w, bool value);
void ct_json_null(struct ct_json *w);

/// Key and value in one call. The string of kv_str ends at its NUL, and NULL is written as null.
void ct_json_kv_str(struct ct_json *w, const char *name, const char *s);
void ct_json_kv_strn(struct ct_json *w, const char *name, const char *s, size_t n);
void ct_json_kv_u64(struct ct_json *w, const char *name, uint64_t value);
void ct_json_kv_i64(struct ct_json *w, const char *name, int64_t value);
void ct_json_kv_bool(struct ct_json *w, const char *name, bool value);
void ct_json_kv_null(struct ct_json *w, const char *name);
