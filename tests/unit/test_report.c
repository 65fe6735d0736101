// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/report_fixture.h"

#include <errno.h>
#include <time.h>

#include "conntrace/count.h"
#include "support/hostile.h"
#include "unit/report_checks.h"

static void expect(const struct ct_output_options *options, const struct ct_update *updates,
		   size_t n, const char *expected)
{
	_cleanup_(printed_fini) struct printed printed = {};

	print_report(&printed, options, updates, n);
	assert_string_equal(printed.text, expected);
}

/// The text begins with HEAD and ends with LIVES; what stands between them: test_report_sections.c.
static void expect_around(const struct ct_update *updates, size_t n, const char *head,
			  const char *lives)
{
	_cleanup_(printed_fini) struct printed printed = {};

	print_report(&printed, &in_utf8, updates, n);
	assert_true(printed.len > strlen(head) + strlen(lives));
	assert_memory_equal(printed.text, head, strlen(head));
	assert_string_equal(printed.text + printed.len - strlen(lives), lives);
}

#define ROW_HEAD \
	"         OPENED      PID COMM            LOCAL AND REMOTE                              END\n"

static void nothing_recorded_is_a_report_too(void **state)
{
	expect(&in_utf8, NULL, 0,
	       HEAD "0 connections, 0 flagged, 0 listeners\n"
		    "No event was lost.\n"
		    "\n"
		    "nothing found, 0 connections seen in a time that is not known\n"
		    "\n"
		    "0 connections, 0 flagged, 0 events lost, 0 gaps\n");
}

#define HISTORY_AND_TRAFFIC                                                                       \
	"    history            SYN_SENT 1.00 ms → ESTABLISHED 50.0 ms → FIN_WAIT1 1.00 ms\n" \
	"    traffic            sent 5 B, received 7 B, 0 retransmits, 0 keepalives, "            \
	"srtt 900 µs, min rtt 800 µs\n"

static void flagged_come_first_whatever_closed_first(void **state)
{
	struct three_lives lives;

	three_lives_init(&lives);
	expect_around(lives.updates, 4,
		      HEAD "3 connections, 2 flagged, 0 listeners\n"
			   "LOST 17 events: 17 ring buffer full. Connections that may miss one are "
			   "flagged [gap].\n"
			   "\n",
		      "\n"
		      "\n"
		      "TROUBLE: 1\n"
		      "\n"
		      "10.0.0.1:45678 → 10.0.0.2:80  curl 4242  active  opened 22:13:20.000000\n"
		      "    rst-sent           22:13:20.051000  cause linger0, unread 1.20 kB, "
		      "idle 15.0 ms\n"
		      "    end                rst-sent after 52.0 ms\n" HISTORY_AND_TRAFFIC
		      "    conn               1a2b, netns 4026531840, owner connect, uid 1000\n"
		      "\n"
		      "\n"
		      "WORTH A LOOK: 1\n"
		      "\n"
		      "10.0.0.1:45678 ← 10.0.0.2:80  curl ~4242  passive  opened 22:13:20.000000\n"
		      "    retransmit         22:13:20.051000  count 2\n"
		      "    end                fin by local after 52.0 ms\n" HISTORY_AND_TRAFFIC
		      "    conn               1a2b, netns 4026531840, owner inherited, uid 1000\n"
		      "\n"
		      "\n"
		      "THE OTHERS: 1\n"
		      "\n" ROW_HEAD
		      "22:13:20.000000     4242 curl            10.0.0.1:45678 → 10.0.0.2:80      "
		      "            fin by local after 52.0 ms, sent 5 B, received 7 B\n"
		      "    SYN_SENT 1.00 ms → ESTABLISHED 50.0 ms → FIN_WAIT1 1.00 ms\n"
		      "\n"
		      "END      CONNECTIONS\n"
		      "fin                2\n"
		      "rst-sent           1\n"
		      "\n"
		      "FLAG       CONNECTIONS\n"
		      "rst-sent             1\n"
		      "retransmit           1\n"
		      "\n"
		      "3 connections, 2 flagged, 17 events lost, 0 gaps\n");
}

