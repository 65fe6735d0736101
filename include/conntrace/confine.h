/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives up, for good, what the rest of a run does not need: privileges, and most system calls. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/// What is still to be done, beside reading files, writing to what is open, and ending.
enum ct_confine_need {
	/// the ring, the iterators, other network namespaces
	CT_CONFINE_TRACE = 1u << 0,
	/// files that are created, written, renamed and removed
	CT_CONFINE_RECORD = 1u << 1,
	/// temporary files that have no name
	CT_CONFINE_SPOOL = 1u << 2,
	/// a child that is waited for, and sent signals whoever it has become
	CT_CONFINE_CHILD = 1u << 3,
	/// a file that is open already, and emptied, put on the disk or removed
	CT_CONFINE_EMPTY = 1u << 4,
};

/// Whom to be from then on.
struct ct_user {
	bool is_given;
	uid_t uid;
	gid_t gid; /// the only group
};

struct ct_confinement {
	unsigned int needs; /// of enum ct_confine_need
	pid_t child;	    /// with CT_CONFINE_CHILD
	struct ct_user user;
};

/// Whether this process may become another user: CAP_SETUID and CAP_SETGID.
bool ct_confine_may_become(void);

/**
 * Becomes the user, and gives up all capabilities but those that are needed and were there:
 * CAP_BPF, CAP_SYS_ADMIN and CAP_SYS_PTRACE to trace, CAP_KILL for a child. No program that is
 * executed gets any back. The bounding set is emptied where CAP_SETPCAP permits it.
 *
 * Of the calling thread; children that are there already are as they were.
 *
 * @ret_step what could not be done, "cannot …"; static; unchanged on success.
 * @return 0 or -errno. What came before the step is given up then, and the rest is not.
 */
int ct_confine_privileges(const struct ct_confinement *what, const char **ret_step);

/**
 * Refuses with EPERM every system call that is not needed: no socket, no program, no process, no
 * mapping that could be executed, no file to write unless CT_CONFINE_RECORD says so. A call by
 * another machine's numbers (32-bit ones on a 64-bit kernel) kills. Behind
 * ct_confine_privileges(), of the calling thread.
 *
 * EPERM rather than death: what a newer libc may come to call is no reason to lose a trace of days.
 * Each call that is refused is left to the kernel's audit log.
 *
 * @return 0; -ENOMEM; -errno of seccomp(2): -EINVAL where the kernel has no filters. Nothing has
 *         changed then.
 */
int ct_confine_syscalls(const struct ct_confinement *what);
