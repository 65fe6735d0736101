// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who has what at the end of a trace: told of those that are known by their listener, and of no
// other.
#include "../../src/cli/last_owners.h"

#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "unit/build_event.h"

#define WORKER	 77
#define TOLD_MAX 16

/// What the walk at the end finds.
struct ct_source_live {
	const struct ct_event *rows;
	size_t n;
	int result;
	unsigned int walks;
};

/// What the pipeline was given.
struct told {
	struct ct_event events[TOLD_MAX];
	size_t n;
};

static struct ct_source_live walker;
static struct told told;

static int hand_over(struct ct_event event, ct_record_fn fn, void *context)
{
	_cleanup_(ct_freep) void *bytes = event_bytes(&event);

	return fn(context, bytes, event_size(&event));
}

int ct_source_live_open(const struct ct_live_config *config, char *err_text, size_t err_len,
			struct ct_source_live **ret)
{
	assert_true(config->snapshot_only);
	*ret = &walker;
	return 0;
}

int ct_source_live_snapshot(struct ct_source_live *live, ct_record_fn fn, void *context,
			    char *err_text, size_t err_len)
{
	int r = live->result;

	live->walks++;
	for (size_t i = 0; i < live->n && r == 0; i++)
		r = hand_over(live->rows[i], fn, context);
	return r;
}

void ct_source_live_close(struct ct_source_live **live)
{
	*live = NULL;
}

int ct_feed_record(void *feed, const void *bytes, size_t len)
{
	assert_true(told.n < TOLD_MAX);
	memset(&told.events[told.n], 0, sizeof(told.events[0]));
	memcpy(&told.events[told.n++], bytes, len);
	return 0;
}

/// Its row in the walk: a new storage knows of no generation, and counts no losses.
static struct ct_event row_of(struct life life, enum ct_owner origin)
{
	return owned(&life, WORKER, "worker", origin);
}

/// The last look has TOLD_OF, and then something comes (NULL: nothing); the walk finds ROW.
static void end_trace(const struct ct_event *told_of, const struct ct_event *then,
		      const struct ct_event *row)
{
	struct ct_live_config config = {};
	struct ct_feed feed = {};
	_cleanup_(ct_last_owners_free) struct ct_last_owners *owners = ct_last_owners_new(&config,
											  &feed);

	told.n = 0;
	walker = (struct ct_source_live){.rows = row, .n = 1, .result = walker.result};
	assert_non_null(owners);
	assert_int_equal(hand_over(*told_of, ct_last_owners_record, owners), 0);
	if (then)
		assert_int_equal(hand_over(*then, ct_last_owners_record, owners), 0);
	assert_int_equal(hand_over(over(BEGAN + 9 * S), ct_last_owners_record, owners), 0);
	assert_int_equal(told.events[told.n - 1].kind, CT_EVENT_END);
}

static void who_has_what_a_listener_was_known_by_is_told_before_the_end(void **state)
{
	struct life life = a_server();
	struct ct_event row = row_of(life, CT_OWNER_SCAN), first;
	const struct ct_event *last = &told.events[1];

	life.core.sock_flags |= CT_SOCK_KEEPALIVE;
	first = owned(&life, 80, "nginx", CT_OWNER_INHERITED);
	end_trace(&first, NULL, &row);
	assert_int_equal(told.n, 3);
	assert_int_equal(last->kind, CT_EVENT_OWNER);
	assert_int_equal(last->cookie, first.cookie);
	assert_int_equal(last->generation, first.generation);
	assert_int_equal(last->pid, WORKER);
	assert_int_equal(last->owner, CT_OWNER_SCAN);
	assert_string_equal(last->who.comm, "worker");
	assert_int_equal(last->ts_ns, BEGAN + 9 * S);
	/* the walker's programs count nothing */
	assert_int_equal(last->sock_flags, CT_SOCK_KEEPALIVE);
}

static void owner_that_is_certain_is_left_alone(void **state)
{
	static const enum ct_owner certain[] = {CT_OWNER_CONNECT, CT_OWNER_ACTOR, CT_OWNER_IO,
						CT_OWNER_SCAN};

	for (size_t i = 0; i < CT_COUNT(certain); i++) {
		struct life life = a_server();
		struct ct_event row = row_of(life, CT_OWNER_SCAN);
		struct ct_event first = owned(&life, 80, "nginx", certain[i]);

		end_trace(&first, NULL, &row);
		assert_int_equal(told.n, 2);
		assert_int_equal(walker.walks, 0); /* there is nothing to look for */
	}
}

/// A process that acts is known by that, though nothing tells its name anew.
static void owner_that_becomes_certain_behind_the_look_is_left_alone(void **state)
{
	struct life life = a_server();
	struct ct_event row = row_of(life, CT_OWNER_SCAN);
	struct ct_event first = owned(&life, 80, "nginx", CT_OWNER_INHERITED), then;

	life.core.owner = CT_OWNER_ACTOR;
	then = does(&life, CT_HOW_SHUTDOWN, CT_STATE_FIN_WAIT1);
	end_trace(&first, &then, &row);
	assert_int_equal(told.n, 3);
	assert_int_equal(walker.walks, 0);
}

static void what_nobody_has_stays_its_listeners(void **state)
{
	struct life life = a_server(), other = a_server();
	struct ct_event row = row_of(life, CT_OWNER_UNKNOWN);
	struct ct_event first = owned(&life, 80, "nginx", CT_OWNER_INHERITED);

	end_trace(&first, NULL, &row); /* it waits for accept() */
	assert_int_equal(walker.walks, 1);
	assert_int_equal(told.n, 2);
	other.core.cookie++;
	row = row_of(other, CT_OWNER_SCAN);
	end_trace(&first, NULL, &row);
	assert_int_equal(told.n, 2);
}

static void walk_that_fails_ends_nothing(void **state)
{
	struct life life = a_server();
	struct ct_event row = row_of(life, CT_OWNER_SCAN);
	struct ct_event first = owned(&life, 80, "nginx", CT_OWNER_INHERITED);

	walker.result = -EPERM;
	end_trace(&first, NULL, &row);
	walker.result = 0;
	assert_int_equal(walker.walks, 1);
	assert_int_equal(told.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_what_a_listener_was_known_by_is_told_before_the_end),
		cmocka_unit_test(owner_that_is_certain_is_left_alone),
		cmocka_unit_test(owner_that_becomes_certain_behind_the_look_is_left_alone),
		cmocka_unit_test(what_nobody_has_stays_its_listeners),
		cmocka_unit_test(walk_that_fails_ends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
