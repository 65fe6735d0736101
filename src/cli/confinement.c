// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"
#include "conntrace/source_live.h"

void ct_tell_privileges(void)
{
	_cleanup_(ct_buf_fini) struct ct_buf names = {};
	struct ct_privilege privileges[_CT_PRIVILEGE_MAX];

	ct_live_privileges(privileges);
	for (size_t i = 0; i < _CT_PRIVILEGE_MAX; i++)
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

/// Gives up the privileges, and then looks whether files can be made in FOLDER: 0 or errno. Of a
/// user that cannot be become ct_confine_self() tells.
static int look_confined(const struct ct_confinement *what, const char *folder)
{
	const char *step = "";

	if (ct_confine_privileges(what, &step) < 0 && what->user.is_given)
		return 0;
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/// What another process, which lives no longer than that, finds out. 0 or errno.
static int look_ahead(const struct ct_confinement *what, const char *folder)
{
	pid_t pid = fork();
	int status = 0, r;

	if (pid == 0)
		_exit(look_confined(what, folder));
	if (pid < 0)
		return errno;
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

int ct_confine_check_folder(const struct ct_confinement *what, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	int error;

	if (slash && slash - path < PATH_MAX - 1)
		*stpncpy(folder, path, (size_t)(slash - path) + 1) = '\0';
	error = look_ahead(what, folder);
	if (error != EACCES && error != EPERM)
		return CT_EXIT_DONE;
	ct_error("no further file could be made in '%s': %s; name the owner of the directory with "
		 "--user",
		 folder, strerror(error));
	return CT_EXIT_UNSUPPORTED;
}

int ct_confine_check_user(const struct ct_user *user)
{
	if (!user->is_given || ct_confine_may_become())
		return CT_EXIT_DONE;
	ct_error(
		"--user: not permitted to become another user: run it as root (or with CAP_SETUID and "
		"CAP_SETGID)");
	return CT_EXIT_UNSUPPORTED;
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
