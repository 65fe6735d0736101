/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What can be told of connections, each of it by hooks that a kernel has or has not: what is
 * missing degrades that alone, and is told by `check`, in a recording's header and behind
 * `attached`. So are the privileges of the process that told it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Append only: a recording's header holds the number.
enum ct_capability_id {
	CT_CAPABILITY_TRANSITIONS,
	CT_CAPABILITY_RESETS_SENT,
	CT_CAPABILITY_RESETS_RECEIVED,
	CT_CAPABILITY_RETRANSMITS,
	CT_CAPABILITY_SYNACK_RETRANSMITS,
	CT_CAPABILITY_ERRORS,
	CT_CAPABILITY_RETRANSMIT_KINDS,
	CT_CAPABILITY_PROBES_SENT,
	CT_CAPABILITY_TIME_WAIT_ENTRY,
	CT_CAPABILITY_TIME_WAIT_END,
	CT_CAPABILITY_HALF_OPEN,
	CT_CAPABILITY_ACCEPT_QUEUE,
	CT_CAPABILITY_PROBES_RECEIVED,
	CT_CAPABILITY_OWNER_SEND,
	CT_CAPABILITY_OWNER_RECEIVE,
	CT_CAPABILITY_CHILDREN,
	CT_CAPABILITY_SNAPSHOT,
	CT_CAPABILITY_OWNER_SCAN,
	_CT_CAPABILITY_MAX
};

/// Append only, as above.
enum ct_capability_level {
	CT_CAPABILITY_UNKNOWN, /// a recording of a tracer that did not say
	CT_CAPABILITY_UNASKED, /// an option that this run does without
	CT_CAPABILITY_ABSENT,
	CT_CAPABILITY_PARTIAL,
	CT_CAPABILITY_FULL,
	_CT_CAPABILITY_LEVEL_MAX
};

struct ct_capability {
	uint8_t level;	  /// enum ct_capability_level
	char detail[255]; /// what is missing, why, and what that means for the output; "" if
			  /// nothing
};

/// Of one kernel and user, or of one run of the tracer. All zero: nothing is known.
struct ct_capabilities {
	struct ct_capability of[_CT_CAPABILITY_MAX]; /// by enum ct_capability_id
};

/// What the recorder's process had of capabilities(7), of those that matter. Append only: bit n of
/// a recording's header is of number n.
enum ct_privilege_id {
	CT_PRIVILEGE_BPF,
	CT_PRIVILEGE_PERFMON,
	CT_PRIVILEGE_SYS_ADMIN,
	CT_PRIVILEGE_SYSLOG,
	CT_PRIVILEGE_SYS_PTRACE,
	_CT_PRIVILEGE_MAX
};

/// Of a set of them, 0: nothing is known. Each has a bit that says that it is known, and one that
/// says that it is held.
#define CT_PRIVILEGE_KNOWN(id) (UINT64_C(1) << (32 + (id)))
#define CT_PRIVILEGE_HELD(id)  (UINT64_C(1) << (id))

/// "CAP_BPF", as capabilities(7) has it; static, never NULL. "unknown" for what this version has
/// not.
const char *ct_privilege_name(unsigned int id);

/// Each of them known, and held.
#define CT_PRIVILEGES_ALL \
	(((UINT64_C(1) << _CT_PRIVILEGE_MAX) - 1) * (CT_PRIVILEGE_KNOWN(0) | CT_PRIVILEGE_HELD(0)))

#define CT_PRIVILEGES_STRLEN 192

/// A set of them in words: "all that are needed", "without CAP_SYSLOG, CAP_SYS_PTRACE", "not
/// known". Returns OUT.
const char *ct_privileges_describe(uint64_t privileges, char out[CT_PRIVILEGES_STRLEN]);

/// "transitions", "resets sent" …; static, never NULL. "unknown" for what this version has not.
const char *ct_capability_name(unsigned int id);

/// "full", "partial", "absent", "unasked", or "unknown"; static, never NULL.
const char *ct_capability_level_name(unsigned int level);

/// True when this could not be told, or not all of it, though it was wanted.
static inline bool ct_capability_is_lessened(const struct ct_capability *capability)
{
	return capability->level == CT_CAPABILITY_ABSENT ||
	       capability->level == CT_CAPABILITY_PARTIAL;
}

/// True when it is known that this cannot be told: nothing may be concluded from its silence.
static inline bool ct_capability_is_absent(const struct ct_capabilities *capabilities,
					   enum ct_capability_id id)
{
	uint8_t level = capabilities->of[id].level;

	return level == CT_CAPABILITY_ABSENT || level == CT_CAPABILITY_UNASKED;
}
