// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What follows from how long a connection had been silent when it was found.
#include "unit/doctor_fixture.h"
#include "unit/found_fixture.h"

#define SILENT_NS (185 * S)
#define SECONDS_S 5
#define MINUTES_S 600

static bool finds_ghost_behind(uint64_t asked_ns, uint64_t idle_ns)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON, .idle_ns = asked_ns};
	struct patient patient = found_in(CT_STATE_ESTABLISHED, idle_ns);
	_cleanup_(printed_fini) struct printed printed = {};
	const struct ct_session session = a_session();

	ask_as(&printed, &session, options, &patient, 1);
	return is_told(&printed, "half-open-ghost");
}

static void silent_connection_without_keepalive_may_be_a_ghost(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, SILENT_NS);
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"half-open-ghost\",\"severity\":\"note\",\"confidence\":\"low\","
		"\"summary\":\"curl[4242] holds 2 connections that had been silent when last "
		"looked at, the longest for at least 3m05s: TCP keepalive is off, and the kernel "
		"does not ask whether the peer is still there\""));
	assert_non_null(strstr(printed.text,
			       "\"evidence\":{\"idle_ns\":185000000000,\"keepalive_off\":2,"
			       "\"keepalive_on\":0}"));
	assert_non_null(strstr(printed.text,
			       "\"confirm\":\"ss -tanpoiO state established | grep pid=4242,\""));
}

static void short_or_unknown_silence_is_innocent(void **state)
{
	assert_true(finds("half-open-ghost", found_in(CT_STATE_ESTABLISHED, 120 * S), 1));
	assert_false(finds("half-open-ghost", found_in(CT_STATE_ESTABLISHED, 119 * S), 1));
	assert_false(finds("half-open-ghost", found_in(CT_STATE_ESTABLISHED, 0), 1));
	assert_false(finds("half-open-ghost", standing_in(CT_STATE_ESTABLISHED, 1), 1));
}

static void silence_is_long_enough_when_the_option_says_so(void **state)
{
	assert_true(finds_ghost_behind(3 * S, 3 * S));
	assert_false(finds_ghost_behind(3 * S, 3 * S - 1));
	assert_false(finds_ghost_behind(600 * S, SILENT_NS));
	assert_true(finds_ghost_behind(0, SILENT_NS)); /* as long as it is by itself */
}

static void keepalive_of_minutes_is_innocent_and_of_hours_is_not(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, SILENT_NS);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.sock_flags = CT_SOCK_KEEPALIVE;
	patient.conn.options.keepalive_time_s = SECONDS_S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.options.keepalive_time_s = MINUTES_S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.options.keepalive_time_s = 7200;
	ask(&printed, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(printed.text, "3m05s: keepalive asks only behind a silence of 2h"));
	assert_non_null(strstr(printed.text, "\"keepalive_off\":0,\"keepalive_on\":1,"
					     "\"keepalive_time_s\":7200}"));
	patient.conn.options_known = false;
	assert_false(finds("half-open-ghost", patient, 1));
}

static void what_has_stirred_since_is_innocent(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, SILENT_NS);

	patient.conn.flags = 1U << CT_FLAG_KEEPALIVE_PROBE;
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.flags = 0;
	assert_true(finds("half-open-ghost", patient, 1));
	patient.conn.phase = CT_PHASE_CLOSED;
	assert_false(finds("half-open-ghost", patient, 1));
}

/// As one segment that had to be sent twice, when there was something to send.
static void flag_from_before_the_silence_is_no_stir(void **state)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);
	struct ct_mark probe = {.flag = CT_FLAG_KEEPALIVE_PROBE};
	struct ct_mark again = {.flag = CT_FLAG_RETRANSMIT, .next = &probe};

	patient.conn.looked_ns = NOW;
	patient.conn.silent_ns = SILENT_NS;
	patient.conn.flags = 1U << CT_FLAG_KEEPALIVE_PROBE | 1U << CT_FLAG_RETRANSMIT;
	patient.conn.marks = &again;
	again.at_ns = BEGAN + 2 * S;
	probe.at_ns = NOW - SILENT_NS;
	assert_true(finds("half-open-ghost", patient, 1));
	probe.at_ns = NOW - SILENT_NS + 1; /* nobody has answered it */
	assert_false(finds("half-open-ghost", patient, 1));
	probe.at_ns = NOW + S; /* behind the look */
	assert_false(finds("half-open-ghost", patient, 1));
	again.next = NULL; /* when it was raised is not known */
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.flags = 1U << CT_FLAG_RETRANSMIT;
	assert_true(finds("half-open-ghost", patient, 1));
	patient.conn.unheard = 1;
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.unheard = 0;
	patient.conn.rto_streak = 5; /* the next one is not due yet */
	patient.conn.rto_since_ns = NOW - 120 * S;
	patient.conn.rto_last_ns = NOW - 20 * S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.rto_streak = 0;
	patient.conn.silent_ns = UINT64_MAX; /* no time is before a silence of ever */
	assert_false(finds("half-open-ghost", patient, 1));
}

