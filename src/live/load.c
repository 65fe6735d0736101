// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conntrace.skel.h"
#include "load.h"
#include "privileges.h"

static int explain_permission(char *err_text, size_t err_len)
{
	const char *missing = ct_missing_to_trace();

	if (missing)
		snprintf(err_text, err_len,
			 "not permitted to trace without %s: run it as root (or with CAP_BPF and "
			 "CAP_PERFMON)",
			 missing);
	else
		snprintf(err_text, err_len,
			 "the kernel does not permit it, though the capabilities are there: a "
			 "container, a security module or a lockdown forbids BPF programs");
	return -EPERM;
}

/* Opens and loads what is chosen. */
static int load(const struct ct_kernel *kernel, const struct ct_live_config *config,
		struct conntrace_bpf **ret)
{
	struct conntrace_bpf *skel = ct_load_open(config);
	int r;

	if (!skel)
		return -errno;
	r = ct_load_configure(skel, kernel, config);
	if (r == 0)
		r = conntrace_bpf__load(skel);
	if (r < 0)
		conntrace_bpf__destroy(skel);
	else
		*ret = skel;
	return r;
}

/* Without transitions there is nothing to trace. */
static int explain(const struct ct_kernel *kernel, const struct ct_live_config *config, int err,
		   char *err_text, size_t err_len)
{
	struct ct_capabilities can;
	const struct ct_capability *transitions = &can.of[CT_CAPABILITY_TRANSITIONS];

	ct_kernel_judge(kernel, config, &can);
	if (transitions->level == CT_CAPABILITY_ABSENT)
		snprintf(err_text, err_len, "this kernel cannot be traced: %s",
			 *ct_kernel_objection(kernel, CT_CAPABILITY_TRANSITIONS)
				 ? ct_kernel_objection(kernel, CT_CAPABILITY_TRANSITIONS)
				 : transitions->detail);
	else if (err < 0)
		snprintf(err_text, err_len, "this kernel does not take the programs: %s",
			 strerror(-err));
	return err < 0 || transitions->level == CT_CAPABILITY_ABSENT ? -ENOTSUP : 0;
}

/* 0, or -errno with a line in ERR_TEXT. */
static int load_what_can_be(struct ct_kernel *kernel, const struct ct_live_config *config,
			    char *err_text, size_t err_len, struct conntrace_bpf **ret)
{
	int r = load(kernel, config, ret);

	if (r == 0)
		return explain(kernel, config, 0, err_text, err_len);
	if (r == -ENOMEM) {
		snprintf(err_text, err_len, "cannot load the programs: %s", strerror(-r));
		return r;
	}
	if (r == -EPERM || ct_missing_to_trace())
		return explain_permission(err_text, err_len);
	if (ct_load_sift(kernel, config))
		r = load(kernel, config, ret);
	if (r < 0) { /* then it is a second one: without them misses are counted as lost */
		kernel->no_second = true;
		r = load(kernel, config, ret);
	}
	return explain(kernel, config, r, err_text, err_len);
}

int ct_live_load(struct ct_kernel *kernel, const struct ct_live_config *config, char *err_text,
		 size_t err_len, struct conntrace_bpf **ret_skel)
{
	struct conntrace_bpf *skel = NULL;
	int r = load_what_can_be(kernel, config, err_text, err_len, &skel);

	if (r == 0)
		*ret_skel = skel;
	else
		conntrace_bpf__destroy(skel);
	return r;
}
