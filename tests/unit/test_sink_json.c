// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/sink_fixture.h"

#include <errno.h>
#include <jansson.h>

#include "support/hostile.h"

static void decref(json_t **json)
{
	json_decref(*json);
}

/// The same, read by somebody else's parser, which takes nothing but whole and valid JSON.
static json_t *parse_one(struct ct_update update)
{
	_cleanup_(ct_freep) char *text = print_json(update, NULL);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s: %s", error.text, text);
	assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
	return json;
}

#define IDENTITY                                                                        \
	"\"ts\":\"2023-11-14T22:13:21.500000000Z\",\"ts_ns\":1700000001500000000,"      \
	"\"conn\":\"1a2b\",\"family\":\"ipv4\",\"laddr\":\"10.0.0.1\",\"lport\":45678," \
	"\"raddr\":\"10.0.0.2\",\"rport\":80,\"netns\":4026531840,\"role\":\"active\"," \
	"\"pid\":4242,\"comm\":\"curl\",\"owner\":\"connect\",\"uid\":1000,"

static void transition_has_every_key(void **state)
{
	struct ct_update u = a_transition(CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1,
					  12 * MS + 300000);

	expect_json(u, NULL,
		    "{\"event\":\"state\"," IDENTITY
		    "\"from\":\"ESTABLISHED\",\"to\":\"FIN_WAIT1\","
		    "\"in_state_ns\":12300000,\"basis\":\"seen\",\"flags\":[]}\n");
	u.state.how = CT_HOW_SHUTDOWN;
	u.state.basis = CT_BASIS_INFERRED;
	u.state.in_state_ns = CT_NS_UNKNOWN;
	u.raised = 1U << CT_FLAG_HALF_CLOSE_LOCAL | 1U << CT_FLAG_GAP;
	expect_json(u, NULL,
		    "{\"event\":\"state\"," IDENTITY
		    "\"from\":\"ESTABLISHED\",\"to\":\"FIN_WAIT1\","
		    "\"in_state_ns\":null,\"basis\":\"inferred\",\"how\":\"shutdown()\","
		    "\"flags\":[\"half-close-local\",\"gap\"]}\n");
}

#define LEFT_FIELDS "to,left_by,by_pid,by_conn"

static void leaving_a_mini_socket_tells_why_and_for_whom(void **state)
{
	struct ct_event tick = {.kind = CT_EVENT_TICK};
	struct ct_event transition = {.kind = CT_EVENT_STATE};
	struct ct_update u = a_transition(CT_STATE_TIME_WAIT, CT_STATE_CLOSE, 60 * S);

	expect_json(u, LEFT_FIELDS,
		    "{\"event\":\"state\",\"to\":\"CLOSE\",\"left_by\":null,\"by_pid\":null,"
		    "\"by_conn\":null}\n");
	u.state.left_by = CT_LEFT_BY_REUSED;
	u.state.by_pid = 123;
	u.state.by_cookie = 0x1f;
	expect_json(u, LEFT_FIELDS,
		    "{\"event\":\"state\",\"to\":\"CLOSE\",\"left_by\":\"reused\",\"by_pid\":123,"
		    "\"by_conn\":\"1f\"}\n");
	u = a_transition(CT_STATE_FIN_WAIT2, CT_STATE_CLOSE, 60 * S);
	u.event = &tick;
	expect_json(u, LEFT_FIELDS,
		    "{\"event\":\"state\",\"to\":\"CLOSE\",\"left_by\":null,\"by_pid\":null,"
		    "\"by_conn\":null}\n");
	u.state.from = CT_STATE_SYN_RECV;
	u.state.left_by = CT_LEFT_BY_EXPIRED;
	expect_json(u, LEFT_FIELDS,
		    "{\"event\":\"state\",\"to\":\"CLOSE\",\"left_by\":\"expired\",\"by_pid\":null,"
		    "\"by_conn\":null}\n");
	u = a_transition(CT_STATE_FIN_WAIT2, CT_STATE_CLOSE, 60 * S);
	u.event = &transition;
	expect_json(u, LEFT_FIELDS, "{\"event\":\"state\",\"to\":\"CLOSE\"}\n");
	expect_json(a_transition(CT_STATE_FIN_WAIT2, CT_STATE_TIME_WAIT, S), LEFT_FIELDS,
		    "{\"event\":\"state\",\"to\":\"TIME_WAIT\"}\n");
}

static void end_of_an_accepted_handshake_tells_what_it_came_from(void **state)
{
	struct ct_update u = a_transition(CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, MS);

	u.id.role = CT_ROLE_PASSIVE;
	expect_json(u, "handshake", "{\"event\":\"state\",\"handshake\":null}\n");
	u.state.handshake = CT_HANDSHAKE_SYNCOOKIE;
	expect_json(u, "handshake", "{\"event\":\"state\",\"handshake\":\"syncookie\"}\n");
	u.id.role = CT_ROLE_ACTIVE;
	expect_json(u, "handshake", "{\"event\":\"state\"}\n");
}

