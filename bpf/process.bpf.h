/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The process that is running: only true of a socket while that process holds the socket's lock. */
#pragma once

#include "common.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define CT_NR_CLOSE    3
#define CT_NR_CONNECT  42
#define CT_NR_SHUTDOWN 48
#define CT_TS_COMPAT   0x2 /* thread_info.status, arch/x86/include/asm/thread_info.h */
#else
#define CT_NR_CLOSE    57
#define CT_NR_CONNECT  203
#define CT_NR_SHUTDOWN 210
#define CT_TIF_32BIT   22 /* thread_info.flags, arch/arm64/include/asm/thread_info.h */
#endif
#define CT_NR_CLOSE_RANGE 436

static __always_inline __u32 ct_current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* A 32-bit process numbers its system calls differently. */
static __always_inline bool ct_is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & CT_TS_COMPAT;
#else
	return task->thread_info.flags & (1UL << CT_TIF_32BIT);
#endif
}

static __always_inline long ct_syscall_number(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(regs, orig_ax);
#else
	return BPF_CORE_READ(regs, syscallno);
#endif
}

static __always_inline __u8 ct_current_how(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	/* a dying process' registers hold the call it was last in */
	if (task->flags & PF_EXITING)
		return CT_HOW_EXIT;
	if (ct_is_compat(task))
		return CT_HOW_OTHER;
	switch (ct_syscall_number(task)) {
	case CT_NR_CLOSE:
	case CT_NR_CLOSE_RANGE:
		return CT_HOW_CLOSE;
	case CT_NR_SHUTDOWN:
		return CT_HOW_SHUTDOWN;
	case CT_NR_CONNECT:
		return CT_HOW_CONNECT;
	default:
		return CT_HOW_OTHER;
	}
}

/* The process' name, as /proc/PID/comm: a thread may have given itself another. */
static __always_inline void ct_current_comm(void *comm)
{
	struct task_struct *task = bpf_get_current_task_btf();

	BPF_CORE_READ_INTO((char(*)[CT_COMM_LEN])comm, task, group_leader, comm);
}

static __always_inline bool ct_current_is_kernel(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->flags & PF_KTHREAD;
}