static void connection_within_the_host_is_innocent(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, SILENT_NS);

	set_addr(patient.conn.id.raddr, AF_INET, "10.0.0.1"); /* its own */
	assert_false(finds("half-open-ghost", patient, 1));
	set_addr(patient.conn.id.laddr, AF_INET, "127.0.0.1");
	set_addr(patient.conn.id.raddr, AF_INET, "127.0.0.53");
	assert_false(finds("half-open-ghost", patient, 1));
}

/// What was silent when it was found may have stirred since, and the other way round.
static void last_look_is_the_one_that_counts(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, SILENT_NS);

	patient.conn.silent_ns = 3 * S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient = found_in(CT_STATE_ESTABLISHED, 3 * S);
	patient.conn.silent_ns = SILENT_NS;
	assert_true(finds("half-open-ghost", patient, 1));
}

/// Nobody has found it: its silence is known by the last look alone.
static void what_was_made_meanwhile_may_be_a_ghost_too(void **state)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.silent_ns = SILENT_NS;
	assert_true(finds("half-open-ghost", patient, 1));
	patient.conn.silent_ns = 119 * S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient.conn.silent_ns = SILENT_NS;
	patient.conn.options_known = false;
	assert_false(finds("half-open-ghost", patient, 1));
	patient = standing_in(CT_STATE_CLOSE_WAIT, 1);
	patient.conn.silent_ns = SILENT_NS;
	assert_false(finds("half-open-ghost", patient, 1));
}

/// The same connection, seen from its peer in another container.
static struct patient other_end_of(const struct patient *one)
{
	struct patient other = *one;

	memcpy(other.conn.id.laddr, one->conn.id.raddr, sizeof(other.conn.id.laddr));
	memcpy(other.conn.id.raddr, one->conn.id.laddr, sizeof(other.conn.id.raddr));
	other.conn.id.lport = one->conn.id.rport;
	other.conn.id.rport = one->conn.id.lport;
	other.conn.id.role = CT_ROLE_PASSIVE;
	other.conn.id.netns++;
	other.conn.id.pid++;
	other.conn.id.cookie++;
	return other;
}

static void find(struct ct_sink *sink, const struct patient *patient)
{
	struct ct_update found = a_found(CT_STATE_ESTABLISHED);

	found.id = patient->conn.id;
	assert_int_equal(sink->ops->update(sink, &found), 0);
}

/// Two that were found; the second one went on from ESTABLISHED to LEFT_TO, or to nowhere.
static bool finds_ghost_of_two(struct patient one, struct patient other, enum ct_state left_to)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed printed = {};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(&printed, &session, options);
	struct ct_update left = a_transition(CT_STATE_ESTABLISHED, left_to, S);

	find(sink, &one);
	find(sink, &other);
	if (left_to != CT_STATE_NONE) {
		left.id = other.conn.id;
		assert_int_equal(sink->ops->update(sink, &left), 0);
		other.steps[0].state = (uint8_t)left_to;
	}
	doctor_sees(sink, &one);
	doctor_sees(sink, &other);
	doctor_concludes(&printed, sink);
	return is_told(&printed, "half-open-ghost");
}

static void connection_whose_other_end_is_here_is_innocent(void **state)
{
	struct patient one = found_in(CT_STATE_ESTABLISHED, SILENT_NS), other = other_end_of(&one);

	assert_false(finds_ghost_of_two(one, other, CT_STATE_NONE));
	assert_true(finds_ghost_of_two(one, other, CT_STATE_FIN_WAIT1));
	other.conn.id.lport++; /* another connection's end */
	assert_true(finds_ghost_of_two(one, other, CT_STATE_NONE));
}

/// It is there, though it is not for it to speak: events of it are missing.
static void other_end_with_a_gap_is_here_too(void **state)
{
	struct patient one = found_in(CT_STATE_ESTABLISHED, SILENT_NS), other = other_end_of(&one);

	other.conn.gaps = 1;
	assert_false(finds_ghost_of_two(one, other, CT_STATE_NONE));
}

/// Two namespaces that know nothing of each other: one of the two ends that look the same has gone.
static void other_end_is_here_as_long_as_one_of_them_is(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient one = found_in(CT_STATE_ESTABLISHED, SILENT_NS), other = other_end_of(&one);
	struct ct_update left = a_transition(CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, S);
	_cleanup_(printed_fini) struct printed printed = {};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(&printed, &session, options);

	find(sink, &other);
	find(sink, &other);
	left.id = other.conn.id;
	assert_int_equal(sink->ops->update(sink, &left), 0);
	doctor_sees(sink, &one);
	doctor_concludes(&printed, sink);
	assert_false(is_told(&printed, "half-open-ghost"));
}

struct step {
	const struct patient *who;
	bool leaves;  /// ESTABLISHED; else it is found there
	bool is_born; /// … or comes to it
};

