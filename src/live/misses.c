// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the kernel left out because a program would have run inside itself: bpf/again.bpf.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "conntrace.skel.h"
#include "conntrace/log.h"
#include "hooks.h"
#include "live.h"

/*
 * A miss of this program is no event that is lost: a second one has nothing to do unless the first
 * was missed, and that is counted; and an owner that a send or a receive did not tell stays what it
 * is called, inherited.
 */
static bool loses_nothing(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(hooks[i].program, name) == 0)
			return hooks[i].need == CT_HOOK_IO;
	return ct_live_is_second(name);
}

int ct_live_count_misses(const struct conntrace_bpf *skel, uint64_t *ret)
{
	struct bpf_program *program;
	uint64_t misses = 0;

	bpf_object__for_each_program(program, skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd < 0 || loses_nothing(program))
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
			return -errno;
		misses += info.recursion_misses;
		if (info.recursion_misses)
			ct_debug("%s was skipped %llu times so far", info.name,
				 info.recursion_misses);
	}
	*ret = misses;
	return 0;
}

uint64_t ct_live_lost_of(const struct conntrace_bpf *skel, uint64_t misses)
{
	uint64_t taken_over = __atomic_load_n(&skel->bss->taken_over, __ATOMIC_RELAXED);

	return misses > taken_over ? misses - taken_over : 0;
}
