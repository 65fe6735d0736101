/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Conditions that nothing can meet: somebody would wait for them in vain. */
#pragma once

#include "conntrace/capability.h"
#include "options.h"

/**
 * Says, a line each, which conditions of the selection cannot be met by what is told of
 * connections: by this kernel, in this run, or by this recording.
 *
 * @where "here", "in this recording"
 */
void ct_unseen_tell(const struct ct_options *options, const struct ct_capabilities *capabilities,
		    const char *where);

/// Says of how many sockets `list` could not tell whether they have the age asked for; nothing if
/// of none. @unknown_ages of struct ct_pipeline_stats.
void ct_unseen_tell_ages(const struct ct_options *options, uint64_t unknown_ages);

/// Says what this kernel or user does not give: nothing is to be concluded from its silence.
void ct_unseen_tell_absent(const struct ct_capabilities *capabilities);
