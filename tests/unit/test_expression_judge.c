// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an expression says of a connection: now, and when nothing more becomes known of it. */
#include "../../src/select/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/count.h"
#include "unit/builders.h"

/// Ten seconds after the session, and the connection of a_conn(), began.
#define NOW (BEGAN + 10 * S)

static uint64_t wants_ns;

static enum ct_verdict judge_id(const char *text, const struct ct_conn_id *id,
				const struct ct_conn *conn)
{
	struct ct_select select = {};
	struct ct_subject subject = {
		.select = &select, .id = id, .conn = conn, .seen_ns = BEGAN + 8 * S, .now_ns = NOW};
	char err[CT_EXPRESSION_ERR_LEN];
	enum ct_verdict verdict;

	if (ct_expression_parse(text, err, &select.expression))
		fail_msg("'%s' is refused: %s", text, err);
	verdict = ct_select_match(&subject);
	wants_ns = subject.wants_ns;
	ct_select_fini(&select);
	return verdict;
}

static enum ct_verdict judge(const char *text, const struct ct_conn *conn)
{
	return judge_id(text, &conn->id, conn);
}

#define assert_verdict(text, conn, verdict)                            \
	do {                                                           \
		if (judge(text, conn) != (verdict))                    \
			fail_msg("'%s': %d", text, judge(text, conn)); \
	} while (0)

/// Met, or not, by curl, pid 4242, uid 1000, from 10.0.0.1:45678 to 10.0.0.2:80, in FIN_WAIT1.
static void condition_is_met_or_not(void **state)
{
	static const char *const yes[] = {
		"sport = 45678",
		"sport = 45000-46000",
		"sport > 45677",
		"sport >= 45678",
		"sport < 45679",
		"sport <= 45678",
		"sport != 80",
		"dport = :http",
		"dport < 1024",
		"src 10.0.0.1",
		"src 10.0.0.0/8",
		"dst 10.0.0.2:80",
		"dst :80",
		"dst *",
		"dst != 10.0.0.1",
		"pid = 4242",
		"pid > 4241 pid < 4243",
		"pid != 1",
		"comm = curl",
		"comm ~ c*",
		"comm != wget",
		"state syn-sent",
		"state fin-wait-1",
		"state connected",
		"flag retransmit",
	};
	static const char *const no[] = {
		"sport = 80",	       "sport < 45678", "sport > 45678",
		"dport = 45678",       "dport > 65535", "src 10.0.0.2",
		"dst 10.0.0.2:81",     "src ::/0",	"pid = 1",
		"pid < 4242",	       "comm = curl?",	"state != syn-sent",
		"not flag retransmit",
	};
	struct ct_conn conn = a_conn();

	conn.flags = 1U << CT_FLAG_RETRANSMIT;
	for (size_t i = 0; i < CT_COUNT(yes); i++)
		assert_verdict(yes[i], &conn, CT_YES);
	for (size_t i = 0; i < CT_COUNT(no); i++)
		assert_verdict(no[i], &conn, CT_NO);
}

static void what_may_still_come_is_undecided_and_its_absence_so_far_so(void **state)
{
	struct ct_conn conn = a_conn();

	assert_verdict("state time-wait", &conn, CT_UNDECIDED);
	assert_verdict("not state time-wait", &conn, CT_YES_SO_FAR);
	assert_verdict("state != time-wait", &conn, CT_YES_SO_FAR);
	assert_verdict("flag rst-sent", &conn, CT_UNDECIDED);
	assert_verdict("not flag rst-sent", &conn, CT_YES_SO_FAR);
	conn.id.lport = 0;
	assert_verdict("sport = 80", &conn, CT_UNDECIDED);
	assert_verdict("sport != 80", &conn, CT_YES_SO_FAR);
	assert_verdict("src 10.0.0.1:80", &conn, CT_UNDECIDED);
	assert_verdict("src 10.0.0.9:80", &conn, CT_NO);
}

