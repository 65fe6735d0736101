// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Any bytes as a name: what is made of them does nothing to a terminal, is bounded, and is in JSON
// what it was.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/json_writer.h"
#include "conntrace/text.h"
#include "support/hostile.h"

/// A byte becomes \xNN at most; of JSON the three of U+FFFD, or \u00NN, in quotes.
#define ESCAPED_MAX 4
#define JSON_MAX    6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_quiet(const struct ct_buf *text, bool utf8)
{
	if (memchr(text->data, '\n', text->len) || hostile_find(text->data, text->len, utf8, ""))
		abort();
}

static void check_escaped(const char *bytes, size_t n, bool utf8)
{
	_cleanup_(ct_buf_fini) struct ct_buf once = {};
	_cleanup_(ct_buf_fini) struct ct_buf twice = {};

	ct_buf_puts(&once, "");
	ct_buf_puts(&twice, "");
	if (ct_text_escape(&once, bytes, n, utf8) || once.len > ESCAPED_MAX * n)
		abort();
	check_quiet(&once, utf8);
	if (ct_text_escape(&twice, once.data, once.len, utf8) || twice.len != once.len ||
	    memcmp(twice.data, once.data, once.len) != 0)
		abort();
}

static void check_json(const char *bytes, size_t n)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	json_t *valid = json_stringn(bytes, n);
	struct ct_json json;
	json_t *parsed;

	ct_json_init(&json, &text);
	ct_json_str(&json, bytes, n);
	if (text.error || text.len > JSON_MAX * n + 2)
		abort();
	check_quiet(&text, true);
	parsed = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!json_is_string(parsed) || (valid && !json_equal(valid, parsed)))
		abort();
	json_decref(parsed);
	json_decref(valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* An allocation of its own: guarded behind its last byte. */
	_cleanup_(ct_freep) char *bytes = malloc(size);

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	check_escaped(bytes, size, true);
	check_escaped(bytes, size, false);
	check_json(bytes, size);
	return 0;
}
