// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// connect() calls that failed, and what was seen of those whom they asked.
#include "unit/doctor_fixture.h"
#include "unit/found_fixture.h"

#include "conntrace/count.h"

#define OTHER_NETNS 4026532208
#define RIVALS_MAX  1024

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_others_is_not_said_to_be_silent),
		cmocka_unit_test(answers_of_others_say_nothing),
		cmocka_unit_test(listener_that_is_here_is_told),
		cmocka_unit_test(listener_elsewhere_says_nothing),
		cmocka_unit_test(listener_here_says_nothing_of_another_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
