// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The summary of a connection, as JSON. */
#include "unit/sink_fixture.h"

#define SUMMARY_FIELDS                                                                           \
	"opened_ns,closed_ns,duration_ns,history,history_dropped,gaps,flags,end,closed_by,"      \
	"handshake_us,bytes_sent,bytes_received,retransmits,keepalives_sent,srtt_us,min_rtt_us," \
	"options"

static void summary_of_a_plain_life(void **state)
{
	struct ct_conn conn = a_conn();

	conn.sock_flags = CT_SOCK_NODELAY;
	expect_json(
		a_close(&conn), SUMMARY_FIELDS,
		"{\"event\":\"close\",\"opened_ns\":1700000000000000000,"
		"\"closed_ns\":1700000000052000000,\"duration_ns\":52000000,\"history\":["
		"{\"state\":\"SYN_SENT\",\"at_ns\":1700000000000000000,\"for_ns\":1000000,"
		"\"basis\":\"seen\"},"
		"{\"state\":\"ESTABLISHED\",\"at_ns\":1700000000001000000,\"for_ns\":50000000,"
		"\"basis\":\"seen\"},"
		"{\"state\":\"FIN_WAIT1\",\"at_ns\":1700000000051000000,\"for_ns\":1000000,"
		"\"basis\":\"seen\"}],"
		"\"gaps\":0,\"flags\":[],\"end\":\"fin\",\"closed_by\":\"local\","
		"\"handshake_us\":1000,\"bytes_sent\":5,\"bytes_received\":7,\"retransmits\":0,"
		"\"keepalives_sent\":0,\"srtt_us\":900,\"min_rtt_us\":800,\"options\":{"
		"\"keepalive\":false,\"keepalive_time_s\":7200,\"keepalive_interval_s\":75,"
		"\"keepalive_probes\":9,\"user_timeout_ms\":0,\"linger\":false,\"linger_s\":null,"
		"\"nodelay\":true}}\n");
}

static void summary_of_a_life_hardly_known_has_every_key(void **state)
{
	struct ct_step found[] = {
		{.at_ns = CT_NS_UNKNOWN,
		 .for_ns = CT_NS_UNKNOWN,
		 .state = CT_STATE_ESTABLISHED,
		 .basis = CT_BASIS_FOUND},
	};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = found, .n_steps = 1, .n_dropped = 4};
	conn.opened_ns = conn.closed_ns = conn.established_ns = CT_NS_UNKNOWN;
	conn.gaps = 2;
	conn.end = CT_END_OPEN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.counted = false;
	conn.options_known = false;
	expect_json(
		a_close(&conn), SUMMARY_FIELDS,
		"{\"event\":\"close\",\"opened_ns\":null,\"closed_ns\":null,\"duration_ns\":null,"
		"\"history\":[{\"state\":\"ESTABLISHED\",\"at_ns\":null,\"for_ns\":null,"
		"\"basis\":\"found\"}],\"history_dropped\":4,\"gaps\":2,\"flags\":[],"
		"\"end\":\"open\",\"closed_by\":null,\"handshake_us\":null,\"bytes_sent\":null,"
		"\"bytes_received\":null,\"retransmits\":null,\"keepalives_sent\":0,"
		"\"srtt_us\":null,\"min_rtt_us\":null,\"options\":" NO_OPTIONS "}\n");
}

/// A flag has the options that were in force when it was raised: they may be others at the end.
static void flags_come_with_their_evidence_and_options(void **state)
{
	struct ct_mark second = {
		.flag = CT_FLAG_RETRANSMIT,
		.at_ns = CT_NS_UNKNOWN,
		.n_evidence = 1,
		.evidence = {{.key = "idle_ns", .number = CT_NS_UNKNOWN}},
	};
	struct ct_mark first = {
		.next = &second,
		.flag = CT_FLAG_RST_SENT,
		.at_ns = BEGAN + MS,
		.n_evidence = 2,
		.evidence = {{.key = "cause", .text = "linger0"},
			     {.key = "unread_bytes", .number = 12}},
		.sock_flags = CT_SOCK_LINGER | CT_SOCK_LINGER0 | CT_SOCK_KEEPALIVE,
		.options_known = true,
		.options = the_defaults(),
	};
	struct ct_conn conn = a_conn();

	conn.marks = &first;
	conn.flags = 1U << CT_FLAG_RST_SENT | 1U << CT_FLAG_RETRANSMIT;
	expect_json(a_close(&conn), "flags",
		    "{\"event\":\"close\",\"flags\":[{\"flag\":\"rst-sent\","
		    "\"at_ns\":1700000000001000000,\"evidence\":{\"cause\":\"linger0\","
		    "\"unread_bytes\":12},\"options\":{\"keepalive\":true,"
		    "\"keepalive_time_s\":7200,\"keepalive_interval_s\":75,\"keepalive_probes\":9,"
		    "\"user_timeout_ms\":0,\"linger\":true,\"linger_s\":0,\"nodelay\":false}},"
		    "{\"flag\":\"retransmit\",\"at_ns\":null,"
		    "\"evidence\":{\"idle_ns\":null},\"options\":" NO_OPTIONS "}]}\n");
}

static void retransmitted_bytes_are_not_sent_twice(void **state)
{
	struct ct_conn conn = a_conn();

	conn.counters.bytes_sent = 1500;
	conn.counters.bytes_retransmitted = 500;
	conn.counters.retransmits = 1;
	expect_json(a_close(&conn), "bytes_sent,retransmits",
		    "{\"event\":\"close\",\"bytes_sent\":1000,\"retransmits\":1}\n");
}

