// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which programs are loaded, how large their maps are, and what they are told of the kernel. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conntrace.skel.h"
#include "load.h"

/* The ring's length is a power of two of whole pages. */
static __u32 ring_bytes(size_t wanted)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);

	while (bytes < (wanted ? wanted : CT_RING_BYTES_DEFAULT))
		bytes *= 2;
	return (__u32)bytes;
}

/* A jiffy: what the coarse clocks advance by, kernel/time/posix-timers.c. */
static __u64 tick_ns(void)
{
	struct timespec resolution;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0)
		return 0;
	return (__u64)resolution.tv_sec * 1000000000 + (__u64)resolution.tv_nsec;
}

bool ct_live_is_second(const char *program)
{
	return strstr(program, CT_SECOND);
}

static struct bpf_program *find(const struct conntrace_bpf *skel, const char *program)
{
	return bpf_object__find_program_by_name(skel->obj, program);
}

/* A program serves several rows: any of them may want it. */
static bool is_loaded(const struct ct_kernel *kernel, const struct ct_live_config *config,
		      const char *program)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(hooks[i].program, program) == 0 && ct_kernel_loads(kernel, config, i))
			return true;
	return false;
}

/* 0 where not all is there that it takes to make something of that timer. */
static __u64 handler_for(const struct ct_kernel *kernel, const struct ct_capabilities *can,
			 enum ct_capability_id id, enum ct_timer_handler handler)
{
	return ct_capability_is_absent(can, id) ? 0 : kernel->handlers[handler].address;
}

static void configure_timers(struct conntrace_bpf *skel, const struct ct_kernel *kernel,
			     const struct ct_live_config *config)
{
	struct ct_capabilities can;

	ct_kernel_judge(kernel, config, &can);
	skel->rodata->timer_keepalive = handler_for(kernel, &can, CT_CAPABILITY_PROBES_SENT,
						    CT_TIMER_KEEPALIVE);
	skel->rodata->timer_write = handler_for(kernel, &can, CT_CAPABILITY_RETRANSMIT_KINDS,
						CT_TIMER_WRITE);
	skel->rodata->timer_write_io = handler_for(kernel, &can, CT_CAPABILITY_OWNER_SEND,
						   CT_TIMER_WRITE);
	skel->rodata->timer_timewait = handler_for(kernel, &can, CT_CAPABILITY_TIME_WAIT_ENTRY,
						   CT_TIMER_TIMEWAIT);
	skel->rodata->timer_request = handler_for(kernel, &can, CT_CAPABILITY_HALF_OPEN,
						  CT_TIMER_REQUEST);
}

/* As many connections as user space follows. */
#define SOCKETS_MAX (1 << 20)

/* What only older kernels need; elsewhere it is dead code and empty maps. */
static int configure_roles(struct conntrace_bpf *skel, const struct ct_kernel *kernel,
			   const struct ct_live_config *config)
{
	bool by_tuple = ct_kernel_has_role(kernel, config, CT_HOOK_BY_TUPLE);
	bool by_timer = ct_kernel_has_role(kernel, config, CT_HOOK_IO_BY_TIMER);
	int r;

	skel->rodata->by_tuple = by_tuple;
	skel->rodata->io_by_timer = by_timer;
	skel->rodata->resets_untold = ct_hook_resets_are_untold(kernel->btf);
	for (size_t i = 0; i < CT_RECEIVERS_MAX; i++) {
		skel->rodata->receive_begin[i] = kernel->receivers[i].begin;
		skel->rodata->receive_end[i] = kernel->receivers[i].end;
	}
	r = bpf_map__set_max_entries(skel->maps.tuples, by_tuple ? SOCKETS_MAX : 1);
	return r < 0 ? r
		     : bpf_map__set_max_entries(skel->maps.first_io, by_timer ? SOCKETS_MAX : 1);
}

/* A child starts with a copy of what its listener's socket keeps; where no hook tells that it is a
 * child, it would be taken for the listener. */
static int begin_with_nothing(struct conntrace_bpf *skel)
{
	return bpf_map__set_map_flags(skel->maps.sockets, BPF_F_NO_PREALLOC);
}

/* Second programs go with the first, and those behind them where one is not enough:
 * bpf/again.bpf.h. */
static void configure_second(struct conntrace_bpf *skel, const struct ct_kernel *kernel,
			     const struct ct_live_config *config)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj)
	{
		const char *name = bpf_program__name(program), *end = strstr(name, CT_SECOND);
		char first[64];
		bool wanted;

		if (!end)
			continue;
		snprintf(first, sizeof(first), "%.*s", (int)(end - name), name);
		wanted = !end[strlen(CT_SECOND)] || kernel->is_preemptible;
		bpf_program__set_autoload(program, wanted && !kernel->no_second &&
							   is_loaded(kernel, config, first));
	}
}

int ct_load_configure(struct conntrace_bpf *skel, const struct ct_kernel *kernel,
		      const struct ct_live_config *config)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);
	__u32 bytes = ring_bytes(config->ring_bytes);
	int r;

	for (size_t i = 0; i < n; i++) {
		struct bpf_program *program = find(skel, hooks[i].program);

		if (!program)
			return -ENOENT;
		bpf_program__set_autoload(program, is_loaded(kernel, config, hooks[i].program));
		bpf_program__set_autoattach(program, hooks[i].need != CT_HOOK_WALK);
	}
	configure_second(skel, kernel, config);
	skel->rodata->tick_ns = tick_ns();
	configure_timers(skel, kernel, config);
	skel->rodata->preempt_count_behind_rq = ct_hook_preempt_count(kernel->btf);
	ct_hook_reset_reasons(kernel->btf, (uint8_t *)skel->rodata->reset_reasons);
	skel->data->wakeup_bytes = bytes / 4;
	r = configure_roles(skel, kernel, config);
	if (r == 0 && config->snapshot_only)
		r = begin_with_nothing(skel);
	return r < 0 ? r : bpf_map__set_max_entries(skel->maps.ring, bytes);
}

struct conntrace_bpf *ct_load_open(const struct ct_live_config *config)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = config->btf_path);

	return conntrace_bpf__open_opts(&options);
}
