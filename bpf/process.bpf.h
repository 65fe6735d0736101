/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process that is running: only true of a socket while that process holds the socket's lock,
 * and of one that has no lock while nothing has interrupted the process.
 */
#pragma once

#include "common.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define CT_NR_CLOSE    3
#define CT_NR_CONNECT  42
#define CT_NR_SENDTO   44
#define CT_NR_SENDMSG  46
#define CT_NR_SHUTDOWN 48
#define CT_TS_COMPAT   0x2 /* thread_info.status, arch/x86/include/asm/thread_info.h */
#else
#define CT_NR_CLOSE    57
#define CT_NR_CONNECT  203
#define CT_NR_SENDTO   206
#define CT_NR_SHUTDOWN 210
#define CT_NR_SENDMSG  211
#define CT_TIF_32BIT   22 /* thread_info.flags, arch/arm64/include/asm/thread_info.h */
#endif
#define CT_NR_CLOSE_RANGE 436

/* preempt_count, include/linux/preempt.h */
#define CT_PREEMPT_INTERRUPT 0x00ff0100 /* in an NMI or interrupt, or serving a softirq */
#define CT_PREEMPT_BH_OFF    0x0000fe00 /* softirqs are held off */

/*
 * The walk over what was there before (snapshot.bpf.h) does the work of others. It holds the lock
 * of the socket at hand: the segments that come meanwhile are worked off when it lets go. And it
 * holds the file at hand: when its process closes it meanwhile, the walk does what close() does.
 */
__u64 walker; /* the thread, as bpf_get_current_pid_tgid() has it; 0 none, cleared by user space */
__u64 walked; /* address of the socket at hand, 0: a file */

static __always_inline void ct_walk(const struct sock_common *skc)
{
	walked = (__u64)skc;
	walker = bpf_get_current_pid_tgid();
}

static __always_inline bool ct_current_is_walker(void)
{
	return walker && walker == bpf_get_current_pid_tgid();
}

static __always_inline bool ct_current_walks(const struct sock *sk)
{
	return walked == (__u64)sk && ct_current_is_walker();
}

/* 0: for whom it acts is not known. */
__noinline __u32 ct_current_pid(void)
{
	return ct_current_is_walker() ? 0 : bpf_get_current_pid_tgid() >> 32;
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
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

__noinline int ct_current_how(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (ct_current_is_walker())
		return CT_HOW_CLOSE;
	if (task->flags & PF_KTHREAD)
		return CT_HOW_KERNEL;
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

/*
 * The process' name, as /proc/PID/comm: a thread may have given itself another. COMM lies at a
 * multiple of 8.
 */
static __always_inline void ct_task_comm(const struct task_struct *task, void *comm)
{
	const __u64 *from = (const __u64 *)task->group_leader->comm;
	__u64 *to = comm;

	to[0] = from[0];
	to[1] = from[1];
}

static __always_inline void ct_current_comm(void *comm)
{
	ct_task_comm(bpf_get_current_task_btf(), comm);
}

/* What it does it does for others: a kernel thread, the walk. */
__noinline int ct_current_owns_nothing(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->flags & PF_KTHREAD || ct_current_is_walker();
}

/* The CPU's count of what holds it; false if it cannot be read. */
#if defined(__TARGET_ARCH_x86)
static __always_inline bool ct_read_preempt_count(struct task_struct *task, __u32 *ret)
{
	const char *rq;

	/* per CPU, at a fixed distance from the runqueue, whose address each task has */
	if (!preempt_count_behind_rq || !bpf_core_field_exists(struct cfs_rq, rq) ||
	    !bpf_core_field_exists(task->se.cfs_rq))
		return false;
	rq = (const char *)BPF_CORE_READ(task, se.cfs_rq, rq);
	return rq && !bpf_probe_read_kernel(ret, sizeof(*ret), rq + preempt_count_behind_rq);
}
#else
static __always_inline bool ct_read_preempt_count(struct task_struct *task, __u32 *ret)
{
	*ret = task->thread_info.preempt_count;
	return true;
}
#endif

/* What holds the CPU, CT_PREEMPT_*; where it cannot be read, an interrupt. */
static __always_inline __u32 ct_preempt_count(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 count;

	if (!ct_read_preempt_count(task, &count))
		return CT_PREEMPT_INTERRUPT;
	if (bpf_core_field_exists(task->softirq_disable_cnt)) /* PREEMPT_RT counts softirqs apart */
		count |= task->softirq_disable_cnt;
	return count;
}

/* Nobody holds it any more. */
static __always_inline bool ct_is_torn_down(const struct net *net)
{
	if (bpf_core_field_exists(net->ns.__ns_ref))
		return !BPF_CORE_READ(net, ns.__ns_ref.refs.counter);
	if (bpf_core_field_exists(net->ns.count))
		return !BPF_CORE_READ(net, ns.count.refs.counter);
	return false;
}

/*
 * By what the process that is running takes away a mini-socket or a request, which have no lock
 * that it could hold; CT_HOW_UNKNOWN: it is not the process that does.
 *
 * Segments are worked off in a process' time too, with softirqs held off: by a kernel thread (NAPI,
 * vhost), by one that writes to a tun device, or that polls its device for what it waits for. So
 * only the calls that can take them away count: connect() and, on a netlink socket, a send.
 */
static __always_inline __u8 ct_current_deed(const struct net *net)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 count = ct_preempt_count();

	if (count & CT_PREEMPT_INTERRUPT)
		return CT_HOW_UNKNOWN;
	if (ct_is_torn_down(net))
		return CT_HOW_KERNEL;
	if (task->flags & (PF_KTHREAD | PF_EXITING))
		return CT_HOW_UNKNOWN;
	if (!(count & CT_PREEMPT_BH_OFF))
		return CT_HOW_OTHER;
	if (ct_is_compat(task))
		return CT_HOW_UNKNOWN;
	switch (ct_syscall_number(task)) {
	case CT_NR_CONNECT:
		return CT_HOW_CONNECT;
	case CT_NR_SENDTO:
	case CT_NR_SENDMSG:
		return CT_HOW_OTHER;
	default:
		return CT_HOW_UNKNOWN;
	}
}
