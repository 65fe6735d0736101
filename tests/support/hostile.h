// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Names that a process may give itself, and what each output promises to make of them.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/// A comm, at most 15 bytes. NULL is what stands for it otherwise: in csv that in utf8, in json
/// (parsed) the name itself, in ascii that in utf8.
struct hostile_name {
	const char *comm;
	const char *utf8; /// table and report where the locale takes UTF-8
	const char *ascii;
	const char *csv; /// a cell, parsed
	const char *json;
};

/// U+FFFD
#define HOSTILE_FFFD "\xef\xbf\xbd"

static const struct hostile_name hostile_names[] = {
	/* the title of the window; all is wiped, and red from here on */
	{"\x1b]0;x\x07", "\\x1b]0;x\\x07", NULL, NULL, NULL},
	{"\x1b[2J\x1b[31mx", "\\x1b[2J\\x1b[31mx", NULL, NULL, NULL},
	{"a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd", NULL, NULL, NULL},
	{"\x01\x7f\b", "\\x01\\x7f\\x08", NULL, NULL, NULL},
	/* no UTF-8: bytes that never are, an overlong slash and CSI, a character cut short */
	{"\xff\xfe\x80z", "\\xff\\xfe\\x80z", NULL, NULL,
	 HOSTILE_FFFD HOSTILE_FFFD HOSTILE_FFFD "z"},
	{"\xc0\xaf\xe0\x80\x9b/", "\\xc0\\xaf\\xe0\\x80\\x9b/", NULL, NULL,
	 HOSTILE_FFFD HOSTILE_FFFD HOSTILE_FFFD HOSTILE_FFFD HOSTILE_FFFD "/"},
	{"abcdefghijklm\xe6\xbc", "abcdefghijklm\\xe6\\xbc", NULL, NULL,
	 "abcdefghijklm" HOSTILE_FFFD HOSTILE_FFFD},
	/* CSI of C1, as a character and as a byte */
	{"\xc2\x9b"
	 "2J",
	 "\\u{9b}2J", "\\xc2\\x9b2J", NULL, NULL},
	{"\x9b"
	 "2J",
	 "\\x9b2J", NULL, NULL, HOSTILE_FFFD "2J"},
	/* U+202E turns around what follows; a separator of lines, a byte order mark */
	{"a\xe2\x80\xaetxt", "a\\u{202e}txt", "a\\xe2\\x80\\xaetxt", NULL, NULL},
	{"\xe2\x80\xa8\xef\xbb\xbf", "\\u{2028}\\u{feff}", "\\xe2\\x80\\xa8\\xef\\xbb\\xbf", NULL,
	 NULL},
	/* what other languages take for their own */
	{"a\"b\\c'd", "a\"b\\c'd", NULL, NULL, NULL},
	{"<script>", "<script>", NULL, NULL, NULL},
	{"%s%n%x", "%s%n%x", NULL, NULL, NULL},
	{",a;b|c", ",a;b|c", NULL, NULL, NULL},
	/* formulas, to a spreadsheet */
	{"=cmd()", "=cmd()", NULL, "\\x3dcmd()", NULL},
	{"-1+1", "-1+1", NULL, "\\x2d1+1", NULL},
	{"+1", "+1", NULL, "\\x2b1", NULL},
	{"@SUM(1)", "@SUM(1)", NULL, "\\x40SUM(1)", NULL},
	{"\xef\xbc\x9d"
	 "1",
	 "\xef\xbc\x9d"
	 "1",
	 "\\xef\\xbc\\x9d1", "\\u{ff1d}1", NULL},
};

#define HOSTILE_NAMES (sizeof(hostile_names) / sizeof(hostile_names[0]))

static inline const char *hostile_text(const struct hostile_name *name, bool utf8)
{
	return utf8 || !name->ascii ? name->utf8 : name->ascii;
}

static inline const char *hostile_csv(const struct hostile_name *name)
{
	return name->csv ? name->csv : name->utf8;
}

static inline const char *hostile_json(const struct hostile_name *name)
{
	return name->json ? name->json : name->comm;
}

/// The first byte of the text that a terminal would obey, or that is no UTF-8 or (not utf8) no
/// ASCII; NULL: there is none. Newlines and the bytes of ALLOWED pass.
static inline const char *hostile_find(const char *text, size_t n, bool utf8, const char *allowed)
{
	/* lone characters of those that act, one of each kind */
	static const char *const acting[] = {"\xe2\x80\xae", "\xe2\x80\xa8", "\xef\xbb\xbf"};
	json_t *valid = json_stringn(text, n);

	if (!valid)
		return text;
	json_decref(valid);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n' && !(c && strchr(allowed, c))) || c == 0x7f ||
		    (c > 0x7f && !utf8))
			return text + i;
		/* U+0080 to U+009F */
		if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
			return text + i;
		if (c < 0xe2) /* with which the first of those begins */
			continue;
		for (size_t k = 0; k < sizeof(acting) / sizeof(acting[0]); k++)
			if (n - i >= 3 && memcmp(text + i, acting[k], 3) == 0)
				return text + i;
	}
	return NULL;
}