static void what_was_not_sampled_is_null(void **state)
{
	struct ct_conn conn = a_conn();

	conn.id.role = CT_ROLE_PASSIVE;
	conn.counters.srtt_us = 0;
	conn.counters.min_rtt_us = UINT32_MAX;
	expect_json(a_close(&conn), "handshake_us,srtt_us,min_rtt_us",
		    "{\"event\":\"close\",\"handshake_us\":null,\"srtt_us\":null,"
		    "\"min_rtt_us\":null}\n");
}

/// The first and the last fact of a passive open are the SYN and the final ACK.
static void handshake_of_an_accepted_connection_is_timed_when_its_syn_was_seen(void **state)
{
	static const char *const known[][2] = {
		[CT_HANDSHAKE_UNKNOWN] = {"null", "null"},
		[CT_HANDSHAKE_REQUEST] = {"\"request\"", "1000"},
		[CT_HANDSHAKE_SYNCOOKIE] = {"\"syncookie\"", "null"},
		[CT_HANDSHAKE_FASTOPEN] = {"\"fastopen\"", "1000"},
	};
	struct ct_conn conn = a_conn();
	char expected[128];

	conn.id.role = CT_ROLE_PASSIVE;
	for (uint8_t handshake = 0; handshake < _CT_HANDSHAKE_MAX; handshake++) {
		conn.handshake = handshake;
		snprintf(expected, sizeof(expected),
			 "{\"event\":\"close\",\"handshake\":%s,\"handshake_us\":%s}\n",
			 known[handshake][0], known[handshake][1]);
		expect_json(a_close(&conn), "handshake,handshake_us", expected);
	}
	conn.handshake = CT_HANDSHAKE_REQUEST;
	conn.opened_ns = CT_NS_UNKNOWN;
	expect_json(a_close(&conn), "handshake_us",
		    "{\"event\":\"close\",\"handshake_us\":null}\n");
}

static void summary_tells_how_it_was_closed_and_left(void **state)
{
	static const char fields[] = "found_ns,closed_how,left_by,mptcp";
	struct ct_conn conn = a_conn();

	expect_json(a_close(&conn), fields,
		    "{\"event\":\"close\",\"found_ns\":null,\"closed_how\":null,\"left_by\":null,"
		    "\"mptcp\":false}\n");
	conn.found_ns = BEGAN;
	conn.closed_how = CT_HOW_EXIT;
	conn.left_by = CT_LEFT_BY_REUSED;
	conn.sock_flags = CT_SOCK_MPTCP;
	expect_json(a_close(&conn), fields,
		    "{\"event\":\"close\",\"found_ns\":1700000000000000000,\"closed_how\":\"exit\","
		    "\"left_by\":\"reused\",\"mptcp\":true}\n");
}

/// Of a handshake that came to nothing and of a mini-socket there is no socket that had options.
static void life_without_a_full_socket_has_no_options(void **state)
{
	struct ct_conn conn = a_conn();

	conn.id.cookie = 0;
	conn.options_known = false;
	expect_json(a_close(&conn), "conn,raddr,mptcp,options",
		    "{\"event\":\"close\",\"conn\":null,\"raddr\":\"10.0.0.2\",\"mptcp\":null,"
		    "\"options\":" NO_OPTIONS "}\n");
	conn.sock_flags = CT_SOCK_COUNTED;
	expect_json(a_close(&conn), "mptcp,options",
		    "{\"event\":\"close\",\"mptcp\":false,\"options\":{\"keepalive\":false,"
		    "\"keepalive_time_s\":null,\"keepalive_interval_s\":null,"
		    "\"keepalive_probes\":null,\"user_timeout_ms\":null,\"linger\":false,"
		    "\"linger_s\":null,\"nodelay\":false}}\n");
}

static void clock_that_runs_backwards_makes_no_negative_duration(void **state)
{
	struct ct_conn conn = a_conn();

	conn.closed_ns = BEGAN - 1;
	expect_json(a_close(&conn), "duration_ns", "{\"event\":\"close\",\"duration_ns\":0}\n");
}

static void retransmits_of_a_life_seen_whole_need_no_counter(void **state)
{
	struct ct_conn conn = a_conn();

	conn.counted = false;
	conn.retransmits = 6;
	expect_json(a_close(&conn), "retransmits", "{\"event\":\"close\",\"retransmits\":6}\n");
	conn.blind = CT_BLIND_RETRANSMITS;
	expect_json(a_close(&conn), "retransmits", "{\"event\":\"close\",\"retransmits\":null}\n");
	conn.blind = 0;
	conn.gaps = 1;
	expect_json(a_close(&conn), "retransmits", "{\"event\":\"close\",\"retransmits\":null}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary_of_a_plain_life),
		cmocka_unit_test(summary_of_a_life_hardly_known_has_every_key),
		cmocka_unit_test(flags_come_with_their_evidence_and_options),
		cmocka_unit_test(retransmitted_bytes_are_not_sent_twice),
		cmocka_unit_test(what_was_not_sampled_is_null),
		cmocka_unit_test(
			handshake_of_an_accepted_connection_is_timed_when_its_syn_was_seen),
		cmocka_unit_test(summary_tells_how_it_was_closed_and_left),
		cmocka_unit_test(life_without_a_full_socket_has_no_options),
		cmocka_unit_test(clock_that_runs_backwards_makes_no_negative_duration),
		cmocka_unit_test(retransmits_of_a_life_seen_whole_need_no_counter),
	};

	return cmocka_run_group_tests_name("sink_summary", tests, NULL, NULL);
}
