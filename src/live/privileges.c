// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"

#define LOCKDOWN_PATH "/sys/kernel/security/lockdown"

static const struct {
	unsigned int number;
	const char *purpose;
} wanted[] = {
	[CT_PRIVILEGE_BPF] = {CAP_BPF, "loading the programs"},
	[CT_PRIVILEGE_PERFMON] = {CAP_PERFMON, "tracing"},
	[CT_PRIVILEGE_SYS_ADMIN] = {CAP_SYS_ADMIN,
				    "what was there before in other network namespaces"},
	[CT_PRIVILEGE_SYSLOG] = {CAP_SYSLOG,
				 "TIME_WAIT, handshakes and probes, by the timers' addresses"},
	[CT_PRIVILEGE_SYS_PTRACE] = {CAP_SYS_PTRACE,
				     "the network namespaces of other users' processes"},
};
_Static_assert(CT_COUNT(wanted) == _CT_PRIVILEGE_MAX, "a number and a purpose for each");

static bool have(unsigned int capability)
{
	return capng_have_capability(CAPNG_EFFECTIVE, capability) == 1;
}

/// bpf_capable(), perfmon_capable(): CAP_SYS_ADMIN stands for both.
static bool has(unsigned int capability)
{
	return have(capability) ||
	       ((capability == CAP_BPF || capability == CAP_PERFMON) && have(CAP_SYS_ADMIN));
}

const char *ct_missing_to_trace(void)
{
	if (capng_get_caps_process() != 0)
		return NULL; /* the kernel will tell */
	if (!has(CAP_BPF))
		return has(CAP_PERFMON) ? "CAP_BPF" : "CAP_BPF and CAP_PERFMON";
	return has(CAP_PERFMON) ? NULL : "CAP_PERFMON";
}

void ct_live_privileges(struct ct_privilege ret[_CT_PRIVILEGE_MAX])
{
	bool known = capng_get_caps_process() == 0;

	for (unsigned int i = 0; i < _CT_PRIVILEGE_MAX; i++)
		ret[i] = (struct ct_privilege){.name = ct_privilege_name(i),
					       .purpose = wanted[i].purpose,
					       .held = known && has(wanted[i].number)};
}

uint64_t ct_live_privilege_bits(void)
{
	uint64_t bits = 0;

	if (capng_get_caps_process() != 0)
		return 0;
	for (unsigned int i = 0; i < _CT_PRIVILEGE_MAX; i++) {
		bits |= CT_PRIVILEGE_KNOWN(i);
		if (has(wanted[i].number))
			bits |= CT_PRIVILEGE_HELD(i);
	}
	return bits;
}

/// "[none] integrity confidentiality": the one in brackets, security/lockdown/lockdown.c.
static void read_lockdown(char *ret, size_t len)
{
	_cleanup_(ct_fclosep) FILE *file = fopen(LOCKDOWN_PATH, "re");
	char line[128];
	char *word;

	if (!file || !fgets(line, sizeof(line), file))
		return;
	word = strchr(line, '[');
	if (!word)
		return;
	word++;
	word[strcspn(word, "]\n")] = '\0';
	snprintf(ret, len, "%s", word);
}

void ct_surroundings_look(struct ct_surroundings *ret)
{
	*ret = (struct ct_surroundings){};
	ct_live_privileges(ret->privileges);
	read_lockdown(ret->lockdown, sizeof(ret->lockdown));
}
