/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Command lines as text, and what becomes of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../src/cli/options.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS_MAX     32

/// A command line, split at its spaces, and what became of it.
struct line {
	char text[256];
	char *argv[WORDS_MAX + 1];
	int argc;
	struct ct_options options;
	char err[CT_OPTIONS_ERR_LEN];
	int r;
};

static struct line line;

static inline int parse(enum ct_command command, const char *text)
{
	char *rest = line.text;
	char *word;

	ct_options_fini(&line.options);
	memset(&line, 0, sizeof(line));
	assert_true(strlen(text) < sizeof(line.text));
	strcpy(line.text, text);
	line.argv[line.argc++] = (char *)ct_syntaxes[command].name;
	while ((word = strsep(&rest, " ")))
		if (*word && line.argc < WORDS_MAX)
			line.argv[line.argc++] = word;
	line.r = ct_options_parse(command, line.argc, line.argv, &line.options, line.err);
	return line.r;
}

static inline const struct ct_options *parsed(enum ct_command command, const char *text)
{
	if (parse(command, text))
		fail_msg("'%s' is refused: %s", text, line.err);
	assert_string_equal(line.err, "");
	return &line.options;
}

static inline const struct ct_select *selected(const char *text)
{
	return &parsed(CT_COMMAND_WATCH, text)->select;
}

static inline void assert_refused(enum ct_command command, const char *text, const char *named)
{
	if (parse(command, text) != -EINVAL)
		fail_msg("'%s' is taken", text);
	if (!strstr(line.err, named))
		fail_msg("'%s': '%s' does not name %s", text, line.err, named);
	assert_null(strchr(line.err, '\n'));
}

static inline void assert_u32s(const struct ct_u32_list *list, size_t n, const uint32_t *values)
{
	assert_int_equal(list->n, n);
	assert_memory_equal(list->values, values, n * sizeof(*values));
}

static inline int forget_line(void **state)
{
	ct_options_fini(&line.options);
	memset(&line, 0, sizeof(line));
	return 0;
}
