/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Completion for shells: scripts made of the tables that the parser and the help are made of, so
 * that what a shell offers is what the parser takes.
 */
#pragma once

#include "conntrace/buf.h"
#include "options.h"

struct ct_option_spec;

/// "bash", "zsh"; NULL behind the last.
const char *ct_completion_shell(unsigned int index);

/// Appends the script for a shell. 0; -EINVAL: no shell of that name, nothing is appended; -ENOMEM.
int ct_completion_put(const char *shell, struct ct_buf *buf);

/// The scripts. Errors stick in buf->error.
void ct_completion_put_bash(struct ct_buf *buf);
void ct_completion_put_zsh(struct ct_buf *buf);

/// Whether the help of the command shows the option, and so a shell does.
bool ct_completion_shows(enum ct_command command, const struct ct_option_spec *spec);

/// Appends text as zsh's _arguments takes it between single quotes, each of SPECIAL as itself.
void ct_completion_quote_zsh(struct ct_buf *buf, const char *text, const char *special);