static void connection_still_there_says_so_and_long_history_what_it_left_out(void **state)
{
	struct ct_step steps[CT_HISTORY_MAX];
	struct ct_conn conn = a_conn();
	struct ct_update u;
	_cleanup_(printed_fini) struct printed printed = {};

	for (size_t i = 0; i < CT_HISTORY_MAX; i++)
		steps[i] = (struct ct_step){.state = CT_STATE_CLOSE_WAIT, .for_ns = MS};
	steps[0].state = CT_STATE_ESTABLISHED;
	steps[0].basis = CT_BASIS_FOUND;
	steps[CT_HISTORY_MAX - 1].for_ns = CT_NS_UNKNOWN;
	conn.history =
		(struct ct_history){.steps = steps, .n_steps = CT_HISTORY_MAX, .n_dropped = 40};
	conn.closed_ns = conn.opened_ns = CT_NS_UNKNOWN;
	conn.end = CT_END_OPEN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.counted = false;
	u = a_close(&conn);
	print_report(&printed, &in_utf8, &u, 1);
	assert_non_null(strstr(
		printed.text, " still CLOSE_WAIT, opened before the trace\n    ESTABLISHED 1.00 ms "
			      "(found) → CLOSE_WAIT 1.00 ms → "));
	assert_non_null(
		strstr(printed.text, "CLOSE_WAIT 1.00 ms → (40 left out) → CLOSE_WAIT 1.00 ms"));
	assert_non_null(strstr(printed.text, "→ CLOSE_WAIT\n\nEND "));
}

/// The socket has counted its retransmits since it began, and nobody those of its probes.
static void keepalives_of_a_life_from_before_are_those_since_the_trace_began(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_WIDE, .utf8 = true};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_conn conn = a_conn();
	struct ct_update u = a_close(&conn);

	conn.opened_ns = conn.established_ns = CT_NS_UNKNOWN;
	conn.keepalives_sent = 2;
	print_report(&printed, &options, &u, 1);
	assert_non_null(strstr(printed.text,
			       ", 0 retransmits, 2 keepalives since the trace began, srtt 900 µs"));
}

static void wide_shows_all_of_every_connection_in_ascii_too(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_WIDE, .time = CT_TIME_RELATIVE};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_conn conn = a_conn();
	struct ct_update u;

	conn.id = an_ipv6_id();
	conn.id.lport = 0;
	strcpy(conn.id.comm, "\x1b[2J\xc3\xa4");
	u = a_close(&conn);
	print_report(&printed, &options, &u, 1);
	assert_non_null(strstr(printed.text,
			       "THE OTHERS: 1\n\n"
			       "[2001:db8::aaaa:1]:- -> [::1]:80  \\x1b[2J\\xc3\\xa4 4242  active"
			       "  opened 0.000000\n"
			       "    end                fin by local after 52.0 ms\n"
			       "    history            SYN_SENT 1.00 ms -> ESTABLISHED 50.0 ms"));
	for (const char *p = printed.text; *p; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
}

