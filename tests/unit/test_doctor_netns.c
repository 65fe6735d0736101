// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Connections of another network namespace than the tracer's, and what is set in its own.
#include "unit/doctor_fixture.h"

#define OTHER_NETNS 4026532208
#define SOME	    200

/// What the doctor says of three, when the tracer was in that namespace. 0: not known.
static void ask_from(struct printed *printed, uint64_t netns, struct patient patient)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct ct_session session = a_session();

	session.netns = netns;
	ask_as(printed, &session, options, &patient, 3);
}

static bool confirms_by(uint64_t netns, struct patient patient, const char *command)
{
	_cleanup_(printed_fini) struct printed printed = {};
	char key[256];

	ask_from(&printed, netns, patient);
	snprintf(key, sizeof(key), "\"confirm\":\"%s\"", command);
	return strstr(printed.text, key);
}

static void command_goes_into_the_namespace_of_the_process(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);

	assert_true(confirms_by(patient.conn.id.netns, patient,
				"ss -tanpo state close-wait | grep pid=4242,"));
	assert_true(confirms_by(OTHER_NETNS, patient,
				"nsenter -t 4242 -n ss -tanpo state close-wait | grep pid=4242,"));
	/* recorded before the namespace was noted */
	assert_true(confirms_by(0, patient, "ss -tanpo state close-wait | grep pid=4242,"));
}

static void namespace_without_a_known_process_is_named(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);

	patient.conn.id.pid = 0;
	assert_true(confirms_by(OTHER_NETNS, patient,
				"ss -tanpo state close-wait 'dst 10.0.0.2:80' "
				"# in network namespace 4026531840"));
}

static void listener_is_looked_at_in_its_namespace(void **state)
{
	struct patient patient = standing_in(CT_STATE_SYN_RECV, 590);

	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.phase = CT_PHASE_REQUEST;
	patient.conn.request.acked = CT_ACKED_NO_ROOM;
	assert_true(
		confirms_by(OTHER_NETNS, patient, "nsenter -t 4242 -n ss -tln 'sport = :45678'"));
	assert_true(confirms_by(patient.conn.id.netns, patient, "ss -tln 'sport = :45678'"));
}

/// It is the peer's host that is to be looked at.
static void what_the_peer_has_to_confirm_is_left_as_it_is(void **state)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);

	patient.conn.end = CT_END_REFUSED;
	assert_true(confirms_by(OTHER_NETNS, patient, "ss -tln 'sport = :80'"));
}

static void ask_of_ports(struct printed *printed, uint64_t netns, uint64_t local_ports, size_t n)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);
	struct ct_session session = a_session();

	session.netns = netns;
	session.local_ports = local_ports;
	ask_as(printed, &session, options, &patient, n);
}

static void ports_that_are_set_are_those_that_are_counted(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_ports(&printed, an_id().netns, 1000, SOME);
	assert_true(is_told(&printed, "time-wait-pressure"));
	assert_non_null(strstr(printed.text, ": 20 % of the 1000 of net.ipv4.ip_local_port_range"));
	assert_null(strstr(printed.text, "by default ("));
	assert_non_null(strstr(printed.text, "\"ports\":1000,"));
}

static void ports_of_another_namespace_are_those_by_default_and_said_to_be(void **state)
{
	_cleanup_(printed_fini) struct printed few = {}, many = {};

	ask_of_ports(&few, OTHER_NETNS, 1000, SOME);
	assert_false(is_told(&few, "time-wait-pressure"));
	ask_of_ports(&many, OTHER_NETNS, 1000, CROWD);
	assert_non_null(strstr(many.text, ": 21 % of the 28232 of net.ipv4.ip_local_port_range by "
					  "default (what is set there is not known)"));
	assert_non_null(strstr(many.text, "\"ports_by_default\":28232,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_goes_into_the_namespace_of_the_process),
		cmocka_unit_test(namespace_without_a_known_process_is_named),
		cmocka_unit_test(listener_is_looked_at_in_its_namespace),
		cmocka_unit_test(what_the_peer_has_to_confirm_is_left_as_it_is),
		cmocka_unit_test(ports_that_are_set_are_those_that_are_counted),
		cmocka_unit_test(ports_of_another_namespace_are_those_by_default_and_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
