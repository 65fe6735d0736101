// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_lives.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conntrace/event.h"
#include "support/events.h"

static int64_t time_or(const json_t *object, const char *key, int64_t unknown)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : unknown;
}

/// "2a1f.1" is the second life of the socket 2a1f: the cookie is the same.
static uint64_t cookie_of(const json_t *object)
{
	const json_t *conn = json_object_get(object, "conn");

	return json_is_string(conn) ? strtoull(json_string_value(conn), NULL, 16) : 0;
}

static struct oracle_end end_of(const json_t *object)
{
	struct oracle_end end = {.lport = (uint16_t)time_or(object, "lport", 0),
				 .rport = (uint16_t)time_or(object, "rport", 0)};

	oracle_addr_parse(json_string_value(json_object_get(object, "laddr")), end.laddr);
	oracle_addr_parse(json_string_value(json_object_get(object, "raddr")), end.raddr);
	return end;
}

static uint8_t state_of(const json_t *object, const char *key)
{
	const char *name = json_string_value(json_object_get(object, key));
	uint8_t state = name ? oracle_state_of_json(name) : CT_STATE_NONE;

	if (state == CT_STATE_NONE)
		fail_msg("no state: %s", name ? name : "null");
	return state;
}

static struct oracle_life *add_life(struct oracle_record *record, const json_t *object)
{
	struct oracle_life *life = &record->lives[record->n_lives++];

	*life = (struct oracle_life){
		.cookie = cookie_of(object),
		.end = end_of(object),
		.netns = (unsigned long)time_or(object, "netns", 0),
	};
	return life;
}

static void add_fact(struct oracle_record *record, const struct oracle_fact *fact)
{
	record->facts[record->n_facts++] = *fact;
}

/// What a segment must have brought about, or followed: by the state before and the state itself.
static unsigned fact_of_step(uint8_t before, uint8_t state)
{
	switch (state) {
	case CT_STATE_SYN_SENT:
		return ORACLE_FACT_SYN_SENT;
	case CT_STATE_SYN_RECV:
		return ORACLE_FACT_SYN_RECV;
	case CT_STATE_ESTABLISHED:
		return ORACLE_FACT_ESTABLISHED;
	case CT_STATE_FIN_WAIT1:
	case CT_STATE_LAST_ACK:
		return ORACLE_FACT_FIN_OUT;
	case CT_STATE_CLOSE_WAIT:
	case CT_STATE_CLOSING:
		return ORACLE_FACT_FIN_IN;
	case CT_STATE_TIME_WAIT:
		return before == CT_STATE_CLOSING ? _ORACLE_FACT_MAX : ORACLE_FACT_FIN_IN;
	default:
		return _ORACLE_FACT_MAX;
	}
}

/// A state that it was found in has no beginning that could be compared.
static void add_facts_of_life(struct oracle_record *record, const struct oracle_life *life)
{
	uint8_t before = CT_STATE_NONE;

	for (size_t i = 0; i < life->n_steps; i++) {
		unsigned kind = fact_of_step(before, life->steps[i].state);

		before = life->steps[i].state;
		if (kind == _ORACLE_FACT_MAX || life->steps[i].at_ns == ORACLE_NEVER)
			continue;
		add_fact(record, &(struct oracle_fact){.at_ns = life->steps[i].at_ns,
						       .end = life->end,
						       .cookie = life->cookie,
						       .kind = (uint8_t)kind});
	}
}

static void add_summary(struct oracle_record *record, const json_t *summary)
{
	struct oracle_life *life = add_life(record, summary);
	int64_t closed_ns = time_or(summary, "closed_ns", ORACLE_ALWAYS);
	size_t index;
	json_t *step;

	assert_null(json_object_get(summary, "history_dropped"));
	json_array_foreach(json_object_get(summary, "history"), index, step)
	{
		assert_true(life->n_steps < ORACLE_STEPS_MAX);
		life->steps[life->n_steps++] = (struct oracle_step){
			.at_ns = time_or(step, "at_ns", ORACLE_NEVER),
			.until_ns = closed_ns,
			.state = state_of(step, "state"),
		};
		if (life->n_steps > 1)
			life->steps[life->n_steps - 2].until_ns =
				life->steps[life->n_steps - 1].at_ns;
		if (!strcmp(e2e_event_text(step, "basis"), "found"))
			life->older = true;
	}
	add_facts_of_life(record, life);
}

static struct oracle_life *listener_of(struct oracle_record *record, uint64_t cookie)
{
	for (size_t i = record->n_lives; i > 0; i--)
		if (record->lives[i - 1].cookie == cookie)
			return &record->lives[i - 1];
	return NULL;
}