static void owner_that_is_not_certain_is_provisional_either_way(void **state)
{
	struct ct_conn conn = a_conn();

	conn.id.owner = CT_OWNER_INHERITED;
	assert_verdict("pid = 4242", &conn, CT_PROVISIONAL);
	assert_verdict("pid != 4242", &conn, CT_PROVISIONAL_NO);
	assert_verdict("comm = wget", &conn, CT_PROVISIONAL_NO);
	assert_verdict("not comm = wget", &conn, CT_PROVISIONAL);
	assert_verdict("pid = 4242 state time-wait", &conn, CT_UNDECIDED);
	assert_verdict("pid = 4242 or state time-wait", &conn, CT_PROVISIONAL);
	assert_verdict("pid = 4242 not state time-wait", &conn, CT_YES_SO_FAR);
	assert_verdict("pid = 4242 or not state time-wait", &conn, CT_PROVISIONAL);
	conn.id.owner = CT_OWNER_UNKNOWN;
	assert_verdict("pid = 4242", &conn, CT_UNDECIDED);
	assert_verdict("pid != 4242", &conn, CT_YES_SO_FAR);
	conn.phase = CT_PHASE_MINI; /* nobody will turn up any more */
	assert_verdict("pid = 4242", &conn, CT_NO);
	assert_verdict("pid != 4242", &conn, CT_YES);
}

static void one_side_decides_where_it_can(void **state)
{
	struct ct_conn conn = a_conn();

	assert_verdict("sport = 1 and state time-wait", &conn, CT_NO);
	assert_verdict("dport = 80 or state time-wait", &conn, CT_YES);
	assert_verdict("dport = 80 and state time-wait", &conn, CT_UNDECIDED);
	assert_verdict("sport = 1 or state time-wait", &conn, CT_UNDECIDED);
	assert_verdict("not ( sport = 1 and state time-wait )", &conn, CT_YES);
	assert_verdict("not ( dport = 80 or state time-wait )", &conn, CT_NO);
}

static void age_is_that_of_its_life_by_now(void **state)
{
	struct ct_conn conn = a_conn();

	assert_verdict("age > 9s", &conn, CT_YES);
	assert_verdict("age >= 10s", &conn, CT_YES);
	assert_verdict("age <= 10s", &conn, CT_YES_SO_FAR);
	assert_true(wants_ns == BEGAN + 10 * S + 1);
	assert_verdict("age < 10s", &conn, CT_NO);
	assert_verdict("age > 12s", &conn, CT_UNDECIDED);
	assert_true(wants_ns == BEGAN + 12 * S + 1);
	assert_verdict("age > 11s or age >= 10500ms", &conn, CT_UNDECIDED);
	assert_true(wants_ns == BEGAN + 10500 * MS);
	assert_verdict("dport = 80", &conn, CT_YES);
	assert_true(wants_ns == CT_NS_UNKNOWN);
}

static void age_of_what_is_gone_is_that_at_its_end(void **state)
{
	struct ct_conn conn = a_conn();

	conn.phase = CT_PHASE_CLOSED;
	conn.closed_ns = BEGAN + 3 * S;
	assert_verdict("age >= 3s", &conn, CT_YES);
	assert_verdict("age > 3s", &conn, CT_NO);
	assert_verdict("age <= 3s", &conn, CT_YES);
	assert_verdict("age < 3s", &conn, CT_NO);
	assert_true(wants_ns == CT_NS_UNKNOWN);
}

/// It is older than it has been seen, nobody knows by how much.
static void age_of_what_was_found_is_what_was_seen_of_it(void **state)
{
	struct ct_conn conn = a_conn();

	conn.opened_ns = CT_NS_UNKNOWN;
	assert_verdict("age >= 2s", &conn, CT_YES);
	assert_verdict("age > 2s", &conn, CT_UNDECIDED);
	assert_true(wants_ns == BEGAN + 10 * S + 1);
	assert_verdict("age < 1h", &conn, CT_NO);
	assert_verdict("not age >= 1h", &conn, CT_YES_SO_FAR);
}

