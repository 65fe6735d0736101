// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a host does not let out is told from a peer that does not answer.
#include "unit/doctor_fixture.h"

#include <errno.h>

/// So many tries in a row, the first ten seconds before it was looked at, a second ago, and no
/// event told of any.
static struct patient tried_in(uint8_t state, uint8_t times)
{
	struct patient patient = standing_in(state, 1);

	patient.conn.rto_since_ns = NOW - 11 * S;
	patient.conn.looked_ns = NOW - 1 * S;
	patient.conn.tried_by_look = true;
	patient.conn.rto_last_ns = NOW + 5 * S; /* the next one */
	patient.conn.rto_streak = times;
	patient.conn.unsent = times;
	return patient;
}

static struct patient tried(uint8_t times)
{
	return tried_in(CT_STATE_ESTABLISHED, times);
}

/// The peer's window has room, as its last look said.
static struct patient held_back(uint8_t times)
{
	struct patient patient = tried(0);

	patient.conn.unsent = times;
	return patient;
}

static void two_tries_are_no_block_yet(void **state)
{
	assert_false(finds("send-blocked", held_back(2), 1));
	assert_false(finds("send-blocked", tried(2), 1));
	assert_true(finds("send-blocked", held_back(3), 1));
	assert_true(finds("send-blocked", tried(3), 1));
}

/// The next try would have come long ago: the look was at the beginning of a recording.
static void what_went_on_may_have_been_sent_since(void **state)
{
	struct patient patients[] = {held_back(4), tried(4)};

	for (size_t i = 0; i < 2; i++) {
		patients[i].conn.rto_last_ns = NOW - 15 * S;
		assert_true(finds("send-blocked", patients[i], 1));
		patients[i].conn.rto_last_ns -= 1; /* later than a timer comes */
		assert_false(finds("send-blocked", patients[i], 1));
		assert_false(finds("dead-peer-hang", patients[i], 1));
	}
}

static void what_was_sent_again_did_leave(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_session session = a_session();
	struct patient patient = tried(4);

	patient.conn.unsent = 3; /* the last of those: the first had left */
	assert_false(finds("send-blocked", patient, 1));
	ask_as(&printed, &session, options, &patient, 1);
	assert_non_null(strstr(printed.text, "\"id\":\"dead-peer-hang\""));
	assert_non_null(strstr(printed.text, "\"last_of_them_unsent\":3"));
	assert_non_null(strstr(printed.text, "or this host does not let it out (ip route get "));
}

/// Whether what timed out before the trace had left this host is not known.
static void sentence_of_what_was_found_does_not_say_that_it_is_sent(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed found = {}, seen = {};
	struct ct_session session = a_session();
	struct patient patient = tried(4);

	patient.conn.unsent = 0;
	ask_as(&found, &session, options, &patient, 1);
	assert_non_null(strstr(found.text, ": the same segment times out again and again, "));
	assert_non_null(strstr(found.text, "or this host does not let it out (ip route get "));
	patient.conn.streak_sent = true;
	ask_as(&seen, &session, options, &patient, 1);
	assert_non_null(strstr(seen.text, ": the same segment is sent again and again, "));
	assert_null(strstr(seen.text, "ip route get"));
}

/// What was lost, or is not told by this kernel, is not known not to have left; the time-outs are.
static void nothing_follows_from_what_was_not_watched(void **state)
{
	struct patient patients[] = {tried(4), tried(4), tried(4)};

	patients[0].conn.blind = CT_BLIND_TIMERS;
	patients[1].conn.doubtful = true;
	patients[2].conn.blind = CT_BLIND_RETRANSMITS;
	for (size_t i = 0; i < 3; i++) {
		assert_false(finds("send-blocked", patients[i], 1));
		assert_true(finds("dead-peer-hang", patients[i], 1));
	}
}

static void what_is_blocked_is_no_dead_peer_and_no_ghost(void **state)
{
	struct patient silent = found_in(CT_STATE_ESTABLISHED, 300 * S);

	assert_true(finds("half-open-ghost", silent, 1));
	silent.conn.unsent = 9;
	assert_false(finds("half-open-ghost", silent, 1));
	assert_false(finds("dead-peer-hang", held_back(4), 1));
	assert_false(finds("dead-peer-hang", tried(4), 1));
}

/// Of one that dies of it no segment left either.
static void what_died_of_it_was_given_up(void **state)
{
	struct patient patient = held_back(5);

	patient.conn.phase = CT_PHASE_CLOSED;
	patient.conn.closed_ns = NOW - S;
	patient.conn.sk_err = ETIMEDOUT;
	assert_true(finds("send-blocked", patient, 1));
	patient.conn.sk_err = EHOSTUNREACH; /* for want of a route */
	assert_true(finds("send-blocked", patient, 1));
	patient.conn.reset.direction = CT_DIRECTION_RECEIVED;
	assert_false(finds("send-blocked", patient, 1));
	patient.conn.reset.direction = CT_DIRECTION_NONE;
	patient.conn.killed = true;
	assert_false(finds("send-blocked", patient, 1));
	patient.conn.killed = false;
	patient.conn.sk_err = 0; /* somebody closed it */
	assert_false(finds("send-blocked", patient, 1));
}

