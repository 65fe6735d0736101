// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_excuse.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conntrace/event.h"

/// A segment is captured before what it brings about happens.
#define SLACK_NS 5000000

/// What speaks for a connection is as near as that to the event.
#define NEAR_NS 40000000

/// From a timer to what it does.
#define WORK_NS 200000

static bool is_of(const struct oracle_bond *bond, const struct oracle_end *end)
{
	struct oracle_end turned = oracle_end_turn(end);

	return oracle_end_is(&bond->end, end) || oracle_end_is(&bond->end, &turned);
}

/// One bond of an event and a connection is enough, the one that is nearest.
static void bind_to(struct oracle_excuses *excuses, const struct oracle_bond *bond)
{
	struct oracle_bond *grown;

	for (size_t i = excuses->n_bonds; i > 0 && excuses->bonds[i - 1].event == bond->event;
	     i--) {
		struct oracle_bond *other = &excuses->bonds[i - 1];

		if (!is_of(other, &bond->end))
			continue;
		if (llabs(bond->off_ns) < llabs(other->off_ns))
			*other = *bond;
		return;
	}
	grown = realloc(excuses->bonds, (excuses->n_bonds + 1) * sizeof(*grown));
	assert_non_null(grown);
	excuses->bonds = grown;
	grown[excuses->n_bonds++] = *bond;
}

/// "10.99.0.2:80" or "[fd99::2]:80"; -1 where it is none.
static int parse_address(char *text, uint8_t ret_addr[16])
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return -1;
	*colon = '\0';
	text[strcspn(text, "]")] = '\0';
	oracle_addr_parse(text + (*text == '['), ret_addr);
	return (int)strtoul(colon + 1, NULL, 10);
}

/// The connection that an event names, if it does.
static bool parse_end(const char *text, struct oracle_end *ret)
{
	char local[64], remote[64];
	const char *at = strstr(text, " sport=");

	*ret = (struct oracle_end){0};
	if (at && sscanf(at, " sport=%hu dport=%hu %*s %*s saddrv6=%63s daddrv6=%63s", &ret->lport,
			 &ret->rport, local, remote) == 4) {
		oracle_addr_parse(local, ret->laddr);
		oracle_addr_parse(remote, ret->raddr);
		return true;
	}
	at = strstr(text, " src=");
	if (!at || sscanf(at, " src=%63s dest=%63s", local, remote) != 2)
		return false;
	ret->lport = (uint16_t)parse_address(local, ret->laddr);
	ret->rport = (uint16_t)parse_address(remote, ret->raddr);
	return true;
}

static void bind_near(struct oracle_excuses *excuses, size_t event, const struct oracle_end *end,
		      int64_t at_ns, const char *why)
{
	int64_t event_ns = excuses->events[event].at_ns;

	if (at_ns < event_ns - NEAR_NS || at_ns > event_ns + NEAR_NS)
		return;
	bind_to(excuses,
		&(struct oracle_bond){
			.event = event, .end = *end, .why = why, .off_ns = at_ns - event_ns});
}

/// By what was captured and what was told.
static void bind_by_record(struct oracle_excuses *excuses, size_t event,
			   const struct oracle_record *record)
{
	for (size_t i = 0; i < record->n_segments; i++)
		bind_near(excuses, event, &record->segments[i].from, record->segments[i].at_ns,
			  "a segment of it");
	for (size_t i = 0; i < record->n_facts; i++)
		bind_near(excuses, event, &record->facts[i].end, record->facts[i].at_ns,
			  oracle_fact_name(record->facts[i].kind));
	for (size_t i = 0; i < record->n_lives; i++) {
		const struct oracle_life *life = &record->lives[i];

		for (size_t step = 0; step < life->n_steps; step++)
			bind_near(excuses, event, &life->end, life->steps[step].at_ns,
				  oracle_state_name(life->steps[step].state));
		if (life->n_steps)
			bind_near(excuses, event, &life->end, oracle_life_until(life), "its end");
	}
}

