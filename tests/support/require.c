// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/require.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_PERMITTED 3

static const char *const tools[] = {"ip", "nft", "zstd"};

/// The last line that `PROGRAM check` printed on either stream; its wait status goes to
/// *ret_status.
static void ask_program(const char *program, char *ret_line, size_t line_bytes, int *ret_status)
{
	char command[512];
	char line[256];
	FILE *pipe;

	snprintf(command, sizeof(command), "'%s' check 2>&1", program);
	ret_line[0] = '\0';
	pipe = popen(command, "re");
	if (!pipe) {
		*ret_status = -1;
		return;
	}
	while (fgets(line, sizeof(line), pipe)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret_line, line_bytes, "%s", line);
	}
	*ret_status = pclose(pipe);
}

static int tool_is_there(const char *tool)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", tool);
	return system(command) == 0;
}

enum e2e_require_verdict e2e_require(const char *program, char *reason, size_t reason_bytes)
{
	char line[256];
	int status;

	if (access(program, X_OK)) {
		snprintf(reason, reason_bytes, "%s: %s (run make first)", program, strerror(errno));
		return E2E_REQUIRE_FAIL;
	}
	if (geteuid() != 0) {
		snprintf(reason, reason_bytes, "needs root");
		return E2E_REQUIRE_SKIP;
	}
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (!tool_is_there(tools[i])) {
			snprintf(reason, reason_bytes, "needs the program %s", tools[i]);
			return E2E_REQUIRE_SKIP;
		}
	}
	ask_program(program, line, sizeof(line), &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_PERMITTED) {
		snprintf(reason, reason_bytes, "%s", line);
		return E2E_REQUIRE_SKIP;
	}
	if (status) {
		snprintf(reason, reason_bytes, "`%s check` ended with wait status %#x: %s", program,
			 status, line);
		return E2E_REQUIRE_FAIL;
	}
	return E2E_REQUIRE_MET;
}
