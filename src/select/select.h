/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of the selection: the conditions, which match.c judges and selector.c acts upon. */
#pragma once

#include "conntrace/hash.h"
#include "conntrace/select.h"

/*
 * From no to yes: "and" is the lesser of two, "or" the greater, "not" the one at the other end.
 * Those above the middle are true as it stands, and so at the end, when nothing else has come. What
 * an owner says that is not certain is further from the middle than what may still come: he becomes
 * certain by waiting, so that an "or" of the two need not wait for the latter, and an "and" has to.
 */
enum ct_verdict {
	CT_NO,
	CT_PROVISIONAL_NO, /// no, by an owner that is not certain yet
	CT_UNDECIDED,	   /// not known yet, or has not come yet: no as it stands
	CT_YES_SO_FAR,	   /// what speaks against it has not come yet
	CT_PROVISIONAL,	   /// yes, by an owner that is not certain yet
	CT_YES,
};

static inline enum ct_verdict ct_verdict_if(bool condition)
{
	return condition ? CT_YES : CT_NO;
}

static inline enum ct_verdict ct_verdict_and(enum ct_verdict a, enum ct_verdict b)
{
	return a < b ? a : b;
}

static inline enum ct_verdict ct_verdict_or(enum ct_verdict a, enum ct_verdict b)
{
	return a > b ? a : b;
}

static inline enum ct_verdict ct_verdict_not(enum ct_verdict verdict)
{
	return (enum ct_verdict)(CT_YES - verdict);
}

/// Whether it is selected if nothing more becomes known of it.
static inline bool ct_verdict_is_true(enum ct_verdict verdict)
{
	return verdict >= CT_YES_SO_FAR;
}

/// Processes asked for: those of the command line, and their children as they are forked.
struct ct_pid {
	uint32_t pid;
	UT_hash_handle hh;
};

/// What is taken for true where an age is asked for that nobody knows.
enum ct_unknown_age {
	CT_AGE_IS_UNKNOWN = 0, /// nothing: what is not known is no, as it stands
	CT_AGE_FITS,
	CT_AGE_DOES_NOT_FIT,
};

/// Who is judged, by what, and when.
struct ct_subject {
	const struct ct_select *select;
	const struct ct_pid *pids; /// those asked for, uthash; NULL: the selection names none
	const struct ct_conn_id *id;
	/// NULL for a packet that no connection answers for: only its addresses can be judged.
	const struct ct_conn *conn;
	uint64_t seen_ns; /// when it was first told of; for one whose beginning is not known
	uint64_t now_ns;  /// CLOCK_MONOTONIC
	enum ct_unknown_age assumed;
	bool age_unknown;  /// set: an age that nobody knows was asked for
	uint64_t wants_ns; /// set: when time alone may change the verdict; CT_NS_UNKNOWN never
};

/// Numbers from first to last, both inclusive; none when first is the greater.
struct ct_range {
	uint64_t first;
	uint64_t last;
};

/// Judges a connection by what is known of it now; sets subject->wants_ns.
enum ct_verdict ct_select_match(struct ct_subject *subject);

/// The same for single conditions: whether its owner, which MATCHES or not, is certain;
enum ct_verdict ct_judge_owner(const struct ct_subject *subject, bool matches);
/// what one says whose owner is not known, by him: no, when nobody will turn up any more;
enum ct_verdict ct_judge_unknown_owner(const struct ct_subject *subject);
/// whether it was in one of STATES (1 << enum ct_state);
enum ct_verdict ct_judge_states(const struct ct_subject *subject, uint16_t states);
/// whether one of FLAGS (1 << enum ct_flag) was raised;
enum ct_verdict ct_judge_flags(const struct ct_subject *subject, uint32_t flags);
/// and whether its life is, or at its end was, so many nanoseconds old. Lowers wants_ns.
enum ct_verdict ct_judge_age(struct ct_subject *subject, const struct ct_range *ages_ns);
