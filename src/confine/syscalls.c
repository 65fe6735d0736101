// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is in here is called by this program, by libbpf, libzstd and libsmartcols, or by glibc for
 * them.
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "conntrace/confine.h"
#include "conntrace/count.h"

/// Beside enum ct_confine_need.
#define NEED_ALWAYS    (1u << 30)
#define NEED_READ_ONLY (1u << 31) /// whoever does not write files

static const struct {
	unsigned int need;
	int number; /// libseccomp's: negative for what this machine has not
} plain[] = {
	{NEED_ALWAYS, SCMP_SYS(read)},
	{NEED_ALWAYS, SCMP_SYS(readv)},
	{NEED_ALWAYS, SCMP_SYS(pread64)},
	{NEED_ALWAYS, SCMP_SYS(write)},
	{NEED_ALWAYS, SCMP_SYS(writev)},
	{NEED_ALWAYS, SCMP_SYS(lseek)},
	{NEED_ALWAYS, SCMP_SYS(close)},
	{NEED_ALWAYS, SCMP_SYS(poll)},
	{NEED_ALWAYS, SCMP_SYS(ppoll)},
	{NEED_ALWAYS, SCMP_SYS(stat)},
	{NEED_ALWAYS, SCMP_SYS(lstat)},
	{NEED_ALWAYS, SCMP_SYS(fstat)},
	{NEED_ALWAYS, SCMP_SYS(newfstatat)},
	{NEED_ALWAYS, SCMP_SYS(statx)},
	{NEED_ALWAYS, SCMP_SYS(faccessat)},
	{NEED_ALWAYS, SCMP_SYS(faccessat2)},
	{NEED_ALWAYS, SCMP_SYS(readlink)},
	{NEED_ALWAYS, SCMP_SYS(readlinkat)},
	/* memory, but for mmap and mprotect */
	{NEED_ALWAYS, SCMP_SYS(brk)},
	{NEED_ALWAYS, SCMP_SYS(munmap)},
	{NEED_ALWAYS, SCMP_SYS(mremap)},
	{NEED_ALWAYS, SCMP_SYS(madvise)},
	/* time, where the vDSO cannot tell it */
	{NEED_ALWAYS, SCMP_SYS(clock_gettime)},
	{NEED_ALWAYS, SCMP_SYS(clock_getres)},
	{NEED_ALWAYS, SCMP_SYS(clock_nanosleep)},
	{NEED_ALWAYS, SCMP_SYS(nanosleep)},
	{NEED_ALWAYS, SCMP_SYS(gettimeofday)},
	{NEED_ALWAYS, SCMP_SYS(time)},
	/* signals, and the end */
	{NEED_ALWAYS, SCMP_SYS(rt_sigaction)},
	{NEED_ALWAYS, SCMP_SYS(rt_sigprocmask)},
	{NEED_ALWAYS, SCMP_SYS(rt_sigreturn)},
	{NEED_ALWAYS, SCMP_SYS(sigaltstack)},
	{NEED_ALWAYS, SCMP_SYS(restart_syscall)},
	{NEED_ALWAYS, SCMP_SYS(futex)},
	{NEED_ALWAYS, SCMP_SYS(exit)},
	{NEED_ALWAYS, SCMP_SYS(exit_group)},
	/* what one may know of oneself and of the machine */
	{NEED_ALWAYS, SCMP_SYS(getpid)},
	{NEED_ALWAYS, SCMP_SYS(gettid)},
	{NEED_ALWAYS, SCMP_SYS(getuid)},
	{NEED_ALWAYS, SCMP_SYS(geteuid)},
	{NEED_ALWAYS, SCMP_SYS(getgid)},
	{NEED_ALWAYS, SCMP_SYS(getegid)},
	{NEED_ALWAYS, SCMP_SYS(getpgrp)},
	{NEED_ALWAYS, SCMP_SYS(getrandom)},
	{NEED_ALWAYS, SCMP_SYS(sysinfo)},
	{NEED_ALWAYS, SCMP_SYS(uname)},
	{NEED_ALWAYS, SCMP_SYS(sched_getaffinity)},
	{NEED_ALWAYS, SCMP_SYS(sched_yield)},

	{CT_CONFINE_TRACE, SCMP_SYS(epoll_wait)},
	{CT_CONFINE_TRACE, SCMP_SYS(epoll_pwait)},
	{CT_CONFINE_TRACE, SCMP_SYS(epoll_pwait2)},
	{CT_CONFINE_TRACE, SCMP_SYS(getdents64)},

	{CT_CONFINE_RECORD, SCMP_SYS(openat)},
	{CT_CONFINE_RECORD, SCMP_SYS(pwrite64)},
	{CT_CONFINE_RECORD, SCMP_SYS(ftruncate)},
	{CT_CONFINE_RECORD, SCMP_SYS(fallocate)},
	{CT_CONFINE_RECORD, SCMP_SYS(fsync)},
	{CT_CONFINE_RECORD, SCMP_SYS(fdatasync)},
	{CT_CONFINE_RECORD, SCMP_SYS(rename)},
	{CT_CONFINE_RECORD, SCMP_SYS(renameat)},
	{CT_CONFINE_RECORD, SCMP_SYS(renameat2)},
	{CT_CONFINE_RECORD, SCMP_SYS(unlink)},
	{CT_CONFINE_RECORD, SCMP_SYS(unlinkat)},

	{CT_CONFINE_SPOOL, SCMP_SYS(memfd_create)},

	{CT_CONFINE_EMPTY, SCMP_SYS(ftruncate)},
	{CT_CONFINE_EMPTY, SCMP_SYS(fsync)},
	{CT_CONFINE_EMPTY, SCMP_SYS(unlink)},
	{CT_CONFINE_EMPTY, SCMP_SYS(unlinkat)},

	{CT_CONFINE_CHILD, SCMP_SYS(wait4)},
	{CT_CONFINE_CHILD, SCMP_SYS(waitid)},
};

