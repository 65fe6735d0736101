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
	/* the peer is in the same namespace */
	memcpy(patient.conn.id.raddr, patient.conn.id.laddr, sizeof(patient.conn.id.raddr));
	assert_true(confirms_by(OTHER_NETNS, patient, "nsenter -t 4242 -n ss -tln 'sport = :80'"));
}

/// The same three, once more in another namespace.
static void ask_of_two_namespaces(struct printed *printed, struct patient patient)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	for (uint64_t i = 0; i < 6; i++) {
		patient.conn.id.cookie = 0x100 + i;
		patient.conn.id.netns = i % 2 ? (uint32_t)OTHER_NETNS : an_id().netns;
		doctor_sees(sink, &patient);
	}
	doctor_concludes(printed, sink);
}

static void assert_two_findings(const struct printed *printed, const char *id)
{
	char key[64];

	snprintf(key, sizeof(key), "\"id\":\"%s\"", id);
	assert_int_equal(times_told(printed, key), 2);
	assert_int_equal(times_told(printed, "\"count\":3,"), 2);
	assert_int_equal(times_told(printed, "\"netns\":4026531840}"), 1);
	assert_int_equal(times_told(printed, "\"netns\":4026532208}"), 1);
}

static void process_in_two_namespaces_is_told_of_each(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_two_namespaces(&printed, standing_in(CT_STATE_CLOSE_WAIT, 1));
	assert_two_findings(&printed, "close-wait-leak");
}

static void same_address_in_two_namespaces_is_two_services(void **state)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.end = CT_END_REFUSED;
	ask_of_two_namespaces(&printed, patient);
	assert_two_findings(&printed, "refused");
}

static void ask_of_ports(struct printed *printed, uint64_t netns, uint64_t local_ports,
			 uint64_t reserved_ports, size_t n)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);
	struct ct_session session = a_session();

	session.netns = netns;
	session.local_ports = local_ports;
	session.reserved_ports = reserved_ports;
	ask_as(printed, &session, options, &patient, n);
}

static void ports_that_are_set_are_those_that_are_counted(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_ports(&printed, an_id().netns, 1000, 0, SOME);
	assert_true(is_told(&printed, "time-wait-pressure"));
	assert_non_null(strstr(printed.text, ": 20 % of the 1000 of net.ipv4.ip_local_port_range"));
	assert_null(strstr(printed.text, "by default ("));
	assert_non_null(strstr(printed.text, "\"ports\":1000,"));
	assert_null(strstr(printed.text, "reserved"));
}

static void ports_that_are_reserved_are_not_there(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_ports(&printed, an_id().netns, 1000, 200, SOME);
	assert_non_null(strstr(printed.text, ": 25 % of the 800 of net.ipv4.ip_local_port_range "
					     "that net.ipv4.ip_local_reserved_ports leaves"));
	assert_non_null(strstr(printed.text, "\"ports\":800,\"ports_reserved\":200,"));
}

/// A recording may hold any number.
static void more_reserved_than_there_are_is_not_believed(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_ports(&printed, an_id().netns, 1000, UINT64_MAX, SOME);
	assert_non_null(strstr(printed.text, "\"ports\":1000,"));
	assert_null(strstr(printed.text, "reserved"));
}

static void reserved_ports_are_told_with_exhaustion(void **state)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	struct patient patient = gone(S, CT_STATE_SYN_SENT);
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_session session = a_session();

	patient.conn.id.lport = 0;
	patient.conn.closed_how = CT_HOW_CONNECT;
	session.netns = patient.conn.id.netns;
	session.local_ports = 1000;
	session.reserved_ports = 200;
	ask_as(&printed, &session, options, &patient, 1);
	assert_non_null(strstr(printed.text, "\"evidence\":{\"connects_without_port\":1,"
					     "\"ports\":800,\"ports_reserved\":200}"));
}

static void ports_of_another_namespace_are_those_by_default_and_said_to_be(void **state)
{
	_cleanup_(printed_fini) struct printed few = {}, many = {};

	ask_of_ports(&few, OTHER_NETNS, 1000, 500, SOME);
	assert_false(is_told(&few, "time-wait-pressure"));
	ask_of_ports(&many, OTHER_NETNS, 1000, 500, CROWD);
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
		cmocka_unit_test(process_in_two_namespaces_is_told_of_each),
		cmocka_unit_test(same_address_in_two_namespaces_is_two_services),
		cmocka_unit_test(ports_that_are_set_are_those_that_are_counted),
		cmocka_unit_test(ports_that_are_reserved_are_not_there),
		cmocka_unit_test(more_reserved_than_there_are_is_not_believed),
		cmocka_unit_test(reserved_ports_are_told_with_exhaustion),
		cmocka_unit_test(ports_of_another_namespace_are_those_by_default_and_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
