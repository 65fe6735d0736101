// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Columns as wide as what stands in them, on screens of all widths. */
#include "conntrace/sink_list.h"

#include "unit/sink_fixture.h"

#include <string.h>

#include "conntrace/count.h"
#include "conntrace/sink_words.h"
#include "unit/found_fixture.h"

static void expect_on(size_t width, const char *fields, const struct ct_update *updates, size_t n,
		      const char *expected)
{
	const struct ct_output_options options = {
		.format = CT_OUTPUT_TABLE, .fields = fields, .utf8 = true, .width = width};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(ct_sink_list_new(&options, &printed.session, printed.file, &sink, NULL),
			 0);
	print_all(&printed, sink, updates, n);
	assert_string_equal(printed.text, expected);
}

static void columns_are_as_wide_as_what_stands_in_them(void **state)
{
	const struct ct_update updates[] = {a_found(CT_STATE_ESTABLISHED), a_found_mini()};

	expect_on(120, NULL, updates, 2,
		  "STATE           AGE TIMER   PID COMM LADDR    LPORT RADDR    RPORT OWNER FLAGS "
		  "DETAIL\n"
		  "ESTABLISHED       - -      4242 curl 10.0.0.1 45678 10.0.0.2    80 scan  -     "
		  "active, keepalive 2h00m\n"
		  "TIME_WAIT   ≥27.9 s 32.1 s    - -    10.0.0.1 45678 10.0.0.2    80 -     -     "
		  "-\n");
}

/// The line goes on where a group of columns begins, if there is anything to say, and nothing
/// stands behind its end.
static void line_that_is_too_long_is_broken_between_groups(void **state)
{
	const struct ct_update updates[] = {a_found(CT_STATE_ESTABLISHED), a_found_mini()};

	expect_on(80, NULL, updates, 2,
		  "STATE           AGE TIMER   PID COMM LADDR    LPORT RADDR    RPORT\n"
		  "    OWNER FLAGS DETAIL\n"
		  "ESTABLISHED       - -      4242 curl 10.0.0.1 45678 10.0.0.2    80\n"
		  "    scan  -     active, keepalive 2h00m\n"
		  "TIME_WAIT   ≥27.9 s 32.1 s    - -    10.0.0.1 45678 10.0.0.2    80\n");
	expect_on(60, NULL, updates, 1,
		  "STATE       AGE TIMER  PID COMM\n"
		  "    LADDR    LPORT RADDR    RPORT\n"
		  "    OWNER FLAGS DETAIL\n"
		  "ESTABLISHED   - -     4242 curl\n"
		  "    10.0.0.1 45678 10.0.0.2    80\n"
		  "    scan  -     active, keepalive 2h00m\n");
}

/// One that fits to the last character is not broken.
static void line_that_just_fits_is_left_whole(void **state)
{
	const struct ct_update u = a_found_mini();
	const char *whole = "STATE     LADDR\n"
			    "TIME_WAIT 10.0.0.1\n";

	expect_on(strlen("TIME_WAIT 10.0.0.1"), "state,laddr", &u, 1, whole);
	expect_on(strlen("TIME_WAIT 10.0.0.1") - 1, "state,laddr", &u, 1,
		  "STATE\n    LADDR\nTIME_WAIT\n    10.0.0.1\n");
}

/// Flags are rare and long: they make no room for themselves on the lines that have none.
static void flag_pushes_the_rest_of_its_own_line_on(void **state)
{
	struct ct_update updates[] = {a_found(CT_STATE_ESTABLISHED), a_found(CT_STATE_FIN_WAIT2)};

	updates[1].raised = 1U << CT_FLAG_HALF_CLOSE_LOCAL;
	expect_on(60, "state,flags,detail", updates, 2,
		  "STATE       FLAGS DETAIL\n"
		  "ESTABLISHED -     active, keepalive 2h00m\n"
		  "FIN_WAIT2   [half-close-local] active, keepalive 2h00m\n");
	expect_on(52, "state,flags,detail", updates, 2,
		  "STATE       FLAGS DETAIL\n"
		  "ESTABLISHED -     active, keepalive 2h00m\n"
		  "FIN_WAIT2   [half-close-local] active, keepalive\n"
		  "                               2h00m\n");
}

static void long_name_is_cut_as_it_is_elsewhere(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	memcpy(u.id.comm, "a-name-of-15-ch", 15);
	expect_on(120, "comm,rport", &u, 1, "COMM       RPORT\na-name-of…    80\n");
}

/// Nothing to list: the names of the columns.
static void empty_list_has_its_header(void **state)
{
	expect_on(120, "state,timer,flags", NULL, 0, "STATE TIMER FLAGS\n");
}

/// What is no terminal has the widths that it always has.
static void without_a_screen_widths_are_fixed(void **state)
{
	const struct ct_update u = a_found_mini();

	expect_on(0, "state,timer,flags,detail", &u, 1,
		  "STATE       TIMER            FLAGS DETAIL\n"
		  "TIME_WAIT   32.1 s           -     -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_what_stands_in_them),
		cmocka_unit_test(line_that_is_too_long_is_broken_between_groups),
		cmocka_unit_test(line_that_just_fits_is_left_whole),
		cmocka_unit_test(flag_pushes_the_rest_of_its_own_line_on),
		cmocka_unit_test(long_name_is_cut_as_it_is_elsewhere),
		cmocka_unit_test(empty_list_has_its_header),
		cmocka_unit_test(without_a_screen_widths_are_fixed),
	};

	return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
