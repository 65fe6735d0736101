// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What waits for a process, and what works: the last look at a socket tells them apart.
#include "unit/doctor_fixture.h"

#define LOOKED (NOW - 1 * S)

/// Since AT_S in STATE, and looked at when it had been silent for SILENT_NS.
static struct patient looked_at(uint8_t state, uint64_t at_s, uint64_t silent_ns)
{
	struct patient patient = standing_in(state, at_s);

	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.looked_ns = LOOKED;
	patient.conn.silent_ns = silent_ns;
	return patient;
}

static bool says(const char *key, struct patient patient, size_t n)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, n, NULL);
	return printed.text && strstr(printed.text, key);
}

#define HIGH   "\"id\":\"close-wait-leak\",\"severity\":\"warn\",\"confidence\":\"high\""
#define MEDIUM "\"id\":\"close-wait-leak\",\"severity\":\"warn\",\"confidence\":\"medium\""

static void close_wait_in_which_data_goes_is_innocent(void **state)
{
	assert_true(finds("close-wait-leak", looked_at(CT_STATE_CLOSE_WAIT, 500, 99 * S), 1));
	assert_false(finds("close-wait-leak", looked_at(CT_STATE_CLOSE_WAIT, 500, 20 * MS), 1));
	assert_false(finds("close-wait-leak", looked_at(CT_STATE_CLOSE_WAIT, 500, 20 * MS), 3));
	/* that is what counts of several as well */
	assert_false(finds("close-wait-leak", looked_at(CT_STATE_CLOSE_WAIT, 500, 4 * S), 3));
	assert_true(finds("close-wait-leak", looked_at(CT_STATE_CLOSE_WAIT, 500, 6 * S), 3));
	assert_false(finds("close-wait-leak", looked_at(CT_STATE_CLOSE_WAIT, 500, 6 * S), 2));
}

static void confidence_is_high_where_the_silence_is_known_alone(void **state)
{
	struct patient patient = looked_at(CT_STATE_CLOSE_WAIT, 500, 98 * S);

	assert_true(says(HIGH, patient, 1));
	assert_true(says("\"silent_at_least_ns\":98000000000", patient, 1));
	assert_true(says("\"oldest_ns\":100000000000", patient, 1));
	patient.conn.looked_ns = 0; /* in a recording */
	assert_true(says(MEDIUM, patient, 1));
	assert_false(says("silent_at_least_ns", patient, 1));
	patient.conn.looked_ns = NOW - 6 * S; /* what came since is not known */
	assert_true(says(MEDIUM, patient, 1));
	patient.conn.looked_ns = BEGAN + 499 * S; /* before its FIN */
	assert_true(says(MEDIUM, patient, 1));
	patient = looked_at(CT_STATE_CLOSE_WAIT, 500, 0); /* not known by the look */
	assert_true(says(MEDIUM, patient, 1));
}

static void what_was_sent_behind_the_fin_is_of_use_as_long_as_it_may_pause(void **state)
{
	struct patient patient = looked_at(CT_STATE_CLOSE_WAIT, 500, 59 * S);

	assert_true(finds("close-wait-leak", patient, 3));
	patient.conn.sent_by_look = true;
	assert_false(finds("close-wait-leak", patient, 3));
	patient.conn.silent_ns = 61 * S;
	assert_true(says(MEDIUM, patient, 3));
	patient.conn.looked_ns = BEGAN + 499 * S; /* it was sent before the FIN */
	patient.conn.silent_ns = 59 * S;
	assert_true(says(MEDIUM, patient, 3));
}

/// They break the silence, and are no use of the connection.
static void probes_are_no_data(void **state)
{
	struct patient patient = looked_at(CT_STATE_CLOSE_WAIT, 500, 2 * S);

	assert_false(finds("close-wait-leak", patient, 3));
	patient.conn.flags = 1U << CT_FLAG_KEEPALIVE_PROBE;
	assert_true(says(MEDIUM, patient, 3));
	patient.conn.sent_by_look = true;
	assert_false(finds("close-wait-leak", patient, 3));
	patient.conn.sent_by_look = false;
	patient.conn.silent_ns = 99 * S; /* they came before the FIN */
	assert_true(says(HIGH, patient, 3));
}

