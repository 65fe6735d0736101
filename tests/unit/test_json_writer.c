// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/json_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>
#include <cmocka.h>

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"

/// The JSON text of one string.
static void expect_str(const char *s, size_t n, const char *text)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	ct_json_init(&w, &b);
	ct_json_str(&w, s, n);
	assert_int_equal(b.error, 0);
	assert_string_equal(b.data, text);
}

static void commas_stand_between_values_alone(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	ct_json_init(&w, &b);
	ct_json_object_begin(&w);
	ct_json_kv_str(&w, "event", "state");
	ct_json_key(&w, "flags");
	ct_json_array_begin(&w);
	ct_json_str(&w, "a", 1);
	ct_json_object_begin(&w);
	ct_json_object_end(&w);
	ct_json_array_begin(&w);
	ct_json_array_end(&w);
	ct_json_null(&w);
	ct_json_array_end(&w);
	ct_json_key(&w, "evidence");
	ct_json_object_begin(&w);
	ct_json_kv_bool(&w, "yes", true);
	ct_json_kv_bool(&w, "no", false);
	ct_json_object_end(&w);
	ct_json_kv_null(&w, "uid");
	ct_json_object_end(&w);
	assert_string_equal(b.data, "{\"event\":\"state\",\"flags\":[\"a\",{},[],null],"
				    "\"evidence\":{\"yes\":true,\"no\":false},\"uid\":null}");
}

static void values_at_the_top_level_are_lines_of_their_own(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	ct_json_init(&w, &b);
	for (unsigned int i = 0; i < 2; i++) {
		ct_json_object_begin(&w);
		ct_json_kv_u64(&w, "n", i);
		ct_json_object_end(&w);
		ct_buf_putc(&b, '\n');
	}
	assert_string_equal(b.data, "{\"n\":0}\n{\"n\":1}\n");
}

static void integers_are_exact(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	ct_json_init(&w, &b);
	ct_json_array_begin(&w);
	ct_json_u64(&w, UINT64_MAX);
	ct_json_i64(&w, INT64_MIN);
	ct_json_u64(&w, UINT64_C(9007199254740993));
	ct_json_array_end(&w);
	assert_string_equal(b.data, "[18446744073709551615,-9223372036854775808,9007199254740993]");
}

static void control_characters_and_quotes_are_escaped(void **state)
{
	expect_str("a\"b\\c/\b\t\n\f\r\x1b\x01\x7f", 14,
		   "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u001b\\u0001\\u007f\"");
	expect_str("x\0y", 3, "\"x\\u0000y\"");
}

static void what_a_terminal_would_obey_is_spelled_out(void **state)
{
	expect_str("\xc2\x9b"
		   "2J\xc2\x80\xc2\x9f\xc2\xa0",
		   10, "\"\\u009b2J\\u0080\\u009f\xc2\xa0\"");
	expect_str("a\xe2\x80\xae\xe2\x80\xa8\xef\xbb\xbf", 10, "\"a\\u202e\\u2028\\ufeff\"");
	/* above U+FFFF a pair of surrogates */
	expect_str("\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\"");
}

static void what_is_spelled_out_parses_back(void **state)
{
	static const uint32_t characters[] = {0x80,   0x9b,   0xad,    0x200b, 0x202e,
					      0xfeff, 0xfffb, 0xe0000, 0xe007f};
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
		uint32_t c = characters[i];
		char utf8[5] = {};
		struct ct_json w;
		json_t *parsed;

		if (c < 0x800)
			snprintf(utf8, sizeof(utf8), "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
		else if (c < 0x10000)
			snprintf(utf8, sizeof(utf8), "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63),
				 0x80 | (c & 63));
		else
			snprintf(utf8, sizeof(utf8), "%c%c%c%c", 0xf0 | c >> 18,
				 0x80 | (c >> 12 & 63), 0x80 | (c >> 6 & 63), 0x80 | (c & 63));
		ct_buf_reset(&b);
		ct_json_init(&w, &b);
		ct_json_str(&w, utf8, strlen(utf8));
		for (size_t k = 0; k < b.len; k++)
			assert_true(b.data[k] >= ' ' && b.data[k] < 0x7f);
		parsed = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
		assert_non_null(parsed);
		assert_string_equal(json_string_value(parsed), utf8);
		json_decref(parsed);
	}
}

static void null_string_is_null_and_empty_is_empty(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	expect_str(NULL, 0, "\"\"");
	ct_json_init(&w, &b);
	ct_json_object_begin(&w);
	ct_json_kv_str(&w, "comm", NULL);
	ct_json_kv_strn(&w, "name", "abcdef", 3);
	ct_json_object_end(&w);
	assert_string_equal(b.data, "{\"comm\":null,\"name\":\"abc\"}");
}

static void valid_utf8_passes_and_other_bytes_become_replacements(void **state)
{
	expect_str("\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x98\x80", 9,
		   "\"\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x98\x80\"");
	expect_str("a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
	expect_str("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	expect_str("\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void any_two_bytes_parse_as_json(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	for (unsigned int i = 0; i < 0x10000; i++) {
		char bytes[] = {(char)(i >> 8), (char)i};
		struct ct_json w;
		json_t *parsed;

		ct_buf_reset(&b);
		ct_json_init(&w, &b);
		ct_json_str(&w, bytes, sizeof(bytes));
		parsed = json_loadb(b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(parsed);
		if (i < 0x8000 && (i & 0x80) == 0) {
			assert_int_equal(json_string_length(parsed), 2);
			assert_memory_equal(json_string_value(parsed), bytes, 2);
		}
		json_decref(parsed);
	}
}

static void deepest_nesting_is_written(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	ct_json_init(&w, &b);
	for (int i = 0; i < CT_JSON_MAX_DEPTH - 1; i++)
		ct_json_array_begin(&w);
	for (int i = 0; i < CT_JSON_MAX_DEPTH - 1; i++)
		ct_json_array_end(&w);
	assert_int_equal(b.len, 2 * (CT_JSON_MAX_DEPTH - 1));
}

static void failure_of_the_buffer_is_kept_for_the_check_at_the_end(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};
	struct ct_json w;

	ct_buf_reserve(&b, SIZE_MAX);
	ct_json_init(&w, &b);
	ct_json_object_begin(&w);
	ct_json_kv_str(&w, "a", "b");
	ct_json_object_end(&w);
	assert_int_equal(b.error, -ENOMEM);
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_values_alone),
		cmocka_unit_test(values_at_the_top_level_are_lines_of_their_own),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(control_characters_and_quotes_are_escaped),
		cmocka_unit_test(what_a_terminal_would_obey_is_spelled_out),
		cmocka_unit_test(what_is_spelled_out_parses_back),
		cmocka_unit_test(null_string_is_null_and_empty_is_empty),
		cmocka_unit_test(valid_utf8_passes_and_other_bytes_become_replacements),
		cmocka_unit_test(any_two_bytes_parse_as_json),
		cmocka_unit_test(deepest_nesting_is_written),
		cmocka_unit_test(failure_of_the_buffer_is_kept_for_the_check_at_the_end),
	};

	return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