static int compare_sightings(const void *left, const void *right)
{
	const struct oracle_sighting *a = *(const struct oracle_sighting *const *)left;
	const struct oracle_sighting *b = *(const struct oracle_sighting *const *)right;

	if (a->cookie != b->cookie)
		return a->cookie < b->cookie ? -1 : 1;
	return (a->poll > b->poll) - (a->poll < b->poll);
}

/// Those of one socket stand together, in turn.
static const struct oracle_sighting **sort_sightings(const struct oracle_record *record)
{
	const struct oracle_sighting **sorted = calloc(record->n_sightings + 1, sizeof(*sorted));

	assert_non_null(sorted);
	for (size_t i = 0; i < record->n_sightings; i++)
		sorted[i] = &record->sightings[i];
	qsort(sorted, record->n_sightings, sizeof(*sorted), compare_sightings);
	return sorted;
}

/// By when ss saw a socket first, and when last.
static void bind_by_sightings(struct oracle_excuses *excuses, size_t event,
			      const struct oracle_sighting *const *sorted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!sorted[i]->cookie)
			continue;
		if (i == 0 || sorted[i - 1]->cookie != sorted[i]->cookie)
			bind_near(excuses, event, &sorted[i]->end, sorted[i]->began_ns,
				  "ss saw it first");
		if (i + 1 == n || sorted[i + 1]->cookie != sorted[i]->cookie)
			bind_near(excuses, event, &sorted[i]->end, sorted[i]->ended_ns,
				  "ss saw it last");
	}
}

static bool waits_for_its_timer(const struct oracle_step *step, int64_t at_ns)
{
	return (step->state == CT_STATE_TIME_WAIT || step->state == CT_STATE_FIN_WAIT2 ||
		step->state == CT_STATE_SYN_RECV) &&
	       step->at_ns <= at_ns && step->until_ns > at_ns + SLACK_NS;
}

/// When the last poll began that has a socket in it; ORACLE_NEVER for none.
static int64_t last_sighting(const struct oracle_sighting *const *sorted, size_t n, uint64_t cookie)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sorted[middle]->cookie <= cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low && sorted[low - 1]->cookie == cookie ? sorted[low - 1]->began_ns : ORACLE_NEVER;
}

/// By what is told of a life from then on: only its timer would end it, and ss does not see it.
static void bind_by_timer(struct oracle_excuses *excuses, size_t event,
			  const struct oracle_record *record,
			  const struct oracle_sighting *const *sorted)
{
	int64_t event_ns = excuses->events[event].at_ns;

	for (size_t i = 0; i < record->n_lives; i++) {
		const struct oracle_life *life = &record->lives[i];
		bool waits = false;

		for (size_t step = 0; step < life->n_steps; step++)
			waits |= waits_for_its_timer(&life->steps[step], event_ns);
		if (waits && life->cookie &&
		    last_sighting(sorted, record->n_sightings, life->cookie) <= event_ns)
			bind_to(excuses,
				&(struct oracle_bond){.event = event,
						      .end = life->end,
						      .why = "ss does not see it from then on"});
	}
}

static bool contains(const struct e2e_unseen *event, const char *text)
{
	return strstr(event->text, text);
}

/// The event behind a timer's may be that timer's work, and name whose it is.
static bool is_work_of(const struct e2e_unseen *timer, const struct e2e_unseen *next)
{
	return next->at_ns - timer->at_ns <= WORK_NS && contains(timer, "timer_expire_entry: ") &&
	       ((contains(timer, "function=tcp_write_timer ") &&
		 contains(next, "tcp_retransmit_skb: ")) ||
		(contains(timer, "function=reqsk_timer_handler ") &&
		 contains(next, "tcp_retransmit_synack: ")));
}

