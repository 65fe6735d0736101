// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Connections that the tracer cannot know rightly, because the kernel ran no program when something
// happened to them; see disturbance.h. What happened is known one by one, and excuses from then on.
// An event that names a connection excuses that one. A timer or a packet that names none excuses
// one connection at most, and only one that it may have been of: where something else of that
// connection was seen at about that time, or where it is told as waiting for its timer from then on
// and ss does not see it any more.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/disturbance.h"
#include "support/oracle_model.h"

#define ORACLE_UNSEEN_MAX 4096

/// An event and a connection that it may have been of.
struct oracle_bond {
	size_t event;
	struct oracle_end end; /// one of the connection's two
	bool named;	       /// the event says so itself
	const char *why;
	int64_t off_ns; /// from the event to what speaks for it
};

/// A connection that was excused, and the disagreement that it was excused for first.
struct oracle_excused {
	struct oracle_bond bond;
	const char *what;
	int64_t at_ns;
};

struct oracle_excuses {
	struct e2e_unseen events[ORACLE_UNSEEN_MAX]; /// at_ns as the record has it
	size_t n_events;
	bool used[ORACLE_UNSEEN_MAX]; /// of those that name none
	struct oracle_bond *bonds;    /// in turn of their events
	size_t n_bonds;
	struct oracle_excused *excused;
	size_t n_excused;
};

/// Finds out which connections the events may have been of. The events are in turn of time, and
/// with the record all that was seen is there. Fails the running test for want of memory.
void oracle_excuses_bind(struct oracle_excuses *excuses, const struct oracle_record *record);

/// True if a disagreement about a connection at that time may come from what no program saw; what
/// is a word for the disagreement, and is borrowed. NULL excuses nobody.
bool oracle_excuse(struct oracle_excuses *excuses, const struct oracle_end *end, int64_t at_ns,
		   const char *what);

/// A line for each that is excused.
void oracle_excuses_print(const struct oracle_excuses *excuses);

void oracle_excuses_fini(struct oracle_excuses *excuses);
