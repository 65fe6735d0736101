/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `list --watch` saw when it looked before: since when each connection is in its state at
 * least. Each look is a sink of its own; this goes from one to the next.
 */
#pragma once

#include <stdint.h>

#include "conntrace/update.h"

struct ct_list_memory;

/// 0; -ENOMEM, *ret is unchanged.
int ct_list_memory_new(struct ct_list_memory **ret);

/// Frees; NULL is fine.
void ct_list_memory_free(struct ct_list_memory **memory);

/**
 * Keeps what was found.
 *
 * Two looks that find a connection in one state have not missed another one between them: none is
 * entered twice in a life.
 *
 * @update a CT_UPDATE_FOUND.
 * @ret_since_ns when it was first seen in this state, if a look before this one has seen it in it
 *               without a break; 0 if not. Unchanged on failure.
 * @return 0; -ENOMEM.
 */
int ct_list_memory_note(struct ct_list_memory *memory, const struct ct_update *update,
			uint64_t *ret_since_ns);

/// How many were found in this look, by enum ct_state; _CT_STATE_MAX of them.
const uint64_t *ct_list_memory_counts(const struct ct_list_memory *memory);

/// The next look begins: what this one has not found is forgotten.
void ct_list_memory_turn(struct ct_list_memory *memory);
