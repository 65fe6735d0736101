// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What stood for long and is over when the doctor concludes.
#include "unit/doctor_fixture.h"

#include "conntrace/count.h"

/// Closed by the peer, left alone for so long, and then closed.
static struct patient left_in_close_wait(uint64_t for_ns)
{
	struct patient patient = gone(S, CT_STATE_CLOSE_WAIT);

	patient.steps[2].for_ns = for_ns;
	patient.steps[3] = (struct ct_step){patient.steps[2].at_ns + for_ns, MS, CT_STATE_LAST_ACK,
					    CT_BASIS_SEEN};
	patient.conn.history.n_steps = 4;
	patient.conn.fin_received = true;
	patient.conn.write_seq_at_fin = 1000;
	patient.conn.write_seq = 1001; /* our FIN */
	patient.conn.closed_how = CT_HOW_CLOSE;
	return patient;
}

/// The kernel has given up a FIN that nothing acknowledged.
static struct patient given_up_in(uint8_t state)
{
	struct patient patient = gone(S, state);

	patient.conn.end = CT_END_TIMEOUT;
	patient.conn.rto_streak = 5;
	patient.conn.retransmits = 5;
	return patient;
}

static void minute_in_close_wait_is_told_when_it_is_over(void **state)
{
	_cleanup_(printed_fini) struct printed one = {}, pool = {}, several = {};
	struct patient patient = left_in_close_wait(64 * S);

	ask(&one, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_true(is_told(&one, "close-wait-leak"));
	assert_non_null(strstr(one.text, "\"severity\":\"note\",\"confidence\":\"medium\""));
	assert_non_null(strstr(one.text, "curl[4242] left 1 connection in CLOSE_WAIT, the longest "
					 "for 1m04s: the peer had closed, and nothing was sent to "
					 "it any more; by now that is over"));
	ask(&pool, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(pool.text, "\"severity\":\"note\""));
	assert_non_null(strstr(pool.text, "conntrace -p 4242 --flag close-wait-stuck"));
	patient.conn.id.role = CT_ROLE_PASSIVE;
	ask(&several, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(several.text, "\"severity\":\"warn\""));
}

/// Whose it is, is known by the listener alone.
static void what_may_never_have_been_accepted_is_told_as_that(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct patient patient = left_in_close_wait(64 * S);

	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.id.owner = CT_OWNER_INHERITED;
	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(printed.text, "3 connections that came through the listener of "
					     "curl[~4242] were left in CLOSE_WAIT"));
	assert_non_null(strstr(printed.text, "look whether accept() was still called"));
}

static void process_that_ends_is_told_as_that(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct patient patient = left_in_close_wait(64 * S);

	patient.conn.closed_how = CT_HOW_EXIT;
	ask(&printed, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(strstr(printed.text, "the end of the process ended it"));
	assert_non_null(strstr(printed.text, "\"ended_with_process\":2"));
}

static void what_was_closed_soon_or_answered_is_innocent(void **state)
{
	struct patient answered = left_in_close_wait(64 * S), unknown = answered;

	assert_false(finds("close-wait-leak", left_in_close_wait(59 * S), 5));
	answered.conn.write_seq += 100;
	assert_false(finds("close-wait-leak", answered, 5));
	unknown.steps[2].for_ns = CT_NS_UNKNOWN;
	assert_false(finds("close-wait-leak", unknown, 5));
}

/// A reset out of CLOSE_WAIT: no FIN of ours is in what was sent.
static void single_byte_behind_the_fin_is_an_answer(void **state)
{
	struct patient patient = left_in_close_wait(64 * S);

	patient.conn.history.n_steps = 3;
	patient.conn.fin_sent = false;
	assert_false(finds("close-wait-leak", patient, 3));
	patient.conn.write_seq = patient.conn.write_seq_at_fin;
	assert_true(finds("close-wait-leak", patient, 3));
}

static const struct {
	uint8_t state;
	const char *id;
	const char *told;
} given_up[] = {
	{CT_STATE_FIN_WAIT1, "fin-wait-stuck",
	 "ended in FIN_WAIT1: our FIN, or what was before it, "},
	{CT_STATE_LAST_ACK, "last-ack-stuck",
	 "ended in LAST_ACK: our FIN, or what was before it, "},
	{CT_STATE_CLOSING, "closing-stuck", "ended in CLOSING: our FIN, or what was before it, "},
};

static void fin_that_the_kernel_gave_up_is_told(void **state)
{
	for (size_t i = 0; i < CT_COUNT(given_up); i++) {
		_cleanup_(printed_fini) struct printed printed = {};
		struct patient patient = given_up_in(given_up[i].state);

		ask(&printed, CT_OUTPUT_JSON, &patient, 2, NULL);
		assert_true(is_told(&printed, given_up[i].id));
		assert_non_null(strstr(printed.text, given_up[i].told));
		assert_non_null(strstr(printed.text, "conntrace -P 80 --flag timeout"));
	}
}

static void fin_that_was_acknowledged_late_is_innocent(void **state)
{
	for (size_t i = 0; i < CT_COUNT(given_up); i++) {
		struct patient late = given_up_in(given_up[i].state);
		struct patient waited = late;

		late.conn.end = CT_END_FIN;
		assert_false(finds(given_up[i].id, late, 5));
		waited.conn.rto_streak = 0; /* behind a closed window */
		assert_false(finds(given_up[i].id, waited, 5));
	}
}

/// The minute of FIN_WAIT2 that the kernel gives an orphan is no FIN of ours.
static void orphan_that_waited_in_vain_is_innocent(void **state)
{
	assert_false(finds("fin-wait-stuck", given_up_in(CT_STATE_FIN_WAIT2), 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minute_in_close_wait_is_told_when_it_is_over),
		cmocka_unit_test(what_may_never_have_been_accepted_is_told_as_that),
		cmocka_unit_test(process_that_ends_is_told_as_that),
		cmocka_unit_test(what_was_closed_soon_or_answered_is_innocent),
		cmocka_unit_test(single_byte_behind_the_fin_is_an_answer),
		cmocka_unit_test(fin_that_the_kernel_gave_up_is_told),
		cmocka_unit_test(fin_that_was_acknowledged_late_is_innocent),
		cmocka_unit_test(orphan_that_waited_in_vain_is_innocent),
	};

	return cmocka_run_group_tests_name("doctor_over", tests, NULL, NULL);
}
