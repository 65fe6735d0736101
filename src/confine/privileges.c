// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "conntrace/confine.h"
#include "conntrace/count.h"

/// What stays, if it was there.
static const struct {
	unsigned int number;
	unsigned int needs;
} kept[] = {
	/* older kernels want it for each bpf(2) where unprivileged ones are disabled */
	{CAP_BPF, CT_CONFINE_TRACE},
	/* setns(2) */
	{CAP_SYS_ADMIN, CT_CONFINE_TRACE},
	/* to open /proc/PID/ns/net of whoever may do more than this process, or is another user */
	{CAP_SYS_PTRACE, CT_CONFINE_TRACE},
	/* it may have become another user */
	{CAP_KILL, CT_CONFINE_CHILD},
};

bool ct_confine_may_become(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) == 1 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID) == 1;
}

/* PR_CAPBSET_READ fails behind the kernel's last capability. */
static int empty_bounding_set(void)
{
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0UL, 0UL, 0UL) >= 0; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0UL, 0UL, 0UL) < 0)
			return errno == EPERM ? 0 : -errno;
	return 0;
}

/* The capabilities stay permitted, though root is left. */
static int become(const struct ct_user *user)
{
	if (prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

/* An ambient capability goes with the inheritable one. */
static int keep(unsigned int needs)
{
	bool held[CT_COUNT(kept)];

	if (capng_get_caps_process() != 0)
		return -EIO;
	for (size_t i = 0; i < CT_COUNT(kept); i++)
		held[i] = capng_have_capability(CAPNG_PERMITTED, kept[i].number) == 1;
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < CT_COUNT(kept); i++)
		if (held[i] && needs & kept[i].needs)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i].number);
	errno = 0;
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return errno ? -errno : -EPERM;
	return 0;
}

int ct_confine_privileges(const struct ct_confinement *what, const char **ret_step)
{
	const char *step = "empty the capability bounding set";
	int r = empty_bounding_set();

	if (r == 0 && what->user.is_given) {
		step = "become the user of --user";
		r = become(&what->user);
	}
	if (r == 0) {
		step = "give up capabilities";
		r = keep(what->needs);
	}
	if (r == 0) {
		step = "set no_new_privs";
		r = prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
	}
	if (r < 0)
		*ret_step = step;
	return r;
}
