// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An expression decides as the other conditions do: held until it is clear, and then whole. */
#include "selector_fixture.h"

static struct ct_step established_time_wait[] = {{.state = CT_STATE_ESTABLISHED},
						 {.state = CT_STATE_TIME_WAIT}};

static void begin_by(struct fixture *f, const char *text)
{
	char err[CT_EXPRESSION_ERR_LEN];

	assert_int_equal(ct_expression_parse(text, err, &f->select.expression), 0);
	f->conn.opened_ns = BEGAN;
	f->conn.history = (struct ct_history){.steps = established_time_wait, .n_steps = 1};
	begin(f);
}

static int end(void **state)
{
	struct fixture *f = *state;

	if (f->selector)
		ct_selector_discard(f->selector, &f->conn);
	ct_expression_free(&f->select.expression);
	return teardown(state);
}

static void what_must_not_come_is_waited_for_until_the_end(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "not state time-wait");
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 0);
	passes(f, 100 * S);
	assert_silence(&f->told);
	f->conn.phase = CT_PHASE_CLOSED;
	leaves(f);
	assert_told(&f->told, "SYN_SENT>ESTABLISHED ?", "open by ?: ESTABLISHED");
}

static void what_must_not_come_and_comes_drops_the_life(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "not state time-wait");
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 0);
	f->conn.history.n_steps = 2;
	goes(f, CT_STATE_FIN_WAIT2, CT_STATE_TIME_WAIT, MS);
	leaves(f);
	assert_silence(&f->told);
}

static void what_is_still_there_at_the_end_of_the_stream_is_judged_as_it_stands(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "not flag rst-sent and not state time-wait");
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 0);
	assert_int_equal(ct_selector_settle(f->selector, &f->conn), 0);
	assert_told(&f->told, "SYN_SENT>ESTABLISHED ?");
}

static void inherited_owner_that_is_another_does_after_a_second(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "not pid = 4242");
	owned_by(f, 5000, CT_OWNER_INHERITED);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	assert_true(f->conn.wants_ns == BEGAN + S);
	passes(f, S - 1);
	assert_silence(&f->told);
	passes(f, S);
	assert_told(&f->told, "LISTEN>SYN_RECV ?");
}

static void inherited_owner_that_is_to_be_left_out_waits_for_another(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "not pid = 4242");
	owned_by(f, 4242, CT_OWNER_INHERITED);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	passes(f, 9 * S);
	assert_silence(&f->told);
	owned_by(f, 5000, CT_OWNER_IO);
	passes(f, 10 * S);
	assert_told(&f->told, "LISTEN>SYN_RECV ?");
}

/// What may still come is waited for, also where the owner has been certain for long.
static void owner_and_what_must_not_come_are_both_waited_for(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "pid = 4242 and not flag rst-sent");
	owned_by(f, 4242, CT_OWNER_INHERITED);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	passes(f, 9 * S);
	assert_silence(&f->told);
	f->conn.flags = 1U << CT_FLAG_RST_SENT;
	passes(f, 10 * S);
	leaves(f);
	assert_silence(&f->told);
}

static void young_life_is_selected_when_it_is_over(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "age < 2s");
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 0);
	assert_true(f->conn.wants_ns == BEGAN + 2 * S); /* to be let go by then */
	assert_silence(&f->told);
	f->conn.phase = CT_PHASE_CLOSED;
	f->conn.closed_ns = BEGAN + 2 * S - 1;
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_CLOSE, 2 * S - 1);
	assert_told(&f->told, "SYN_SENT>ESTABLISHED ?", "ESTABLISHED>CLOSE ?");
}

static void young_life_that_grows_old_is_dropped(void **state)
{
	struct fixture *f = *state;

	begin_by(f, "age < 2s");
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 0);
	passes(f, 2 * S);
	leaves(f);
	assert_silence(&f->told);
}

static void options_and_expression_are_both_met(void **state)
{
	struct fixture *f = *state;

	f->select.flags = 1U << CT_FLAG_RST_SENT;
	begin_by(f, "dport = 80");
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 0);
	assert_silence(&f->told);
	f->conn.flags = 1U << CT_FLAG_RST_SENT;
	passes(f, MS);
	assert_told(&f->told, "SYN_SENT>ESTABLISHED ?");
}

/// Nothing more will be known of it.
static void packet_of_no_connection_is_judged_at_once(void **state)
{
	struct fixture *f = *state;
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED);

	begin_by(f, "not pid = 1 and not state established and dport = 80");
	u.id.cookie = 0;
	u.id.pid = 0;
	u.id.owner = CT_OWNER_UNKNOWN;
	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
	assert_told(&f->told, "rst sent stack refused in ESTABLISHED");
	u.id.rport = 81;
	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
	assert_silence(&f->told);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_must_not_come_is_waited_for_until_the_end),
		test(what_must_not_come_and_comes_drops_the_life),
		test(what_is_still_there_at_the_end_of_the_stream_is_judged_as_it_stands),
		test(inherited_owner_that_is_another_does_after_a_second),
		test(inherited_owner_that_is_to_be_left_out_waits_for_another),
		test(owner_and_what_must_not_come_are_both_waited_for),
		test(young_life_is_selected_when_it_is_over),
		test(young_life_that_grows_old_is_dropped),
		test(options_and_expression_are_both_met),
		test(packet_of_no_connection_is_judged_at_once),
	};

	return cmocka_run_group_tests_name("selector_expression", tests, NULL, NULL);
}
