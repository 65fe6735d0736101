// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conntrace/count.h"
#include "conntrace/log.h"
#include "netns.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

#if defined(__x86_64__)
enum { PREEMPT_COUNT_IS_PER_CPU = true };
#else
enum { PREEMPT_COUNT_IS_PER_CPU = false };
#endif

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

/// By the name of the program or of what it hooks into.
static int hide(struct ct_kernel *kernel, const char *name, char *err_text, size_t err_len)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);
	bool found = false;

	for (size_t i = 0; i < n; i++)
		if (strcmp(hooks[i].program, name) == 0 || strcmp(hooks[i].tracepoint, name) == 0) {
			kernel->states[i] = CT_HOOK_HIDDEN;
			found = true;
		}
	if (found)
		return 0;
	snprintf(err_text, err_len, "there is no hook '%s' to hide", name);
	return -EINVAL;
}

static int load_btf(struct ct_kernel *kernel, const char *path, char *err_text, size_t err_len)
{
	if (access(path ? path : BTF_PATH, R_OK) != 0) {
		snprintf(err_text, err_len,
			 "this kernel has no BTF (%s: %s): tracing needs one built with "
			 "CONFIG_DEBUG_INFO_BTF",
			 path ? path : BTF_PATH, strerror(errno));
		return -ENOTSUP;
	}
	kernel->btf = path ? btf__parse(path, NULL) : btf__load_vmlinux_btf();
	if (kernel->btf)
		return 0;
	snprintf(err_text, err_len, "cannot read the kernel's BTF: %s", strerror(errno));
	return -ENOTSUP;
}

/*
 * Newer kernels' tracepoints run under SRCU of its fast kind, and no longer with preemption
 * disabled (include/linux/tracepoint.h). The guard for that shows it.
 */
static bool are_programs_preemptible(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "class_srcu_fast_notrace_t", BTF_KIND_TYPEDEF) > 0;
}

/// Of its handlers one has no address.
static bool lacks_handler(const struct ct_kernel *kernel, const struct ct_hook *hook)
{
	for (unsigned int i = 0; i < _CT_TIMER_HANDLER_MAX; i++)
		if (hook->handlers & (1u << i) && !kernel->handlers[i].address)
			return true;
	return false;
}

/// Without addresses the timers are not traced: the rows that need them say so. Where the receivers
/// are is looked for only if some row needs it: nothing else has to be read to its end.
static void resolve_symbols(struct ct_kernel *kernel)
{
	static const char *const receivers[] = {"tcp_v4_rcv", "tcp_v6_rcv"};
	bool by_tuple = ct_hook_role_is_chosen(kernel->states, CT_HOOK_BY_TUPLE);
	struct ct_symbols wanted = {
		.symbols = kernel->handlers,
		.n = _CT_TIMER_HANDLER_MAX,
		.names = receivers,
		.n_names = by_tuple ? CT_COUNT(receivers) : 0,
		.ranges = kernel->receivers,
		.max = CT_RECEIVERS_MAX,
	};
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	(void)ct_symbols_resolve(&wanted);
	for (size_t i = 0; i < n; i++)
		if (kernel->states[i] == CT_HOOK_GIVEN && lacks_handler(kernel, &hooks[i]))
			kernel->states[i] = CT_HOOK_NO_HANDLER;
}

int ct_kernel_probe(struct ct_kernel *kernel, const struct ct_live_config *config, char *err_text,
		    size_t err_len)
{
	size_t n;
	int r;

	(void)ct_hooks(&n);
	*kernel = (struct ct_kernel){.handlers = {
					     [CT_TIMER_KEEPALIVE] = {"tcp_keepalive_timer", 0},
					     [CT_TIMER_WRITE] = {"tcp_write_timer", 0},
					     [CT_TIMER_TIMEWAIT] = {"tw_timer_handler", 0},
					     [CT_TIMER_REQUEST] = {"reqsk_timer_handler", 0},
				     }};
	for (size_t i = 0; i < n; i++)
		kernel->states[i] = CT_HOOK_NO_TRACEPOINT;
	libbpf_set_print(print_libbpf);
	r = load_btf(kernel, config->btf_path, err_text, err_len);
	if (r < 0)
		return r;
	kernel->is_preemptible = are_programs_preemptible(kernel->btf);
	for (size_t i = 0; i < n; i++)
		kernel->states[i] = ct_hook_look(kernel->btf, i);
	for (size_t i = 0; r == 0 && i < config->n_hidden; i++)
		r = hide(kernel, config->hidden[i], err_text, err_len);
	resolve_symbols(kernel);
	return r;
}