/// Whatever a recording says of its machine is somebody's word as well.
static void hostile_name_does_nothing_wherever_it_stands(void **state)
{
	for (size_t i = 0; i < 4 * HOSTILE_NAMES; i++) {
		const struct hostile_name *name = &hostile_names[i / 4];
		struct ct_output_options options = {.utf8 = i % 2, .utc = true};
		_cleanup_(printed_fini) struct printed printed = {};
		const char *promised = hostile_text(name, options.utf8);
		struct ct_conn conn = a_conn();
		struct ct_sink *sink = NULL;
		char expected[256];
		struct ct_update u;

		options.format = i % 4 < 2 ? CT_OUTPUT_TABLE : CT_OUTPUT_WIDE;
		strcpy(conn.id.comm, name->comm);
		u = a_close(&conn);
		printed_init(&printed);
		session_say(&printed.session, name->comm);
		assert_int_equal(
			ct_sink_report_new(&options, &printed.session, printed.file, &sink, NULL),
			0);
		print_all(&printed, sink, &u, 1);
		assert_null(hostile_find(printed.text, printed.len, options.utf8, ""));
		snprintf(expected, sizeof(expected), "Recorded on %s, Linux %s %s, from ", promised,
			 promised, promised);
		assert_memory_equal(printed.text, expected, strlen(expected));
		snprintf(expected, sizeof(expected), "\nby: %s (conntrace %s)\n", promised,
			 promised);
		assert_non_null(strstr(printed.text, expected));
		snprintf(expected, sizeof(expected), "\nNot traced: errors (%s)\n", promised);
		assert_non_null(strstr(printed.text, expected));
		snprintf(expected, sizeof(expected),
			 options.format == CT_OUTPUT_WIDE ? ":80  %s 4242  active" : "    4242 %s ",
			 promised);
		assert_non_null(strstr(printed.text, expected));
	}
}

static void reset_of_no_connection_is_told(void **state)
{
	struct ct_update updates[] = {
		a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED),
		a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK, CT_RESET_CAUSE_REFUSED),
		a_reset(CT_DIRECTION_RECEIVED, CT_RESET_BY_PEER, CT_RESET_CAUSE_PEER),
		a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP, CT_RESET_CAUSE_LINGER0),
	};

	for (size_t i = 0; i < 3; i++)
		updates[i].id.cookie = 0;
	updates[0].reset.state = updates[1].reset.state = CT_STATE_NONE;
	updates[2].reset.state = CT_STATE_SYN_RECV; /* a handshake that has no number yet */
	expect_around(updates, 4,
		      HEAD "0 connections, 0 flagged, 0 listeners\n"
			   "2 resets were sent where there was no socket, or "
			   "none any more; no connection below has them.\n"
			   "No event was lost.\n"
			   "\n",
		      "\n0 connections, 0 flagged, 0 events lost, 0 gaps\n");
}

/// The head, and when the connection was opened, which was when recording began.
static void head_says_what_its_times_are_of(void **state)
{
	static const struct {
		struct ct_output_options options;
		const char *head, *opened;
	} cases[] = {
		{{.utf8 = true, .utc = true}, HEAD, "  opened 22:13:20.000000\n"},
		{{.utf8 = true},
		 HEAD_OF("2023-11-15T03:43:20.000000000+05:30 (times of day: local time where "
			 "this report was made, UTC+05:30 at that time)"),
		 "  opened 03:43:20.000000\n"},
		{{.utf8 = true, .utc = true, .time = CT_TIME_RELATIVE},
		 HEAD_OF("2023-11-14T22:13:20.000000000Z (times: seconds from then; in a timeline "
			 "from its beginning)"),
		 "  opened 0.000000\n"},
	};
	struct three_lives lives;

	setenv("TZ", "XXX-5:30", 1);
	tzset();
	three_lives_init(&lives);
	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		print_report(&printed, &cases[i].options, lives.updates, 4);
		assert_true(printed.len > strlen(cases[i].head));
		assert_memory_equal(printed.text, cases[i].head, strlen(cases[i].head));
		assert_non_null(strstr(printed.text, cases[i].opened));
	}
	unsetenv("TZ");
	tzset();
}

