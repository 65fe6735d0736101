// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stddef.h>

#include "cli.h"
#include "completion.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"

static const char usage[] =
	"Usage: conntrace completion bash|zsh\n"
	"\n"
	"Prints what has the shell complete commands, options and their values.\n"
	"\n"
	"Examples\n"
	"  source <(conntrace completion bash)     # in ~/.bashrc\n"
	"  source <(conntrace completion zsh)      # in ~/.zshrc, behind compinit\n";

static int refuse(const char *shell)
{
	_cleanup_(ct_buf_fini) struct ct_buf shells = {};

	for (unsigned int i = 0; ct_completion_shell(i); i++)
		ct_buf_printf(&shells, "%s%s", i ? ", " : "", ct_completion_shell(i));
	ct_error("unknown shell '%.64s'; there are %s", shell, shells.data ?: "");
	return CT_EXIT_USAGE;
}

int ct_cmd_completion(const char *shell)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	if (!shell)
		ct_buf_puts(&buf, usage);
	else if (ct_completion_put(shell, &buf) == -EINVAL)
		return refuse(shell);
	return ct_output_write(&buf);
}