static void fin_wait2_on_which_data_comes_is_innocent(void **state)
{
	assert_true(finds("fin-wait-stuck", looked_at(CT_STATE_FIN_WAIT2, 500, 61 * S), 1));
	assert_false(finds("fin-wait-stuck", looked_at(CT_STATE_FIN_WAIT2, 500, 59 * S), 1));
	assert_false(finds("fin-wait-stuck", looked_at(CT_STATE_FIN_WAIT2, 500, 20 * MS), 3));
}

/// As accept() would have found it: by its listener alone, with all that the peer had sent.
static struct patient never_accepted(void)
{
	struct patient patient = looked_at(CT_STATE_CLOSE_WAIT, 590, 9 * S);

	patient.conn.id.owner = CT_OWNER_INHERITED;
	patient.conn.untouched = true;
	patient.conn.unread = 100;
	return patient;
}

static void what_was_never_accepted_waits_for_accept(void **state)
{
	struct patient patient = never_accepted();
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 4, NULL);
	assert_non_null(strstr(
		printed.text,
		"\"summary\":\"4 connections that came through the listener of curl[~4242] are in "
		"CLOSE_WAIT, the oldest for 10.0 s: the peer has closed, and no process has read "
		"anything of what it sent (not accepted yet, or never read from); which process "
		"has them, if any does, is not known\""));
	assert_non_null(strstr(printed.text, "\"remedy\":\"look whether the process still calls "
					     "accept(), "));
	assert_null(strstr(printed.text, "close() has not been called"));
	assert_null(strstr(printed.text, "ss -tanpo state close-wait | grep"));
}

/// Its process has a descriptor of it, and hangs: it is not that it forgets close().
static void what_was_accepted_and_never_read_waits_for_its_process(void **state)
{
	struct patient patient = never_accepted();

	patient.conn.id.owner = CT_OWNER_SCAN;
	assert_true(says("\"summary\":\"curl[4242] has 4 connections in CLOSE_WAIT, ", patient, 4));
	assert_true(says(" and no process has read anything of what it sent (not accepted yet, or "
			 "never read from)\"",
			 patient, 4));
	patient.conn.id.role = CT_ROLE_ACTIVE;
	assert_true(says("and close() has not been called\"", patient, 4));
	patient = never_accepted();
	patient.conn.id.owner = CT_OWNER_SCAN;
	patient.conn.untouched = false;
	assert_true(says("and close() has not been called\"", patient, 4));
}

static void what_a_process_has_touched_waits_for_close(void **state)
{
	struct patient patient = never_accepted();

	patient.conn.untouched = false;
	assert_true(says("and close() has not been called; which", patient, 4));
	patient = never_accepted();
	patient.conn.id.owner = CT_OWNER_ACTOR;
	assert_true(says("and close() has not been called\"", patient, 4));
	patient = never_accepted();
	patient.conn.looked_ns = 0; /* by a look that is older than all of this */
	assert_true(says("and close() has not been called; which", patient, 4));
	assert_true(says("; whether all of them have been accepted is not known\"", patient, 4));
	patient.conn.unread = 0;
	assert_false(says("whether all of them have been accepted", patient, 4));
}

/// One process, some of each.
static void those_that_wait_for_accept_are_counted_among_the_others(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient waiting = never_accepted(), leaked = never_accepted();
	_cleanup_(printed_fini) struct printed printed = {};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(&printed, &session, options);

	leaked.conn.id.owner = CT_OWNER_ACTOR;
	doctor_sees(sink, &leaked);
	doctor_sees(sink, &waiting);
	doctor_sees(sink, &waiting);
	doctor_concludes(&printed, sink);
	assert_non_null(strstr(printed.text,
			       "\"summary\":\"3 connections, 1 of curl[4242] and 2 that came "
			       "through its listener, are in CLOSE_WAIT, "));
	assert_non_null(strstr(printed.text,
			       "close() has not been called; from 2 of them no process has read "
			       "anything (not accepted yet, or never read from); which process has "
			       "those 2, if any does, is not known\""));
}

