/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection table with the detectors behind it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/detect.h"
#include "world.h"

static inline int detect_setup(void **state)
{
	int r = world_setup(state);

	((struct world *)*state)->look = ct_detect;
	return r;
}

/// One fact that a flag of the last connection rests on; NULL when it does not.
static inline const struct ct_evidence *find_evidence(const struct world *world, enum ct_flag flag,
						      const char *key)
{
	const struct ct_mark *mark = mark_of(world, flag);

	for (size_t i = 0; i < mark->n_evidence; i++)
		if (strcmp(mark->evidence[i].key, key) == 0)
			return &mark->evidence[i];
	return NULL;
}

static inline const struct ct_evidence *evidence_of(const struct world *world, enum ct_flag flag,
						    const char *key)
{
	const struct ct_evidence *evidence = find_evidence(world, flag, key);

	if (!evidence)
		fail_msg("no evidence %s", key);
	return evidence;
}

static inline bool is_raised(const struct world *world, enum ct_flag flag)
{
	return world->conn->flags & (1U << flag);
}
