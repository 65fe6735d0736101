/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_buf;

/// Whether a character stands for itself on a terminal: it is no control character (ASCII, C1), and
/// neither moves, hides nor reorders what stands beside it.
bool ct_text_is_safe(uint32_t c);

/// Appends n untrusted bytes in a form that cannot act on a terminal or on the order of its text:
/// control characters and bytes that are not UTF-8 as `\xNN`; with utf8 the C1 controls,
/// bidirectional and invisible format characters and line separators as `\u{…}`, and every other
/// character as it is; without utf8 every byte above 0x7e as `\xNN`. A backslash is left as it is:
/// the output is for reading, not for parsing back. Returns 0 or what ct_buf_append() returns; on
/// failure part of the text may have been appended.
int ct_text_escape(struct ct_buf *b, const char *s, size_t n, bool utf8);

/// Appends one word for a shell's command line, quoted where it needs to be: as it is, in single
/// quotes, or as `$'…'` (POSIX.1-2024, bash, zsh) with octal numbers if ct_text_escape() would
/// not leave it as it is. It can act on no terminal, and the shell makes the same bytes of it.
/// Returns b->error.
int ct_text_quote_shell(struct ct_buf *b, const char *word, bool utf8);

/// Where WORD stands among the N words, to the letter; words may be NULL. 0; -EINVAL: nowhere, *ret
/// is unchanged.
int ct_text_find_word(const char *const *words, uint8_t n, const char *word, uint8_t *ret);
