// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// connect() calls that failed: what was seen of those whom they asked, ICMP, and impatience.
#include "unit/doctor_fixture.h"
#include "unit/found_fixture.h"

#include <errno.h>

#include "conntrace/count.h"

#define OTHER_NETNS  4026532208
#define RIVALS_MAX   1024
#define SERVICES_MAX 65536

/// Of curl to 10.0.0.2:80: waits for an answer to its SYN, which was sent again.
static struct patient waiting(void)
{
	struct patient patient = standing_in(CT_STATE_SYN_SENT, 0);

	patient.steps[0] = (struct ct_step){NOW - 7 * S, CT_NS_UNKNOWN, CT_STATE_SYN_SENT,
					    CT_BASIS_SEEN};
	patient.conn.history.n_steps = 1;
	patient.conn.opened_ns = NOW - 7 * S;
	patient.conn.established_ns = CT_NS_UNKNOWN;
	patient.conn.retransmits = 3;
	return patient;
}

static struct patient on_loopback(struct patient patient)
{
	set_addr(patient.conn.id.laddr, AF_INET, "127.0.0.1");
	set_addr(patient.conn.id.raddr, AF_INET, "127.0.0.1");
	return patient;
}

static void see_listener(struct ct_sink *sink, const char *address, uint16_t port, uint32_t netns)
{
	struct ct_update row = a_found_listener();

	set_addr(row.id.laddr, AF_INET, address);
	row.id.lport = port;
	row.id.netns = netns;
	assert_int_equal(sink->ops->update(sink, &row), 0);
}

static struct ct_sink *begin(struct printed *printed)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();

	return doctor_begin(printed, &session, options);
}

/// What he says of one that waits, when one to the same service was answered.
static void ask_beside(struct printed *printed, struct patient patient, struct patient answered)
{
	struct ct_sink *sink = begin(printed);

	doctor_sees(sink, &patient);
	doctor_sees(sink, &answered);
	doctor_concludes(printed, sink);
	assert_true(is_told(printed, "syn-unanswered"));
}

static void who_answers_others_is_not_said_to_be_silent(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_beside(&printed, waiting(), gone(S, CT_STATE_FIN_WAIT1));
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"syn-unanswered\",\"severity\":\"warn\",\"confidence\":\"medium\","
		"\"summary\":\"10.0.0.2:80 does not answer all: 1 connect() call sent the SYN "
		"again, the longest waited for 7.00 s; 1 other connect() call was answered while "
		"it was watched\""));
	assert_non_null(strstr(printed.text, "\"answered_others\":1}"));
	assert_non_null(strstr(printed.text, "\"remedy\":\"look for a listener whose accept queue "
					     "is full there, a limit on new connections"));
}

/// At another port or address, in another namespace, before it was watched, or by us.
static void answers_of_others_say_nothing(void **state)
{
	struct patient answers[5];

	for (size_t i = 0; i < CT_COUNT(answers); i++)
		answers[i] = gone(S, CT_STATE_FIN_WAIT1);
	answers[0].conn.id.rport++;
	set_addr(answers[1].conn.id.raddr, AF_INET, "10.0.0.3");
	answers[2].conn.id.netns = OTHER_NETNS;
	answers[3].conn.established_ns = CT_NS_UNKNOWN;
	answers[4].conn.id.role = CT_ROLE_PASSIVE;
	for (size_t i = 0; i < CT_COUNT(answers); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_beside(&printed, waiting(), answers[i]);
		assert_non_null(strstr(printed.text, "\"confidence\":\"high\",\"summary\":"
						     "\"10.0.0.2:80 does not answer: "));
	}
}

/// What he says of one on loopback, with a listener at so and so.
static void ask_by_listener(struct printed *printed, const char *address, uint16_t port,
			    uint32_t netns)
{
	struct patient patient = on_loopback(waiting());
	struct ct_sink *sink = begin(printed);

	see_listener(sink, address, port, netns);
	doctor_sees(sink, &patient);
	doctor_concludes(printed, sink);
	assert_true(is_told(printed, "syn-unanswered"));
}

static void listener_that_is_here_is_told(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "0.0.0.0"};

	for (size_t i = 0; i < CT_COUNT(addresses); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_by_listener(&printed, addresses[i], 80, an_id().netns);
		assert_non_null(strstr(printed.text, "\"confidence\":\"medium\""));
		assert_non_null(strstr(
			printed.text,
			"; neither an answer nor a refusal came, and a listener was seen at that "
			"port on this host: when its accept queue is full the kernel drops a SYN "
			"without a word\""));
		assert_non_null(strstr(printed.text, "\"confirm\":\"ss -tln 'sport = :80'\""));
		assert_non_null(strstr(printed.text, "\"remedy\":\"Recv-Q at Send-Q says"));
	}
}