static bool finds_ghost_behind_steps(struct patient one, const struct step *steps, size_t n)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct ct_update left = a_transition(CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, S);
	struct ct_update born = a_transition(CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, S);
	_cleanup_(printed_fini) struct printed printed = {};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(&printed, &session, options);

	for (size_t i = 0; i < n; i++) {
		born.id = left.id = steps[i].who->conn.id;
		if (steps[i].leaves || steps[i].is_born)
			assert_int_equal(sink->ops->update(sink, steps[i].leaves ? &left : &born),
					 0);
		else
			find(sink, steps[i].who);
	}
	doctor_sees(sink, &one);
	doctor_concludes(&printed, sink);
	return is_told(&printed, "half-open-ghost");
}

/// As those of two containers that have begun to talk while they were watched.
static void other_end_that_was_made_meanwhile_is_here_too(void **state)
{
	struct patient one = found_in(CT_STATE_ESTABLISHED, SILENT_NS), other = other_end_of(&one);
	const struct step steps[] = {{&other, .is_born = true}, {&other, .leaves = true}};

	assert_false(finds_ghost_behind_steps(one, steps, 1));
	assert_true(finds_ghost_behind_steps(one, steps, 2));
}

/// Two namespaces that know nothing of each other, with the same addresses.
static void end_that_goes_is_that_of_its_own_namespace(void **state)
{
	struct patient one = found_in(CT_STATE_ESTABLISHED, SILENT_NS), a = other_end_of(&one);
	struct patient b = a;
	const struct step born_later[] = {{.who = &a}, {&b, .leaves = true}, {&a, .leaves = true}};
	const struct step both[] = {{.who = &a},
				    {.who = &b},
				    {&a, .leaves = true},
				    {&a, .leaves = true},
				    {&b, .leaves = true}};
	const struct step other_way[] = {
		{.who = &a}, {.who = &b}, {&b, .leaves = true}, {&a, .leaves = true}};

	b.conn.id.netns += 7;
	assert_false(finds_ghost_behind_steps(one, born_later, 2));
	assert_true(finds_ghost_behind_steps(one, born_later, 3));
	assert_false(finds_ghost_behind_steps(one, both, 4));
	assert_true(finds_ghost_behind_steps(one, both, 5));
	assert_false(finds_ghost_behind_steps(one, other_way, 3));
	assert_true(finds_ghost_behind_steps(one, other_way, 4));
}

/// What took it into the state was a segment.
static void state_has_lasted_for_as_long_as_the_silence(void **state)
{
	struct patient patient = found_in(CT_STATE_CLOSE_WAIT, SILENT_NS);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.found_ns = NOW - 10 * S;
	ask(&printed, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_true(is_told(&printed, "close-wait-leak"));
	assert_false(is_told(&printed, "half-open-ghost"));
	assert_non_null(strstr(printed.text, "for at least 3m15s"));
	assert_non_null(strstr(printed.text, "\"oldest_at_least_ns\":195000000000"));
	patient.conn.idle_ns = 0;
	assert_false(finds("close-wait-leak", patient, 1));
	patient = found_in(CT_STATE_FIN_WAIT2, SILENT_NS);
	patient.conn.found_ns = NOW - S;
	assert_true(finds("fin-wait-stuck", patient, 1));
	patient.conn.idle_ns = 0;
	assert_false(finds("fin-wait-stuck", patient, 1));
}

/// More than there was time for: a recording that was tampered with.
static void silence_from_before_the_clock_began_is_bounded(void **state)
{
	assert_true(finds("close-wait-leak", found_in(CT_STATE_CLOSE_WAIT, UINT64_MAX - 1), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_connection_without_keepalive_may_be_a_ghost),
		cmocka_unit_test(short_or_unknown_silence_is_innocent),
		cmocka_unit_test(silence_is_long_enough_when_the_option_says_so),
		cmocka_unit_test(keepalive_of_minutes_is_innocent_and_of_hours_is_not),
		cmocka_unit_test(what_has_stirred_since_is_innocent),
		cmocka_unit_test(flag_from_before_the_silence_is_no_stir),
		cmocka_unit_test(connection_within_the_host_is_innocent),
		cmocka_unit_test(last_look_is_the_one_that_counts),
		cmocka_unit_test(what_was_made_meanwhile_may_be_a_ghost_too),
		cmocka_unit_test(connection_whose_other_end_is_here_is_innocent),
		cmocka_unit_test(other_end_with_a_gap_is_here_too),
		cmocka_unit_test(other_end_is_here_as_long_as_one_of_them_is),
		cmocka_unit_test(other_end_that_was_made_meanwhile_is_here_too),
		cmocka_unit_test(end_that_goes_is_that_of_its_own_namespace),
		cmocka_unit_test(state_has_lasted_for_as_long_as_the_silence),
		cmocka_unit_test(silence_from_before_the_clock_began_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
