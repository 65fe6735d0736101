// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Any words as the command line of any command: they are taken, or refused in one line that can be
// shown as it is. The first byte is the command; words end at a newline or a NUL.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/cli/options.h"
#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/text.h"

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// What is escaped already stays as it is when it is escaped again.
static void check_message(const char *err)
{
	_cleanup_(ct_buf_fini) struct ct_buf escaped = {};
	size_t n = strnlen(err, CT_OPTIONS_ERR_LEN);

	if (n == 0 || n == CT_OPTIONS_ERR_LEN || ct_text_escape(&escaped, err, n, true))
		abort();
	if (escaped.len != n || memcmp(escaped.data, err, n) != 0)
		abort();
}

/// What was taken is there as the commands rely on it.
static void check_options(const struct ct_options *options)
{
	const struct ct_syntax *syntax = &ct_syntaxes[options->command];

	if (options->help || options->version)
		return;
	if (!syntax->may_file && syntax->file != (options->file != NULL))
		abort();
	if (options->child_argv && (!syntax->child || !options->child_argv[0]))
		abort();
	if (ct_select_is_empty(&options->select) && ct_select_by_owner(&options->select))
		abort();
	if (options->n_hidden > CT_HIDDEN_MAX || options->output.format >= _CT_OUTPUT_MAX)
		abort();
}

/// Splits the text where it is; returns the number of words.
static int split(char *text, size_t n, char *argv[WORDS_MAX + 2])
{
	char *word = text;
	int argc = 1;

	for (size_t i = 0; i <= n && argc <= WORDS_MAX; i++) {
		if (i < n && text[i] != '\n' && text[i] != '\0')
			continue;
		text[i] = '\0';
		argv[argc++] = word;
		word = text + i + 1;
	}
	argv[argc] = NULL;
	return argc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ct_options_fini) struct ct_options options;
	_cleanup_(ct_freep) char *text = NULL;
	enum ct_command command = CT_COMMAND_WATCH;
	char *argv[WORDS_MAX + 2];
	char err[CT_OPTIONS_ERR_LEN];
	int argc = 1, r;

	if (size)
		command = (enum ct_command)(data[0] % _CT_COMMAND_MAX);
	argv[0] = (char *)ct_syntaxes[command].name;
	argv[1] = NULL;
	text = malloc(size + 1);
	if (!text)
		abort();
	if (size > 1) {
		memcpy(text, data + 1, size - 1);
		argc = split(text, size - 1, argv);
	}
	/* no NUL that the parser has not written */
	memset(err, 'x', sizeof(err));
	r = ct_options_parse(command, argc, argv, &options, err);
	if (r == -EINVAL || r == -EPERM)
		check_message(err);
	else if (r == 0 && !*err)
		check_options(&options);
	else
		abort();
	return 0;
}
