// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "html_chart.h"

#include <stdbool.h>
#include <string.h>

/// What a state has of a life's time; CT_NS_UNKNOWN: not known.
struct stay {
	uint64_t from_ns;
	uint64_t to_ns;
};

/// A recording may claim any times: what is beyond all numbers stays there.
static void add_to(uint64_t *sum, uint64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = UINT64_MAX;
}

static uint64_t sum_of(uint64_t a, uint64_t b)
{
	add_to(&a, b);
	return a;
}

static uint64_t product_of(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/// What is not known exactly is where it was seen first or last: eachStep() in page/lives.js does
/// the same.
static struct stay stay_of(const struct ct_update *update, size_t i)
{
	const struct ct_conn *conn = update->conn;
	const struct ct_history *history = &conn->history;
	const struct ct_step *step = &history->steps[i];
	bool is_found = step->basis == CT_BASIS_FOUND;
	struct stay stay = {step->at_ns, CT_NS_UNKNOWN};

	if (stay.from_ns == CT_NS_UNKNOWN && is_found)
		stay.from_ns = conn->found_ns;
	if (step->at_ns != CT_NS_UNKNOWN && step->for_ns != CT_NS_UNKNOWN)
		stay.to_ns = sum_of(step->at_ns, step->for_ns);
	else if (i + 1 == history->n_steps)
		stay.to_ns = conn->closed_ns == CT_NS_UNKNOWN ? update->ts_ns : conn->closed_ns;
	else if (is_found)
		stay.to_ns = step[1].at_ns;
	return stay;
}

/// The time in a part, those that fill it included. @fill how many these are.
static uint64_t time_in(const struct ct_html_stays *stays, size_t part, uint64_t fill,
			uint64_t length_ns)
{
	return sum_of(stays->part_ns[part], product_of(fill, length_ns));
}

/// Two parts become one.
static void widen(struct ct_html_chart *chart)
{
	for (unsigned int state = 0; state < _CT_STATE_MAX; state++) {
		struct ct_html_stays *stays = &chart->of[state];
		int64_t fill = 0;

		if (!stays->lives)
			continue;
		for (size_t i = 0; i < CT_HTML_PARTS_MAX; i++) {
			fill += stays->more[i];
			stays->part_ns[i] = time_in(stays, i, (uint64_t)fill,
						    UINT64_C(1) << chart->shift);
		}
		for (size_t i = 0; i < CT_HTML_PARTS_MAX / 2; i++)
			stays->part_ns[i] = sum_of(stays->part_ns[2 * i],
						   stays->part_ns[2 * i + 1]);
		memset(&stays->part_ns[CT_HTML_PARTS_MAX / 2], 0, sizeof(stays->part_ns) / 2);
		memset(stays->more, 0, sizeof(stays->more));
	}
	chart->shift++;
}

/// So that the time until END_NS has its part.
static void reach(struct ct_html_chart *chart, uint64_t end_ns)
{
	while (end_ns && (end_ns - 1) >> chart->shift >= CT_HTML_PARTS_MAX)
		widen(chart);
}

/// Since the session began.
static void count(struct ct_html_chart *chart, struct ct_html_stays *stays, uint64_t from_ns,
		  uint64_t to_ns)
{
	size_t first, last;

	if (from_ns >= to_ns)
		return;
	reach(chart, to_ns);
	first = (size_t)(from_ns >> chart->shift);
	last = (size_t)((to_ns - 1) >> chart->shift);
	if (first == last) {
		add_to(&stays->part_ns[first], to_ns - from_ns);
		return;
	}
	add_to(&stays->part_ns[first], ((uint64_t)(first + 1) << chart->shift) - from_ns);
	add_to(&stays->part_ns[last], to_ns - ((uint64_t)last << chart->shift));
	stays->more[first + 1]++;
	stays->more[last]--;
}

static uint64_t since(const struct ct_session *session, uint64_t at_ns)
{
	return at_ns > session->mono_ns ? at_ns - session->mono_ns : 0;
}

static void add_stay(struct ct_html_chart *chart, const struct ct_session *session,
		     const struct ct_update *update, struct ct_html_stays *stays, struct stay stay)
{
	uint64_t to_ns = stay.to_ns == CT_NS_UNKNOWN || stay.to_ns < stay.from_ns ? stay.from_ns
										  : stay.to_ns;
	uint64_t for_ns = to_ns - stay.from_ns;

	add_to(&stays->total_ns, for_ns);
	if (for_ns > stays->longest_ns)
		stays->longest_ns = for_ns;
	if (to_ns > update->ts_ns) /* two CPUs' clocks */
		to_ns = update->ts_ns;
	count(chart, stays, since(session, stay.from_ns), since(session, to_ns));
}

void ct_html_chart_add(struct ct_html_chart *chart, const struct ct_session *session,
		       const struct ct_update *update)
{
	const struct ct_history *history = &update->conn->history;
	uint32_t states = 0;

	for (size_t i = 0; i < history->n_steps; i++) {
		struct stay stay = stay_of(update, i);
		uint8_t state = history->steps[i].state;
		bool has_place = stay.from_ns != CT_NS_UNKNOWN && state < _CT_STATE_MAX;

		if (!has_place || stay.to_ns == CT_NS_UNKNOWN)
			chart->unknown++;
		if (!has_place)
			continue;
		chart->of[state].lives += !(states >> state & 1);
		states |= UINT32_C(1) << state;
		add_stay(chart, session, update, &chart->of[state], stay);
	}
}

static void put_stays(struct ct_html_json *w, const struct ct_html_chart *chart,
		      const struct ct_html_stays *stays, size_t parts)
{
	int64_t fill = 0;

	ct_json_array_begin(&w->json);
	ct_json_u64(&w->json, stays->lives);
	ct_json_u64(&w->json, stays->total_ns);
	ct_json_u64(&w->json, stays->longest_ns);
	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < parts; i++) {
		fill += stays->more[i];
		ct_json_u64(&w->json,
			    time_in(stays, i, (uint64_t)fill, UINT64_C(1) << chart->shift));
	}
	ct_json_array_end(&w->json);
	ct_json_array_end(&w->json);
}

void ct_html_put_chart(struct ct_html_json *w, struct ct_html_chart *chart, uint64_t observed_ns)
{
	size_t parts = 1;

	reach(chart, observed_ns);
	if (observed_ns)
		parts += (size_t)((observed_ns - 1) >> chart->shift);
	ct_json_key(&w->json, "chart");
	ct_json_object_begin(&w->json);
	ct_json_kv_u64(&w->json, "part_ns", UINT64_C(1) << chart->shift);
	ct_json_kv_u64(&w->json, "parts", parts);
	ct_json_kv_u64(&w->json, "unknown", chart->unknown);
	ct_json_key(&w->json, "states");
	ct_json_array_begin(&w->json);
	for (unsigned int state = 0; state < _CT_STATE_MAX; state++) {
		if (chart->of[state].lives)
			put_stays(w, chart, &chart->of[state], parts);
		else
			ct_json_null(&w->json);
	}
	ct_json_array_end(&w->json);
	ct_json_object_end(&w->json);
}
