// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is held back, and when it is released or dropped. */
#include "selector_fixture.h"

/// How long an accepted connection waits for a better owner than the listener's.
#define PROVISIONAL S

/// Updates that may be held of all connections together.
#define HELD_MAX (1U << 18)

static void life_is_held_until_its_local_port_is_known_and_comes_whole(void **state)
{
	struct fixture *f = *state;

	begin_by_lport(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	assert_silence(&f->told);
	f->conn.id.lport = 45678;
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	assert_told(&f->told, "CLOSE>SYN_SENT ?", "SYN_SENT>ESTABLISHED ?");
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, 2 * MS);
	assert_told(&f->told, "ESTABLISHED>FIN_WAIT1 ?");
}

static void life_of_another_local_port_is_dropped_whole(void **state)
{
	struct fixture *f = *state;

	begin_by_lport(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	f->conn.id.lport = 1;
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	f->conn.id.lport = 45678; /* decided is decided */
	leaves(f);
	assert_silence(&f->told);
}

static void port_that_never_becomes_known_is_not_the_one_asked_for(void **state)
{
	struct fixture *f = *state;

	begin_by_lport(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	goes(f, CT_STATE_SYN_SENT, CT_STATE_CLOSE, MS);
	leaves(f);
	assert_silence(&f->told);
}

static void inherited_life_that_another_process_serves_is_dropped_whole(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_INHERITED);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	goes(f, CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, MS);
	owned_by(f, 5000, CT_OWNER_ACTOR);
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, 2 * MS);
	leaves(f);
	assert_silence(&f->told);
}

static void inherited_life_that_its_own_process_serves_comes_whole(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 1, CT_OWNER_INHERITED); /* a prefork server's parent listens */
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	goes(f, CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, MS);
	assert_silence(&f->told);
	owned_by(f, 4242, CT_OWNER_IO);
	passes(f, 2 * MS);
	assert_told(&f->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED ?");
}

static void inherited_owner_does_after_a_second(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_INHERITED);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	assert_int_equal(f->conn.wants_ns, BEGAN + PROVISIONAL);
	passes(f, PROVISIONAL - 1);
	assert_silence(&f->told);
	passes(f, PROVISIONAL);
	assert_told(&f->told, "LISTEN>SYN_RECV ?");
}

static void inherited_owner_does_when_the_life_is_over_before(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_INHERITED);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	leaves(f);
	assert_told(&f->told, "LISTEN>SYN_RECV ?", "open by ?:");
}

static void state_asked_for_brings_the_life_from_its_beginning(void **state)
{
	struct fixture *f = *state;
	struct ct_step steps[2] = {{.state = CT_STATE_ESTABLISHED}, {.state = CT_STATE_CLOSE_WAIT}};

	f->select.states = 1U << CT_STATE_CLOSE_WAIT;
	begin(f);
	f->conn.history = (struct ct_history){.steps = steps, .n_steps = 1};
	goes(f, CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, 0);
	assert_silence(&f->told);
	f->conn.history.n_steps = 2;
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_CLOSE_WAIT, MS);
	assert_told(&f->told, "SYN_RECV>ESTABLISHED ?", "ESTABLISHED>CLOSE_WAIT ?");
}

static void flag_asked_for_brings_the_life_from_its_beginning(void **state)
{
	struct fixture *f = *state;

	f->select.flags = 1U << CT_FLAG_RST_SENT;
	begin(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	f->conn.flags = 1U << CT_FLAG_RST_SENT;
	update(f, a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP, CT_RESET_CAUSE_ABORT));
	assert_told(&f->told, "CLOSE>SYN_SENT ?", "rst sent app abort in ESTABLISHED");
}

