// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "support/hostile.h"

static void expect_n(const char *s, size_t n, bool utf8, const char *escaped)
{
	_cleanup_(ct_buf_fini) struct ct_buf b = {};

	ct_buf_puts(&b, "");
	assert_int_equal(ct_text_escape(&b, s, n, utf8), 0);
	assert_string_equal(b.data, escaped);
}

static void expect(const char *s, bool utf8, const char *escaped)
{
	expect_n(s, strlen(s), utf8, escaped);
}

static void plain_text_passes(void **state)
{
	expect("nginx: worker [0] 'a' \"b\" \\c ~", true, "nginx: worker [0] 'a' \"b\" \\c ~");
	expect("", true, "");
}

static void control_characters_are_escaped(void **state)
{
	expect("\x1b[31mred\r\n\t\a\x7f", true, "\\x1b[31mred\\x0d\\x0a\\x09\\x07\\x7f");
	expect_n("a\0b", 3, true, "a\\x00b");
}

static void c1_controls_are_escaped_in_either_spelling(void **state)
{
	/* U+009B is CSI: as a character, and as the bare byte. */
	expect("\xc2\x9b"
	       "2J",
	       true, "\\u{9b}2J");
	expect("\x9b"
	       "2J",
	       true, "\\x9b2J");
}

static void text_in_any_script_passes_where_the_terminal_knows_it(void **state)
{
	expect("M\xc3\xbcller \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x98\x80", true,
	       "M\xc3\xbcller \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x98\x80");
	expect("M\xc3\xbcller", false, "M\\xc3\\xbcller");
}

static void what_reorders_or_hides_text_is_escaped(void **state)
{
	expect("a\xe2\x80\xae"
	       "b\xe2\x81\xa6"
	       "c",
	       true, "a\\u{202e}b\\u{2066}c");
	expect("\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8\xd8\x9c", true,
	       "\\u{200b}\\u{feff}\\u{2028}\\u{61c}");
	expect("\xf3\xa0\x81\x81", true, "\\u{e0041}");
}

static void bytes_that_are_not_utf8_are_escaped_one_by_one(void **state)
{
	expect("\xff\xfe", true, "\\xff\\xfe");
	expect("\xc0\xaf", true, "\\xc0\\xaf");			  /* overlong slash */
	expect("\xe0\x80\x9b", true, "\\xe0\\x80\\x9b");	  /* overlong CSI */
	expect("\xed\xa0\x80", true, "\\xed\\xa0\\x80");	  /* surrogate */
	expect("\xf4\x90\x80\x80", true, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	expect("\xc3(", true, "\\xc3(");
}

static void character_cut_at_the_end_is_not_read_beyond_it(void **state)
{
	expect_n("\xe6\xbc\xa2", 2, true, "\\xe6\\xbc");
	expect_n("\xc2\x9b", 1, true, "\\xc2");
}

static void hostile_name_becomes_what_is_promised(void **state)
{
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		expect(hostile_names[i].comm, true, hostile_text(&hostile_names[i], true));
		expect(hostile_names[i].comm, false, hostile_text(&hostile_names[i], false));
	}
}

static void escaped_text_stays_as_it_is(void **state)
{
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		const char *once = hostile_text(&hostile_names[i], true);

		expect(once, true, once);
	}
}

static void word_is_found_to_the_letter(void **state)
{
	static const char *const words[] = {NULL, "note", "notes"};
	uint8_t at = 9;

	assert_int_equal(ct_text_find_word(words, 3, "not", &at), -EINVAL);
	assert_int_equal(ct_text_find_word(words, 3, "NOTE", &at), -EINVAL);
	assert_int_equal(ct_text_find_word(words, 2, "notes", &at), -EINVAL);
	assert_int_equal(at, 9);
	assert_int_equal(ct_text_find_word(words, 3, "notes", &at), 0);
	assert_int_equal(at, 2);
}

/// What the shell makes of it again is what it was.
static void word_is_quoted_for_the_shell(void **state)
{
	static const struct {
		const char *word, *utf8, *ascii;
	} words[] = {
		{"build/conntrace", "build/conntrace", "build/conntrace"},
		{"", "''", "''"},
		{"~/a", "'~/a'", "'~/a'"},
		{"a b;$(c)", "'a b;$(c)'", "'a b;$(c)'"},
		{"it's", "'it'\\''s'", "'it'\\''s'"},
		{"\303\244.ctr", "'\303\244.ctr'", "$'\\303\\244.ctr'"},
		{"\033[1m'\\\n7", "$'\\033[1m\\'\\\\\\0127'", "$'\\033[1m\\'\\\\\\0127'"},
		{"\377", "$'\\377'", "$'\\377'"},
		{"\342\200\256x", "$'\\342\\200\\256x'", "$'\\342\\200\\256x'"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		_cleanup_(ct_buf_fini) struct ct_buf utf8 = {}, ascii = {};

		assert_int_equal(ct_text_quote_shell(&utf8, words[i].word, true), 0);
		assert_int_equal(ct_text_quote_shell(&ascii, words[i].word, false), 0);
		assert_string_equal(utf8.data, words[i].utf8);
		assert_string_equal(ascii.data, words[i].ascii);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_passes),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(c1_controls_are_escaped_in_either_spelling),
		cmocka_unit_test(text_in_any_script_passes_where_the_terminal_knows_it),
		cmocka_unit_test(what_reorders_or_hides_text_is_escaped),
		cmocka_unit_test(bytes_that_are_not_utf8_are_escaped_one_by_one),
		cmocka_unit_test(character_cut_at_the_end_is_not_read_beyond_it),
		cmocka_unit_test(hostile_name_becomes_what_is_promised),
		cmocka_unit_test(escaped_text_stays_as_it_is),
		cmocka_unit_test(word_is_found_to_the_letter),
		cmocka_unit_test(word_is_quoted_for_the_shell),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