/// The master listens, a worker accepts: the master holds none of them.
static void who_has_no_more_than_the_listener_holds_nothing(void **state)
{
	struct patient patient = looked_at(CT_STATE_CLOSE_WAIT, 590, 9 * S);

	patient.conn.id.owner = CT_OWNER_INHERITED;
	assert_true(says("\"summary\":\"3 connections that came through the listener of "
			 "curl[~4242] are in CLOSE_WAIT, the oldest for 10.0 s: the peer has "
			 "closed, and close() has not been called; which process has them, if any "
			 "does, is not known\"",
			 patient, 3));
	assert_false(says(" holds ", patient, 3));
	patient.conn.id.owner = CT_OWNER_SCAN;
	assert_true(
		says("\"summary\":\"curl[4242] holds 3 connections in CLOSE_WAIT, ", patient, 3));
	assert_false(says("is not known", patient, 3));
}

static void fin_wait2_of_a_listener_is_nobodys_for_sure(void **state)
{
	struct patient patient = looked_at(CT_STATE_FIN_WAIT2, 500, 61 * S);

	assert_true(says("\"summary\":\"curl[4242] has 1 connection in FIN_WAIT2, ", patient, 1));
	patient.conn.id.owner = CT_OWNER_INHERITED;
	assert_true(says("\"summary\":\"1 connection that came through the listener of "
			 "curl[~4242] is in FIN_WAIT2, the longest for 1m40s: the peer has not "
			 "closed its side; which process has it, if any does, is not known\"",
			 patient, 1));
}

/// Of what the listener's process may not have ss may name another one, or none.
static void listeners_name_is_no_part_of_the_command(void **state)
{
	struct patient patient = looked_at(CT_STATE_CLOSE_WAIT, 590, 9 * S);

	assert_true(
		says("\"confirm\":\"ss -tanpo state close-wait | grep pid=4242,\"", patient, 3));
	patient.conn.id.owner = CT_OWNER_INHERITED;
	assert_true(
		says("\"confirm\":\"ss -tanpo state close-wait 'sport = :45678'\"", patient, 3));
}

/// A case of both states has to show both.
static void command_shows_each_state_that_is_told_of(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient acked = standing_in(CT_STATE_FIN_WAIT2, 500);
	struct patient unacked = standing_in(CT_STATE_FIN_WAIT1, 590);
	_cleanup_(printed_fini) struct printed printed = {};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(&printed, &session, options);

	unacked.conn.rto_streak = 2;
	unacked.conn.retransmits = 2;
	unacked.conn.rto_since_ns = BEGAN + 591 * S;
	unacked.conn.rto_last_ns = BEGAN + 597 * S;
	doctor_sees(sink, &acked);
	doctor_sees(sink, &unacked);
	doctor_concludes(&printed, sink);
	assert_non_null(strstr(printed.text, "\"confirm\":\"ss -tanpo state fin-wait-1 state "
					     "fin-wait-2 | grep pid=4242,\""));
	assert_true(says("\"confirm\":\"ss -tanpo state fin-wait-1 | grep", unacked, 2));
	assert_true(says("\"confirm\":\"ss -tanpo state fin-wait-2 | grep", acked, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_wait_in_which_data_goes_is_innocent),
		cmocka_unit_test(confidence_is_high_where_the_silence_is_known_alone),
		cmocka_unit_test(what_was_sent_behind_the_fin_is_of_use_as_long_as_it_may_pause),
		cmocka_unit_test(probes_are_no_data),
		cmocka_unit_test(fin_wait2_on_which_data_comes_is_innocent),
		cmocka_unit_test(what_was_never_accepted_waits_for_accept),
		cmocka_unit_test(what_was_accepted_and_never_read_waits_for_its_process),
		cmocka_unit_test(what_a_process_has_touched_waits_for_close),
		cmocka_unit_test(those_that_wait_for_accept_are_counted_among_the_others),
		cmocka_unit_test(who_has_no_more_than_the_listener_holds_nothing),
		cmocka_unit_test(fin_wait2_of_a_listener_is_nobodys_for_sure),
		cmocka_unit_test(listeners_name_is_no_part_of_the_command),
		cmocka_unit_test(command_shows_each_state_that_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
