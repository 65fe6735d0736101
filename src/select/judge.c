// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the options and an expression both ask of a connection, judged in one way. */
#include "select.h"

/* Its process, or whoever else acted on it, is gone: nobody will turn up whose it is. */
static bool is_beyond_owners(const struct ct_conn *conn)
{
	return conn && (conn->phase == CT_PHASE_MINI ||
			(conn->phase == CT_PHASE_LIVE && conn->sock_flags & CT_SOCK_ORPHAN));
}

enum ct_verdict ct_judge_unknown_owner(const struct ct_subject *s)
{
	return is_beyond_owners(s->conn) ? CT_NO : CT_UNDECIDED;
}

enum ct_verdict ct_judge_owner(const struct ct_subject *s, bool matches)
{
	switch (s->id->owner) {
	case CT_OWNER_INHERITED: /* whoever accepts it may be somebody else */
		return matches ? CT_PROVISIONAL : CT_PROVISIONAL_NO;
	case CT_OWNER_SCAN: /* one of those that hold it: another may act on it */
		if (matches)
			return CT_YES;
		return is_beyond_owners(s->conn) ? CT_NO : CT_PROVISIONAL_NO;
	case CT_OWNER_UNKNOWN:
		return ct_judge_unknown_owner(s);
	default:
		return ct_verdict_if(matches);
	}
}

enum ct_verdict ct_judge_states(const struct ct_subject *s, uint16_t states)
{
	const struct ct_history *history = s->conn ? &s->conn->history : NULL;

	if (!history)
		return CT_NO;
	for (size_t i = 0; i < history->n_steps; i++)
		if (states & (1U << history->steps[i].state))
			return CT_YES;
	if (s->conn->phase == CT_PHASE_CLOSED && states & (1U << CT_STATE_CLOSE))
		return CT_YES;
	return CT_UNDECIDED;
}

enum ct_verdict ct_judge_flags(const struct ct_subject *s, uint32_t flags)
{
	if (!s->conn)
		return CT_NO;
	return s->conn->flags & flags ? CT_YES : CT_UNDECIDED;
}

static void wake_at(struct ct_subject *s, uint64_t since_ns, uint64_t age_ns)
{
	uint64_t at_ns;

	if (!__builtin_add_overflow(since_ns, age_ns, &at_ns) && at_ns < s->wants_ns)
		s->wants_ns = at_ns;
}

/*
 * When one that is older than the tracer was there at the latest: when it was seen first, for as
 * long as it had been silent by then, and since the timer of its TIME_WAIT began, which a segment
 * may only have begun anew.
 */
static uint64_t there_ns(const struct ct_subject *s)
{
	const struct ct_conn *conn = s->conn;
	const struct ct_step *last = &conn->history.steps[conn->history.n_steps - 1];
	uint64_t since_ns = s->seen_ns;

	if (conn->idle_ns && conn->found_ns != CT_NS_UNKNOWN && conn->idle_ns < conn->found_ns &&
	    conn->found_ns - conn->idle_ns < since_ns)
		since_ns = conn->found_ns - conn->idle_ns;
	if (conn->phase == CT_PHASE_MINI && last->state == CT_STATE_TIME_WAIT &&
	    conn->expires_ns != CT_NS_UNKNOWN && conn->expires_ns > CT_TIME_WAIT_NS &&
	    conn->expires_ns - CT_TIME_WAIT_NS < since_ns)
		since_ns = conn->expires_ns - CT_TIME_WAIT_NS;
	return since_ns;
}

static enum ct_verdict by_unknown_age(struct ct_subject *s, enum ct_verdict verdict)
{
	s->age_unknown = true;
	if (s->assumed == CT_AGE_IS_UNKNOWN)
		return verdict;
	return ct_verdict_if(s->assumed == CT_AGE_FITS);
}

/*
 * One that is older than the tracer is as old, at least, as it is known to have been there; it may
 * be older than any age, so that it is never younger than one.
 */
enum ct_verdict ct_judge_age(struct ct_subject *s, const struct ct_range *ages)
{
	bool is_bounded = ages->last != UINT64_MAX, is_known, is_over;
	uint64_t since_ns, until_ns, age_ns;

	if (!s->conn)
		return CT_NO;
	if (!s->conn->history.n_steps) /* no more than its owner, whom its first event follows */
		return CT_UNDECIDED;
	is_over = s->conn->phase == CT_PHASE_CLOSED;
	is_known = s->conn->opened_ns != CT_NS_UNKNOWN;
	since_ns = is_known ? s->conn->opened_ns : there_ns(s);
	until_ns = is_over ? s->conn->closed_ns : s->now_ns;
	age_ns = until_ns > since_ns ? until_ns - since_ns : 0;
	if (age_ns > ages->last)
		return CT_NO;
	if (!is_known && is_bounded)
		return by_unknown_age(s, CT_NO);
	if (is_over || (age_ns >= ages->first && !is_bounded))
		return ct_verdict_if(age_ns >= ages->first);
	wake_at(s, since_ns, age_ns < ages->first ? ages->first : ages->last + 1);
	if (age_ns >= ages->first)
		return CT_YES_SO_FAR;
	return is_known ? CT_UNDECIDED : by_unknown_age(s, CT_UNDECIDED);
}