void ct_kernel_fini(struct ct_kernel *kernel)
{
	btf__free(kernel->btf);
	kernel->btf = NULL;
}

/// NULL: it is wanted. Else why it is not.
static const char *unwanted(const struct ct_hook *hook, const struct ct_live_config *config)
{
	if (config->snapshot_only)
		return hook->need == CT_HOOK_WALK ? NULL : "only what is there now was asked for";
	switch (hook->need) {
	case CT_HOOK_IO:
		return config->io_owner ? NULL : "not asked for: --io-owner";
	case CT_HOOK_FOLLOW:
		return config->n_followed ? NULL : "not asked for: --follow, -- CMD";
	default:
		return NULL;
	}
}

bool ct_kernel_loads(const struct ct_kernel *kernel, const struct ct_live_config *config,
		     size_t hook)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	return !unwanted(&hooks[hook], config) && ct_hook_is_chosen(kernel->states, hook);
}

bool ct_kernel_has_role(const struct ct_kernel *kernel, const struct ct_live_config *config,
			enum ct_hook_role role)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++)
		if (hooks[i].role == role && ct_kernel_loads(kernel, config, i))
			return true;
	return false;
}

/// Why a row cannot be had, in front of what is lost without it.
static void explain(const struct ct_kernel *kernel, size_t index, char *ret, size_t len)
{
	size_t n;
	const struct ct_hook *hook = &ct_hooks(&n)[index];
	const char *kind = hook->need == CT_HOOK_WALK ? "" : "tracepoint ";

	switch (kernel->states[index]) {
	case CT_HOOK_NO_TRACEPOINT:
		snprintf(ret, len, "no %s%s: %s", kind, hook->tracepoint, hook->without);
		break;
	case CT_HOOK_FEW_ARGUMENTS:
		snprintf(ret, len, "%s has %d of %d arguments: %s", hook->tracepoint,
			 ct_hook_arguments(kernel->btf, hook->tracepoint), hook->arguments,
			 hook->without);
		break;
	case CT_HOOK_NO_REASON:
		snprintf(ret, len, "%s does not tell %s: %s", hook->tracepoint, hook->reason,
			 hook->without);
		break;
	case CT_HOOK_NO_HANDLER:
		snprintf(ret, len,
			 "/proc/kallsyms gives no address of TCP's timers (CAP_SYSLOG, "
			 "kernel.kptr_restrict): %s",
			 hook->without);
		break;
	case CT_HOOK_HIDDEN:
		snprintf(ret, len, "%s is hidden: %s", hook->tracepoint, hook->without);
		break;
	default:
		snprintf(ret, len, "the kernel's verifier refuses the program on %s (%s): %s",
			 hook->tracepoint, kernel->objections[index], hook->without);
		break;
	}
}

const char *ct_kernel_objection(const struct ct_kernel *kernel, enum ct_capability_id id)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++)
		if (hooks[i].capability == id && *kernel->objections[i])
			return kernel->objections[i];
	return "";
}

/// Rows of one part, from FIRST on: *ret_end is behind the last. -1: none of them is given.
static int chosen_of_part(const struct ct_kernel *kernel, size_t first, size_t *ret_end)
{
	size_t n, i = first;
	const struct ct_hook *hooks = ct_hooks(&n);
	int chosen = -1;

	for (; i < n && ct_hook_are_variants(&hooks[i], &hooks[first]); i++)
		if (ct_hook_is_chosen(kernel->states, i))
			chosen = (int)i;
	*ret_end = i;
	return chosen;
}

