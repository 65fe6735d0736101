// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"
#include "conntrace/source_live.h"

void ct_tell_privileges(void)
{
	_cleanup_(ct_buf_fini) struct ct_buf names = {};
	struct ct_privilege privileges[CT_PRIVILEGES];

	ct_live_privileges(privileges);
	for (size_t i = 0; i < CT_PRIVILEGES; i++)
		if (!privileges[i].held)
			ct_buf_printf(&names, "%s%s (%s)", names.len ? ", " : "",
				      privileges[i].name, privileges[i].purpose);
	if (names.len)
		ct_info("without %s", names.data);
}

/// What the locale's characters need is loaded when the first of them is converted. It is code,
/// and no code is loaded any more behind this.
static void load_what_comes_late(void)
{
	wchar_t wide;

	(void)mbtowc(&wide, "x", 1);
}

int ct_confine_self(const struct ct_confinement *what)
{
	const char *step = "";
	int r;

	load_what_comes_late();
	r = ct_confine_privileges(what, &step);
	if (r < 0 && what->user.is_given) {
		ct_error("cannot %s: %s", step, strerror(-r));
		return r == -EPERM ? CT_EXIT_UNSUPPORTED : CT_EXIT_FAILED;
	}
	if (r < 0)
		ct_warn("keeps privileges that it does not need: cannot %s: %s", step,
			strerror(-r));
	r = ct_confine_syscalls(what);
	if (r < 0)
		ct_warn("keeps system calls that it does not need: cannot set a seccomp filter: %s",
			strerror(-r));
	return CT_EXIT_DONE;
}
