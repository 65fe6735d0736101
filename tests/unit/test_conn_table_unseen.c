// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is older than the tracer, and what may only seem so because its opening was lost. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/// It may have been opened in the time of which everything is lost.
static void what_is_met_behind_a_loss_need_not_be_older_than_the_tracer(void **state)
{
	struct world *world = *state;
	struct life moves = a_client(), sends = a_server(), found_there = a_client();

	take(world, lost(BEGAN, 3, CT_LOST_DECODE, CT_UNCOUNTED_ALL));
	moves.core.state = CT_STATE_SYN_SENT;
	take(world, to(&moves, CT_STATE_ESTABLISHED));
	assert_true(world->conn->unseen);
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_INFERRED);
	assert_true(world->conn->found_ns == CT_NS_UNKNOWN);
	sends.core.state = CT_STATE_ESTABLISHED;
	take(world, retransmitted(&sends, CT_RETRANSMIT_FAST, CT_SEGMENT_DATA, 9));
	assert_true(world->conn->unseen);
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_INFERRED);
	/* what was there when tracing began was asked for then */
	found_there.core.cookie = 0x3c4d;
	take(world, found(&found_there, CT_STATE_ESTABLISHED));
	assert_false(world->conn->unseen);
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_FOUND);
}

/// Its row comes behind an event that has met it: it is listed, and its age is as little known.
static void row_behind_what_was_met_behind_a_loss_finds_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, lost(BEGAN, 3, CT_LOST_RING, 0));
	life.core.state = CT_STATE_ESTABLISHED;
	take(world, retransmitted(&life, CT_RETRANSMIT_FAST, CT_SEGMENT_DATA, 9));
	told_forget(&world->told);
	take(world, found(&life, CT_STATE_ESTABLISHED));
	assert_told(&world->told, "found ESTABLISHED");
	assert_true(world->conn->unseen);
	assert_int_equal(world->conn->history.steps[0].basis, CT_BASIS_FOUND);
	assert_true(world->conn->found_ns != CT_NS_UNKNOWN);
}

/// Its beginning was seen before the loss.
static void what_was_opened_before_a_loss_keeps_its_opening(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, to(&life, CT_STATE_SYN_SENT));
	take(world, lost(life.core.ts_ns, 3, CT_LOST_RING, CT_UNCOUNTED_ALL));
	life.core.state = CT_STATE_ESTABLISHED;
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	assert_int_equal(world->conn->gaps, 1);
	assert_true(world->conn->opened_ns != CT_NS_UNKNOWN);
	assert_false(world->conn->unseen);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_met_behind_a_loss_need_not_be_older_than_the_tracer),
		test(row_behind_what_was_met_behind_a_loss_finds_it),
		test(what_was_opened_before_a_loss_keeps_its_opening),
	};

	return cmocka_run_group_tests_name("conn_table_unseen", tests, NULL, NULL);
}
