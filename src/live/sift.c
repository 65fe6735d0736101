// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace.skel.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/log.h"
#include "load.h"

/* What the verifier means, where its words are not for everybody. */
static const struct {
	const char *begin, *meaning;
} objections[] = {
	{"BPF_STX uses reserved fields",
	 "its BPF programs have no fetching atomic operations, and its tracing programs no socket "
	 "cookie"},
	{"unknown func bpf_task_pt_regs", "its tracing programs have no bpf_task_pt_regs()"},
	{"invalid func unknown#175", "its tracing programs have no bpf_task_pt_regs()"},
	{"unknown func bpf_probe_read_kernel",
	 "lockdown=confidentiality forbids programs to read the kernel's memory"},
	{"unknown func bpf_get_socket_cookie", "its tracing programs have no socket cookie"},
	{"unknown func bpf_sk_storage_get", "its tracing programs have no storage with sockets"},
	{"program of this type cannot use helper bpf_probe_read",
	 "lockdown=confidentiality forbids programs to read the kernel's memory"},
};

/* What the verifier says last of a program, before it counts what it has seen. */
static void find_objection(char *log, char *ret, size_t len)
{
	char *save, *line;

	for (line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "processed ", strlen("processed ")) == 0)
			break;
		if (*line && *line != ';')
			snprintf(ret, len, "%s", line);
	}
	for (size_t i = 0; i < CT_COUNT(objections); i++)
		if (strncmp(ret, objections[i].begin, strlen(objections[i].begin)) == 0)
			snprintf(ret, len, "%s", objections[i].meaning);
}

/* What a verifier may write of a large program; before Linux 6.4 what is too long loses its end. */
#define LOG_BYTES (8u << 20)

/*
 * Loads one program and nothing else. True if the verifier does not take it: RET_OBJECTION (of LEN
 * bytes) gets why.
 */
static bool is_refused(const struct ct_kernel *kernel, const struct ct_live_config *config,
		       const char *name, char *ret_objection, size_t len)
{
	_cleanup_(ct_freep) char *log = calloc(1, LOG_BYTES);
	struct conntrace_bpf *skel = ct_load_open(config);
	struct bpf_program *program;
	int r;

	if (!skel || !log) {
		conntrace_bpf__destroy(skel);
		return false;
	}
	r = ct_load_configure(skel, kernel, config);
	bpf_object__for_each_program(program, skel->obj)
	{
		if (strcmp(bpf_program__name(program), name) != 0)
			bpf_program__set_autoload(program, false);
		else
			bpf_program__set_log_buf(program, log, LOG_BYTES);
	}
	if (r == 0)
		r = conntrace_bpf__load(skel);
	conntrace_bpf__destroy(skel);
	if (r == 0 || r == -ENOMEM || r == -EPERM)
		return false;
	find_objection(log, ret_objection, len);
	return true;
}

bool ct_load_sift(struct ct_kernel *kernel, const struct ct_live_config *config)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);
	bool sifted = false;

	for (size_t i = 0; i < n; i++) {
		char objection[CT_OBJECTION_LEN] = "";

		if (!ct_kernel_loads(kernel, config, i) ||
		    !is_refused(kernel, config, hooks[i].program, objection, sizeof(objection)))
			continue;
		ct_debug("the kernel's verifier refuses %s", hooks[i].program);
		for (size_t j = 0; j < n; j++) {
			if (strcmp(hooks[j].program, hooks[i].program) != 0)
				continue;
			kernel->states[j] = CT_HOOK_REFUSED;
			memcpy(kernel->objections[j], objection, sizeof(objection));
		}
		sifted = true;
	}
	return sifted;
}
