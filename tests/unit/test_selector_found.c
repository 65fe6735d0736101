// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was found, mini-sockets and handshakes: who may still get an owner, and who never will. */
#include "selector_fixture.h"

#include "conntrace/count.h"

/// A look at so many is told by more updates than may be held.
#define MANY 105000U

static void stands(struct fixture *f, enum ct_phase phase, enum ct_state s)
{
	static struct ct_step step;

	step = (struct ct_step){.state = (uint8_t)s};
	f->conn.phase = (uint8_t)phase;
	f->conn.history = (struct ct_history){.steps = &step, .n_steps = 1};
}

static struct ct_update a_find(void)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.found.state = CT_STATE_ESTABLISHED;
	return u;
}

static bool is_held(struct fixture *f, enum ct_phase phase, uint8_t sock_flags)
{
	struct ct_conn conn = a_strange_conn();
	struct ct_update u = a_find();
	size_t before = f->told.len;

	conn.phase = (uint8_t)phase;
	conn.sock_flags = sock_flags;
	assert_int_equal(ct_selector_update(f->selector, &conn, &u), 0);
	assert_int_equal(f->told.len, before);
	/* its owner turns up: what was decided stays so */
	conn.id.pid = 4242;
	conn.id.owner = CT_OWNER_IO;
	assert_int_equal(ct_selector_update(f->selector, &conn, &u), 0);
	assert_int_equal(ct_selector_forget(f->selector, &conn), 0);
	return f->told.len > before;
}

static void mini_of_an_unknown_owner_never_gets_one(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	assert_false(is_held(f, CT_PHASE_MINI, 0));
	assert_true(is_held(f, CT_PHASE_LIVE, 0)); /* it may be waiting for accept() */
	assert_true(is_held(f, CT_PHASE_REQUEST, 0));
}

static void orphan_of_an_unknown_owner_never_gets_one(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	assert_false(is_held(f, CT_PHASE_LIVE, CT_SOCK_ORPHAN));
}

static void mini_of_an_unknown_user_is_nobodys(void **state)
{
	static uint32_t uid_1000[] = {1000};
	struct fixture *f = *state;

	f->select.uids = (struct ct_u32_list){uid_1000, 1};
	begin(f);
	f->conn.id.uid_known = false;
	stands(f, CT_PHASE_MINI, CT_STATE_TIME_WAIT);
	passes(f, 0);
	f->conn.id.uid_known = true;
	passes(f, MS);
	leaves(f);
	assert_silence(&f->told);
}

/// What its socket was known to belong to is its own still.
static void mini_of_a_known_owner_is_selected(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_CONNECT);
	stands(f, CT_PHASE_MINI, CT_STATE_TIME_WAIT);
	goes(f, CT_STATE_FIN_WAIT2, CT_STATE_TIME_WAIT, 0);
	assert_told(&f->told, "FIN_WAIT2>TIME_WAIT ?");
}

static void found_in_the_process_asked_for(struct fixture *f)
{
	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_SCAN);
	update(f, a_find());
}

static void found_in_another_process(struct fixture *f)
{
	begin_by_pid(f);
	owned_by(f, 5000, CT_OWNER_SCAN);
	update(f, a_find());
	passes(f, 9 * S);
	assert_silence(&f->told);
}

static void connection_that_is_found_in_its_process_comes_at_once(void **state)
{
	struct fixture *f = *state;

	found_in_the_process_asked_for(f);
	assert_told(&f->told, "found ESTABLISHED");
	owned_by(f, 5000, CT_OWNER_ACTOR); /* decided is decided */
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, MS);
	assert_told(&f->told, "ESTABLISHED>FIN_WAIT1 ?");
}

/// Several may hold it, and one of them was found.
static void connection_that_is_found_elsewhere_comes_when_its_process_acts(void **state)
{
	struct fixture *f = *state;

	found_in_another_process(f);
	owned_by(f, 4242, CT_OWNER_ACTOR);
	goes(f, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, 10 * S);
	assert_told(&f->told, "found ESTABLISHED", "ESTABLISHED>FIN_WAIT1 ?");
}

static void connection_that_is_found_elsewhere_is_dropped_when_another_process_acts(void **state)
{
	struct fixture *f = *state;

	found_in_another_process(f);
	owned_by(f, 5000, CT_OWNER_IO);
	passes(f, 10 * S);
	owned_by(f, 4242, CT_OWNER_ACTOR); /* decided is decided */
	leaves(f);
	assert_silence(&f->told);
}

static void connection_that_is_found_elsewhere_is_not_selected_at_the_end(void **state)
{
	struct fixture *f = *state;

	found_in_another_process(f);
	assert_int_equal(ct_selector_settle(f->selector, &f->conn), 0);
	leaves(f);
	assert_silence(&f->told);
}

