// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was there before the tracer, in every form of output; and `list`, which prints nothing else.
 */
#include "conntrace/sink_list.h"

#include "unit/sink_fixture.h"

#include <errno.h>

/// A full socket, with the counters and options that came with it.
static struct ct_update a_found(enum ct_state at)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.id.owner = CT_OWNER_SCAN;
	u.found.state = (uint8_t)at;
	u.found.full = true;
	u.found.sock_flags = CT_SOCK_KEEPALIVE;
	u.found.counters = a_conn().counters;
	u.found.counters.keepalive_time_s = 7200;
	u.found.counters.keepalive_interval_s = 75;
	u.found.counters.keepalive_probes = 9;
	return u;
}

/// One that expires in half a minute.
static struct ct_update a_found_mini(void)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.id.owner = CT_OWNER_UNKNOWN;
	u.id.role = CT_ROLE_UNKNOWN;
	u.id.pid = 0;
	u.id.comm[0] = '\0';
	u.found.state = CT_STATE_TIME_WAIT;
	u.found.what.mini = 1;
	u.found.what.timeout_ns = 32100 * MS;
	return u;
}

static struct ct_update a_found_request(void)
{
	struct ct_update u = a_found_mini();

	u.id.cookie = 0;
	u.id.role = CT_ROLE_PASSIVE;
	u.found.state = CT_STATE_SYN_RECV;
	u.found.what = (struct ct_event_found){
		.request = 1,
		.timeouts = 2,
		.backlog = 3,
		.backlog_max = 128,
		.timeout_ns = 800 * MS,
	};
	return u;
}

static struct ct_update a_found_listener(void)
{
	struct ct_update u = a_found(CT_STATE_LISTEN);

	u.id.role = CT_ROLE_LISTENER;
	u.found.full = false;
	u.found.sock_flags = CT_SOCK_COUNTED;
	u.found.what.backlog_max = 128;
	return u;
}

#define FOUND_FIELDS                                                                           \
	"conn,state,age_ns,mptcp,backlog,backlog_max,synack_timeouts,expires_in_ns,"           \
	"unread_bytes,unacked_bytes,bytes_sent,bytes_received,retransmits,srtt_us,min_rtt_us," \
	"options"

static void full_socket_tells_what_it_has_counted(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	u.found.sock_flags |= CT_SOCK_MPTCP;
	u.found.what.unread = 12;
	expect_json(u, FOUND_FIELDS,
		    "{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"ESTABLISHED\","
		    "\"age_ns\":null,\"mptcp\":true,\"unread_bytes\":12,\"bytes_sent\":5,"
		    "\"bytes_received\":7,\"retransmits\":0,\"srtt_us\":900,"
		    "\"min_rtt_us\":800,\"options\":{\"keepalive\":true,"
		    "\"keepalive_time_s\":7200,\"keepalive_interval_s\":75,"
		    "\"keepalive_probes\":9,\"user_timeout_ms\":0,\"linger\":false,"
		    "\"linger_s\":null,\"nodelay\":false}}\n");
}

static void mini_socket_tells_when_it_expires_and_has_counted_nothing(void **state)
{
	expect_json(a_found_mini(), FOUND_FIELDS,
		    "{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"TIME_WAIT\","
		    "\"age_ns\":null,\"mptcp\":null,\"expires_in_ns\":32100000000,"
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
	expect_json(a_found_listener(), FOUND_FIELDS,
		    "{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"LISTEN\","
		    "\"age_ns\":null,\"mptcp\":false,\"backlog\":0,\"backlog_max\":128,"
		    "\"bytes_sent\":null,\"bytes_received\":null,\"retransmits\":null,"
		    "\"srtt_us\":null,\"min_rtt_us\":null,\"options\":{\"keepalive\":false,"
		    "\"keepalive_time_s\":null,\"keepalive_interval_s\":null,"
		    "\"keepalive_probes\":null,\"user_timeout_ms\":null,\"linger\":false,"
		    "\"linger_s\":null,\"nodelay\":false}}\n");
}

static void expect_list(enum ct_output_format format, const char *fields,
			const struct ct_update *updates, size_t n, const char *expected)
{
	struct ct_output_options options = {
		.format = format, .fields = fields, .utf8 = true, .utc = true};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(ct_sink_list_new(&options, &printed.session, printed.file, &sink, NULL),
			 0);
	print_all(&printed, sink, updates, n);
	assert_string_equal(printed.text, expected);
}

static void expect_detail(struct ct_update update, const char *expected)
{
	char table[256];

	snprintf(table, sizeof(table), "DETAIL\n%s\n", expected);
	expect_list(CT_OUTPUT_TABLE, "detail", &update, 1, table);
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

static void list_prints_what_was_found_and_nothing_that_happens(void **state)
{
	struct ct_conn conn = a_conn();
	struct ct_update updates[] = {
		a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS),
		a_found(CT_STATE_ESTABLISHED),
		an_update(CT_UPDATE_SILENT),
		a_loss(1, CT_LOST_RING, BEGAN),
		a_close(&conn),
	};

	expect_list(CT_OUTPUT_JSON, "conn,state", updates, 5,
		    "{\"event\":\"found\",\"conn\":\"1a2b\",\"state\":\"ESTABLISHED\"}\n");
	expect_list(CT_OUTPUT_CSV, "conn,state", updates, 5, "conn,state\r\n1a2b,ESTABLISHED\r\n");
	expect_list(CT_OUTPUT_TABLE, "event,detail", updates, 5,
		    "EVENT                    DETAIL\n"
		    "FOUND                    ESTABLISHED, active, owner by scan\n");
}

static void list_leaves_out_the_columns_that_are_the_same_on_every_line(void **state)
{
	struct ct_update updates[] = {a_found_listener(), a_found_mini()};

	expect_list(CT_OUTPUT_TABLE, NULL, updates, 2,
		    "     PID COMM       LADDR           LPORT RADDR           RPORT DETAIL\n"
		    "    4242 curl       10.0.0.1        45678 -                   - "
		    "LISTEN, backlog 0 of 128, owner by scan\n"
		    "       - -          10.0.0.1        45678 10.0.0.2           80 "
		    "TIME_WAIT, expires in 32.1 s\n");
	expect_list(
		CT_OUTPUT_WIDE, NULL, updates, 1,
		"     PID COMM            LADDR           LPORT RADDR           RPORT CONN          "
		"NETNS   UID ROLE     OWNER     DETAIL\n"
		"    4242 curl            10.0.0.1        45678 -                   - 1a2b     "
		"4026531840  1000 listener scan      LISTEN, backlog 0 of 128, owner by scan\n");
}

static void list_refuses_what_only_events_have(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_JSON, .fields = "pid,from"};
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(ct_sink_list_new(&options, &session, stdout, &sink, &bad), -EINVAL);
	assert_null(sink);
	assert_string_equal(bad, "from");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_socket_tells_what_it_has_counted),
		cmocka_unit_test(mini_socket_tells_when_it_expires_and_has_counted_nothing),
		cmocka_unit_test(half_open_handshake_tells_of_its_listeners_queue),
		cmocka_unit_test(listener_tells_of_its_queue_and_has_counted_nothing),
		cmocka_unit_test(detail_is_short_and_begins_with_the_state),
		cmocka_unit_test(list_prints_what_was_found_and_nothing_that_happens),
		cmocka_unit_test(list_leaves_out_the_columns_that_are_the_same_on_every_line),
		cmocka_unit_test(list_refuses_what_only_events_have),
	};

	return cmocka_run_group_tests_name("sink_found", tests, NULL, NULL);
}
