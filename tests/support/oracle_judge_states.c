// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COMPLAINTS_MAX 100000

/// A distance that no slack covers.
#define FAR_OFF INT64_MAX

static bool may_complain(const struct oracle_rules *rules, const struct oracle_states_verdict *ret)
{
	return !rules->quiet && ret->missing + ret->wrong + ret->phantoms <= COMPLAINTS_MAX;
}

static void print_life(const struct oracle_life *life, int64_t at_ns)
{
	char text[ORACLE_END_STRLEN];

	fprintf(stderr, "    %" PRIx64 " %s:", life->cookie, oracle_end_text(&life->end, text));
	for (size_t i = 0; i < life->n_steps; i++) {
		fprintf(stderr, " %s ", oracle_state_name(life->steps[i].state));
		if (life->steps[i].at_ns == ORACLE_NEVER)
			fprintf(stderr, "(found)");
		else
			fprintf(stderr, "at %+.3f ms",
				(double)(life->steps[i].at_ns - at_ns) / 1e6);
	}
	if (life->n_steps && life->steps[life->n_steps - 1].until_ns != ORACLE_ALWAYS)
		fprintf(stderr, " until %+.3f ms",
			(double)(life->steps[life->n_steps - 1].until_ns - at_ns) / 1e6);
	fputc('\n', stderr);
}

static void complain(const struct oracle_sighting *sighting, const char *what)
{
	char text[ORACLE_END_STRLEN];

	fprintf(stderr, "  poll %u of %.3f ms, %s: %" PRIx64 " %s in %s: %s\n", sighting->poll,
		(double)(sighting->ended_ns - sighting->began_ns) / 1e6,
		sighting->far ? "far" : "home", sighting->cookie,
		oracle_end_text(&sighting->end, text), oracle_state_name(sighting->state), what);
}

/// How far the poll was from a time at which life was in the state that ss saw.
static int64_t distance(const struct oracle_life *life, const struct oracle_sighting *sighting)
{
	int64_t least_ns = FAR_OFF;

	if (!oracle_end_is(&life->end, &sighting->end))
		return FAR_OFF;
	for (size_t i = 0; i < life->n_steps; i++) {
		const struct oracle_step *step = &life->steps[i];
		int64_t off_ns = 0;

		if (step->state != sighting->state)
			continue;
		if (step->at_ns > sighting->ended_ns)
			off_ns = step->at_ns - sighting->ended_ns;
		else if (step->until_ns < sighting->began_ns)
			off_ns = sighting->began_ns - step->until_ns;
		if (off_ns < least_ns)
			least_ns = off_ns;
	}
	return least_ns;
}

/// The first life of a cookie, or the end of the array.
static size_t first_of(const struct oracle_record *record, uint64_t cookie)
{
	size_t low = 0, high = record->n_lives;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (record->lives[middle].cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void judge_sighting(const struct oracle_record *record, const struct oracle_rules *rules,
			   const struct oracle_sighting *sighting,
			   struct oracle_states_verdict *ret)
{
	size_t first = first_of(record, sighting->cookie), end = first;
	int64_t least_ns = FAR_OFF;

	for (; end < record->n_lives && record->lives[end].cookie == sighting->cookie; end++) {
		int64_t off_ns = distance(&record->lives[end], sighting);

		if (off_ns < least_ns)
			least_ns = off_ns;
	}
	if (least_ns <= rules->slack_ns) {
		ret->seen[sighting->state]++;
		if (least_ns > ret->needed_ns)
			ret->needed_ns = least_ns;
		return;
	}
	if (oracle_excuse(rules->excuses, &sighting->end, sighting->ended_ns,
			  first == end ? "not in the recording" : "in another state"))
		return;
	if (first == end)
		ret->missing++;
	else
		ret->wrong++;
	if (!may_complain(rules, ret))
		return;
	complain(sighting, first == end ? "not in the recording" : "the recording has");
	for (size_t i = first; i < end; i++)
		print_life(&record->lives[i], sighting->began_ns);
}

static bool lasts_through(const struct oracle_life *life, int64_t from_ns, int64_t until_ns)
{
	return life->n_steps && life->steps[0].at_ns <= from_ns &&
	       life->steps[life->n_steps - 1].until_ns >= until_ns;
}

static bool is_sighted(const struct oracle_sighting *poll, size_t n, uint64_t cookie)
{
	for (size_t i = 0; i < n; i++)
		if (poll[i].cookie == cookie)
			return true;
	return false;
}

/// poll[0] is the empty sighting that tells of the poll itself.
static void judge_poll(const struct oracle_record *record, const struct oracle_rules *rules,
		       const struct oracle_sighting *poll, size_t n,
		       struct oracle_states_verdict *ret)
{
	unsigned long netns = poll->far ? rules->far_netns : rules->home_netns;

	ret->polls++;
	for (size_t i = 1; i < n; i++)
		judge_sighting(record, rules, &poll[i], ret);
	for (size_t i = 0; i < record->n_lives; i++) {
		const struct oracle_life *life = &record->lives[i];

		if (life->netns != netns ||
		    !lasts_through(life, poll->began_ns - rules->slack_ns,
				   poll->ended_ns + rules->slack_ns) ||
		    is_sighted(poll + 1, n - 1, life->cookie))
			continue;
		if (oracle_excuse(rules->excuses, &life->end, poll->ended_ns, "not seen by ss"))
			continue;
		ret->phantoms++;
		if (!may_complain(rules, ret))
			continue;
		complain(poll, "did not see");
		print_life(life, poll->began_ns);
	}
}

size_t oracle_judge_states(const struct oracle_record *record, const struct oracle_rules *rules,
			   struct oracle_states_verdict *ret)
{
	size_t first = 0, end;

	*ret = (struct oracle_states_verdict){0};
	for (; first < record->n_sightings; first = end) {
		const struct oracle_sighting *poll = &record->sightings[first];

		for (end = first + 1; end < record->n_sightings; end++)
			if (record->sightings[end].poll != poll->poll)
				break;
		if (poll->began_ns >= rules->from_ns)
			judge_poll(record, rules, poll, end - first, ret);
	}
	return ret->missing + ret->wrong + ret->phantoms;
}
