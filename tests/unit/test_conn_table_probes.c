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

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(probes_of_one_stall_are_counted_apart_from_those_of_another),
		test(stall_that_was_there_before_begins_with_its_first_probe_seen),
	};

	return cmocka_run_group_tests_name("conn_table_probes", tests, NULL, NULL);
}
