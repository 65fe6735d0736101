/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The states that one connection lived in, in order and bounded: the first and the last are kept,
 * those between are counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A duration or a time that is not known.
#define CT_NS_UNKNOWN UINT64_MAX

/// Steps kept at most: half of them the first, half the last.
#define CT_HISTORY_MAX 16

enum ct_basis {
	CT_BASIS_SEEN = 0,
	CT_BASIS_INFERRED, /// follows from something else that was seen
	CT_BASIS_FOUND,	   /// it was so when the tracer started; ct_conn.unseen: when it was looked
			   /// for
	_CT_BASIS_MAX,
};

const char *ct_basis_name(unsigned int value);

struct ct_step {
	uint64_t at_ns; /// when the state was entered; CT_NS_UNKNOWN before the tracer, or not seen
	uint64_t for_ns; /// how long it lasted; CT_NS_UNKNOWN: not known, or it lasts still
	uint8_t state;	 /// enum ct_state
	uint8_t basis;	 /// enum ct_basis
};

struct ct_history {
	struct ct_step *steps; /// owned
	uint16_t n_steps;
	uint16_t capacity;
	uint32_t n_dropped; /// steps left out behind the first CT_HISTORY_MAX / 2
};

/**
 * The step that it is in now.
 *
 * @return NULL for an empty history. Valid until the next ct_history_enter().
 */
static inline const struct ct_step *ct_history_last(const struct ct_history *history)
{
	return history->n_steps ? &history->steps[history->n_steps - 1] : NULL;
}

/**
 * Ends the last step and begins a new one.
 *
 * A time that runs backwards (another CPU's clock) counts as 0, never as negative.
 *
 * @at_ns CT_NS_UNKNOWN: in this state since before the tracer.
 * @ret_in_state_ns how long the step before lasted, CT_NS_UNKNOWN when not known; may be NULL.
 * @return 0; -ENOMEM, the history is unchanged then.
 */
int ct_history_enter(struct ct_history *history, uint8_t state, uint8_t basis, uint64_t at_ns,
		     uint64_t *ret_in_state_ns);

/// Ends the last step at AT_NS without a new one: the connection is gone.
void ct_history_end(struct ct_history *history, uint64_t at_ns, uint64_t *ret_in_state_ns);

void ct_history_fini(struct ct_history *history);