static bool bind_by_name(struct oracle_excuses *excuses, size_t event)
{
	const struct e2e_unseen *at = &excuses->events[event];
	struct oracle_bond bond = {.event = event, .named = true, .why = "names it"};

	if (!parse_end(at->text, &bond.end)) {
		if (event + 1 == excuses->n_events || !is_work_of(at, at + 1) ||
		    !parse_end(at[1].text, &bond.end))
			return false;
		bond.why = "its work names it";
	}
	bind_to(excuses, &bond);
	return true;
}

void oracle_excuses_bind(struct oracle_excuses *excuses, const struct oracle_record *record)
{
	const struct oracle_sighting **sorted = sort_sightings(record);

	for (size_t event = 0; event < excuses->n_events; event++) {
		if (bind_by_name(excuses, event))
			continue;
		bind_by_timer(excuses, event, record, sorted);
		bind_by_record(excuses, event, record);
		bind_by_sightings(excuses, event, sorted, record->n_sightings);
	}
	free(sorted);
}

static bool is_excused(const struct oracle_excuses *excuses, const struct oracle_end *end,
		       int64_t at_ns)
{
	for (size_t i = 0; i < excuses->n_excused; i++) {
		const struct oracle_bond *bond = &excuses->excused[i].bond;

		if (is_of(bond, end) && excuses->events[bond->event].at_ns <= at_ns + SLACK_NS)
			return true;
	}
	return false;
}

/// The nearest event that may have been of that connection, and rather one that names it; NULL for
/// none.
static const struct oracle_bond *find(const struct oracle_excuses *excuses,
				      const struct oracle_end *end, int64_t at_ns)
{
	const struct oracle_bond *best = NULL;
	int64_t best_ns = INT64_MAX;

	for (size_t i = 0; i < excuses->n_bonds; i++) {
		const struct oracle_bond *bond = &excuses->bonds[i];
		int64_t event_ns = excuses->events[bond->event].at_ns;

		if (event_ns > at_ns + SLACK_NS || !is_of(bond, end) || excuses->used[bond->event])
			continue;
		if (!best || bond->named > best->named ||
		    (bond->named == best->named && llabs(at_ns - event_ns) < best_ns)) {
			best = bond;
			best_ns = llabs(at_ns - event_ns);
		}
	}
	return best;
}

bool oracle_excuse(struct oracle_excuses *excuses, const struct oracle_end *end, int64_t at_ns,
		   const char *what)
{
	const struct oracle_bond *bond;
	struct oracle_excused *grown;

	if (!excuses)
		return false;
	if (is_excused(excuses, end, at_ns))
		return true;
	bond = find(excuses, end, at_ns);
	if (!bond)
		return false;
	grown = realloc(excuses->excused, (excuses->n_excused + 1) * sizeof(*grown));
	assert_non_null(grown);
	excuses->excused = grown;
	grown[excuses->n_excused++] =
		(struct oracle_excused){.bond = *bond, .what = what, .at_ns = at_ns};
	excuses->used[bond->event] = true;
	return true;
}

void oracle_excuses_print(const struct oracle_excuses *excuses)
{
	char text[ORACLE_END_STRLEN];

	for (size_t i = 0; i < excuses->n_excused; i++) {
		const struct oracle_excused *excused = &excuses->excused[i];
		const struct e2e_unseen *event = &excuses->events[excused->bond.event];

		printf("  excused: %s, %s at %" PRId64 ": for %s at %+.3f ms (%s, %+.3f ms)\n",
		       oracle_end_text(&excused->bond.end, text), excused->what, excused->at_ns,
		       event->text, (double)(event->at_ns - excused->at_ns) / 1e6,
		       excused->bond.why, (double)excused->bond.off_ns / 1e6);
	}
}

void oracle_excuses_fini(struct oracle_excuses *excuses)
{
	free(excuses->bonds);
	free(excuses->excused);
	*excuses = (struct oracle_excuses){0};
}
