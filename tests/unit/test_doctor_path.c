// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Peers that do not answer: what is one time less than a finding, when the kernel gives up, and
// what is known of how long.
#include "unit/doctor_fixture.h"

#include <errno.h>

#include "conntrace/count.h"

#define OTHER_NETNS 4026532208

/// Alive; so many time-outs of one segment, the last three seconds ago.
static struct patient timed_out(uint32_t times)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.rto_streak = times;
	patient.conn.retransmits = times;
	patient.conn.rto_since_ns = NOW - 10 * S;
	patient.conn.rto_last_ns = NOW - 3 * S;
	return patient;
}

static void two_timeouts_are_no_dead_peer_yet(void **state)
{
	assert_false(finds("dead-peer-hang", timed_out(2), 1));
	assert_true(finds("dead-peer-hang", timed_out(3), 1));
}

/// What the doctor says of such a one when net.ipv4.tcp_retries2 was noted in that namespace.
static void ask_of_giving_up(struct printed *printed, uint64_t netns, uint64_t retries2)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient patient = timed_out(4);
	struct ct_session session = a_session();

	session.netns = netns;
	session.retries2 = retries2;
	ask_as(printed, &session, options, &patient, 1);
	assert_true(is_told(printed, "dead-peer-hang"));
}

static void time_of_giving_up_follows_from_what_is_set(void **state)
{
	static const struct {
		uint64_t retries2;
		const char *after_ns, *text;
	} cases[] = {
		/* 0.2 s and twice as much each time, to 2 min; 15: ip-sysctl.rst has 924.6 s */
		{1, "600000000}", "comes 600 ms or more behind the first"},
		{9, "204600000000}", "comes 3m24s or more behind the first"},
		{15, "924600000000}", "comes 15m24s or more behind the first"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};
		char evidence[96];

		ask_of_giving_up(&printed, an_id().netns, cases[i].retries2);
		snprintf(evidence, sizeof(evidence),
			 "\"tcp_retries2\":%llu,\"gives_up_after_ns\":%s",
			 (unsigned long long)cases[i].retries2, cases[i].after_ns);
		assert_non_null(strstr(printed.text, evidence));
		assert_non_null(strstr(printed.text, cases[i].text));
		assert_null(strstr(printed.text, "by default 15"));
	}
}

/// Of another namespace, in a recording that does not tell, or that tells what cannot be.
static void time_of_giving_up_is_by_default_where_nothing_is_known(void **state)
{
	const struct {
		uint64_t netns, retries2;
	} cases[] = {{OTHER_NETNS, 5}, {0, 5}, {an_id().netns, 0}, {an_id().netns, 256}};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_of_giving_up(&printed, cases[i].netns, cases[i].retries2);
		assert_non_null(strstr(printed.text,
				       "after net.ipv4.tcp_retries2 time-outs (by default 15, a "
				       "quarter of an hour and more; what is set there is not "
				       "known)"));
		assert_null(strstr(printed.text, "gives_up_after_ns"));
	}
}

/// What the doctor says of four, with these TCP_USER_TIMEOUTs, where net.ipv4.tcp_retries2 is 15.
static void ask_of_user_timeouts(struct printed *printed, const uint32_t timeouts_ms[4],
				 bool are_known)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct ct_session session = a_session();
	struct ct_sink *sink;

	session.netns = an_id().netns;
	session.retries2 = 15;
	sink = doctor_begin(printed, &session, options);
	for (size_t i = 0; i < 4; i++) {
		struct patient patient = timed_out(4);

		patient.conn.id.cookie = 0x100 + i;
		patient.conn.options.user_timeout_ms = timeouts_ms[i];
		patient.conn.options_known = are_known;
		doctor_sees(sink, &patient);
	}
	doctor_concludes(printed, sink);
	assert_true(is_told(printed, "dead-peer-hang"));
}

static void user_timeout_that_is_set_is_when_the_kernel_gives_up(void **state)
{
	_cleanup_(printed_fini) struct printed same = {}, several = {};

	ask_of_user_timeouts(&same, (const uint32_t[]){20000, 20000, 20000, 20000}, true);
	assert_non_null(strstr(same.text, "\"remedy\":\"the peer or the way to it is gone; "
					  "TCP_USER_TIMEOUT of 20.0 s is set: the kernel gives up "
					  "then\""));
	assert_non_null(
		strstr(same.text, "\"with_user_timeout\":4,\"user_timeout_ns\":20000000000}"));
	ask_of_user_timeouts(&several, (const uint32_t[]){20000, 5000, 20000, UINT32_MAX}, true);
	assert_non_null(strstr(several.text, "TCP_USER_TIMEOUT of at most 49d17h is set: the "
					     "kernel gives up then\""));
}

