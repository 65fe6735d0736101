// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flags of an end that was a failure, each beside the most similar end that does not earn it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "detect_fixture.h"

static struct ct_event given_up(struct life *life, uint16_t sk_err)
{
	struct ct_event event = to(life, CT_STATE_CLOSE);

	event.to.sk_err = sk_err;
	return event;
}

static void refusal_is_flagged_where_it_closes(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, to(&life, CT_STATE_SYN_SENT));
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	take(world, to(&life, CT_STATE_CLOSE));
	assert_told(&world->told, "CLOSE>SYN_SENT ?",
		    "rst received peer refused in SYN_SENT +rst-received",
		    "SYN_SENT>CLOSE 2ms +refused");
}

static void connection_that_is_given_up_is_flagged_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, to(&life, CT_STATE_SYN_SENT));
	take(world, given_up(&life, ETIMEDOUT));
	assert_string_equal(evidence_of(world, CT_FLAG_TIMEOUT, "state")->text, "SYN_SENT");
	assert_told(&world->told, "CLOSE>SYN_SENT ?", "SYN_SENT>CLOSE 1ms +timeout");
}

/// A FIN that never came is told from a reset that comes late by waiting for it.
static void fin_wait2_that_expired_is_flagged_when_nothing_else_has_come(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, to(&life, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_FIN_WAIT2));
	take(world, to(&life, CT_STATE_CLOSE));
	take(world, mini(&life, CT_TIMER_EXPIRE, CT_STATE_FIN_WAIT2));
	assert_int_equal(world->conn->flags, 0);
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told,
		    "timeout by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 [timeout]");
}

/// What a request socket sent before it was seen first, nobody has counted.
static void syn_acks_of_a_handshake_from_before_are_counted_as_at_least(void **state)
{
	struct ct_step step = {CT_NS_UNKNOWN, CT_NS_UNKNOWN, CT_STATE_SYN_RECV, CT_BASIS_FOUND};
	struct ct_update update = {.kind = CT_UPDATE_CLOSE};
	struct ct_conn conn = {
		.phase = CT_PHASE_CLOSED,
		.end = CT_END_TIMEOUT,
		.history = {.steps = &step, .n_steps = 1},
		.opened_ns = CT_NS_UNKNOWN,
		.established_ns = CT_NS_UNKNOWN,
		.retransmits = 2,
	};

	(void)state;
	assert_int_equal(ct_detect(&conn, &update), 0);
	assert_int_equal(conn.marks->flag, CT_FLAG_TIMEOUT);
	assert_string_equal(conn.marks->evidence[1].key, "retransmits_at_least");
	assert_int_equal(conn.marks->evidence[1].number, 2);
	conn.history.steps = NULL; /* not its own */
	ct_conn_fini(&conn);
	conn = (struct ct_conn){
		.phase = CT_PHASE_CLOSED,
		.end = CT_END_TIMEOUT,
		.history = {.steps = &step, .n_steps = 1},
		.opened_ns = BEGAN,
		.established_ns = CT_NS_UNKNOWN,
	};
	assert_int_equal(ct_detect(&conn, &update), 0);
	assert_int_equal(conn.marks->flag, CT_FLAG_TIMEOUT);
	assert_string_equal(conn.marks->evidence[1].key, "retransmits");
	conn.history.steps = NULL;
	ct_conn_fini(&conn);
}

static void keepalive_death_is_not_a_timeout_besides(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_DEAD, 3));
	take(world, given_up(&life, ETIMEDOUT));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "keepalive-dead by ?: SYN_SENT ESTABLISHED "
				  "[keepalive-probe keepalive-dead]");
}

static void reset_by_keepalive_is_a_death_though_no_probe_was_seen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_KEEPALIVE_TIMEOUT));
	take(world, given_up(&life, ETIMEDOUT));
	assert_string_equal(evidence_of(world, CT_FLAG_KEEPALIVE_DEAD, "cause")->text,
			    "keepalive-timeout");
	let_go(world, &life);
	assert_told(&world->told, "rst sent stack keepalive-timeout in ESTABLISHED +rst-sent",
		    "ESTABLISHED>CLOSE 2ms +keepalive-dead",
		    "keepalive-dead by ?: SYN_SENT ESTABLISHED [rst-sent keepalive-dead]");
}

static void reset_by_keepalive_is_a_death_though_its_end_was_not_seen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_KEEPALIVE_TIMEOUT));
	told_forget(&world->told);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told,
		    "keepalive-dead by ?: SYN_SENT ESTABLISHED [rst-sent keepalive-dead]");
}

/// The same timer of the kernel, and it waited for the peer's FIN: no probe was sent.
static void reset_by_the_end_of_fin_wait2_is_no_death_by_keepalive(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	life.core.sock_flags |= CT_SOCK_ORPHAN;
	take(world, to(&life, CT_STATE_FIN_WAIT2));
	told_forget(&world->told);
	take(world, reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_STATE));
	take(world, given_up(&life, 0));
	let_go(world, &life);
	assert_told(&world->told, "rst sent stack unknown in FIN_WAIT2 +rst-sent",
		    "FIN_WAIT2>CLOSE 2ms",
		    "rst-sent by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 [rst-sent]");
}

#define test(name) cmocka_unit_test_setup_teardown(name, detect_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(refusal_is_flagged_where_it_closes),
		test(connection_that_is_given_up_is_flagged_timeout),
		test(fin_wait2_that_expired_is_flagged_when_nothing_else_has_come),
		cmocka_unit_test(syn_acks_of_a_handshake_from_before_are_counted_as_at_least),
		test(keepalive_death_is_not_a_timeout_besides),
		test(reset_by_keepalive_is_a_death_though_no_probe_was_seen),
		test(reset_by_keepalive_is_a_death_though_its_end_was_not_seen),
		test(reset_by_the_end_of_fin_wait2_is_no_death_by_keepalive),
	};

	return cmocka_run_group_tests_name("detect_failure", tests, NULL, NULL);
}