static void listener_elsewhere_says_nothing(void **state)
{
	static const struct {
		const char *address;
		uint16_t port;
		uint32_t netns;
	} cases[] = {{"127.0.0.2", 80, 0}, {"127.0.0.1", 81, 0}, {"127.0.0.1", 80, OTHER_NETNS}};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_by_listener(&printed, cases[i].address, cases[i].port,
				cases[i].netns ?: an_id().netns);
		assert_non_null(strstr(printed.text, "\"confidence\":\"high\""));
		assert_null(strstr(printed.text, "a listener was seen"));
	}
}

/// One on every address of this host is not the one that another host was asked for.
static void listener_here_says_nothing_of_another_host(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct patient patient = waiting();
	struct ct_sink *sink = begin(&printed);

	see_listener(sink, "0.0.0.0", 80, an_id().netns);
	doctor_sees(sink, &patient);
	doctor_concludes(&printed, sink);
	assert_non_null(strstr(printed.text, "\"id\":\"syn-unanswered\",\"severity\":\"warn\","
					     "\"confidence\":\"high\""));
}

/// Its connect() failed with ERR.
static struct patient unreachable(uint16_t err)
{
	struct patient patient = waiting();

	patient.steps[0].for_ns = MS;
	patient.conn.phase = CT_PHASE_CLOSED;
	patient.conn.closed_ns = NOW - 7 * S + MS;
	patient.conn.retransmits = 0;
	patient.conn.sk_err = err;
	patient.conn.end = CT_END_UNREACHABLE;
	return patient;
}

static void who_cannot_be_reached_is_told_with_the_error(void **state)
{
	struct patient patient = unreachable(EHOSTUNREACH);
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"refused\",\"severity\":\"warn\",\"confidence\":\"high\",\"summary\":\""
		"3 connect() calls to 10.0.0.2:80 failed with EHOSTUNREACH: a router, a firewall "
		"or the host there says by ICMP that it cannot be reached, or this host has no "
		"neighbour or no route for it\""));
	assert_non_null(strstr(printed.text, "\"unreachable\":3,\"answered_others\":0}"));
	assert_non_null(strstr(printed.text, "\"confirm\":\"conntrace -H 10.0.0.2 -D 80\""));
	assert_false(is_told(&printed, "syn-unanswered"));
}

static void errors_that_differ_and_who_was_answered_are_told(void **state)
{
	struct patient first = unreachable(ECONNREFUSED), second = unreachable(EHOSTUNREACH);
	struct patient answered = gone(S, CT_STATE_FIN_WAIT1);
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = begin(&printed);

	doctor_sees(sink, &first);
	doctor_sees(sink, &second);
	doctor_sees(sink, &answered);
	doctor_concludes(&printed, sink);
	assert_non_null(strstr(printed.text, "2 connect() calls to 10.0.0.2:80 failed with errors "
					     "such as ECONNREFUSED and EHOSTUNREACH: "));
	assert_non_null(strstr(printed.text, "; 1 other connect() call was answered while it was "
					     "watched\""));
}

/// A reset has a sentence of its own; what was connected is no connect() any more.
static void what_is_no_connect_that_icmp_ended_is_not_unreachable(void **state)
{
	struct patient refused = unreachable(ECONNREFUSED), cut = gone(S, CT_STATE_ESTABLISHED);
	_cleanup_(printed_fini) struct printed printed = {};

	refused.conn.end = CT_END_REFUSED;
	ask(&printed, CT_OUTPUT_JSON, &refused, 1, NULL);
	assert_int_equal(times_told(&printed, "\"id\":\"refused\""), 1);
	assert_null(strstr(printed.text, " failed with "));
	cut.conn.end = CT_END_UNREACHABLE;
	cut.conn.sk_err = EHOSTUNREACH;
	assert_false(finds("refused", cut, 3));
}

/// Closed by its process after AFTER_NS without an answer.
static struct patient given_up(uint64_t after_ns)
{
	struct patient patient = unreachable(0);

	patient.steps[0].for_ns = after_ns;
	patient.conn.closed_ns = patient.conn.opened_ns + after_ns;
	patient.conn.end = CT_END_UNKNOWN;
	patient.conn.closed_by = CT_CLOSED_BY_LOCAL;
	patient.conn.closed_how = CT_HOW_CLOSE;
	patient.conn.gaps = 0;
	return patient;
}

static void three_that_were_given_up_are_unanswered(void **state)
{
	struct patient patient = given_up(301 * MS);
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"syn-unanswered\",\"severity\":\"warn\",\"confidence\":\"low\","
		"\"summary\":\"10.0.0.2:80 did not answer in time: 3 connect() calls were given up "
		"by their own process, the longest waited for 301 ms; none to it was answered while it was watched, and "
		"whether an answer was still to come is not known: it is a short time-out\""));
	assert_non_null(strstr(printed.text, "\"given_up\":3,\"shortest_ns\":301000000,"
					     "\"longest_ns\":301000000}"));
}

