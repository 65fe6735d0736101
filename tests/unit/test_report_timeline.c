// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../src/report/timeline.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "unit/builders.h"
#include "unit/worst_rule.h"

#define TITLE "10.0.0.1:45678 -> 10.0.0.2:80  curl 4242  active  "

static const struct ct_output_options in_ascii = {.utc = true};

static void expect(const struct ct_conn *conn, uint64_t now_ns, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_session session = a_session();
	struct ct_report_context context = {&in_ascii, &session, now_ns};

	ct_timeline_put(&context, conn, &buf);
	assert_int_equal(buf.error, 0);
	assert_string_equal(buf.data, expected);
}

static struct ct_mark a_mark(enum ct_flag flag, uint64_t at_ns)
{
	return (struct ct_mark){
		.flag = flag,
		.at_ns = at_ns,
		.n_evidence = 1,
		.evidence = {{.key = "count", .number = 2}},
	};
}

static void flag_stands_between_the_states_where_it_was_raised(void **state)
{
	struct ct_mark late = a_mark(CT_FLAG_TIMEOUT, BEGAN + 60 * MS);
	struct ct_mark middle = a_mark(CT_FLAG_RETRANSMIT, BEGAN + 26 * MS);
	struct ct_mark early = a_mark(CT_FLAG_KEEPALIVE_PROBE, BEGAN + MS / 2);
	struct ct_conn conn = a_conn();

	early.next = &middle;
	middle.next = &late;
	conn.marks = &early;
	expect(&conn, BEGAN + S,
	       TITLE
	       "opened 22:13:20.000000\n"
	       "       0.000000  SYN_SENT     1.00 ms  =\n"
	       "       0.000500  [keepalive-probe]  count 2\n"
	       "       0.001000  ESTABLISHED  50.0 ms  =======================================\n"
	       "       0.026000  [retransmit]  count 2\n"
	       "       0.051000  FIN_WAIT1    1.00 ms                                         =\n"
	       "       0.052000  fin by local after 52.0 ms\n"
	       "       0.060000  [timeout]  count 2\n"
	       "\n");
}

/// What was before it was found nobody knows; what it is in still has no end.
static void what_is_not_known_has_no_bar(void **state)
{
	struct ct_step steps[] = {
		{.at_ns = CT_NS_UNKNOWN,
		 .for_ns = CT_NS_UNKNOWN,
		 .state = CT_STATE_ESTABLISHED,
		 .basis = CT_BASIS_FOUND},
		{.at_ns = CT_NS_UNKNOWN,
		 .for_ns = CT_NS_UNKNOWN,
		 .state = CT_STATE_FIN_WAIT1,
		 .basis = CT_BASIS_INFERRED},
		{.at_ns = BEGAN + 5 * S, .for_ns = CT_NS_UNKNOWN, .state = CT_STATE_FIN_WAIT2},
	};
	struct ct_mark mark = {.flag = CT_FLAG_GAP, .at_ns = BEGAN + 5 * S};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = steps, .n_steps = 3, .capacity = 3};
	conn.opened_ns = conn.closed_ns = CT_NS_UNKNOWN;
	conn.found_ns = BEGAN;
	conn.marks = &mark;
	expect(&conn, BEGAN + 20 * S,
	       TITLE
	       "found 22:13:20.000000\n"
	       "              -  ESTABLISHED        - (found)\n"
	       "              -  FIN_WAIT1          - (inferred)\n"
	       "       5.000000  FIN_WAIT2     15.0 s            ==============================\n"
	       "       5.000000  [gap]\n"
	       "      20.000000  still FIN_WAIT2, fin by local, opened before the trace\n"
	       "\n");
}

static void states_that_were_left_out_are_counted(void **state)
{
	struct ct_step steps[CT_HISTORY_MAX];
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_session session = a_session();
	struct ct_report_context context = {&in_ascii, &session, BEGAN + S};
	struct ct_conn conn = a_conn();

	for (size_t i = 0; i < CT_HISTORY_MAX; i++)
		steps[i] = (struct ct_step){
			.at_ns = BEGAN + i * MS, .for_ns = MS, .state = CT_STATE_CLOSE_WAIT};
	conn.history =
		(struct ct_history){.steps = steps, .n_steps = CT_HISTORY_MAX, .n_dropped = 40};
	ct_timeline_put(&context, &conn, &buf);
	assert_non_null(strstr(buf.data, "\n              -  (40 left out)\n"
					 "       0.008000  CLOSE_WAIT "));
}

