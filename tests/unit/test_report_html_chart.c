// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// States over time, counted without knowing how long all of it lasts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>

#include "../../src/report/html_chart.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "unit/builders.h"

#define LIVES 300

struct counted {
	struct ct_html_chart *chart; /// owned
	json_t *data;		     /// owned
};

static void counted_fini(struct counted *counted)
{
	free(counted->chart);
	json_decref(counted->data);
}

static void begin(struct counted *counted)
{
	counted->chart = calloc(1, sizeof(*counted->chart));
	assert_non_null(counted->chart);
}

static void add(struct counted *counted, const struct ct_conn *conn, uint64_t ts_ns)
{
	struct ct_session session = a_session();
	struct ct_update u = a_close(conn);

	u.ts_ns = ts_ns;
	ct_html_chart_add(counted->chart, &session, &u);
}

static void end(struct counted *counted, uint64_t observed_ns)
{
	struct ct_html_json w;
	json_t *all;

	ct_html_json_init(&w);
	ct_json_object_begin(&w.json);
	ct_html_put_chart(&w, counted->chart, observed_ns);
	ct_json_object_end(&w.json);
	assert_int_equal(w.buf.error, 0);
	all = json_loadb(w.buf.data, w.buf.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(all);
	counted->data = json_incref(json_object_get(all, "chart"));
	assert_non_null(counted->data);
	json_decref(all);
	ct_html_json_fini(&w);
}

static uint64_t number_of(const struct counted *counted, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(counted->data, key));
}

/// Lives, time together, longest: 0, 1, 2. Of a state that there was.
static uint64_t sum_of(const struct counted *counted, enum ct_state state, size_t which)
{
	const json_t *of = json_array_get(json_object_get(counted->data, "states"), state);

	assert_int_equal(json_array_size(of), 4);
	return (uint64_t)json_integer_value(json_array_get(of, which));
}

static uint64_t part_of(const struct counted *counted, enum ct_state state, size_t part)
{
	const json_t *of = json_array_get(json_object_get(counted->data, "states"), state);
	const json_t *parts = json_array_get(of, 3);

	assert_int_equal(json_array_size(parts), number_of(counted, "parts"));
	return (uint64_t)json_integer_value(json_array_get(parts, part));
}

static uint64_t all_parts_of(const struct counted *counted, enum ct_state state)
{
	uint64_t all_ns = 0;

	for (size_t i = 0; i < number_of(counted, "parts"); i++)
		all_ns += part_of(counted, state, i);
	return all_ns;
}

static const uint8_t states_of_a_life[] = {
	CT_STATE_SYN_SENT,
	CT_STATE_ESTABLISHED,
	CT_STATE_FIN_WAIT1,
};

/// Short ones and long ones, the same in every run.
static void live(size_t i, struct ct_step steps[3], struct ct_conn *ret)
{
	uint64_t at_ns = BEGAN + i * 37 * MS;

	for (size_t k = 0; k < 3; k++) {
		uint64_t for_ns = (i * 7919 + k * 104729) % 1000 * (k == 1 && i % 5 == 0 ? S : MS);

		steps[k] = (struct ct_step){at_ns, for_ns, states_of_a_life[k], CT_BASIS_SEEN};
		at_ns += for_ns;
	}
	*ret = a_conn();
	ret->history = (struct ct_history){.steps = steps, .n_steps = 3, .capacity = 3};
	ret->closed_ns = at_ns;
}

/// What the steps of one state have of the time from FROM to TO.
static uint64_t lived_between(struct ct_step (*steps)[3], size_t k, uint64_t from_ns,
			      uint64_t to_ns)
{
	uint64_t all_ns = 0;

	for (size_t i = 0; i < LIVES; i++) {
		uint64_t begins = steps[i][k].at_ns, ends = begins + steps[i][k].for_ns;

		begins = begins > from_ns ? begins : from_ns;
		ends = ends < to_ns ? ends : to_ns;
		all_ns += ends > begins ? ends - begins : 0;
	}
	return all_ns;
}

static void each_part_has_what_was_lived_in_it(void **state)
{
	_cleanup_(counted_fini) struct counted counted = {};
	struct ct_step steps[LIVES][3];
	uint64_t last_ns = BEGAN, part_ns;

	begin(&counted);
	for (size_t i = 0; i < LIVES; i++) {
		struct ct_conn conn;

		live(i, steps[i], &conn);
		add(&counted, &conn, conn.closed_ns);
		last_ns = conn.closed_ns > last_ns ? conn.closed_ns : last_ns;
	}
	end(&counted, last_ns + 9 * S - BEGAN);
	part_ns = number_of(&counted, "part_ns");
	assert_in_range(number_of(&counted, "parts"), CT_HTML_PARTS_MAX / 2, CT_HTML_PARTS_MAX);
	assert_true(part_ns * number_of(&counted, "parts") >= last_ns + 9 * S - BEGAN);
	assert_int_equal(number_of(&counted, "unknown"), 0);
	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(sum_of(&counted, states_of_a_life[k], 0), LIVES);
		assert_int_equal(sum_of(&counted, states_of_a_life[k], 1),
				 lived_between(steps, k, 0, UINT64_MAX));
		for (size_t i = 0; i < number_of(&counted, "parts"); i++)
			assert_int_equal(part_of(&counted, states_of_a_life[k], i),
					 lived_between(steps, k, BEGAN + i * part_ns,
						       BEGAN + (i + 1) * part_ns));
	}
}