static void unknown_is_null(void **state)
{
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED);

	u.id.cookie = 0;
	u.id.lport = 0;
	u.id.netns = 0;
	u.id.role = CT_ROLE_UNKNOWN;
	u.id.owner = CT_OWNER_UNKNOWN;
	u.id.pid = 0;
	u.id.comm[0] = '\0';
	u.id.uid_known = false;
	u.reset.state = CT_STATE_NONE;
	expect_json(u, NULL,
		    "{\"event\":\"rst\",\"ts\":\"2023-11-14T22:13:21.500000000Z\","
		    "\"ts_ns\":1700000001500000000,\"conn\":null,\"family\":\"ipv4\","
		    "\"laddr\":\"10.0.0.1\",\"lport\":null,\"raddr\":\"10.0.0.2\",\"rport\":80,"
		    "\"netns\":null,\"role\":null,\"pid\":null,\"comm\":null,\"owner\":\"unknown\","
		    "\"uid\":null,\"direction\":\"sent\",\"by\":\"stack\",\"cause\":\"refused\","
		    "\"reason\":null,\"state\":null}\n");
}

static void generation_is_behind_the_cookie(void **state)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.id.cookie = UINT64_MAX;
	u.id.generation = 3;
	expect_json(u, "conn", "{\"event\":\"found\",\"conn\":\"ffffffffffffffff.3\"}\n");
	u.id.cookie = 0x10;
	u.id.generation = UINT16_MAX;
	expect_json(u, "conn", "{\"event\":\"found\",\"conn\":\"10.65535\"}\n");
	u.id.cookie = 0xf;
	u.id.generation = 0;
	expect_json(u, "conn", "{\"event\":\"found\",\"conn\":\"f\"}\n");
}

static void ipv6_and_cgroup_are_told(void **state)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.id = an_ipv6_id();
	u.id.cgroup = 77;
	u.found.state = CT_STATE_CLOSE_WAIT;
	expect_json(u, "family,laddr,raddr,cgroup,state,age_ns",
		    "{\"event\":\"found\",\"family\":\"ipv6\",\"laddr\":\"2001:db8::aaaa:1\","
		    "\"raddr\":\"::1\",\"cgroup\":77,\"state\":\"CLOSE_WAIT\",\"age_ns\":null}\n");
}

static void listener_has_no_remote_end(void **state)
{
	struct ct_update u = a_transition(CT_STATE_CLOSE, CT_STATE_LISTEN, CT_NS_UNKNOWN);

	u.id.role = CT_ROLE_LISTENER;
	expect_json(u, "laddr,lport,raddr,rport,role",
		    "{\"event\":\"state\",\"laddr\":\"10.0.0.1\",\"lport\":45678,\"raddr\":null,"
		    "\"rport\":null,\"role\":\"listener\"}\n");
}

static void reset_tells_what_was_lost(void **state)
{
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP,
				     CT_RESET_CAUSE_UNREAD_DATA);

	u.reset.reason = CT_RESET_REASON_TCP_ABORT_ON_CLOSE;
	u.reset.unread = 12;
	u.reset.unacked = 3;
	u.raised = 1U << CT_FLAG_RST_SENT;
	expect_json(u, "direction,by,cause,reason,state,unread_bytes,unacked_bytes,flags",
		    "{\"event\":\"rst\",\"direction\":\"sent\",\"by\":\"app\","
		    "\"cause\":\"unread-data\",\"reason\":\"TCP_ABORT_ON_CLOSE\","
		    "\"state\":\"ESTABLISHED\",\"unread_bytes\":12,\"unacked_bytes\":3,"
		    "\"flags\":[\"rst-sent\"]}\n");
}

static void probe_tells_what_became_of_it(void **state)
{
	static const char fields[] = "direction,unanswered,answered,answer_ns,dead";
	struct ct_update u = a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_ANSWERED, 1);

	u.probe.answer_ns = 4 * MS;
	expect_json(u, fields,
		    "{\"event\":\"keepalive\",\"direction\":\"sent\",\"unanswered\":1,"
		    "\"answered\":true,\"answer_ns\":4000000,\"dead\":false}\n");
	expect_json(a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_DEAD, 3), fields,
		    "{\"event\":\"keepalive\",\"direction\":\"sent\",\"unanswered\":3,"
		    "\"answered\":false,\"dead\":true}\n");
	expect_json(a_probe(CT_PROBE_WINDOW, CT_PROBE_SENT, 2), fields,
		    "{\"event\":\"window_probe\",\"direction\":\"sent\",\"unanswered\":2,"
		    "\"answered\":false,\"dead\":false}\n");
	expect_json(a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_RECEIVED, 0), fields,
		    "{\"event\":\"keepalive\",\"direction\":\"received\",\"unanswered\":0,"
		    "\"answered\":false,\"dead\":false}\n");
}