/// Times of two CPUs, or of a recording that somebody made up: nothing runs backwards.
static void clocks_that_disagree_make_no_negative_time(void **state)
{
	struct ct_step steps[] = {
		{.at_ns = BEGAN + 3 * S, .for_ns = UINT64_MAX - 1, .state = CT_STATE_SYN_SENT},
		{.at_ns = BEGAN - S, .for_ns = 0, .state = CT_STATE_ESTABLISHED},
	};
	struct ct_mark mark = a_mark(CT_FLAG_REFUSED, BEGAN - 2 * S);
	struct ct_conn conn = a_conn();
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_session session = a_session();
	struct ct_report_context context = {&in_ascii, &session, BEGAN - 10 * S};

	conn.history = (struct ct_history){.steps = steps, .n_steps = 2, .capacity = 2};
	conn.closed_ns = BEGAN - S;
	conn.marks = &mark;
	ct_timeline_put(&context, &conn, &buf);
	assert_non_null(strstr(buf.data, "\n       0.000000  [refused]  count 2\n"));
	assert_non_null(strstr(buf.data, "\n       0.000000  fin by local after 0 ns\n"));
	assert_int_equal(ct_timeline_span_ns(&context, &conn), 0);
}

static void add(struct ct_worst *worst, uint32_t flags, uint64_t span_ns, const char *comm)
{
	struct ct_session session = a_session();
	struct ct_report_context context = {&in_ascii, &session, BEGAN + 100 * S};
	struct ct_conn conn = a_conn();

	conn.flags = flags;
	conn.closed_ns = conn.opened_ns + span_ns;
	strcpy(conn.id.comm, comm);
	assert_int_equal(ct_worst_add(worst, &context, &conn), 0);
}

/// Whose lives they are, a blank behind each.
static void expect_worst(const struct ct_worst *worst, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf names = {};

	ct_buf_puts(&names, "");
	for (size_t i = 0; i < worst->n; i++) {
		const char *comm = strstr(worst->lives[i].text.data, ":80  ");

		assert_non_null(comm);
		comm += strlen(":80  ");
		ct_buf_append(&names, comm, strcspn(comm, " ") + 1);
	}
	assert_string_equal(names.data, expected);
}

#define BIT(flag) (1U << CT_FLAG_##flag)

static void worst_kind_comes_first_and_of_a_kind_the_longest(void **state)
{
	_cleanup_(ct_worst_fini) struct ct_worst worst = {};

	add(&worst, BIT(RETRANSMIT) | BIT(ZERO_WINDOW), S, "many");
	add(&worst, BIT(ZERO_WINDOW), 80 * S, "short");
	add(&worst, BIT(RETRANSMIT), 90 * S, "long");
	add(&worst, BIT(RST_SENT), MS, "reset");
	add(&worst, BIT(RST_RECEIVED) | BIT(REFUSED), MS, "refused");
	expect_worst(&worst, "refused reset long short many ");
	add(&worst, BIT(HALF_OPEN), S, "half-open");
	add(&worst, BIT(TIMEOUT), 50 * S, "timeout");
	add(&worst, BIT(CLOSE_WAIT_STUCK) | BIT(RST_SENT), 90 * S, "leak");
	expect_worst(&worst, "timeout leak refused reset half-open ");
	add(&worst, BIT(TIME_WAIT_KILLED), 99 * S, "too-late");
	expect_worst(&worst, "timeout leak refused reset half-open ");
}

static void add_reset(struct ct_worst *worst, const char *key, uint64_t bytes, const char *comm)
{
	struct ct_mark mark = {
		.flag = CT_FLAG_RST_SENT,
		.at_ns = BEGAN + 52 * MS,
		.n_evidence = 2,
		.evidence = {{.key = "cause", .text = "abort"}, {.key = key, .number = bytes}},
	};
	struct ct_session session = a_session();
	struct ct_report_context context = {&in_ascii, &session, BEGAN + 100 * S};
	struct ct_conn conn = a_conn();

	conn.marks = &mark;
	conn.flags = BIT(RST_SENT);
	strcpy(conn.id.comm, comm);
	assert_int_equal(ct_worst_add(worst, &context, &conn), 0);
}

