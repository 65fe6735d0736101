// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Compares what conntrace told with what ss and the capture saw. Pure: no root, no clock; a
// disagreement is a line on stderr unless quiet.
#pragma once

#include "conntrace/event.h"
#include "support/oracle_excuse.h"
#include "support/oracle_model.h"

/// What is compared, and how near two times must be.
struct oracle_rules {
	int64_t from_ns;     /// the tracer was attached: what is older is context
	int64_t slack_ns;    /// between a state of ours and the same of ss
	int64_t near_ns;     /// between a segment and its fact
	uint16_t short_port; /// of the listener whose accept queue is short
	unsigned long home_netns;
	unsigned long far_netns;
	bool quiet;
	struct oracle_excuses *excuses; /// what no program could see; NULL: they saw everything
};

struct oracle_states_verdict {
	size_t polls;
	size_t seen[_CT_STATE_MAX]; /// sightings that agree, by state
	size_t missing;		    /// ss saw what is not in the recording
	size_t wrong;		    /// the recording has it in another state then, or elsewhere
	size_t phantoms;	    /// the recording has it alive, and ss did not see it
	int64_t needed_ns;	    /// the largest slack that was needed
};

/// Each sighting must be a life of that cookie and those addresses which was in that state at some
/// instant of the poll; and each life that lasted through a whole poll must be sighted in it.
/// Sightings of a poll stand together, behind the empty one that begins it; lives are sorted by
/// cookie.
///
/// @return the number of disagreements.
size_t oracle_judge_states(const struct oracle_record *record, const struct oracle_rules *rules,
			   struct oracle_states_verdict *ret);

/// What each segment of interest is, twice: as sent and as received.
enum oracle_segment_class {
	ORACLE_CLASS_SYN,
	ORACLE_CLASS_SYNACK,
	ORACLE_CLASS_FIN,
	ORACLE_CLASS_RST,
	ORACLE_CLASS_PROBE, /// keepalive or window probe: it repeats what is acknowledged
	_ORACLE_CLASS_MAX,
};

#define ORACLE_ACCOUNTS_MAX 64

struct oracle_segments_verdict {
	size_t segments[_ORACLE_CLASS_MAX];
	size_t accounts[ORACLE_ACCOUNTS_MAX]; /// by account, see oracle_judge_print()
	size_t unaccounted;		      /// segments that no history tells of
	size_t unused;			      /// facts that no segment stands behind
	int64_t needed_ns; /// the largest distance between a segment and its fact
};

/// Each SYN, SYN-ACK, FIN, RST and probe that was captured must be accounted for at its sender and
/// at its receiver: by a fact of that end and about that time, each fact but once; or by one of the
/// reasons that are written down in the table of accounts. And behind each fact there must be a
/// segment. Segments and facts are put into another order.
///
/// @return the number of disagreements.
size_t oracle_judge_segments(struct oracle_record *record, const struct oracle_rules *rules,
			     struct oracle_segments_verdict *ret);

/// How many segments a reason of that name excused; the name must be one of the table's.
size_t oracle_judge_excused(const struct oracle_segments_verdict *verdict, const char *name);

/// Prints what was found, class by class and account by account.
void oracle_judge_print(const struct oracle_states_verdict *states,
			const struct oracle_segments_verdict *segments);