/// As the kernel has it: glibc's O_LARGEFILE and the like do not matter.
#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define OPEN_SPOOL  (O_ACCMODE | O_EXCL | O_TMPFILE)

/// Allowed with such an argument alone.
static const struct {
	unsigned int need;
	int number;
	struct scmp_arg_cmp argument;
} conditional[] = {
	{NEED_ALWAYS, SCMP_SYS(mmap), {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
	{NEED_ALWAYS, SCMP_SYS(mprotect), {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
	{NEED_ALWAYS, SCMP_SYS(fcntl), {1, SCMP_CMP_EQ, F_GETFD, 0}},
	{NEED_ALWAYS, SCMP_SYS(fcntl), {1, SCMP_CMP_EQ, F_SETFD, 0}},
	{NEED_ALWAYS, SCMP_SYS(fcntl), {1, SCMP_CMP_EQ, F_GETFL, 0}},
	{NEED_ALWAYS, SCMP_SYS(getpgid), {0, SCMP_CMP_EQ, 0, 0}},
	/* is it a terminal, how wide, and who is in its foreground? */
	{NEED_ALWAYS, SCMP_SYS(ioctl), {1, SCMP_CMP_EQ, TCGETS, 0}},
	{NEED_ALWAYS, SCMP_SYS(ioctl), {1, SCMP_CMP_EQ, TCGETS2, 0}},
	{NEED_ALWAYS, SCMP_SYS(ioctl), {1, SCMP_CMP_EQ, TIOCGWINSZ, 0}},
	{NEED_ALWAYS, SCMP_SYS(ioctl), {1, SCMP_CMP_EQ, TIOCGPGRP, 0}},

	{NEED_READ_ONLY, SCMP_SYS(openat), {2, SCMP_CMP_MASKED_EQ, OPEN_WRITES, O_RDONLY}},
	/* O_EXCL: nothing can give it a name */
	{CT_CONFINE_SPOOL,
	 SCMP_SYS(openat),
	 {2, SCMP_CMP_MASKED_EQ, OPEN_SPOOL, O_RDWR | O_EXCL | O_TMPFILE}},

	{CT_CONFINE_TRACE, SCMP_SYS(bpf), {0, SCMP_CMP_EQ, BPF_OBJ_GET_INFO_BY_FD, 0}},
	{CT_CONFINE_TRACE, SCMP_SYS(bpf), {0, SCMP_CMP_EQ, BPF_ITER_CREATE, 0}},
	{CT_CONFINE_TRACE, SCMP_SYS(setns), {1, SCMP_CMP_EQ, CLONE_NEWNET, 0}},
	/* to whom it is connected already */
	{CT_CONFINE_TRACE, SCMP_SYS(sendto), {4, SCMP_CMP_EQ, 0, 0}},
};

static void release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int allow(scmp_filter_ctx filter, int number, const struct scmp_arg_cmp *argument)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, argument ? 1 : 0, argument);
}

/* To those alone. abort() sends one to its own process. */
static int allow_signals(scmp_filter_ctx filter, const struct ct_confinement *what)
{
	const struct scmp_arg_cmp to_child = {0, SCMP_CMP_EQ, (scmp_datum_t)what->child, 0};
	const struct scmp_arg_cmp to_self = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
	int r = allow(filter, SCMP_SYS(tgkill), &to_self);

	return r == 0 && what->needs & CT_CONFINE_CHILD ? allow(filter, SCMP_SYS(kill), &to_child)
							: r;
}

static int fill(scmp_filter_ctx filter, const struct ct_confinement *what)
{
	unsigned int needs = what->needs | NEED_ALWAYS;
	int r = 0;

	needs |= what->needs & CT_CONFINE_RECORD ? 0 : NEED_READ_ONLY;
	for (size_t i = 0; r == 0 && i < CT_COUNT(plain); i++)
		if (needs & plain[i].need)
			r = allow(filter, plain[i].number, NULL);
	for (size_t i = 0; r == 0 && i < CT_COUNT(conditional); i++)
		if (needs & conditional[i].need)
			r = allow(filter, conditional[i].number, &conditional[i].argument);
	return r == 0 ? allow_signals(filter, what) : r;
}

int ct_confine_syscalls(const struct ct_confinement *what)
{
	_cleanup_(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	/* errno of the kernel, not of the library */
	r = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (r == 0)
		r = fill(filter, what);
	if (r < 0)
		return r;
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1); /* for the audit log, if it can */
	return seccomp_load(filter);
}
