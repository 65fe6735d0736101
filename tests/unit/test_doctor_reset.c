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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goodbye_behind_the_peers_close_is_no_reuse),
		cmocka_unit_test(what_may_be_a_goodbye_is_no_more_than_a_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
