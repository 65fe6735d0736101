// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace.skel.h"
#include "conntrace/cleanup.h"
#include "live.h"
#include "netns.h"

#if defined(__x86_64__)
enum { PREEMPT_COUNT_IS_PER_CPU = true };
#else
enum { PREEMPT_COUNT_IS_PER_CPU = false };
#endif

static void judge_chosen(const struct ct_hook *hook, struct ct_capability *capability)
{
	capability->level = hook->partial ? CT_CAPABILITY_PARTIAL : CT_CAPABILITY_FULL;
	snprintf(capability->detail, sizeof(capability->detail), "%s",
		 hook->partial ? hook->partial : "");
}

static void judge_absent(const struct ct_kernel *kernel, const struct ct_hook *hook,
			 struct ct_capability *capability)
{
	int arguments = kernel->btf ? ct_hook_arguments(kernel->btf, hook->tracepoint) : -ENOENT;

	capability->level = CT_CAPABILITY_ABSENT;
	if (arguments < 0)
		snprintf(capability->detail, sizeof(capability->detail), "no %s%s: %s",
			 hook->need == CT_HOOK_WALK ? "" : "tracepoint ", hook->tracepoint,
			 hook->without);
	else
		snprintf(capability->detail, sizeof(capability->detail),
			 "%s has %d of %d arguments: %s", hook->tracepoint, arguments,
			 hook->arguments, hook->without);
}

/* The socket iterator shows one network namespace, that of the thread. */
static void judge_snapshot(struct ct_capability *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, "snapshot") != 0 ||
		    list[i].level == CT_CAPABILITY_ABSENT || ct_netns_may_enter())
			continue;
		list[i].level = CT_CAPABILITY_PARTIAL;
		snprintf(
			list[i].detail, sizeof(list[i].detail),
			"not permitted to enter other network namespaces (CAP_SYS_ADMIN): what was "
			"there before is shown for the own one alone");
	}
}

/* Whether it is a process that ends a mini-socket is told by what holds the CPU. */
static void judge_ends(const struct ct_kernel *kernel, struct ct_capability *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, "time-wait end") != 0 ||
		    list[i].level == CT_CAPABILITY_ABSENT || !PREEMPT_COUNT_IS_PER_CPU ||
		    ct_hook_preempt_count(kernel->btf))
			continue;
		list[i].level = CT_CAPABILITY_PARTIAL;
		snprintf(list[i].detail, sizeof(list[i].detail),
			 "BTF does not tell where the kernel keeps preempt_count: who ended it is "
			 "told of connect() alone");
	}
}

/* The timers are told apart by their handlers' addresses, which the kernel may hide. */
static void judge_handlers(const struct ct_kernel *kernel, struct ct_capability *list, size_t n)
{
	static const struct {
		const char *capability;
		uint8_t handler;
	} needs[] = {
		{"probes sent", CT_TIMER_KEEPALIVE},
		{"time-wait entry", CT_TIMER_TIMEWAIT},
		{"time-wait end", CT_TIMER_TIMEWAIT},
		{"half-open handshakes", CT_TIMER_REQUEST},
		{"accept queue overflows", CT_TIMER_REQUEST},
		{"timers", CT_TIMER_WRITE},
	};

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < sizeof(needs) / sizeof(needs[0]); j++) {
			const struct ct_symbol *handler = &kernel->handlers[needs[j].handler];

			if (strcmp(list[i].name, needs[j].capability) != 0 || handler->address ||
			    list[i].level == CT_CAPABILITY_ABSENT)
				continue;
			list[i].level = CT_CAPABILITY_ABSENT;
			snprintf(list[i].detail, sizeof(list[i].detail),
				 "/proc/kallsyms does not give the address of %s "
				 "(kernel.kptr_restrict?)",
				 handler->name);
		}
}

static size_t judge(const struct ct_kernel *kernel, struct ct_capability *list)
{
	size_t n_hooks, n = 0;
	const struct ct_hook *hooks = ct_hooks(&n_hooks);

	for (size_t i = 0; i < n_hooks; i++) {
		bool chosen = kernel->btf && ct_hook_is_chosen(kernel->btf, i);
		bool first = i == 0 || strcmp(hooks[i - 1].capability, hooks[i].capability) != 0;
		bool last = i + 1 == n_hooks ||
			    strcmp(hooks[i + 1].capability, hooks[i].capability) != 0;

		if (first)
			list[n++] = (struct ct_capability){.name = hooks[i].capability};
		if (chosen)
			judge_chosen(&hooks[i], &list[n - 1]);
		else if (last && list[n - 1].level == CT_CAPABILITY_ABSENT)
			judge_absent(kernel, &hooks[i], &list[n - 1]);
	}
	judge_handlers(kernel, list, n);
	judge_snapshot(list, n);
	judge_ends(kernel, list, n);
	return n;
}

int ct_live_check(struct ct_capability **ret_list, size_t *ret_n, char *err_text, size_t err_len)
{
	static const uint32_t nobody = UINT32_MAX;
	/* everything that can be asked for, so that the kernel's verifier sees all of it */
	static const struct ct_live_config config = {
		.ring_bytes = 1, .io_owner = true, .followed = &nobody, .n_followed = 1};
	_cleanup_(ct_kernel_fini) struct ct_kernel kernel = {0};
	_cleanup_(ct_freep) struct ct_capability *list = NULL;
	struct conntrace_bpf *skel = NULL;
	size_t n_hooks;
	int r;

	(void)ct_hooks(&n_hooks);
	list = calloc(n_hooks, sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (err_len)
		err_text[0] = '\0';
	r = ct_kernel_probe(&kernel, err_text, err_len);
	*ret_n = judge(&kernel, list);
	*ret_list = CT_TAKE_PTR(list);
	if (r == 0)
		r = ct_live_load(&kernel, &config, err_text, err_len, &skel);
	conntrace_bpf__destroy(skel);
	for (size_t i = 0; r < 0 && i < *ret_n; i++) {
		(*ret_list)[i].level = CT_CAPABILITY_ABSENT;
		snprintf((*ret_list)[i].detail, sizeof((*ret_list)[i].detail), "%s", err_text);
	}
	return r;
}