static void user_timeout_of_some_is_told_beside_what_the_others_wait_for(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_user_timeouts(&printed, (const uint32_t[]){0, 5000, 20000, 0}, true);
	assert_non_null(strstr(printed.text,
			       "is gone; TCP_USER_TIMEOUT of at most 20.0 s is set on 2 of them: "
			       "those the kernel gives up then, the others at the first time-out "
			       "that comes 15m24s or more behind the first"));
	assert_non_null(
		strstr(printed.text, ", with TCP_USER_TIMEOUT after as many milliseconds "));
	assert_non_null(strstr(printed.text, "\"with_user_timeout\":2,\"user_timeout_ns\":"
					     "20000000000,\"tcp_retries2\":15"));
}

static void user_timeout_that_is_off_or_not_known_is_recommended(void **state)
{
	_cleanup_(printed_fini) struct printed off = {}, unknown = {};

	ask_of_user_timeouts(&off, (const uint32_t[]){0, 0, 0, 0}, true);
	ask_of_user_timeouts(&unknown, (const uint32_t[]){20000, 20000, 20000, 20000}, false);
	assert_non_null(strstr(off.text, "is gone; the kernel gives up at the first time-out"));
	assert_non_null(strstr(off.text, ", with TCP_USER_TIMEOUT after as many milliseconds "));
	assert_null(strstr(off.text, "user_timeout_ns"));
	assert_non_null(strstr(unknown.text, "is gone; the kernel gives up at the first time-out"));
	assert_null(strstr(unknown.text, "user_timeout_ns"));
}

static void syn_that_was_answered_late_is_not_unanswered(void **state)
{
	struct patient patient = standing_in(CT_STATE_SYN_SENT, 590);

	patient.conn.established_ns = CT_NS_UNKNOWN;
	patient.conn.retransmits = 2;
	assert_true(finds("syn-unanswered", patient, 1));
	patient = standing_in(CT_STATE_ESTABLISHED, 3);
	patient.steps[0] = (struct ct_step){BEGAN, 3 * S, CT_STATE_SYN_SENT, CT_BASIS_SEEN};
	patient.conn.retransmits = 2;
	assert_false(finds("syn-unanswered", patient, 1));
}

/// Alive; so many keepalive probes without an answer, two seconds apart, the last a second ago.
static struct patient probed(uint8_t unheard)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.keepalives_sent = 7;
	patient.conn.unheard = unheard;
	patient.conn.rto_last_ns = NOW - S;
	patient.conn.rto_since_ns = NOW - S - 2 * S * (uint64_t)(unheard - 1);
	return patient;
}

static void probes_that_nobody_answers_are_a_ghost_before_it_has_died(void **state)
{
	struct patient patient = probed(3);
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(strstr(printed.text, "\"id\":\"half-open-ghost\",\"severity\":\"warn\","
					     "\"confidence\":\"medium\""));
	assert_non_null(strstr(printed.text,
			       "2 connections with 10.0.0.2:80: the last keepalive probes, up to 3 "
			       "in a row, were not answered"));
	assert_non_null(strstr(printed.text, "\"evidence\":{\"probes_sent\":14,\"died\":0,"
					     "\"unanswered_in_a_row\":3}"));
	assert_non_null(strstr(printed.text, "\"confirm\":\"ss -tanpo 'dst 10.0.0.2:80'\""));
}

static void probes_that_are_answered_are_no_ghost(void **state)
{
	struct patient patient = probed(2);

	assert_true(finds("half-open-ghost", patient, 1));
	assert_false(finds("half-open-ghost", probed(1), 1)); /* the answer is told with the next */
	patient.conn.rto_last_ns -= 4 * S; /* the next two were due: it was answered */
	patient.conn.rto_since_ns -= 4 * S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient = probed(2);
	patient.steps[1].state = CT_STATE_CLOSE_WAIT; /* the peer has closed behind the first */
	patient.steps[1].at_ns = NOW - 2 * S;
	assert_false(finds("half-open-ghost", patient, 1));
	patient = probed(2);
	patient.conn.phase = CT_PHASE_CLOSED;
	assert_false(finds("half-open-ghost", patient, 1));
}