static void privileges_that_the_recorder_lacked_are_told(void **state)
{
	static const struct {
		uint64_t privileges;
		const char *told;
	} cases[] = {
		{CT_PRIVILEGES_ALL & ~CT_PRIVILEGE_HELD(CT_PRIVILEGE_SYSLOG),
		 "Privileges of the recorder: without CAP_SYSLOG\n"},
		{0, "Privileges of the recorder: not known\n"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		_cleanup_(printed_fini) struct printed printed = {};
		struct ct_sink *sink = NULL;

		printed_init(&printed);
		printed.session.privileges = cases[i].privileges;
		assert_int_equal(
			ct_sink_report_new(&in_utf8, &printed.session, printed.file, &sink, NULL),
			0);
		print_all(&printed, sink, NULL, 0);
		assert_non_null(strstr(printed.text, cases[i].told));
	}
}

static void listener_is_counted_apart(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_update updates[] = {
		a_transition(CT_STATE_CLOSE, CT_STATE_LISTEN, MS),
		a_transition(CT_STATE_LISTEN, CT_STATE_CLOSE, MS),
		an_update(CT_UPDATE_FOUND),
		an_update(CT_UPDATE_FOUND),
	};

	updates[2].found.state = CT_STATE_LISTEN;
	updates[3].found.state = CT_STATE_ESTABLISHED;
	print_report(&printed, &in_utf8, updates, CT_COUNT(updates));
	assert_non_null(strstr(printed.text, "0 connections, 0 flagged, 2 listeners\n"));
}

/// The text of a report of one connection, in blocks.
static void print_block(struct printed *printed, const struct ct_conn *conn)
{
	struct ct_output_options options = in_utf8;
	struct ct_update u = a_close(conn);

	options.format = CT_OUTPUT_WIDE;
	print_report(printed, &options, &u, 1);
}

static void time_wait_tells_why_it_ended_and_our_side_how_it_closed(void **state)
{
	struct ct_step steps[] = {
		{.for_ns = 50 * MS, .state = CT_STATE_ESTABLISHED, .basis = CT_BASIS_FOUND},
		{.for_ns = 1200 * MS, .state = CT_STATE_TIME_WAIT, .basis = CT_BASIS_INFERRED},
	};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = steps, .n_steps = 2, .capacity = 2};
	conn.opened_ns = CT_NS_UNKNOWN;
	conn.found_ns = BEGAN;
	conn.left_by = CT_LEFT_BY_REUSED;
	conn.closed_how = CT_HOW_EXIT;
	print_block(&printed, &conn);
	assert_non_null(strstr(printed.text, "  active  found 22:13:20.000000\n"));
	assert_non_null(strstr(printed.text,
			       "    end                fin by local, on our side by exit\n"
			       "    history            ESTABLISHED 50.0 ms (found) → "
			       "TIME_WAIT 1.20 s (inferred, reused by connect())\n"));
}

static void half_open_handshake_is_a_life_with_its_addresses(void **state)
{
	struct half_open life;

	half_open_init(&life);
	expect_around(&life.update, 1,
		      HEAD "1 connection, 1 flagged, 0 listeners\n"
			   "No event was lost.\n"
			   "\n",
		      "\n"
		      "\n"
		      "WORTH A LOOK: 1\n"
		      "\n"
		      "10.0.0.1:45678 ← 10.0.0.2:80  curl ~4242  passive  opened 22:13:20.000000\n"
		      "    half-open          22:13:20.051000  for 1m03s, synack_timeouts 5, "
		      "final_ack never came\n"
		      "    end                timeout after 1m03s\n"
		      "    history            SYN_RECV 1m03s\n"
		      "    traffic            not counted\n"
		      "    conn               -, netns 4026531840, owner inherited\n"
		      "\n"
		      "\n"
		      "END     CONNECTIONS\n"
		      "timeout           1\n"
		      "\n"
		      "FLAG      CONNECTIONS\n"
		      "half-open           1\n"
		      "\n"
		      "1 connection, 1 flagged, 0 events lost, 0 gaps\n");
}

static void syncookie_stands_beside_the_state_that_it_left_no_trace_of(void **state)
{
	struct ct_step steps[] = {
		{.at_ns = CT_NS_UNKNOWN, .for_ns = CT_NS_UNKNOWN, .state = CT_STATE_SYN_RECV},
		{.at_ns = BEGAN, .for_ns = MS, .state = CT_STATE_ESTABLISHED},
	};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_conn conn = a_conn();

	conn.history = (struct ct_history){.steps = steps, .n_steps = 2, .capacity = 2};
	conn.handshake = CT_HANDSHAKE_SYNCOOKIE;
	print_block(&printed, &conn);
	assert_non_null(strstr(printed.text, " SYN_RECV (syncookie) → ESTABLISHED 1.00 ms\n"));
}