static void retransmit_and_error_tell_theirs(void **state)
{
	struct ct_update u = an_update(CT_UPDATE_RETRANSMIT);

	u.retransmit.state = CT_STATE_SYN_SENT;
	u.retransmit.kind = CT_RETRANSMIT_RTO;
	u.retransmit.segment = CT_SEGMENT_SYN;
	u.retransmit.count = 2;
	expect_json(u, "state,kind,segment,count",
		    "{\"event\":\"retransmit\",\"state\":\"SYN_SENT\",\"kind\":\"rto\","
		    "\"segment\":\"syn\",\"count\":2}\n");
	u = an_update(CT_UPDATE_ERROR);
	u.error.err = ETIMEDOUT;
	expect_json(u, "errno", "{\"event\":\"error\",\"errno\":\"ETIMEDOUT\"}\n");
	u.error.err = 4000;
	expect_json(u, "errno", "{\"event\":\"error\",\"errno\":\"4000\"}\n");
}

static void loss_has_no_connection(void **state)
{
	expect_json(a_loss(17, CT_LOST_RING, BEGAN + S), NULL,
		    "{\"event\":\"lost\",\"ts\":\"2023-11-14T22:13:21.500000000Z\","
		    "\"ts_ns\":1700000001500000000,\"events\":17,\"where\":\"ring\","
		    "\"since_ns\":1700000001000000000}\n");
	expect_json(a_loss(UINT64_MAX, CT_LOST_HOLD, CT_NS_UNKNOWN), "events,since_ns",
		    "{\"event\":\"lost\",\"events\":18446744073709551615,\"since_ns\":null}\n");
}

static void hostile_comm_is_valid_json(void **state)
{
	static const char comm[] = "\"\\\n\x1b[2J\xff\xc3\xa4";
	struct ct_update u = an_update(CT_UPDATE_FOUND);
	_cleanup_(decref) json_t *json = NULL;

	strcpy(u.id.comm, comm);
	json = parse_one(u);
	assert_string_equal(json_string_value(json_object_get(json, "comm")),
			    "\"\\\n\x1b[2J\xef\xbf\xbd\xc3\xa4");
}

static void hostile_name_parses_back_and_does_nothing_to_a_terminal(void **state)
{
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		struct ct_update u = an_update(CT_UPDATE_FOUND);
		_cleanup_(ct_freep) char *text = NULL;
		_cleanup_(decref) json_t *json = NULL;

		strcpy(u.id.comm, hostile_names[i].comm);
		text = print_json(u, NULL);
		assert_null(hostile_find(text, strlen(text), true, ""));
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		json = parse_one(u);
		assert_string_equal(json_string_value(json_object_get(json, "comm")),
				    hostile_json(&hostile_names[i]));
	}
}

static void every_kind_is_one_object_a_line(void **state)
{
	struct ct_conn conn = a_conn();
	struct ct_update close = a_close(&conn);

	for (enum ct_update_kind kind = CT_UPDATE_FOUND; kind < _CT_UPDATE_MAX; kind++) {
		struct ct_update u = kind == CT_UPDATE_CLOSE ? close : an_update(kind);
		_cleanup_(decref) json_t *json = parse_one(u);

		assert_true(json_is_string(json_object_get(json, "event")));
		assert_true(json_is_integer(json_object_get(json, "ts_ns")));
	}
}

static void silent_update_prints_nothing(void **state)
{
	expect_json(an_update(CT_UPDATE_SILENT), NULL, "");
}

static void unknown_field_is_named(void **state)
{
	struct ct_output_options options = {.fields = "pid,PID,comm"};
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(ct_sink_json_new(&options, &session, stdout, CT_KINDS_ALL, &sink, &bad),
			 -EINVAL);
	assert_null(sink);
	assert_string_equal(bad, "PID,comm");
	options.fields = "from";
	assert_int_equal(ct_sink_json_new(&options, &session, stdout, CT_KIND(CLOSE), &sink, &bad),
			 -EINVAL);
	assert_ptr_equal(bad, options.fields);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transition_has_every_key),
		cmocka_unit_test(leaving_a_mini_socket_tells_why_and_for_whom),
		cmocka_unit_test(end_of_an_accepted_handshake_tells_what_it_came_from),
		cmocka_unit_test(unknown_is_null),
		cmocka_unit_test(generation_is_behind_the_cookie),
		cmocka_unit_test(ipv6_and_cgroup_are_told),
		cmocka_unit_test(listener_has_no_remote_end),
		cmocka_unit_test(reset_tells_what_was_lost),
		cmocka_unit_test(probe_tells_what_became_of_it),
		cmocka_unit_test(retransmit_and_error_tell_theirs),
		cmocka_unit_test(loss_has_no_connection),
		cmocka_unit_test(hostile_comm_is_valid_json),
		cmocka_unit_test(hostile_name_parses_back_and_does_nothing_to_a_terminal),
		cmocka_unit_test(every_kind_is_one_object_a_line),
		cmocka_unit_test(silent_update_prints_nothing),
		cmocka_unit_test(unknown_field_is_named),
	};

	return cmocka_run_group_tests_name("sink_json", tests, NULL, NULL);
}
