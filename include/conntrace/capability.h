/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What can be told of connections, each of it by hooks that a kernel has or has not: what is
 * missing degrades that alone, and is told by `check`, in a recording's header and behind
 * `attached`.
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
