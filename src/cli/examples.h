/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands are good for, in command lines that the help shows: each of them parses. */
#pragma once

#include "options.h"

struct ct_example {
	const char *words; /// behind the command's name, as a shell takes them; "" none
	const char *what;  /// what that tells
};

/// Of each command, by enum ct_command, ended by one without words (NULL).
extern const struct ct_example *const ct_examples[];