static void options_that_were_changed_are_told(void **state)
{
	_cleanup_(printed_fini) struct printed changed = {}, unknown = {}, defaults = {};
	struct ct_conn conn = a_conn();

	print_block(&defaults, &conn);
	assert_null(strstr(defaults.text, "options"));
	conn.sock_flags = CT_SOCK_KEEPALIVE | CT_SOCK_LINGER | CT_SOCK_NODELAY | CT_SOCK_MPTCP;
	conn.options.user_timeout_ms = 500;
	print_block(&changed, &conn);
	assert_non_null(strstr(
		changed.text, "    options            keepalive after 7200 s, 9 probes every 75 s, "
			      "linger 0 s, nodelay, user timeout 500 ms\n"));
	assert_non_null(strstr(changed.text, "uid 1000, mptcp subflow\n"));
	conn.options_known = false;
	print_block(&unknown, &conn);
	assert_non_null(
		strstr(unknown.text, "    options            keepalive, linger, nodelay\n"));
}

static void long_report_is_whole_and_in_order(void **state)
{
	struct ct_output_options wide = {.format = CT_OUTPUT_WIDE, .utf8 = true, .utc = true};
	const size_t n = 20000;
	_cleanup_(printed_fini) struct printed printed = {};
	const char *at;

	print_many(&printed, ct_sink_report_new, &wide, n);
	at = printed.text;
	for (size_t i = 0; i < n; i++) {
		char pid[32];

		snprintf(pid, sizeof(pid), "  curl %zu  active  opened ", FIRST_PID + i);
		at = strstr(at, pid);
		assert_non_null(at);
	}
	assert_non_null(strstr(at, "\n20000 connections, 0 flagged, 0 events lost, 0 gaps\n"));
}

static void json_is_the_summaries_and_nothing_else(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_JSON, .fields = "pid,end"};
	struct ct_conn conn = a_conn();
	struct ct_update updates[] = {
		an_update(CT_UPDATE_FOUND),
		a_close(&conn),
		a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN),
	};

	expect(&options, updates, 3, "{\"event\":\"close\",\"pid\":4242,\"end\":\"fin\"}\n");
	options.format = CT_OUTPUT_CSV;
	expect(&options, updates, 3, "pid,end\r\n4242,fin\r\n");
}

static void text_has_no_fields_to_choose(void **state)
{
	expect_no_fields_to_choose(ct_sink_report_new);
}

static void full_disk_is_returned(void **state)
{
	expect_full_disk_returned(ct_sink_report_new, &in_utf8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_recorded_is_a_report_too),
		cmocka_unit_test(flagged_come_first_whatever_closed_first),
		cmocka_unit_test(connection_still_there_says_so_and_long_history_what_it_left_out),
		cmocka_unit_test(keepalives_of_a_life_from_before_are_those_since_the_trace_began),
		cmocka_unit_test(wide_shows_all_of_every_connection_in_ascii_too),
		cmocka_unit_test(hostile_name_does_nothing_wherever_it_stands),
		cmocka_unit_test(reset_of_no_connection_is_told),
		cmocka_unit_test(head_says_what_its_times_are_of),
		cmocka_unit_test(privileges_that_the_recorder_lacked_are_told),
		cmocka_unit_test(listener_is_counted_apart),
		cmocka_unit_test(time_wait_tells_why_it_ended_and_our_side_how_it_closed),
		cmocka_unit_test(half_open_handshake_is_a_life_with_its_addresses),
		cmocka_unit_test(syncookie_stands_beside_the_state_that_it_left_no_trace_of),
		cmocka_unit_test(options_that_were_changed_are_told),
		cmocka_unit_test(long_report_is_whole_and_in_order),
		cmocka_unit_test(json_is_the_summaries_and_nothing_else),
		cmocka_unit_test(text_has_no_fields_to_choose),
		cmocka_unit_test(full_disk_is_returned),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
