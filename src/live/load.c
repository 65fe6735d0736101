// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conntrace.skel.h"
#include "conntrace/log.h"
#include "live.h"

/* libbpf's own words are for those who ask for them: a user gets one line of ours. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];
	size_t len;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	len = strlen(line);
	if (len && line[len - 1] == '\n')
		line[len - 1] = '\0';
	ct_debug("%s", line);
	return 0;
}

int ct_kernel_probe(struct ct_kernel *kernel, char *err_text, size_t err_len)
{
	*kernel = (struct ct_kernel){.handlers = {
					     [CT_TIMER_KEEPALIVE] = {"tcp_keepalive_timer", 0},
					     [CT_TIMER_WRITE] = {"tcp_write_timer", 0},
					     [CT_TIMER_TIMEWAIT] = {"tw_timer_handler", 0},
					     [CT_TIMER_REQUEST] = {"reqsk_timer_handler", 0},
				     }};
	libbpf_set_print(print_libbpf);
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
		snprintf(err_text, err_len,
			 "this kernel has no BTF (/sys/kernel/btf/vmlinux: %s): tracing needs one "
			 "built with CONFIG_DEBUG_INFO_BTF",
			 strerror(errno));
		return -ENOTSUP;
	}
	kernel->btf = btf__load_vmlinux_btf();
	if (!kernel->btf) {
		snprintf(err_text, err_len, "cannot read the kernel's BTF: %s", strerror(errno));
		return -ENOTSUP;
	}
	/* without addresses the timers are not traced; ct_kernel_loads() and `check` tell */
	(void)ct_symbols_resolve(kernel->handlers, _CT_TIMER_HANDLER_MAX);
	return 0;
}

void ct_kernel_fini(struct ct_kernel *kernel)
{
	btf__free(kernel->btf);
	kernel->btf = NULL;
}

static bool is_wanted(enum ct_hook_need need, const struct ct_live_config *config)
{
	if (config->snapshot_only)
		return need == CT_HOOK_WALK;
	switch (need) {
	case CT_HOOK_IO:
		return config->io_owner;
	case CT_HOOK_FOLLOW:
		return config->n_followed > 0;
	default:
		return true;
	}
}

bool ct_kernel_loads(const struct ct_kernel *kernel, const struct ct_live_config *config,
		     size_t hook)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	return is_wanted(hooks[hook].need, config) && ct_hook_is_chosen(kernel->btf, hook);
}

static int explain_load(int err, char *err_text, size_t err_len)
{
	if (err == -EPERM || err == -EACCES) {
		snprintf(err_text, err_len,
			 "not permitted to trace: run it as root (or with CAP_BPF, CAP_PERFMON and "
			 "CAP_NET_ADMIN)");
		return -EPERM;
	}
	snprintf(err_text, err_len,
		 "this kernel does not take the programs (%s): `conntrace check -v` tells more",
		 strerror(-err));
	return -ENOTSUP;
}

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

static int configure(struct conntrace_bpf *skel, const struct ct_kernel *kernel,
		     const struct ct_live_config *config)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);
	__u32 bytes = ring_bytes(config->ring_bytes);

	for (size_t i = 0; i < n; i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(skel->obj,
									       hooks[i].program);

		if (!program)
			return -ENOENT;
		bpf_program__set_autoload(program, ct_kernel_loads(kernel, config, i));
		bpf_program__set_autoattach(program, hooks[i].need != CT_HOOK_WALK);
	}
	skel->rodata->tick_ns = tick_ns();
	skel->rodata->timer_keepalive = kernel->handlers[CT_TIMER_KEEPALIVE].address;
	skel->rodata->timer_write = kernel->handlers[CT_TIMER_WRITE].address;
	skel->rodata->timer_timewait = kernel->handlers[CT_TIMER_TIMEWAIT].address;
	skel->rodata->timer_request = kernel->handlers[CT_TIMER_REQUEST].address;
	skel->rodata->preempt_count_behind_rq = ct_hook_preempt_count(kernel->btf);
	ct_hook_reset_reasons(kernel->btf, (uint8_t *)skel->rodata->reset_reasons);
	skel->data->wakeup_bytes = bytes / 4;
	return bpf_map__set_max_entries(skel->maps.ring, bytes);
}

int ct_live_load(const struct ct_kernel *kernel, const struct ct_live_config *config,
		 char *err_text, size_t err_len, struct conntrace_bpf **ret_skel)
{
	struct conntrace_bpf *skel = conntrace_bpf__open();
	int r;

	if (!skel) {
		snprintf(err_text, err_len, "cannot open the programs: %s", strerror(errno));
		return -errno;
	}
	r = configure(skel, kernel, config);
	if (r == 0)
		r = conntrace_bpf__load(skel);
	if (r < 0) {
		conntrace_bpf__destroy(skel);
		return explain_load(r, err_text, err_len);
	}
	*ret_skel = skel;
	return 0;
}
