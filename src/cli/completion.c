// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "completion.h"

#include <errno.h>
#include <string.h>

#include "conntrace/count.h"
#include "option_table.h"

static const struct {
	const char *name;
	void (*put)(struct ct_buf *buf);
} shells[] = {
	{"bash", ct_completion_put_bash},
	{"zsh", ct_completion_put_zsh},
};

const char *ct_completion_shell(unsigned int index)
{
	return index < CT_COUNT(shells) ? shells[index].name : NULL;
}

int ct_completion_put(const char *shell, struct ct_buf *buf)
{
	for (size_t i = 0; i < CT_COUNT(shells); i++) {
		if (strcmp(shells[i].name, shell) != 0)
			continue;
		shells[i].put(buf);
		return buf->error;
	}
	return -EINVAL;
}

bool ct_completion_shows(enum ct_command command, const struct ct_option_spec *spec)
{
	return spec->help && spec->commands & 1u << command;
}