static void recording_that_goes_on_for_long_without_lives_has_its_parts(void **state)
{
	_cleanup_(counted_fini) struct counted counted = {};
	struct ct_conn conn = a_conn();

	begin(&counted);
	add(&counted, &conn, conn.closed_ns);
	end(&counted, 86400 * S);
	assert_in_range(number_of(&counted, "parts"), CT_HTML_PARTS_MAX / 2, CT_HTML_PARTS_MAX);
	assert_int_equal(part_of(&counted, CT_STATE_ESTABLISHED, 0), 50 * MS);
	assert_int_equal(all_parts_of(&counted, CT_STATE_ESTABLISHED), 50 * MS);
	assert_int_equal(sum_of(&counted, CT_STATE_ESTABLISHED, 2), 50 * MS);
}

static void stay_of_an_unknown_time_is_counted_apart(void **state)
{
	struct ct_step steps[] = {
		{CT_NS_UNKNOWN, CT_NS_UNKNOWN, CT_STATE_ESTABLISHED, CT_BASIS_FOUND},
		{BEGAN + 5 * S, CT_NS_UNKNOWN, CT_STATE_CLOSE_WAIT, CT_BASIS_SEEN},
		{CT_NS_UNKNOWN, CT_NS_UNKNOWN, CT_STATE_LAST_ACK, CT_BASIS_INFERRED},
		{BEGAN + 7 * S, CT_NS_UNKNOWN, CT_STATE_TIME_WAIT, CT_BASIS_SEEN},
	};
	_cleanup_(counted_fini) struct counted counted = {};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = steps, .n_steps = 4, .capacity = 4};
	conn.opened_ns = conn.closed_ns = CT_NS_UNKNOWN;
	conn.found_ns = BEGAN + 2 * S;
	begin(&counted);
	add(&counted, &conn, BEGAN + 10 * S);
	end(&counted, 10 * S);
	assert_int_equal(all_parts_of(&counted, CT_STATE_ESTABLISHED), 3 * S);
	assert_int_equal(all_parts_of(&counted, CT_STATE_CLOSE_WAIT), 0);
	assert_int_equal(sum_of(&counted, CT_STATE_CLOSE_WAIT, 0), 1);
	assert_true(json_is_null(
		json_array_get(json_object_get(counted.data, "states"), CT_STATE_LAST_ACK)));
	assert_int_equal(all_parts_of(&counted, CT_STATE_TIME_WAIT), 3 * S);
	assert_int_equal(number_of(&counted, "unknown"), 2);
}

static void what_lies_outside_of_the_recording_is_in_no_part(void **state)
{
	struct ct_step steps[] = {
		{BEGAN - 5 * S, 10 * S, CT_STATE_ESTABLISHED, CT_BASIS_SEEN},
	};
	_cleanup_(counted_fini) struct counted counted = {};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = steps, .n_steps = 1, .capacity = 1};
	begin(&counted);
	add(&counted, &conn, BEGAN + 3 * S);
	end(&counted, 3 * S);
	assert_int_equal(all_parts_of(&counted, CT_STATE_ESTABLISHED), 3 * S);
	assert_int_equal(sum_of(&counted, CT_STATE_ESTABLISHED, 1), 10 * S);
}

static void times_that_no_clock_has_go_no_further_than_their_summary(void **state)
{
	struct ct_step steps[] = {
		{0, INT64_MAX, CT_STATE_ESTABLISHED, CT_BASIS_SEEN},
		{INT64_MAX, INT64_MAX, CT_STATE_CLOSE_WAIT, CT_BASIS_SEEN},
	};
	_cleanup_(counted_fini) struct counted counted = {};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = steps, .n_steps = 2, .capacity = 2};
	begin(&counted);
	add(&counted, &conn, BEGAN + S);
	end(&counted, S);
	assert_int_equal(all_parts_of(&counted, CT_STATE_ESTABLISHED), S);
	assert_int_equal(all_parts_of(&counted, CT_STATE_CLOSE_WAIT), 0);
}

static void nothing_is_one_part_of_nothing(void **state)
{
	_cleanup_(counted_fini) struct counted counted = {};

	begin(&counted);
	end(&counted, 0);
	assert_int_equal(number_of(&counted, "parts"), 1);
	assert_int_equal(json_array_size(json_object_get(counted.data, "states")), _CT_STATE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_has_what_was_lived_in_it),
		cmocka_unit_test(recording_that_goes_on_for_long_without_lives_has_its_parts),
		cmocka_unit_test(stay_of_an_unknown_time_is_counted_apart),
		cmocka_unit_test(what_lies_outside_of_the_recording_is_in_no_part),
		cmocka_unit_test(times_that_no_clock_has_go_no_further_than_their_summary),
		cmocka_unit_test(nothing_is_one_part_of_nothing),
	};

	return cmocka_run_group_tests_name("report_html_chart", tests, NULL, NULL);
}