static void flag_that_never_comes_drops_the_life(void **state)
{
	struct fixture *f = *state;

	f->select.flags = 1U << CT_FLAG_RST_SENT;
	begin(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	leaves(f);
	assert_silence(&f->told);
}

/// The ring's memory is the next event's by then.
static void held_event_is_a_copy(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_event event = to(&life, CT_STATE_SYN_SENT);
	void *bytes = event_bytes(&event);
	struct ct_update u = a_transition(CT_STATE_CLOSE, CT_STATE_SYN_SENT, CT_NS_UNKNOWN);

	begin_by_lport(f);
	u.event = bytes;
	update(f, u);
	free(bytes);
	f->conn.id.lport = 45678;
	passes(f, MS);
	assert_int_equal(f->told.n_events, 1);
	assert_told(&f->told, "CLOSE>SYN_SENT ?");
}

/// A process of its own that connects at once.
static bool is_selected(struct fixture *f, uint32_t pid)
{
	struct ct_conn conn = a_strange_conn();
	struct ct_update u = a_transition(CT_STATE_CLOSE, CT_STATE_SYN_SENT, CT_NS_UNKNOWN);
	size_t before = f->told.len;

	conn.id.pid = pid;
	conn.id.owner = CT_OWNER_CONNECT;
	assert_int_equal(ct_selector_update(f->selector, &conn, &u), 0);
	assert_int_equal(ct_selector_forget(f->selector, &conn), 0);
	return f->told.len > before;
}

static void forks(struct fixture *f, uint32_t parent, uint32_t child, bool followed)
{
	struct ct_event event = forked(BEGAN, parent, child, followed);
	struct ct_update u = {.event = &event};

	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
}

static void child_is_selected_while_its_pid_is_its_own(void **state)
{
	struct fixture *f = *state;

	f->select.follow = true;
	begin_by_pid(f);
	assert_true(is_selected(f, 4242));
	assert_false(is_selected(f, 5000));
	forks(f, 4242, 5000, true);
	assert_true(is_selected(f, 5000));
	forks(f, 4242, 5000, true);
	forks(f, 1, 5000, false); /* the pid went to a stranger */
	assert_false(is_selected(f, 5000));
	forks(f, 1, 6000, false);
	assert_true(is_selected(f, 4242));
}

/// Another selector, of the file behind the seam, goes on from there.
static void children_that_were_told_of_can_be_handed_on(void **state)
{
	struct fixture *f = *state;
	struct ct_u32_list pids = {.values = malloc(sizeof(uint32_t)), .n = 1};

	f->select.follow = true;
	begin_by_pid(f);
	forks(f, 4242, 5000, true);
	forks(f, 5000, 6000, true);
	forks(f, 1, 4242, false);
	assert_int_equal(ct_selector_pids(f->selector, &pids), 0);
	assert_int_equal(pids.n, 2);
	assert_int_equal(pids.values[0] + pids.values[1], 5000 + 6000);
	forks(f, 1, 5000, false);
	forks(f, 1, 6000, false);
	assert_int_equal(ct_selector_pids(f->selector, &pids), 0);
	assert_int_equal(pids.n, 1); /* an empty list would ask for everybody */
	assert_int_equal(pids.values[0], UINT32_MAX);
	free(pids.values);
}

static void child_is_a_stranger_when_nobody_follows(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	forks(f, 4242, 5000, true);
	assert_false(is_selected(f, 5000));
}

static void reset_of_no_connection_is_judged_by_its_addresses(void **state)
{
	struct fixture *f = *state;
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED);

	begin_by_lport(f);
	u.id.cookie = 0;
	u.reset.state = CT_STATE_NONE;
	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
	u.id.lport = 1;
	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
	assert_told(&f->told, "rst sent stack refused");
}

static void reset_of_no_connection_belongs_to_no_process(void **state)
{
	struct fixture *f = *state;
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED);

	begin_by_pid(f);
	u.id = (struct ct_conn_id){.family = u.id.family, .lport = 80};
	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
	assert_silence(&f->told);
}

static void losses_are_told_to_everybody(void **state)
{
	struct fixture *f = *state;
	struct ct_update u = a_loss(3, CT_LOST_RING, CT_NS_UNKNOWN);

	begin_by_pid(f);
	assert_int_equal(ct_selector_update(f->selector, NULL, &u), 0);
	assert_told(&f->told, "lost 3 ring");
}

static void release_stops_where_the_sink_does(void **state)
{
	struct fixture *f = *state;
	struct ct_update u = a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, CT_NS_UNKNOWN);

	begin_by_lport(f);
	f->stop_after = 1;
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	update(f, an_update(CT_UPDATE_SILENT));
	f->conn.id.lport = 45678;
	assert_int_equal(ct_selector_update(f->selector, &f->conn, &u), STOPPED);
	assert_told(&f->told, "CLOSE>SYN_SENT ?");
}

static void discarded_life_is_freed_and_not_told(void **state)
{
	struct fixture *f = *state;

	begin_by_lport(f);
	for (int i = 0; i < 10; i++)
		goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	f->conn.id.lport = 45678;
	ct_selector_discard(f->selector, &f->conn);
	assert_null(f->conn.held);
	assert_silence(&f->told);
}