/// Whoever accepts it may be somebody else, and that takes as long as the handshake does.
static void handshake_is_undecided_until_its_child_is_there(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_INHERITED);
	stands(f, CT_PHASE_REQUEST, CT_STATE_SYN_RECV);
	passes(f, 0);
	passes(f, 9 * S);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	assert_silence(&f->told);
	stands(f, CT_PHASE_LIVE, CT_STATE_ESTABLISHED);
	goes(f, CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, 10 * S);
	assert_silence(&f->told); /* from now on it is given a second */
	passes(f, 10 * S + S - 1);
	assert_silence(&f->told);
	passes(f, 11 * S);
	assert_told(&f->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED ?");
}

static void handshake_whose_child_another_process_serves_is_dropped(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_INHERITED);
	stands(f, CT_PHASE_REQUEST, CT_STATE_SYN_RECV);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	passes(f, 5 * S);
	owned_by(f, 5000, CT_OWNER_IO);
	leaves(f);
	assert_silence(&f->told);
}

static void handshake_without_a_child_is_the_listeners(void **state)
{
	struct fixture *f = *state;

	begin_by_pid(f);
	owned_by(f, 4242, CT_OWNER_INHERITED);
	stands(f, CT_PHASE_REQUEST, CT_STATE_SYN_RECV);
	goes(f, CT_STATE_LISTEN, CT_STATE_SYN_RECV, 0);
	f->conn.phase = CT_PHASE_CLOSED;
	leaves(f);
	assert_told(&f->told, "LISTEN>SYN_RECV ?", "open by ?: SYN_RECV");
}

static struct ct_conn *many_strange_conns(void)
{
	struct ct_conn *conns = calloc(MANY, sizeof(*conns));

	assert_non_null(conns);
	for (uint32_t i = 0; i < MANY; i++)
		conns[i] = a_strange_conn();
	return conns;
}

/// A look at all of them; what it finds is told the FIRST time, and silent from then on.
static void look_at_many(struct fixture *f, struct ct_conn *conns, bool first)
{
	static const uint8_t kinds[] = {CT_EVENT_OWNER, CT_EVENT_COUNTERS, CT_EVENT_FOUND};
	struct life life = a_client();

	for (uint32_t i = 0; i < MANY; i++) {
		for (size_t k = 0; k < CT_COUNT(kinds); k++) {
			struct ct_update u = kinds[k] == CT_EVENT_FOUND && first
						     ? a_find()
						     : an_update(CT_UPDATE_SILENT);
			struct ct_event event = life.core;

			event.kind = kinds[k];
			u.event = &event;
			assert_int_equal(ct_selector_update(f->selector, &conns[i], &u), 0);
		}
	}
}

/// The doctor looks at all again before it says what it has found: most are others', and undecided.
static void looks_at_many_that_are_undecided_lose_nothing(void **state)
{
	struct fixture *f = *state;
	struct ct_conn *conns = many_strange_conns();

	for (uint32_t i = 0; i < MANY; i++) {
		conns[i].id.pid = 5000;
		conns[i].id.owner = CT_OWNER_SCAN;
	}
	begin_by_pid(f);
	look_at_many(f, conns, true);
	look_at_many(f, conns, false);
	look_at_many(f, conns, false);
	assert_silence(&f->told); /* not even a loss */
	conns[7].id.pid = 4242;
	conns[7].id.owner = CT_OWNER_ACTOR;
	assert_int_equal(ct_selector_settle(f->selector, &conns[7]), 0);
	assert_told(&f->told, "found ESTABLISHED");
	for (uint32_t i = 0; i < MANY; i++)
		ct_selector_discard(f->selector, &conns[i]);
	free(conns);
}

/// A filter by flag decides nothing at first, and there may be very many.
static void many_that_are_found_and_undecided_lose_nothing(void **state)
{
	struct fixture *f = *state;
	struct ct_conn *conns = many_strange_conns();

	f->select.flags = 1U << CT_FLAG_RST_SENT;
	begin(f);
	ct_selector_keep(f->selector);
	look_at_many(f, conns, true);
	assert_silence(&f->told); /* not even a loss */
	conns[7].flags = f->select.flags;
	assert_int_equal(ct_selector_settle(f->selector, &conns[7]), 0);
	assert_told(&f->told, "found ESTABLISHED");
	assert_int_equal(f->told.n_events, 3);
	for (uint32_t i = 0; i < MANY; i++)
		ct_selector_discard(f->selector, &conns[i]);
	free(conns);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(mini_of_an_unknown_owner_never_gets_one),
		test(orphan_of_an_unknown_owner_never_gets_one),
		test(mini_of_an_unknown_user_is_nobodys),
		test(mini_of_a_known_owner_is_selected),
		test(connection_that_is_found_in_its_process_comes_at_once),
		test(connection_that_is_found_elsewhere_comes_when_its_process_acts),
		test(connection_that_is_found_elsewhere_is_dropped_when_another_process_acts),
		test(connection_that_is_found_elsewhere_is_not_selected_at_the_end),
		test(handshake_is_undecided_until_its_child_is_there),
		test(handshake_whose_child_another_process_serves_is_dropped),
		test(handshake_without_a_child_is_the_listeners),
		test(many_that_are_found_and_undecided_lose_nothing),
		test(looks_at_many_that_are_undecided_lose_nothing),
	};

	return cmocka_run_group_tests_name("selector_found", tests, NULL, NULL);
}