/// A segment that came or went before it was found was its own.
static void silence_before_it_was_found_was_lived(void **state)
{
	struct ct_conn conn = a_conn();

	conn.opened_ns = CT_NS_UNKNOWN;
	conn.found_ns = BEGAN + 8 * S;
	conn.idle_ns = 40 * S;
	assert_verdict("age >= 42s", &conn, CT_YES);
	assert_verdict("age > 5s", &conn, CT_YES);
	assert_verdict("age > 42s", &conn, CT_UNDECIDED);
	assert_true(wants_ns == BEGAN + 10 * S + 1);
	assert_verdict("age < 1h", &conn, CT_NO);
	conn.opened_ns = BEGAN; /* known, it counts alone */
	assert_verdict("age > 10s", &conn, CT_UNDECIDED);
}

/// Which runs for a minute.
static void time_wait_is_as_old_as_its_timer(void **state)
{
	struct ct_step step = {.state = CT_STATE_TIME_WAIT, .at_ns = CT_NS_UNKNOWN};
	struct ct_conn conn = a_conn();

	conn.opened_ns = CT_NS_UNKNOWN;
	conn.history = (struct ct_history){.steps = &step, .n_steps = 1};
	conn.phase = CT_PHASE_MINI;
	conn.expires_ns = NOW + 19 * S; /* 41 s have gone by */
	assert_verdict("age >= 41s", &conn, CT_YES);
	assert_verdict("age > 41s", &conn, CT_UNDECIDED);
	assert_verdict("age < 50s", &conn, CT_NO);
	step.state = CT_STATE_FIN_WAIT2; /* how long that may last is a setting */
	assert_verdict("age > 5s", &conn, CT_UNDECIDED);
}

/// Its owner is told before its first event, which tells when it began.
static void age_waits_for_the_beginning(void **state)
{
	struct ct_conn conn = a_conn();

	conn.opened_ns = CT_NS_UNKNOWN;
	conn.history.n_steps = 0;
	assert_verdict("age < 1h", &conn, CT_UNDECIDED);
	assert_verdict("age > 1s", &conn, CT_UNDECIDED);
}

static void clock_that_runs_backwards_makes_no_age(void **state)
{
	struct ct_conn conn = a_conn();

	conn.opened_ns = NOW + 1;
	assert_verdict("age > 0", &conn, CT_UNDECIDED);
	assert_verdict("age > 200000d", &conn, CT_UNDECIDED);
	assert_true(wants_ns > NOW);
}

static void listener_has_no_remote_port(void **state)
{
	struct ct_conn conn = a_conn();

	conn.id.rport = 0;
	assert_verdict("dport < 65535", &conn, CT_NO);
	assert_verdict("dport > 1 or dport = 1", &conn, CT_NO);
	assert_verdict("dport != 80", &conn, CT_YES);
}

static void packet_of_no_connection_is_judged_by_its_addresses(void **state)
{
	struct ct_conn_id id = an_id();

	id.owner = CT_OWNER_UNKNOWN;
	assert_int_equal(judge_id("dport = 80 dst 10.0.0.2", &id, NULL), CT_YES);
	assert_int_equal(judge_id("state all", &id, NULL), CT_NO);
	assert_int_equal(judge_id("age > 0 or age <= 0", &id, NULL), CT_NO);
	assert_int_equal(judge_id("flag gap", &id, NULL), CT_NO);
	assert_false(ct_verdict_is_true(judge_id("pid = 4242", &id, NULL)));
	assert_true(ct_verdict_is_true(judge_id("not pid = 4242", &id, NULL)));
}

