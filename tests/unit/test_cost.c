// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../src/cli/cost.h"
#include "conntrace/cleanup.h"

#define NS_PER_S 1000000000ull

#define HEAD \
	"PROGRAM                      HOOK                      RUNS/S  NS/RUN    IDLE      CPU\n"

/// A program of TCP and one that every timer calls, watched for 2 s at work and 2 s idle.
static struct ct_cost two_programs(void)
{
	return (struct ct_cost){
		.at_work_ns = 2 * NS_PER_S,
		.idle_ns = 2 * NS_PER_S,
		.n = 2,
		.rows = {{.program = "ct_set_state", .hook = "inet_sock_set_state"},
			 {.program = "ct_timer_start", .hook = "timer_start"}},
	};
}

static void assert_table(const struct ct_cost *cost, const char *wanted)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_cost_put_table(&buf, cost);
	assert_int_equal(buf.error, 0);
	assert_string_equal(buf.data, wanted);
}

static void share_of_a_cpu_is_of_a_second(void **state)
{
	struct ct_cost cost = two_programs();

	cost.rows[0].at_work = (struct ct_cost_figure){2000, 2000000};
	cost.rows[0].idle = (struct ct_cost_figure){1000, 50000};
	cost.rows[1].at_work = (struct ct_cost_figure){4000, 400000};
	assert_table(
		&cost, HEAD
		"ct_set_state                 inet_sock_set_state         1000    1000      50   0.100%\n"
		"ct_timer_start               timer_start                 2000     100       -   0.020%\n"
		"all                                                      3000     400      50   0.120%\n");
}

static void nothing_that_ran_is_nothing_to_measure(void **state)
{
	const struct ct_cost cost = two_programs();

	assert_table(&cost,
		     "none of TCP's own tracepoints was reached in the 2.00 s at work: nothing to "
		     "measure; try it again while connections are opened and closed, or for longer "
		     "(--duration)\n");
}

static void timers_alone_are_not_the_cost_of_tracing_tcp(void **state)
{
	struct ct_cost cost = two_programs();

	cost.rows[1].at_work = (struct ct_cost_figure){4000, 400000};
	cost.rows[1].idle = (struct ct_cost_figure){4000, 200000};
	assert_table(
		&cost, HEAD
		"ct_set_state                 inet_sock_set_state            0       -       -        -\n"
		"ct_timer_start               timer_start                 2000     100      50   0.020%\n"
		"all                                                      2000     100      50   0.020%\n"
		"none of TCP's own tracepoints was reached in the 2.00 s at work: this is what timers "
		"and dropped packets cost; try it again while connections are opened and closed, or "
		"for longer (--duration)\n");
}

static void no_time_at_all_is_divided_by_nothing(void **state)
{
	struct ct_cost cost = two_programs();

	cost.at_work_ns = 0;
	cost.rows[0].at_work = (struct ct_cost_figure){1, 1000};
	assert_table(
		&cost, HEAD
		"ct_set_state                 inet_sock_set_state            -    1000       -        -\n"
		"ct_timer_start               timer_start                    -       -       -        -\n"
		"all                                                         -    1000       -        -\n");
}

/// Whoever reads it divides, and finds that there is nothing to divide.
static void json_has_the_sums_as_they_are(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_cost cost = two_programs();
	struct ct_json json;

	cost.n = 1;
	cost.rows[0].idle = (struct ct_cost_figure){3, 150};
	ct_json_init(&json, &buf);
	ct_json_object_begin(&json);
	ct_cost_put_json(&json, &cost);
	ct_json_object_end(&json);
	assert_int_equal(buf.error, 0);
	assert_string_equal(buf.data, "{\"cost\":{\"at_work_ns\":2000000000,\"idle_ns\":2000000000,"
				      "\"programs\":[{\"program\":\"ct_set_state\",\"hook\":"
				      "\"inet_sock_set_state\",\"runs\":0,\"run_ns\":0,"
				      "\"idle_runs\":3,\"idle_run_ns\":150}]}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(share_of_a_cpu_is_of_a_second),
		cmocka_unit_test(nothing_that_ran_is_nothing_to_measure),
		cmocka_unit_test(timers_alone_are_not_the_cost_of_tracing_tcp),
		cmocka_unit_test(no_time_at_all_is_divided_by_nothing),
		cmocka_unit_test(json_has_the_sums_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