/// The same flags: it is the data that tells them apart.
static void reset_that_threw_data_away_is_worse_than_any_other(void **state)
{
	static const char *const keys[] = {"unread_bytes", "unacked_bytes"};

	for (size_t i = 0; i < CT_COUNT(keys); i++) {
		_cleanup_(ct_worst_fini) struct ct_worst worst = {};

		add(&worst, BIT(TIMEOUT) | BIT(KEEPALIVE_DEAD), 90 * S, "dead");
		add_reset(&worst, keys[i], 0, "empty");
		add_reset(&worst, keys[i], 1, "data");
		add_reset(&worst, "idle_ns", 1, "same");
		expect_worst(&worst, "data dead empty ");
	}
}

static void rule_tells_each_kind_in_its_order(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf rule = {};

	ct_worst_put_rule(&rule);
	assert_string_equal(rule.data, WORST_RULE);
}

/// A thousand refusals do not hide the one time-out.
static void of_lives_with_the_same_flags_the_longest_is_shown(void **state)
{
	_cleanup_(ct_worst_fini) struct ct_worst worst = {};

	add(&worst, BIT(REFUSED), 5 * S, "first");
	add(&worst, BIT(TIMEOUT), 2 * S, "timeout");
	for (int i = 0; i < 1000; i++)
		add(&worst, BIT(REFUSED), S, "again");
	expect_worst(&worst, "timeout first ");
	add(&worst, BIT(TIMEOUT) | BIT(GAP), 6 * S, "longer");
	expect_worst(&worst, "longer first ");
	add(&worst, BIT(REFUSED), 7 * S, "longest");
	expect_worst(&worst, "longer longest ");
}

static void life_without_trouble_is_none_of_the_worst(void **state)
{
	_cleanup_(ct_worst_fini) struct ct_worst worst = {};

	add(&worst, 0, 90 * S, "plain");
	add(&worst, BIT(GAP), 90 * S, "gap");
	add(&worst, BIT(HALF_CLOSE_LOCAL) | BIT(HALF_CLOSE_REMOTE), 90 * S, "half-close");
	add(&worst, BIT(SIMULTANEOUS_OPEN) | BIT(SIMULTANEOUS_CLOSE), 90 * S, "both");
	add(&worst, BIT(KEEPALIVE_PROBE), 90 * S, "probed");
	expect_worst(&worst, "");
}

/// No flag tells of it.
static void life_of_which_nobody_knew_the_way_is_one_of_the_worst(void **state)
{
	struct ct_session session = a_session();
	struct ct_report_context context = {&in_ascii, &session, BEGAN + 100 * S};
	_cleanup_(ct_worst_fini) struct ct_worst worst = {};
	struct ct_conn conn = a_conn();

	conn.end = CT_END_UNREACHABLE;
	assert_int_equal(ct_worst_add(&worst, &context, &conn), 0);
	expect_worst(&worst, "curl ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flag_stands_between_the_states_where_it_was_raised),
		cmocka_unit_test(what_is_not_known_has_no_bar),
		cmocka_unit_test(states_that_were_left_out_are_counted),
		cmocka_unit_test(clocks_that_disagree_make_no_negative_time),
		cmocka_unit_test(worst_kind_comes_first_and_of_a_kind_the_longest),
		cmocka_unit_test(reset_that_threw_data_away_is_worse_than_any_other),
		cmocka_unit_test(rule_tells_each_kind_in_its_order),
		cmocka_unit_test(of_lives_with_the_same_flags_the_longest_is_shown),
		cmocka_unit_test(life_without_trouble_is_none_of_the_worst),
		cmocka_unit_test(life_of_which_nobody_knew_the_way_is_one_of_the_worst),
	};

	return cmocka_run_group_tests_name("report_timeline", tests, NULL, NULL);
}