/// What this host drops on its way out is no event; the socket has counted it.
static void syn_that_only_the_socket_counted_was_sent_again(void **state)
{
	struct patient patient = given_up(5 * S);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.counted = true;
	assert_false(finds("syn-unanswered", patient, 1));
	patient.conn.counters.retransmits = 4;
	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(printed.text,
			       "\"summary\":\"10.0.0.2:80 does not answer: 3 connect() calls "
			       "sent the SYN again, the longest waited for 5.00 s; "));
	assert_non_null(strstr(printed.text, "\"syns_sent_again\":12,"));
	/* and is no short time-out */
	assert_null(strstr(printed.text, " did not answer in time"));
	/* by connect() to AF_UNSPEC, which leaves ECONNRESET */
	patient.conn.closed_how = CT_HOW_CONNECT;
	patient.conn.sk_err = ECONNRESET;
	assert_true(finds("syn-unanswered", patient, 3));
	/* it was answered, and what was sent again was something else */
	patient = gone(5 * S, CT_STATE_FIN_WAIT1);
	patient.conn.counted = true;
	patient.conn.counters.retransmits = 4;
	assert_false(finds("syn-unanswered", patient, 3));
}

static void few_or_hasty_ones_are_innocent(void **state)
{
	struct patient again = given_up(301 * MS);

	assert_false(finds("syn-unanswered", given_up(301 * MS), 2));
	assert_false(finds("syn-unanswered", given_up(199 * MS), 3));
	assert_true(finds("syn-unanswered", given_up(200 * MS), 3));
	/* by the kernel, for want of a port: nobody called close() */
	again.conn.closed_how = CT_HOW_UNKNOWN;
	assert_false(finds("syn-unanswered", again, 3));
}

static void given_up_beside_one_that_was_answered_are_innocent(void **state)
{
	struct patient patient = given_up(301 * MS), answered = gone(S, CT_STATE_FIN_WAIT1);
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = begin(&printed);

	for (int i = 0; i < 3; i++)
		doctor_sees(sink, &patient);
	doctor_sees(sink, &answered);
	doctor_concludes(&printed, sink);
	assert_false(is_told(&printed, "syn-unanswered"));
}

static void three_that_ended_at_once_may_have_been_rejected_here(void **state)
{
	struct patient patient = given_up(MS / 4);
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_int_equal(times_told(&printed, "\"id\":"), 1);
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"syn-unanswered\",\"severity\":\"note\",\"confidence\":\"low\","
		"\"summary\":\"3 connect() calls to 10.0.0.2:80 were closed by their own process "
		"at once, the longest after 250 us, and none to it was answered while it was "
		"watched: either it does not wait, or a firewall on this host rejects "
		"them by an ICMP error, of which no event tells\""));
	assert_non_null(strstr(printed.text, "\"given_up\":3,\"shortest_ns\":250000,"
					     "\"longest_ns\":250000}"));
}

static void few_that_ended_at_once_or_slow_ones_are_innocent(void **state)
{
	struct patient patient = given_up(MS), answered = gone(S, CT_STATE_FIN_WAIT1);
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = begin(&printed);

	assert_false(finds("syn-unanswered", given_up(MS), 2));
	assert_true(finds("syn-unanswered", given_up(10 * MS - 1), 3));
	assert_false(finds("syn-unanswered", given_up(10 * MS), 3));
	for (int i = 0; i < 3; i++)
		doctor_sees(sink, &patient);
	doctor_sees(sink, &answered);
	doctor_concludes(&printed, sink);
	assert_false(is_told(&printed, "syn-unanswered"));
}

/// Another connect() of RIVAL's process is answered so long after this one was begun.
static void see_answer(struct ct_sink *sink, const struct ct_conn_id *rival, uint64_t after_ns)
{
	struct ct_update update = an_update(CT_UPDATE_STATE);

	update.has_id = true;
	update.id = *rival;
	update.ts_ns = NOW - 7 * S + after_ns;
	update.state.from = CT_STATE_SYN_SENT;
	update.state.to = CT_STATE_ESTABLISHED;
	assert_int_equal(sink->ops->update(sink, &update), 0);
}

/// Whether three are found that were given up after a rival was answered, and N of another port.
static bool finds_beside(const struct ct_conn_id *rival, uint64_t after_ns, size_t n)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct patient patient = given_up(301 * MS);
	struct ct_sink *sink = begin(&printed);
	struct ct_conn_id other = *rival;

	see_answer(sink, rival, after_ns);
	other.rport++;
	for (size_t i = 0; i < n; i++)
		see_answer(sink, &other, 2 * MS);
	for (int i = 0; i < 3; i++)
		doctor_sees(sink, &patient);
	doctor_concludes(&printed, sink);
	return is_told(&printed, "syn-unanswered");
}