/// A report leaves listeners out.
static void add_listener(struct oracle_record *record, const json_t *event)
{
	struct oracle_life *life = listener_of(record, cookie_of(event));
	bool found = !strcmp(e2e_event_text(event, "event"), "found");

	if (!life && !strcmp(e2e_event_text(event, "to"), "CLOSE"))
		return;
	if (life) {
		life->steps[0].until_ns = time_or(event, "ts_ns", 0);
		return;
	}
	life = add_life(record, event);
	life->older = found;
	life->n_steps = 1;
	life->steps[0] = (struct oracle_step){
		.at_ns = found ? ORACLE_NEVER : time_or(event, "ts_ns", 0),
		.until_ns = ORACLE_ALWAYS,
		.state = CT_STATE_LISTEN,
	};
}

/// What a line of `replay --json` stands for; _ORACLE_FACT_MAX: nothing of its own.
static unsigned fact_of_event(const json_t *event)
{
	static const struct {
		const char *event, *key, *value;
		unsigned kind;
	} kinds[] = {
		{"retransmit", "segment", "syn", ORACLE_FACT_SYN_AGAIN},
		{"retransmit", "segment", "synack", ORACLE_FACT_SYNACK_AGAIN},
		{"retransmit", "segment", "fin", ORACLE_FACT_FIN_AGAIN},
		{"rst", "direction", "sent", ORACLE_FACT_RST_SENT},
		{"rst", "direction", "received", ORACLE_FACT_RST_RECEIVED},
		{"keepalive", "direction", "sent", ORACLE_FACT_PROBE_SENT},
		{"keepalive", "direction", "received", ORACLE_FACT_PROBE_RECEIVED},
		{"window_probe", "direction", "sent", ORACLE_FACT_PROBE_SENT},
		{"window_probe", "direction", "received", ORACLE_FACT_PROBE_RECEIVED},
	};
	const char *name = e2e_event_text(event, "event");

	/* lines on what became of a probe are no probes */
	if (json_is_true(json_object_get(event, "answered")) ||
	    json_is_true(json_object_get(event, "dead")))
		return _ORACLE_FACT_MAX;
	for (size_t i = 0; i < ORACLE_COUNT(kinds); i++)
		if (!strcmp(name, kinds[i].event) &&
		    !strcmp(e2e_event_text(event, kinds[i].key), kinds[i].value))
			return kinds[i].kind;
	return _ORACLE_FACT_MAX;
}

static void add_event(struct oracle_record *record, const json_t *event)
{
	unsigned kind = fact_of_event(event);

	if (kind != _ORACLE_FACT_MAX)
		add_fact(record, &(struct oracle_fact){.at_ns = time_or(event, "ts_ns", 0),
						       .end = end_of(event),
						       .cookie = cookie_of(event),
						       .kind = (uint8_t)kind});
	if (!strcmp(e2e_event_text(event, "event"), "lost"))
		fail_msg("events were lost: nothing can be compared");
	if (!strcmp(e2e_event_text(event, "role"), "listener") &&
	    (!strcmp(e2e_event_text(event, "event"), "found") ||
	     !strcmp(e2e_event_text(event, "event"), "state")))
		add_listener(record, event);
}

static int compare_facts(const void *left, const void *right)
{
	const struct oracle_fact *a = left, *b = right;
	int order = memcmp(&a->end, &b->end, sizeof(a->end));

	if (order)
		return order;
	return (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

static int compare_lives(const void *left, const void *right)
{
	const struct oracle_life *a = left, *b = right;

	if (a->cookie != b->cookie)
		return a->cookie < b->cookie ? -1 : 1;
	return (a->steps[0].at_ns > b->steps[0].at_ns) - (a->steps[0].at_ns < b->steps[0].at_ns);
}

void oracle_facts_sort(struct oracle_record *record)
{
	if (record->n_facts)
		qsort(record->facts, record->n_facts, sizeof(*record->facts), compare_facts);
}

void oracle_lives_load(const json_t *report, const json_t *replay, struct oracle_record *record)
{
	size_t lives = json_array_size(report), events = json_array_size(replay);
	size_t index;
	json_t *object;

	free(record->lives);
	free(record->facts);
	record->n_lives = record->n_facts = 0;
	record->lives = calloc(lives + events + 1, sizeof(*record->lives));
	record->facts = calloc(lives * ORACLE_STEPS_MAX + events + 1, sizeof(*record->facts));
	assert_non_null(record->lives);
	assert_non_null(record->facts);
	json_array_foreach((json_t *)report, index, object) add_summary(record, object);
	json_array_foreach((json_t *)replay, index, object) add_event(record, object);
	oracle_facts_sort(record);
	qsort(record->lives, record->n_lives, sizeof(*record->lives), compare_lives);
}
