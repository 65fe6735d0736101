// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the ring has in one record is two events for everybody else. */
#include "../../src/live/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/decode.h"

#define WITH_OWNER (CT_EVENT_SIZE(to) + sizeof(struct ct_event_owner))

static union ct_moment a_moment(void)
{
	return (union ct_moment){
		.event = {.ts_ns = 5,
			  .cookie = 7,
			  .kind = CT_EVENT_STATE,
			  .state = CT_STATE_FIN_WAIT1,
			  .context = CT_CONTEXT_PROCESS,
			  .missed = 3,
			  .with = CT_EVENT_OWNER,
			  .to = {.old_state = CT_STATE_ESTABLISHED, .how = CT_HOW_CLOSE}},
	};
}

static void owner_stands_before_its_transition(void **state)
{
	union ct_moment moment = a_moment();
	const struct ct_event *decoded;
	struct ct_event first, then;

	memcpy(moment.more.who.comm, "curl", 4);
	moment.more.who.uid = 1000;
	assert_true(ct_moment_is(&moment.event, WITH_OWNER));
	assert_int_equal(ct_moment_take_apart(&moment, WITH_OWNER, &first, &then),
			 CT_EVENT_SIZE(who));
	assert_int_equal(ct_decode(&first, CT_EVENT_SIZE(who), &decoded), 0);
	assert_int_equal(ct_decode(&then, CT_EVENT_SIZE(to), &decoded), 0);
	assert_int_equal(first.kind, CT_EVENT_OWNER);
	assert_int_equal(first.state, CT_STATE_ESTABLISHED);
	assert_int_equal(first.context, CT_CONTEXT_NONE);
	assert_int_equal(first.who.uid, 1000);
	assert_memory_equal(first.who.comm, "curl", 5);
	assert_int_equal(then.kind, CT_EVENT_STATE);
	assert_int_equal(then.state, CT_STATE_FIN_WAIT1);
	assert_int_equal(then.to.how, CT_HOW_CLOSE);
	assert_int_equal(first.ts_ns, then.ts_ns);
	assert_int_equal(first.cookie, then.cookie);
}

static void what_was_missed_was_missed_before_both(void **state)
{
	union ct_moment moment = a_moment();
	struct ct_event first, then;

	ct_moment_take_apart(&moment, WITH_OWNER, &first, &then);
	assert_int_equal(first.missed, 3);
	assert_int_equal(then.missed, 0);
}

static void record_of_one_event_and_one_that_is_cut_are_left_whole(void **state)
{
	union ct_moment moment = a_moment();

	assert_false(ct_moment_is(&moment.event, CT_EVENT_SIZE(to)));
	assert_false(ct_moment_is(&moment.event, sizeof(moment) + 1));
	moment.event.with = 0;
	assert_false(ct_moment_is(&moment.event, WITH_OWNER));
	moment.event.with = CT_EVENT_OWNER;
	moment.event.kind = CT_EVENT_FOUND;
	assert_false(ct_moment_is(&moment.event, WITH_OWNER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owner_stands_before_its_transition),
		cmocka_unit_test(what_was_missed_was_missed_before_both),
		cmocka_unit_test(record_of_one_event_and_one_that_is_cut_are_left_whole),
	};

	return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
