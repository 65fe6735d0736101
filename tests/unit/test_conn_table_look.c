// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a later look at a socket tells of what its process has done. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/// The FIN of its peer has come; two looks at it, with so much to read, and so much more queued.
static void look_again_at_close_wait(struct world *world, struct life *life, uint32_t unread,
				     uint32_t queued)
{
	struct ct_event row;

	take(world, counted(life, 0, 700, 0));
	row = found(life, CT_STATE_CLOSE_WAIT);
	row.found.write_seq = 1000 + queued;
	row.found.unread = unread;
	row.found.idle_ns = 5 * MS;
	take(world, row);
	assert_int_equal(world->conn->looked_ns, row.ts_ns);
	assert_int_equal(world->conn->silent_ns, 5 * MS);
}

static void look_tells_whether_a_process_has_touched_it(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event left;

	establish(world, &life);
	assert_int_equal(world->conn->looked_ns, 0);
	left = to(&life, CT_STATE_CLOSE_WAIT);
	left.to.write_seq = 1000;
	take(world, left);
	look_again_at_close_wait(world, &life, 700, 0);
	assert_true(world->conn->untouched);
	assert_false(world->conn->sent_by_look);
	look_again_at_close_wait(world, &life, 300, 0); /* some of it was read */
	assert_false(world->conn->untouched);
	look_again_at_close_wait(world, &life, 0, 9);
	assert_false(world->conn->untouched);
	assert_true(world->conn->sent_by_look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(look_tells_whether_a_process_has_touched_it,
						world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("conn_table_look", tests, NULL, NULL);
}
