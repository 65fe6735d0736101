// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/text.h"

#include <errno.h>
#include <string.h>

#include "conntrace/buf.h"
#include "conntrace/utf8.h"

/// Above ASCII: what moves, hides or reorders text instead of standing for itself (Unicode
/// categories Cc, Zl, Zp, and the format characters of Cf that have no picture).
static const struct {
	uint32_t first, last;
} unsafe_ranges[] = {
	{0x80, 0x9f},	    /* C1 controls: 0x9b is CSI */
	{0xad, 0xad},	    /* soft hyphen */
	{0x61c, 0x61c},	    /* Arabic letter mark */
	{0x180e, 0x180e},   /* Mongolian vowel separator */
	{0x200b, 0x200f},   /* zero width, direction marks */
	{0x2028, 0x202e},   /* separators, bidirectional embeddings and overrides */
	{0x2060, 0x206f},   /* invisible operators, bidirectional isolates */
	{0xfeff, 0xfeff},   /* byte order mark */
	{0xfff9, 0xfffb},   /* interlinear annotation */
	{0xe0000, 0xe007f}, /* tags */
};

bool ct_text_is_safe(uint32_t c)
{
	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	for (size_t i = 0; i < sizeof(unsafe_ranges) / sizeof(unsafe_ranges[0]); i++)
		if (c >= unsafe_ranges[i].first && c <= unsafe_ranges[i].last)
			return false;
	return true;
}

int ct_text_escape(struct ct_buf *b, const char *s, size_t n, bool utf8)
{
	while (n > 0) {
		uint32_t c;
		size_t len = ct_utf8_decode(s, n, &c);

		if (len == 0 || (len > 1 && !utf8)) {
			len = 1;
			ct_buf_printf(b, "\\x%02x", (unsigned char)*s);
		} else if (ct_text_is_safe(c)) {
			ct_buf_append(b, s, len);
		} else if (len == 1) {
			ct_buf_printf(b, "\\x%02x", c);
		} else {
			ct_buf_printf(b, "\\u{%x}", c);
		}
		s += len;
		n -= len;
	}
	return b->error;
}

/// All of it stands for itself on a terminal.
static bool is_safe_text(const char *s, size_t n, bool utf8)
{
	while (n > 0) {
		uint32_t c;
		size_t len = ct_utf8_decode(s, n, &c);

		if (len == 0 || (len > 1 && !utf8) || !ct_text_is_safe(c))
			return false;
		s += len;
		n -= len;
	}
	return true;
}

/// In no place of a word does any of them mean something to a shell.
#define PLAIN_IN_SHELL "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+@%"

static void quote_in_octal(struct ct_buf *b, const char *word)
{
	ct_buf_puts(b, "$'");
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (c == '\'' || c == '\\')
			ct_buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			ct_buf_printf(b, "\\%03o", c);
		else
			ct_buf_putc(b, *word);
	}
	ct_buf_putc(b, '\'');
}

int ct_text_quote_shell(struct ct_buf *b, const char *word, bool utf8)
{
	size_t len = strlen(word);

	if (len && strspn(word, PLAIN_IN_SHELL) == len) {
		ct_buf_puts(b, word);
	} else if (!is_safe_text(word, len, utf8)) {
		quote_in_octal(b, word);
	} else {
		ct_buf_putc(b, '\'');
		for (; *word; word++)
			ct_buf_puts(b, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
		ct_buf_putc(b, '\'');
	}
	return b->error;
}

int ct_text_find_word(const char *const *words, uint8_t n, const char *word, uint8_t *ret)
{
	for (uint8_t i = 0; i < n; i++) {
		if (!words[i] || strcmp(word, words[i]) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return -EINVAL;
}