static void fin_that_does_not_leave_is_not_said_to_be_sent(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed unknown = {}, seen = {};
	struct patient patient = tried_in(CT_STATE_LAST_ACK, 4);
	struct ct_session session = a_session();

	assert_false(finds("last-ack-stuck", patient, 1));
	assert_true(finds("send-blocked", patient, 1));
	patient.conn.unsent = 0;
	patient.conn.rto_since_ns = NOW - 4 * S;
	ask_as(&unknown, &session, options, &patient, 1);
	assert_non_null(strstr(unknown.text, "\"confidence\":\"medium\""));
	assert_non_null(strstr(unknown.text, ": our FIN is not acknowledged\""));
	patient.conn.streak_sent = true;
	ask_as(&seen, &session, options, &patient, 1);
	assert_non_null(strstr(seen.text, ": our FIN is sent again and not acknowledged\""));
}

/// It waits behind data that had been tried before it was queued: it need never have been sent.
static void fin_behind_what_was_tried_before_is_not_acknowledged(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed before = {};
	struct patient patient = tried_in(CT_STATE_LAST_ACK, 4);
	struct ct_session session = a_session();

	patient.conn.unsent = 0;
	patient.conn.streak_sent = true;
	patient.conn.rto_since_ns = patient.steps[1].at_ns - 1;
	ask_as(&before, &session, options, &patient, 1);
	assert_true(is_told(&before, "last-ack-stuck"));
	assert_non_null(strstr(before.text, ": our FIN is not acknowledged\""));
	patient.conn.looked_ns = patient.steps[1].at_ns - 1; /* before it stood there */
	assert_false(finds("last-ack-stuck", patient, 1));
}

/// Of a stall that was there before, one probe in minutes may be all that is seen, or none.
static void window_that_was_found_closed_is_a_stall(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, S);

	patient.conn.stall_ms_max = 9000; /* by two probes that were seen */
	assert_false(finds("zero-window-stall", patient, 1));
	patient.conn.stalled_by_look = true;
	assert_true(finds("zero-window-stall", patient, 1));
}

/// Nobody has looked since.
static void beginning_of_a_recording_tells_no_more_than_of_its_moment(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed blocked = {}, dead = {};
	struct ct_session session = a_session();
	struct patient patient = held_back(5);

	patient.conn.looked_ns = NOW - 6 * S;
	ask_as(&blocked, &session, options, &patient, 1);
	assert_non_null(strstr(blocked.text, "\"severity\":\"warn\",\"confidence\":\"medium\""));
	assert_non_null(strstr(blocked.text, "\"blocked_ns\":5000000000,"));
	patient.conn.rto_streak = 5;
	patient.conn.unsent = 0;
	ask_as(&dead, &session, options, &patient, 1);
	assert_non_null(strstr(dead.text, "\"unanswered_ns\":5000000000,"));
}

static void sentence_says_for_how_long_and_where_to_look(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed printed = {}, again = {};
	struct patient patient = held_back(5);
	struct ct_session session = a_session();

	ask_as(&printed, &session, options, &patient, 2);
	assert_non_null(strstr(printed.text, "what is to be sent does not leave this host, for at "
					     "least 10.0 s, up to 5 tries in a row\""));
	assert_non_null(strstr(printed.text, "\"severity\":\"crit\",\"confidence\":\"high\""));
	assert_non_null(strstr(printed.text, "\"tries_in_a_row\":5,\"window_has_room\":2"));
	assert_non_null(strstr(printed.text, "ip route get "));
	assert_null(strstr(printed.text, "ip neigh"));
	patient = tried(5);
	ask_as(&again, &session, options, &patient, 1);
	assert_non_null(strstr(again.text, "\"severity\":\"warn\",\"confidence\":\"medium\""));
	assert_non_null(strstr(again.text, "ip neigh"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_tries_are_no_block_yet),
		cmocka_unit_test(what_went_on_may_have_been_sent_since),
		cmocka_unit_test(what_was_sent_again_did_leave),
		cmocka_unit_test(sentence_of_what_was_found_does_not_say_that_it_is_sent),
		cmocka_unit_test(nothing_follows_from_what_was_not_watched),
		cmocka_unit_test(what_is_blocked_is_no_dead_peer_and_no_ghost),
		cmocka_unit_test(fin_behind_what_was_tried_before_is_not_acknowledged),
		cmocka_unit_test(beginning_of_a_recording_tells_no_more_than_of_its_moment),
		cmocka_unit_test(what_died_of_it_was_given_up),
		cmocka_unit_test(fin_that_does_not_leave_is_not_said_to_be_sent),
		cmocka_unit_test(window_that_was_found_closed_is_a_stall),
		cmocka_unit_test(sentence_says_for_how_long_and_where_to_look),
	};

	return cmocka_run_group_tests_name("doctor_blocked", tests, NULL, NULL);
}
