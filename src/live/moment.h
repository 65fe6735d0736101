/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A record of the ring that holds two events, for everybody else two records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/moment.h"

/// Whether a record of LEN bytes holds two events; of one that is cut or too long nobody knows.
bool ct_moment_is(const struct ct_event *event, size_t len);

/**
 * What is told with a transition stands before it, and behind what was missed of both.
 *
 * @return the length of the first; that of the second is CT_EVENT_SIZE(to).
 */
size_t ct_moment_take_apart(const union ct_moment *moment, size_t len, struct ct_event *ret_first,
			    struct ct_event *ret_then);
