// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/capability.h"

#include <stdio.h>
#include <string.h>

#include "conntrace/count.h"

static const char *const names[] = {
	[CT_CAPABILITY_TRANSITIONS] = "transitions",
	[CT_CAPABILITY_RESETS_SENT] = "resets sent",
	[CT_CAPABILITY_RESETS_RECEIVED] = "resets received",
	[CT_CAPABILITY_RETRANSMITS] = "retransmits",
	[CT_CAPABILITY_SYNACK_RETRANSMITS] = "synack retransmits",
	[CT_CAPABILITY_ERRORS] = "errors",
	[CT_CAPABILITY_RETRANSMIT_KINDS] = "retransmit kinds",
	[CT_CAPABILITY_PROBES_SENT] = "probes sent",
	[CT_CAPABILITY_TIME_WAIT_ENTRY] = "time-wait entry",
	[CT_CAPABILITY_TIME_WAIT_END] = "time-wait end",
	[CT_CAPABILITY_HALF_OPEN] = "half-open handshakes",
	[CT_CAPABILITY_ACCEPT_QUEUE] = "accept queue overflows",
	[CT_CAPABILITY_PROBES_RECEIVED] = "probes received",
	[CT_CAPABILITY_OWNER_SEND] = "owner by first send",
	[CT_CAPABILITY_OWNER_RECEIVE] = "owner by first receive",
	[CT_CAPABILITY_CHILDREN] = "children",
	[CT_CAPABILITY_SNAPSHOT] = "snapshot",
	[CT_CAPABILITY_OWNER_SCAN] = "owner scan",
};
_Static_assert(CT_COUNT(names) == _CT_CAPABILITY_MAX, "a name for each");

static const char *const level_names[] = {
	[CT_CAPABILITY_UNKNOWN] = "unknown", [CT_CAPABILITY_UNASKED] = "unasked",
	[CT_CAPABILITY_ABSENT] = "absent",   [CT_CAPABILITY_PARTIAL] = "partial",
	[CT_CAPABILITY_FULL] = "full",
};
_Static_assert(CT_COUNT(level_names) == _CT_CAPABILITY_LEVEL_MAX, "a name for each");

static const char *const privilege_names[] = {
	[CT_PRIVILEGE_BPF] = "CAP_BPF",
	[CT_PRIVILEGE_PERFMON] = "CAP_PERFMON",
	[CT_PRIVILEGE_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CT_PRIVILEGE_SYSLOG] = "CAP_SYSLOG",
	[CT_PRIVILEGE_SYS_PTRACE] = "CAP_SYS_PTRACE",
};
_Static_assert(CT_COUNT(privilege_names) == _CT_PRIVILEGE_MAX, "a name for each");
_Static_assert(_CT_PRIVILEGE_MAX <= 32, "two bits for each");

const char *ct_capability_name(unsigned int id)
{
	return id < CT_COUNT(names) ? names[id] : "unknown";
}

const char *ct_capability_level_name(unsigned int level)
{
	return level < CT_COUNT(level_names) ? level_names[level] : "unknown";
}

const char *ct_privilege_name(unsigned int id)
{
	return id < CT_COUNT(privilege_names) ? privilege_names[id] : "unknown";
}

/// Appends those that are missing, or of which nothing is known, with BEFORE in front of them.
/// Returns how long the text is then: room is for all of them twice.
static size_t list_those(uint64_t privileges, bool known, const char *before, char *out,
			 size_t used)
{
	const char *between = before;

	for (unsigned int id = 0; id < _CT_PRIVILEGE_MAX; id++) {
		bool is_known = privileges & CT_PRIVILEGE_KNOWN(id);

		if (is_known != known || (is_known && privileges & CT_PRIVILEGE_HELD(id)))
			continue;
		used += (size_t)snprintf(out + used, CT_PRIVILEGES_STRLEN - used, "%s%s", between,
					 privilege_names[id]);
		between = ", ";
	}
	return used;
}

const char *ct_privileges_describe(uint64_t privileges, char out[CT_PRIVILEGES_STRLEN])
{
	const uint64_t all_known = CT_PRIVILEGES_ALL & ~(uint64_t)UINT32_MAX;
	size_t used;

	if ((privileges & CT_PRIVILEGES_ALL) == CT_PRIVILEGES_ALL)
		return strcpy(out, "all that are needed");
	if (!(privileges & all_known))
		return strcpy(out, "not known");
	used = list_those(privileges, true, "without ", out, 0);
	(void)list_those(privileges, false, used ? "; not known: " : "not known: ", out, used);
	return out;
}
