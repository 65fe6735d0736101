/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes of which the children are wanted too. */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32); /* tgid */
	__type(value, __u8);
} followed SEC(".maps");

/*
 * A pid leaves the set not when its process ends (it closes its sockets after that) but when it is
 * given to a process that has nothing to do with it.
 */
static __always_inline int ct_on_fork(struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_pid = parent->tgid, child_pid = child->tgid;
	bool wanted = bpf_map_lookup_elem(&followed, &parent_pid);
	struct ct_event *event;
	__u8 one = 1;

	if (parent_pid == child_pid) /* a thread */
		return 0;
	if (wanted)
		ct_count_unkept(bpf_map_update_elem(&followed, &child_pid, &one, BPF_ANY));
	else if (bpf_map_delete_elem(&followed, &child_pid))
		return 0;
	event = ct_emit_begin(CT_EVENT_SIZE(fork), CT_EVENT_FORK, NULL);
	if (!event)
		return 0;
	event->fork.parent_pid = parent_pid;
	event->fork.child_pid = child_pid;
	event->fork.followed = wanted;
	ct_emit_end(event);
	return 0;
}
