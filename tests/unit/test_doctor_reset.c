// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Closes and uses that end in a reset: what is lost by them, and by whom.
#include "unit/doctor_fixture.h"

static struct patient sent_behind_fin(uint32_t bytes, uint8_t last)
{
	struct patient patient = gone(S, CT_STATE_CLOSE_WAIT);
	bool is_closed = last == CT_STATE_LAST_ACK;

	patient.conn.reset.direction = CT_DIRECTION_RECEIVED;
	patient.conn.write_seq_at_fin = 1000;
	patient.conn.write_seq = 1000 + bytes + is_closed; /* our FIN */
	patient.steps[3] = (struct ct_step){BEGAN + 3 * S, MS, CT_STATE_LAST_ACK, CT_BASIS_SEEN};
	patient.conn.history.n_steps = is_closed ? 4 : 3;
	return patient;
}

static void goodbye_behind_the_peers_close_is_no_reuse(void **state)
{
	assert_false(finds("stale-pool-reuse", sent_behind_fin(24, CT_STATE_LAST_ACK), 3));
	assert_false(finds("stale-pool-reuse", sent_behind_fin(96, CT_STATE_LAST_ACK), 3));
	assert_true(finds("stale-pool-reuse", sent_behind_fin(97, CT_STATE_LAST_ACK), 3));
}

/// From nearby the reset comes before close(), whatever was sent.
static void what_may_be_a_goodbye_is_no_more_than_a_note(void **state)
{
	struct patient little = sent_behind_fin(24, CT_STATE_CLOSE_WAIT);
	struct patient more = sent_behind_fin(97, CT_STATE_CLOSE_WAIT);
	_cleanup_(printed_fini) struct printed note = {}, warn = {};

	ask(&note, CT_OUTPUT_JSON, &little, 3, NULL);
	assert_non_null(strstr(note.text, "\"id\":\"stale-pool-reuse\",\"severity\":\"note\","
					  "\"confidence\":\"low\""));
	assert_non_null(strstr(note.text, "answered with a reset; so little may have been a "
					  "goodbye, as of TLS, which nobody misses\""));
	ask(&warn, CT_OUTPUT_JSON, &more, 3, NULL);
	assert_non_null(strstr(warn.text, "\"id\":\"stale-pool-reuse\",\"severity\":\"warn\","
					  "\"confidence\":\"medium\""));
	assert_non_null(strstr(warn.text, "answered with a reset\""));
}

static struct patient reset_at_once(uint8_t cause, uint32_t unread, uint32_t unacked)
{
	struct patient patient = gone(S, CT_STATE_CLOSE_WAIT);

	patient.conn.history.n_steps = 2; /* in ESTABLISHED */
	patient.conn.end = CT_END_RST_SENT;
	patient.conn.reset = (struct ct_reset){.direction = CT_DIRECTION_SENT,
					       .cause = cause,
					       .unread = unread,
					       .unacked = unacked};
	return patient;
}

/// ID is found with this severity, and of its sentence there is this.
static void assert_found(struct patient patient, const char *id, const char *severity,
			 const char *confidence, const char *says)
{
	_cleanup_(printed_fini) struct printed printed = {};
	char found[128];

	snprintf(found, sizeof(found), "\"id\":\"%s\",\"severity\":\"%s\",\"confidence\":\"%s\"",
		 id, severity, confidence);
	ask(&printed, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(printed.text, found));
	assert_non_null(strstr(printed.text, says));
}

/// What is unread is gone; of what was sent nobody here knows.
static void linger0_throws_away_what_is_unread_and_perhaps_what_was_sent(void **state)
{
	assert_found(reset_at_once(CT_RESET_CAUSE_LINGER0, 300, 0), "linger0-reset", "warn", "high",
		     "by a reset, 300 B unread were thrown away\"");
	assert_found(reset_at_once(CT_RESET_CAUSE_LINGER0, 0, 300), "linger0-reset", "warn",
		     "medium",
		     "by a reset, with 300 B not acknowledged, which the peer may not have\"");
	assert_found(reset_at_once(CT_RESET_CAUSE_LINGER0, 300, 200), "linger0-reset", "warn",
		     "high",
		     "by a reset, 300 B unread were thrown away, with 200 B not acknowledged, "
		     "which the peer may not have\"");
	assert_found(reset_at_once(CT_RESET_CAUSE_LINGER0, 0, 0), "linger0-reset", "note", "high",
		     "with nothing unread, and nothing unacknowledged, on its side\"");
}