/// One part lowers what the parts before it have made of its capability.
static void judge_part(const struct ct_kernel *kernel, const struct ct_live_config *config,
		       size_t first, size_t end, int chosen, struct ct_capability *capability)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);
	const char *why = unwanted(&hooks[first], config);

	if (capability->level != CT_CAPABILITY_UNKNOWN && capability->level < CT_CAPABILITY_PARTIAL)
		return;
	if (why) {
		capability->level = CT_CAPABILITY_UNASKED;
		snprintf(capability->detail, sizeof(capability->detail), "%s", why);
	} else if (chosen < 0) {
		capability->level = hooks[end - 1].lessens ? CT_CAPABILITY_PARTIAL
							   : CT_CAPABILITY_ABSENT;
		explain(kernel, end - 1, capability->detail, sizeof(capability->detail));
	} else if (hooks[chosen].partial) {
		capability->level = CT_CAPABILITY_PARTIAL;
		snprintf(capability->detail, sizeof(capability->detail), "%s",
			 hooks[chosen].partial);
	} else if (capability->level == CT_CAPABILITY_UNKNOWN) {
		capability->level = CT_CAPABILITY_FULL;
	}
}

static void lower(struct ct_capability *capability, const char *detail)
{
	if (capability->level < CT_CAPABILITY_PARTIAL)
		return;
	capability->level = CT_CAPABILITY_PARTIAL;
	snprintf(capability->detail, sizeof(capability->detail), "%s", detail);
}

/* Resets that answer for no socket are told from what TCP's receivers drop, if nothing else does.
 */
static bool misses_nobodys_resets(const struct ct_kernel *kernel)
{
	return kernel->btf && ct_hook_resets_are_untold(kernel->btf) &&
	       (!ct_hook_role_is_chosen(kernel->states, CT_HOOK_BY_TUPLE) ||
		!kernel->receivers[0].begin);
}

/// What is no hook's.
static void judge_surroundings(const struct ct_kernel *kernel, const struct ct_live_config *config,
			       struct ct_capabilities *list)
{
	struct ct_capability *snapshot = &list->of[CT_CAPABILITY_SNAPSHOT];

	/* the socket iterator shows one network namespace, that of the thread */
	if (!ct_netns_may_enter())
		lower(snapshot,
		      "not permitted to enter other network namespaces (CAP_SYS_ADMIN): what was "
		      "there before is shown for the own one alone");
	if (config->no_snapshot && snapshot->level > CT_CAPABILITY_ABSENT)
		*snapshot = list->of[CT_CAPABILITY_OWNER_SCAN] = (struct ct_capability){
			CT_CAPABILITY_UNASKED, "not asked for: --no-snapshot"};
	if (misses_nobodys_resets(kernel))
		lower(&list->of[CT_CAPABILITY_RESETS_SENT],
		      "the kernel gives no reason; causes come from the socket alone, and resets that "
		      "answer for no socket are not shown: neither this tracepoint nor kfree_skb tells "
		      "them");
	/* whose addresses are known is known from its beginning on, or from its row */
	if (ct_hook_role_is_chosen(kernel->states, CT_HOOK_BY_TUPLE) &&
	    snapshot->level != CT_CAPABILITY_FULL)
		lower(&list->of[CT_CAPABILITY_PROBES_RECEIVED],
		      "the kernel does not name the socket: those that connections of before get are "
		      "not shown where the snapshot has not found them, nor what comes while a process "
		      "of another network namespace is at work on it");
	/* whether it is a process that ends a mini-socket is told by what holds the CPU */
	if (PREEMPT_COUNT_IS_PER_CPU && kernel->btf && !ct_hook_preempt_count(kernel->btf))
		lower(&list->of[CT_CAPABILITY_TIME_WAIT_END],
		      "BTF does not tell where the kernel keeps preempt_count: who ended it is told "
		      "of connect() alone");
}

void ct_kernel_judge(const struct ct_kernel *kernel, const struct ct_live_config *config,
		     struct ct_capabilities *ret)
{
	size_t n, end;
	const struct ct_hook *hooks = ct_hooks(&n);

	*ret = (struct ct_capabilities){};
	for (size_t first = 0; first < n; first = end) {
		int chosen = chosen_of_part(kernel, first, &end);

		judge_part(kernel, config, first, end, chosen, &ret->of[hooks[first].capability]);
	}
	judge_surroundings(kernel, config, ret);
}