/// RFC 8305: of the addresses of one name the first that answers is taken.
static void losers_of_a_race_are_innocent(void **state)
{
	struct ct_conn_id rival = given_up(S).conn.id;

	set_addr(rival.raddr, AF_INET, "10.0.0.3");
	assert_false(finds_beside(&rival, 300 * MS, 0));
	rival.pid = 0; /* it may be the same */
	assert_false(finds_beside(&rival, 300 * MS, 0));
}

static void who_was_no_rival_changes_nothing(void **state)
{
	const struct ct_conn_id same = given_up(S).conn.id;
	struct ct_conn_id rival = same;

	set_addr(rival.raddr, AF_INET, "10.0.0.3");
	rival.pid++;
	assert_true(finds_beside(&rival, 300 * MS, 0));
	rival = same;
	rival.rport = 443;
	assert_true(finds_beside(&rival, 300 * MS, 0));
	rival = same;
	rival.netns = OTHER_NETNS;
	assert_true(finds_beside(&rival, 300 * MS, 0));
	rival = same;
	rival.role = CT_ROLE_PASSIVE;
	assert_true(finds_beside(&rival, 300 * MS, 0));
}

/// Of so many that were answered meanwhile the first are not known any more.
static void rival_that_is_not_known_any_more_may_have_won(void **state)
{
	struct ct_conn_id other = given_up(S).conn.id;

	other.pid++;
	assert_true(finds_beside(&other, MS, RIVALS_MAX - 2));
	assert_false(finds_beside(&other, MS, RIVALS_MAX));
}

/// So many other services that all answer.
static void see_crowd(struct ct_sink *sink, size_t n)
{
	struct patient patient = gone(S, CT_STATE_FIN_WAIT1);

	set_addr(patient.conn.id.raddr, AF_INET, "10.1.0.0");
	for (size_t i = 0; i < n; i++) {
		patient.conn.id.raddr[2] = (uint8_t)(i >> 8);
		patient.conn.id.raddr[3] = (uint8_t)i;
		patient.conn.id.rport = (uint16_t)(80 + (i >> 16));
		doctor_sees(sink, &patient);
	}
}

/// Those whom there was no room for may have answered.
static void nothing_is_certain_of_one_in_a_crowd(void **state)
{
	static const struct {
		size_t n;
		const char *confidence;
		bool is_found; /// that was given up
	} cases[] = {{SERVICES_MAX, "high", true}, {SERVICES_MAX + 1, "medium", false}};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};
		struct patient first = waiting(), second = given_up(301 * MS);
		struct ct_sink *sink = begin(&printed);
		char want[96];

		doctor_sees(sink, &first);
		for (int k = 0; k < 3; k++)
			doctor_sees(sink, &second);
		see_crowd(sink, cases[i].n);
		doctor_concludes(&printed, sink);
		snprintf(want, sizeof(want), "\"confidence\":\"%s\",\"summary\":\"10.0.0.2:80 does",
			 cases[i].confidence);
		assert_non_null(strstr(printed.text, want));
		assert_int_equal(!strstr(printed.text, "10.0.0.2:80 did not answer in time: "),
				 !cases[i].is_found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_others_is_not_said_to_be_silent),
		cmocka_unit_test(answers_of_others_say_nothing),
		cmocka_unit_test(listener_that_is_here_is_told),
		cmocka_unit_test(listener_elsewhere_says_nothing),
		cmocka_unit_test(listener_here_says_nothing_of_another_host),
		cmocka_unit_test(who_cannot_be_reached_is_told_with_the_error),
		cmocka_unit_test(errors_that_differ_and_who_was_answered_are_told),
		cmocka_unit_test(what_is_no_connect_that_icmp_ended_is_not_unreachable),
		cmocka_unit_test(three_that_were_given_up_are_unanswered),
		cmocka_unit_test(syn_that_only_the_socket_counted_was_sent_again),
		cmocka_unit_test(few_or_hasty_ones_are_innocent),
		cmocka_unit_test(given_up_beside_one_that_was_answered_are_innocent),
		cmocka_unit_test(three_that_ended_at_once_may_have_been_rejected_here),
		cmocka_unit_test(few_that_ended_at_once_or_slow_ones_are_innocent),
		cmocka_unit_test(losers_of_a_race_are_innocent),
		cmocka_unit_test(who_was_no_rival_changes_nothing),
		cmocka_unit_test(nothing_is_certain_of_one_in_a_crowd),
		cmocka_unit_test(rival_that_is_not_known_any_more_may_have_won),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