/// Closed with a close_notify unread, when the peer's FIN had been there for a second. BEHIND it so
/// much was sent.
static struct patient unread_behind_fin(uint8_t role, uint32_t behind, uint32_t unacked)
{
	struct patient patient = reset_at_once(CT_RESET_CAUSE_UNREAD_DATA, 31, unacked);

	patient.conn.history.n_steps = 3;
	patient.conn.id.role = role;
	patient.conn.fin_received = true;
	patient.conn.write_seq_at_fin = 1000;
	patient.conn.write_seq = 1000 + behind;
	return patient;
}

#define HALF_CLOSED                                                                          \
	"with 31 B unread when the peer's FIN had come: one that has only half closed, and " \
	"still reads, is told `connection reset by peer`, and may lose the answer that was " \
	"sent before; one that has closed loses nothing\""

static void unread_data_is_known_to_harm_a_peer_that_has_not_closed(void **state)
{
	assert_found(reset_at_once(CT_RESET_CAUSE_UNREAD_DATA, 31, 0), "unread-data-reset", "warn",
		     "high",
		     "with 31 B unread: the peer is told `connection reset by peer`, and may lose "
		     "the answer that was sent before\"");
}

/// A pool drops what the server has closed, and has not read the close_notify; or answers with one.
static void unread_end_of_an_answer_is_innocent(void **state)
{
	assert_false(finds("unread-data-reset", unread_behind_fin(CT_ROLE_ACTIVE, 0, 0), 3));
	assert_false(finds("unread-data-reset", unread_behind_fin(CT_ROLE_ACTIVE, 24, 24), 3));
	assert_false(finds("unread-data-reset", unread_behind_fin(CT_ROLE_ACTIVE, 24, 0), 3));
	/* from before the FIN: it may have lost that */
	assert_found(unread_behind_fin(CT_ROLE_ACTIVE, 24, 25), "unread-data-reset", "warn",
		     "medium", HALF_CLOSED);
}

static void who_asked_and_has_closed_his_side_may_read_on(void **state)
{
	struct patient patient = unread_behind_fin(CT_ROLE_PASSIVE, 1, 0);

	assert_found(unread_behind_fin(CT_ROLE_PASSIVE, 0, 0), "unread-data-reset", "note", "low",
		     HALF_CLOSED);
	assert_found(patient, "unread-data-reset", "warn", "medium", HALF_CLOSED);
	assert_found(unread_behind_fin(CT_ROLE_PASSIVE, 0, 1), "unread-data-reset", "warn",
		     "medium", HALF_CLOSED);
	patient.steps[3] = (struct ct_step){BEGAN + 3 * S, MS, CT_STATE_LAST_ACK, CT_BASIS_SEEN};
	patient.conn.history.n_steps = 4; /* it was our FIN */
	assert_found(patient, "unread-data-reset", "note", "low", HALF_CLOSED);
	/* what was written when the FIN came is not known */
	patient = unread_behind_fin(CT_ROLE_PASSIVE, 5, 0);
	patient.steps[2].basis = CT_BASIS_FOUND;
	assert_found(patient, "unread-data-reset", "note", "low", HALF_CLOSED);
}

static void peers_that_may_have_closed_are_told_from_others(void **state)
{
	struct patient open = reset_at_once(CT_RESET_CAUSE_UNREAD_DATA, 31, 0);
	struct patient half = unread_behind_fin(CT_ROLE_PASSIVE, 0, 0);
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = doctor_begin(&printed, &session, options);

	open.conn.id.cookie = 1;
	open.conn.id.role = CT_ROLE_PASSIVE;
	doctor_sees(sink, &open);
	doctor_sees(sink, &half);
	doctor_concludes(&printed, sink);
	assert_non_null(strstr(printed.text, "\"severity\":\"warn\",\"confidence\":\"high\""));
	assert_non_null(strstr(
		printed.text,
		"2 connections with 62 B unread: the peer is told `connection reset by peer`, and "
		"may lose the answer that was sent before; on 1 of them its FIN had "
		"come, and it is told only if it had half closed\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goodbye_behind_the_peers_close_is_no_reuse),
		cmocka_unit_test(what_may_be_a_goodbye_is_no_more_than_a_note),
		cmocka_unit_test(linger0_throws_away_what_is_unread_and_perhaps_what_was_sent),
		cmocka_unit_test(unread_data_is_known_to_harm_a_peer_that_has_not_closed),
		cmocka_unit_test(unread_end_of_an_answer_is_innocent),
		cmocka_unit_test(who_asked_and_has_closed_his_side_may_read_on),
		cmocka_unit_test(peers_that_may_have_closed_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
