// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/capability.h"

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

const char *ct_capability_name(unsigned int id)
{
	return id < CT_COUNT(names) ? names[id] : "unknown";
}

const char *ct_capability_level_name(unsigned int level)
{
	return level < CT_COUNT(level_names) ? level_names[level] : "unknown";
}