/// At the end each connection meets an expression or its opposite, and never both.
static void opposite_of_what_is_true_at_the_end_is_not(void **state)
{
	static const char *const texts[][2] = {
		{"state time-wait", "not state time-wait"},
		{"pid = 1", "pid != 1"},
		{"pid = 4242", "not pid = 4242"},
		{"sport = 1 or flag gap", "not ( sport = 1 or flag gap )"},
		{"sport = 1 or flag gap", "sport != 1 not flag gap"},
		{"age > 1h comm = curl", "not age > 1h or comm != curl"},
	};
	struct ct_conn conn = a_conn();

	for (unsigned int owner = 0; owner < _CT_OWNER_MAX; owner++) {
		conn.id.owner = (uint8_t)owner;
		conn.id.lport = owner % 2 ? 1 : 0;
		for (size_t i = 0; i < CT_COUNT(texts); i++) {
			enum ct_verdict a = judge(texts[i][0], &conn);

			assert_verdict(texts[i][1], &conn, ct_verdict_not(a));
		}
	}
}

static void deepest_expression_fits_the_stack(void **state)
{
	static char text[CT_EXPRESSION_LEN_MAX];
	struct ct_conn conn = a_conn();

	/* each parenthesis with the left side of an "or" and of an "and" before it */
	for (size_t i = 0; i < CT_EXPRESSION_DEPTH_MAX; i++)
		strcat(text, "pid 1 or pid 2 (");
	strcat(text, "pid 1 or pid 4242 src 10.0.0.1:45678");
	for (size_t i = 0; i < CT_EXPRESSION_DEPTH_MAX; i++)
		strcat(text, ")");
	assert_verdict(text, &conn, CT_NO);
	for (char *two = text; (two = strstr(two, "pid 2")); two++)
		memcpy(two, "dst *", 5);
	assert_verdict(text, &conn, CT_YES);
}

static void selection_knows_what_its_expression_asks_for(void **state)
{
	static const struct {
		const char *text;
		bool owner, age;
		uint32_t flags;
	} rows[] = {
		{"sport = 1", false, false, 0},
		{"sport = 1 or not pid = 1", true, false, 0},
		{"comm = x", true, false, 0},
		{"not age > 1", false, true, 0},
		{"flag gap or not flag rst-sent", false, false,
		 1U << CT_FLAG_GAP | 1U << CT_FLAG_RST_SENT | 1U << CT_FLAG_TIMEOUT},
	};

	for (size_t i = 0; i < CT_COUNT(rows); i++) {
		struct ct_select select = {.flags = rows[i].flags & 1U << CT_FLAG_TIMEOUT};
		char err[CT_EXPRESSION_ERR_LEN];

		assert_int_equal(ct_expression_parse(rows[i].text, err, &select.expression), 0);
		assert_int_equal(ct_select_by_owner(&select), rows[i].owner);
		assert_int_equal(ct_select_by_age(&select), rows[i].age);
		assert_int_equal(ct_select_flags(&select), rows[i].flags);
		assert_false(ct_select_is_empty(&select));
		ct_select_fini(&select);
		assert_true(ct_select_is_empty(&select));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(condition_is_met_or_not),
		cmocka_unit_test(what_may_still_come_is_undecided_and_its_absence_so_far_so),
		cmocka_unit_test(owner_that_is_not_certain_is_provisional_either_way),
		cmocka_unit_test(one_side_decides_where_it_can),
		cmocka_unit_test(age_is_that_of_its_life_by_now),
		cmocka_unit_test(age_of_what_is_gone_is_that_at_its_end),
		cmocka_unit_test(age_of_what_was_found_is_what_was_seen_of_it),
		cmocka_unit_test(silence_before_it_was_found_was_lived),
		cmocka_unit_test(time_wait_is_as_old_as_its_timer),
		cmocka_unit_test(age_waits_for_the_beginning),
		cmocka_unit_test(clock_that_runs_backwards_makes_no_age),
		cmocka_unit_test(listener_has_no_remote_port),
		cmocka_unit_test(packet_of_no_connection_is_judged_by_its_addresses),
		cmocka_unit_test(opposite_of_what_is_true_at_the_end_is_not),
		cmocka_unit_test(deepest_expression_fits_the_stack),
		cmocka_unit_test(selection_knows_what_its_expression_asks_for),
	};

	return cmocka_run_group_tests_name("expression_judge", tests, NULL, NULL);
}
