// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A terminal for a program under test, and what it has written there.
//
// Every function here fails the running cmocka test when it cannot do its work.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct e2e_terminal {
	int fd;	      /// the program's end: becomes its stdout or its stderr
	int other_fd; /// ours
	char *text;   /// owned: all that was read so far, NUL-terminated; a newline is "\r\n"
	size_t bytes;
};

/// Opens one of this size; TERM says from here on that it is one. Nobody's controlling terminal.
void e2e_terminal_open(unsigned short rows, unsigned short columns, struct e2e_terminal *ret);

/// All that was written so far. Borrowed, until the next call.
const char *e2e_terminal_text(struct e2e_terminal *terminal);

/// Waits until that has been written; false when limit_ms went by without.
bool e2e_terminal_wait(struct e2e_terminal *terminal, const char *text, int limit_ms);

void e2e_terminal_close(struct e2e_terminal *terminal);
