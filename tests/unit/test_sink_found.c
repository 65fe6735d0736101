// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was there before the tracer, in every form of output that tells of events as well. */
#include "unit/sink_fixture.h"

#include "unit/found_fixture.h"

#include <errno.h>

#define FOUND_FIELDS                                                                                         \
	"conn,state,age_ns,in_state_min_ns,mptcp,backlog,backlog_max,synack_timeouts,"                       \
	"expires_in_ns,unread_bytes,unacked_bytes,bytes_sent,bytes_received,retransmits,srtt_us,min_rtt_us," \
	"options"

static void full_socket_tells_what_it_has_counted(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	u.found.sock_flags |= CT_SOCK_MPTCP;
	u.found.what.unread = 12;
	expect_json(
		u, FOUND_FIELDS,
		"{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"ESTABLISHED\","
		"\"age_ns\":null,\"in_state_min_ns\":null,\"mptcp\":true,\"unread_bytes\":12,\"bytes_sent\":5,"
		"\"bytes_received\":7,\"retransmits\":0,\"srtt_us\":900,"
		"\"min_rtt_us\":800,\"options\":{\"keepalive\":true,"
		"\"keepalive_time_s\":7200,\"keepalive_interval_s\":75,"
		"\"keepalive_probes\":9,\"user_timeout_ms\":0,\"linger\":false,"
		"\"linger_s\":null,\"nodelay\":false}}\n");
}

static void mini_socket_tells_when_it_expires_and_has_counted_nothing(void **state)
{
	expect_json(
		a_found_mini(), FOUND_FIELDS,
		"{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"TIME_WAIT\","
		"\"age_ns\":null,\"in_state_min_ns\":27900000000,\"mptcp\":null,\"expires_in_ns\":32100000000,"
		"\"bytes_sent\":null,\"bytes_received\":null,\"retransmits\":null,"
		"\"srtt_us\":null,\"min_rtt_us\":null,\"options\":" NO_OPTIONS "}\n");
}

static void half_open_handshake_tells_of_its_listeners_queue(void **state)
{
	expect_json(a_found_request(),
		    "conn,raddr,state,backlog,backlog_max,synack_timeouts,expires_in_ns",
		    "{\"event\":\"found\",\"conn\":null,\"raddr\":\"10.0.0.2\","
		    "\"state\":\"SYN_RECV\",\"backlog\":3,\"backlog_max\":128,"
		    "\"synack_timeouts\":2,\"expires_in_ns\":800000000}\n");
}

static void listener_tells_of_its_queue_and_has_counted_nothing(void **state)
{
	expect_json(
		a_found_listener(), FOUND_FIELDS,
		"{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"LISTEN\","
		"\"age_ns\":null,\"in_state_min_ns\":null,\"mptcp\":false,\"backlog\":0,\"backlog_max\":128,"
		"\"bytes_sent\":null,\"bytes_received\":null,\"retransmits\":null,"
		"\"srtt_us\":null,\"min_rtt_us\":null,\"options\":{\"keepalive\":false,"
		"\"keepalive_time_s\":null,\"keepalive_interval_s\":null,"
		"\"keepalive_probes\":null,\"user_timeout_ms\":null,\"linger\":false,"
		"\"linger_s\":null,\"nodelay\":false}}\n");
}

static void expect_table(enum ct_output_format format, const char *fields, struct ct_update update,
			 const char *expected)
{
	struct ct_output_options options = {
		.format = format, .fields = fields, .utf8 = true, .utc = true};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(ct_sink_output_new(&options, &printed.session, printed.file, &sink, NULL),
			 0);
	print_all(&printed, sink, &update, 1);
	assert_string_equal(printed.text, expected);
}

static void expect_detail(struct ct_update update, const char *expected)
{
	char table[256];

	snprintf(table, sizeof(table), "DETAIL\n%s\n", expected);
	expect_table(CT_OUTPUT_TABLE, "detail", update, table);
}

static void detail_is_short_and_begins_with_the_state(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	expect_detail(u, "ESTABLISHED, active, owner by scan");
	u.id.role = CT_ROLE_UNKNOWN;
	u.id.owner = CT_OWNER_UNKNOWN;
	expect_detail(u, "ESTABLISHED");
	u.found.sock_flags |= CT_SOCK_MPTCP;
	expect_detail(u, "ESTABLISHED, mptcp subflow");
	u = a_found_listener();
	expect_detail(u, "LISTEN, backlog 0 of 128, owner by scan");
	expect_detail(a_found_mini(), "TIME_WAIT, expires in 32.1 s");
	expect_detail(a_found_request(),
		      "SYN_RECV, passive, 2 SYN-ACKs unanswered, backlog 3 of 128");
}

static void silence_that_is_not_known_is_null(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	expect_json(u, "state,idle_ns",
		    "{\"event\":\"found\",\"state\":\"ESTABLISHED\",\"idle_ns\":null}\n");
	u.found.what.idle_ns = 185 * S;
	expect_json(u, "state,idle_ns",
		    "{\"event\":\"found\",\"state\":\"ESTABLISHED\","
		    "\"idle_ns\":185000000000}\n");
}

/// Its columns are those of the contract, and no others.
static void watch_has_no_columns_of_list(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_WIDE, .fields = "pid,age"};
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(ct_sink_output_new(&options, &session, stdout, &sink, &bad), -EINVAL);
	assert_string_equal(bad, "age");
	expect_table(
		CT_OUTPUT_WIDE, NULL, a_found_mini(),
		"           TIME      PID COMM            LADDR           LPORT RADDR           "
		"RPORT CONN          NETNS   UID ROLE     OWNER     EVENT                    "
		"DETAIL\n"
		"22:13:21.500000        - -               10.0.0.1        45678 10.0.0.2        "
		"   80 1a2b     4026531840  1000 -        -         FOUND                    "
		"TIME_WAIT, expires in 32.1 s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_socket_tells_what_it_has_counted),
		cmocka_unit_test(mini_socket_tells_when_it_expires_and_has_counted_nothing),
		cmocka_unit_test(half_open_handshake_tells_of_its_listeners_queue),
		cmocka_unit_test(listener_tells_of_its_queue_and_has_counted_nothing),
		cmocka_unit_test(detail_is_short_and_begins_with_the_state),
		cmocka_unit_test(watch_has_no_columns_of_list),
		cmocka_unit_test(silence_that_is_not_known_is_null),
	};

	return cmocka_run_group_tests_name("sink_found", tests, NULL, NULL);
}
