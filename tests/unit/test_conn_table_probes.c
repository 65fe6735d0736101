// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Probes of a closed window, stall by stall. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conntrace/count.h"

/// The window opens between two of them, or it does not.
static void probes_of_one_stall_are_counted_apart_from_those_of_another(void **state)
{
	static const struct {
		uint32_t backoff, stalls, probes, most;
	} probes[] = {
		{0, 0, 0, 0}, /* a recorder that did not tell */
		{1, 1, 1, 1}, {2, 1, 2, 2}, {3, 1, 3, 3}, {3, 1, 4, 4}, /* the most that it doubles
									 */
		{1, 2, 1, 4}, {1, 3, 1, 4}, {2, 3, 2, 4}, {0, 3, 2, 4}, {2, 3, 3, 4}, {1, 4, 1, 4},
	};
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	for (size_t i = 0; i < CT_COUNT(probes); i++) {
		struct ct_event event = probe(&life, CT_PROBE_WINDOW, CT_PROBE_SENT, 1);

		event.probe.backoff = probes[i].backoff;
		take(world, event);
		assert_int_equal(world->conn->window_probes_sent, i + 1);
		assert_int_equal(world->conn->stalls, probes[i].stalls);
		assert_int_equal(world->conn->stall_probes, probes[i].probes);
		assert_int_equal(world->conn->stall_probes_max, probes[i].most);
	}
}

/// Half of it was over before anybody looked.
static void stall_that_was_there_before_begins_with_its_first_probe_seen(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	event = probe(&life, CT_PROBE_WINDOW, CT_PROBE_SENT, 1);
	event.probe.backoff = 7;
	take(world, event);
	assert_int_equal(world->conn->stalls, 1);
	assert_int_equal(world->conn->stall_probes_max, 1);
}

/// From its first probe to its last: what was before and behind them nobody knows.
static void longest_stall_is_from_its_first_probe_to_its_last(void **state)
{
	static const struct {
		uint32_t backoff;
		uint64_t ms; /// and the one that each event takes
		uint64_t longest_ms;
	} probes[] = {{1, 199, 0}, {2, 399, 400}, {3, 799, 1200}, {1, 8999, 1200}, {2, 399, 1200}};
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	for (size_t i = 0; i < CT_COUNT(probes); i++) {
		struct ct_event event;

		life.core.ts_ns += probes[i].ms * 1000000;
		event = probe(&life, CT_PROBE_WINDOW, CT_PROBE_SENT, 1);
		event.probe.backoff = probes[i].backoff;
		take(world, event);
		assert_int_equal(world->conn->stall_ms_max, probes[i].longest_ms);
	}
}

/// An answer is told, or the kernel counts anew.
static void keepalives_without_an_answer_are_counted_until_one_comes(void **state)
{
	static const struct {
		uint8_t outcome;
		uint32_t unanswered, unheard;
	} probes[] = {
		{CT_PROBE_SENT, 1, 1}, {CT_PROBE_ANSWERED, 0, 0}, {CT_PROBE_SENT, 1, 1},
		{CT_PROBE_SENT, 2, 2}, {CT_PROBE_SENT, 3, 3},	  {CT_PROBE_ANSWERED, 0, 0},
		{CT_PROBE_SENT, 1, 1}, {CT_PROBE_SENT, 1, 1},	  {CT_PROBE_SENT, 2, 2},
	};
	struct world *world = *state;
	struct life life = a_client();
	uint64_t since_ns = 0;

	establish(world, &life);
	for (size_t i = 0; i < CT_COUNT(probes); i++) {
		struct ct_event event;

		event = probe(&life, CT_PROBE_KEEPALIVE, probes[i].outcome, probes[i].unanswered);
		if (probes[i].unheard == 1)
			since_ns = event.ts_ns;
		take(world, event);
		assert_int_equal(world->conn->unheard, probes[i].unheard);
		if (!probes[i].unheard)
			continue;
		assert_int_equal(world->conn->rto_since_ns, since_ns);
		assert_int_equal(world->conn->rto_last_ns, event.ts_ns);
	}
}

/// Both count from when the first was sent in vain, and never at the same time.
static void probes_and_timeouts_end_one_another(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1));
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 2));
	event = retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 1);
	event.context = CT_CONTEXT_RETRANSMIT;
	take(world, event);
	assert_int_equal(world->conn->unheard, 0);
	assert_int_equal(world->conn->rto_streak, 1);
	assert_int_equal(world->conn->rto_since_ns, event.ts_ns);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1));
	assert_int_equal(world->conn->unheard, 1);
	assert_int_equal(world->conn->rto_streak, 0);
	assert_int_equal(world->conn->rto_since_ns, world->conn->rto_last_ns);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(probes_of_one_stall_are_counted_apart_from_those_of_another),
		test(longest_stall_is_from_its_first_probe_to_its_last),
		test(keepalives_without_an_answer_are_counted_until_one_comes),
		test(probes_and_timeouts_end_one_another),
		test(stall_that_was_there_before_begins_with_its_first_probe_seen),
	};

	return cmocka_run_group_tests_name("conn_table_probes", tests, NULL, NULL);
}