static void what_is_held_beyond_the_bound_is_told_as_lost(void **state)
{
	struct fixture *f = *state;
	struct ct_conn other = a_strange_conn();
	struct ct_update u = an_update(CT_UPDATE_SILENT);

	begin_by_lport(f);
	ct_selector_keep(f->selector);
	for (uint32_t i = 0; i < HELD_MAX - 1; i++)
		update(f, u);
	assert_int_equal(ct_selector_update(f->selector, &other, &u), 0);
	assert_silence(&f->told);
	assert_int_equal(ct_selector_update(f->selector, &other, &u), 0);
	assert_told(&f->told, "lost 2 hold"); /* the one held of this connection, and this one */
	assert_int_equal(other.gaps, 1);
	assert_int_equal(other.flags, 1U << CT_FLAG_GAP);
	assert_int_equal(f->conn.gaps, 0);
	assert_int_equal(ct_selector_update(f->selector, &other, &u), 0);
	assert_silence(&f->told); /* there was room again */
	ct_selector_discard(f->selector, &other);
	ct_conn_fini(&other);

	update(f, u);
	update(f, u);
	assert_told(&f->told, "lost 262145 hold");
	assert_int_equal(f->conn.gaps, 1);
	ct_conn_fini(&f->conn);
}

/// Where nobody keeps events what tells nothing takes no room, and is not lost either.
static void what_is_silent_is_held_for_a_recording_only(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_event event = owned(&life, 4242, "curl", CT_OWNER_CONNECT);
	struct ct_update u = an_update(CT_UPDATE_SILENT);

	u.event = &event;
	begin_by_lport(f);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	for (uint32_t i = 0; i < HELD_MAX; i++)
		update(f, u);
	for (uint32_t i = 1; i < HELD_MAX; i++)
		goes(f, CT_STATE_SYN_SENT, CT_STATE_SYN_SENT, i);
	update(f, u); /* there is room for nothing now, and this needs none */
	assert_silence(&f->told);
	assert_int_equal(f->conn.gaps, 0);
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, S); /* this does */
	assert_told(&f->told, "lost 262145 hold");
	assert_int_equal(f->conn.gaps, 1);
	ct_conn_fini(&f->conn);
}

/// What is selected already is handed on as it comes.
static void what_is_silent_before_the_decision_hides_no_transition(void **state)
{
	struct fixture *f = *state;
	struct life life = a_client();
	struct ct_event event = owned(&life, 4242, "curl", CT_OWNER_CONNECT);
	struct ct_update u = an_update(CT_UPDATE_SILENT);

	u.event = &event;
	begin_by_lport(f);
	update(f, u);
	goes(f, CT_STATE_CLOSE, CT_STATE_SYN_SENT, 0);
	update(f, u);
	f->conn.id.lport = 45678;
	goes(f, CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	assert_told(&f->told, "CLOSE>SYN_SENT ?", "SYN_SENT>ESTABLISHED ?");
	assert_int_equal(f->told.n_events, 0); /* those two have none here */
	update(f, u);
	assert_int_equal(f->told.n_events, 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(life_is_held_until_its_local_port_is_known_and_comes_whole),
		test(life_of_another_local_port_is_dropped_whole),
		test(port_that_never_becomes_known_is_not_the_one_asked_for),
		test(inherited_life_that_another_process_serves_is_dropped_whole),
		test(inherited_life_that_its_own_process_serves_comes_whole),
		test(inherited_owner_does_after_a_second),
		test(inherited_owner_does_when_the_life_is_over_before),
		test(state_asked_for_brings_the_life_from_its_beginning),
		test(flag_asked_for_brings_the_life_from_its_beginning),
		test(flag_that_never_comes_drops_the_life),
		test(held_event_is_a_copy),
		test(child_is_selected_while_its_pid_is_its_own),
		test(children_that_were_told_of_can_be_handed_on),
		test(child_is_a_stranger_when_nobody_follows),
		test(reset_of_no_connection_is_judged_by_its_addresses),
		test(reset_of_no_connection_belongs_to_no_process),
		test(losses_are_told_to_everybody),
		test(release_stops_where_the_sink_does),
		test(discarded_life_is_freed_and_not_told),
		test(what_is_held_beyond_the_bound_is_told_as_lost),
		test(what_is_silent_is_held_for_a_recording_only),
		test(what_is_silent_before_the_decision_hides_no_transition),
	};

	return cmocka_run_group_tests_name("selector", tests, NULL, NULL);
}