/// What is gone is not in ss any more.
static void death_of_keepalive_is_confirmed_by_the_tracer(void **state)
{
	struct patient dead = gone(S, CT_STATE_ESTABLISHED), alive = probed(4);
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	_cleanup_(printed_fini) struct printed all = {}, some = {};
	const struct ct_session session = a_session();
	struct ct_sink *sink;

	dead.conn.keepalive_dead = true;
	dead.conn.keepalives_sent = 2;
	ask(&all, CT_OUTPUT_JSON, &dead, 1, NULL);
	assert_non_null(strstr(all.text, "1 connection with 10.0.0.2:80 died of keepalive: "));
	assert_non_null(strstr(all.text, "\"confirm\":\"conntrace -P 80 --flag keepalive-dead\""));
	sink = doctor_begin(&some, &session, options);
	doctor_sees(sink, &dead);
	doctor_sees(sink, &alive);
	doctor_concludes(&some, sink);
	assert_non_null(strstr(some.text,
			       "2 connections with 10.0.0.2:80: 1 died of keepalive, and of the "
			       "others the last keepalive probes, up to 4 in a row, were not "));
	assert_non_null(strstr(some.text, "\"confirm\":\"ss -tanpo 'dst "));
}

/// Of a handshake that its listener had no room for one of three things tells.
static void each_sign_of_a_full_queue_is_an_overflow(void **state)
{
	struct patient handshake = standing_in(CT_STATE_SYN_RECV, 590), patient;

	handshake.conn.id.role = CT_ROLE_PASSIVE;
	handshake.conn.phase = CT_PHASE_REQUEST;
	handshake.conn.request.acked = CT_ACKED_NOT; /* a SYN flood */
	assert_false(finds("accept-overflow", handshake, 3));
	handshake.conn.request.acked = CT_ACKED_DROPPED; /* TCP_DEFER_ACCEPT does that too */
	handshake.conn.request.timeouts = 2;
	assert_false(finds("accept-overflow", handshake, 3));
	patient = handshake;
	patient.conn.request.acked = CT_ACKED_NO_ROOM;
	assert_true(finds("accept-overflow", patient, 1));
	patient = handshake;
	patient.conn.request.no_room_ns = NOW - S;
	assert_true(finds("accept-overflow", patient, 1));
	patient = handshake;
	patient.conn.reset.cause = CT_RESET_CAUSE_BACKLOG_OVERFLOW;
	assert_true(finds("accept-overflow", patient, 1));
	patient.conn.id.role = CT_ROLE_ACTIVE;
	assert_false(finds("accept-overflow", patient, 1));
}

static void stall_is_told_with_how_long_it_lasted_at_least(void **state)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);
	_cleanup_(printed_fini) struct printed printed = {}, unknown = {};

	patient.conn.window_probes_sent = 9;
	ask(&unknown, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(unknown.text, "was closed on 1 connection, 9 probes were seen"));
	assert_null(strstr(unknown.text, "longest_stall"));
	patient.conn.stalls = 3;
	patient.conn.stall_probes_max = 5;
	patient.conn.stall_ms_max = 7000;
	ask(&printed, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(printed.text, "was closed on 1 connection, once for at least "
					     "7.00 s, 9 probes were seen, up to 5 in one stall"));
	assert_non_null(strstr(printed.text, "\"longest_stall_at_least_ns\":7000000000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_timeouts_are_no_dead_peer_yet),
		cmocka_unit_test(time_of_giving_up_follows_from_what_is_set),
		cmocka_unit_test(time_of_giving_up_is_by_default_where_nothing_is_known),
		cmocka_unit_test(user_timeout_that_is_set_is_when_the_kernel_gives_up),
		cmocka_unit_test(user_timeout_of_some_is_told_beside_what_the_others_wait_for),
		cmocka_unit_test(user_timeout_that_is_off_or_not_known_is_recommended),
		cmocka_unit_test(syn_that_was_answered_late_is_not_unanswered),
		cmocka_unit_test(probes_that_nobody_answers_are_a_ghost_before_it_has_died),
		cmocka_unit_test(probes_that_are_answered_are_no_ghost),
		cmocka_unit_test(death_of_keepalive_is_confirmed_by_the_tracer),
		cmocka_unit_test(each_sign_of_a_full_queue_is_an_overflow),
		cmocka_unit_test(stall_is_told_with_how_long_it_lasted_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
