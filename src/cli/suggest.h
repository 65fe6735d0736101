/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/**
 * The known word that a mistyped one was most likely meant to be.
 *
 * @return one of the words, the first of the nearest; NULL when none is within two letters of it.
 */
const char *ct_suggest(const char *mistyped, const char *const *words, size_t n);

/// The same, of all words that are taken as a command.
const char *ct_suggest_command(const char *mistyped);
