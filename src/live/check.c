// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conntrace.skel.h"
#include "conntrace/cleanup.h"
#include "live.h"
#include "privileges.h"

/// Tracing is impossible: whatever the kernel's BTF promises cannot be had, for one and the same
/// reason.
static void take_all(struct ct_capabilities *list, const char *why)
{
	for (size_t i = 0; i < _CT_CAPABILITY_MAX; i++) {
		list->of[i].level = CT_CAPABILITY_ABSENT;
		snprintf(list->of[i].detail, sizeof(list->of[i].detail), "%s", why);
	}
}

int ct_live_check(const struct ct_live_config *given, struct ct_capabilities *ret,
		  struct ct_surroundings *ret_surroundings, char *err_text, size_t err_len)
{
	static const uint32_t nobody = UINT32_MAX;
	/* everything that can be asked for, so that the kernel's verifier sees all of it */
	const struct ct_live_config config = {.ring_bytes = 1,
					      .io_owner = true,
					      .followed = &nobody,
					      .n_followed = 1,
					      .hidden = given->hidden,
					      .n_hidden = given->n_hidden,
					      .btf_path = given->btf_path};
	_cleanup_(ct_kernel_fini) struct ct_kernel kernel = {0};
	struct conntrace_bpf *skel = NULL;
	int r;

	if (err_len)
		err_text[0] = '\0';
	ct_surroundings_look(ret_surroundings);
	r = ct_kernel_probe(&kernel, &config, err_text, err_len);
	ret_surroundings->has_btf = kernel.btf;
	if (r == 0)
		r = ct_live_load(&kernel, &config, err_text, err_len, &skel);
	conntrace_bpf__destroy(skel);
	ct_kernel_judge(&kernel, &config, ret);
	if (r < 0)
		take_all(ret, r == -EPERM ? "not permitted" : "tracing is not possible here");
	return r;
}
