// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/process.h"

#define POLL_MS	    20
#define CHUNK_BYTES 4096

void e2e_terminal_open(unsigned short rows, unsigned short columns, struct e2e_terminal *ret)
{
	const struct winsize size = {.ws_row = rows, .ws_col = columns};

	*ret = (struct e2e_terminal){.fd = -1, .other_fd = -1, .text = strdup("")};
	assert_non_null(ret->text);
	if (openpty(&ret->other_fd, &ret->fd, NULL, NULL, &size))
		fail_msg("no terminal can be had: %s", strerror(errno));
	assert_int_equal(fcntl(ret->other_fd, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(ret->fd, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(ret->other_fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
}

const char *e2e_terminal_text(struct e2e_terminal *terminal)
{
	char chunk[CHUNK_BYTES];
	ssize_t n;

	while ((n = read(terminal->other_fd, chunk, sizeof(chunk))) > 0) {
		terminal->text = realloc(terminal->text, terminal->bytes + (size_t)n + 1);
		assert_non_null(terminal->text);
		memcpy(terminal->text + terminal->bytes, chunk, (size_t)n);
		terminal->bytes += (size_t)n;
		terminal->text[terminal->bytes] = '\0';
	}
	return terminal->text;
}

bool e2e_terminal_wait(struct e2e_terminal *terminal, const char *text, int limit_ms)
{
	for (int waited_ms = 0; waited_ms < limit_ms; waited_ms += POLL_MS) {
		if (strstr(e2e_terminal_text(terminal), text))
			return true;
		e2e_sleep_ms(POLL_MS);
	}
	return strstr(e2e_terminal_text(terminal), text) != NULL;
}

void e2e_terminal_close(struct e2e_terminal *terminal)
{
	free(terminal->text);
	close(terminal->fd);
	close(terminal->other_fd);
	*terminal = (struct e2e_terminal){.fd = -1, .other_fd = -1};
}
