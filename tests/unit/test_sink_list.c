// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `list`: what was found, and nothing of what happened. */
#include "conntrace/sink_list.h"

#include "unit/sink_fixture.h"

#include <errno.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_list_memory.h"
#include "unit/found_fixture.h"

static struct ct_output_options in_utf8(enum ct_output_format format, const char *fields)
{
	return (struct ct_output_options){
		.format = format, .fields = fields, .utf8 = true, .utc = true};
}

static void expect_printed(const struct ct_output_options *options, const struct ct_update *updates,
			   size_t n, const char *expected)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(ct_sink_list_new(options, &printed.session, printed.file, &sink, NULL), 0);
	print_all(&printed, sink, updates, n);
	assert_string_equal(printed.text, expected);
}

static void expect_list(enum ct_output_format format, const char *fields,
			const struct ct_update *updates, size_t n, const char *expected)
{
	struct ct_output_options options = in_utf8(format, fields);

	expect_printed(&options, updates, n, expected);
}

/// One cell below its column's name.
static void expect_cell(enum ct_output_format format, const char *column, struct ct_update update,
			const char *expected)
{
	expect_list(format, column, &update, 1, expected);
}

static void expect_detail(struct ct_update update, const char *expected)
{
	char table[256];

	snprintf(table, sizeof(table), "DETAIL\n%s\n", expected);
	expect_cell(CT_OUTPUT_TABLE, "detail", update, table);
}

static void expect_wide_detail(struct ct_update update, const char *expected)
{
	char table[256];

	snprintf(table, sizeof(table), "DETAIL\n%s\n", expected);
	expect_cell(CT_OUTPUT_WIDE, "detail", update, table);
}

static void prints_what_was_found_and_nothing_that_happens(void **state)
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
	expect_list(CT_OUTPUT_TABLE, "event,state", updates, 5,
		    "STATE       EVENT\n"
		    "ESTABLISHED FOUND\n");
}

static void begins_with_the_state_and_leaves_out_what_is_the_same_on_every_line(void **state)
{
	struct ct_update updates[] = {a_found_listener(), a_found_mini()};

	expect_list(
		CT_OUTPUT_TABLE, NULL, updates, 2,
		"STATE            AGE TIMER                 PID COMM       LADDR           LPORT "
		"RADDR           RPORT OWNER     FLAGS DETAIL\n"
		"LISTEN             - -                    4242 curl       10.0.0.1        45678 "
		"-                   - scan      -     backlog 0 of 128\n"
		"TIME_WAIT    ≥27.9 s 32.1 s                  - -          10.0.0.1        45678 "
		"10.0.0.2           80 -         -     -\n");
	expect_list(
		CT_OUTPUT_WIDE, NULL, updates, 1,
		"STATE            AGE TIMER                 PID COMM            LADDR           "
		"LPORT RADDR           RPORT CONN          NETNS   UID ROLE     OWNER      RECVQ  "
		"SENDQ FLAGS DETAIL\n"
		"LISTEN             - -                    4242 curl            10.0.0.1        "
		"45678 -                   - 1a2b     4026531840  1000 listener scan           0    "
		"128 -     backlog 0 of 128\n");
}

static void age_is_at_least_what_a_timer_of_known_length_has_run(void **state)
{
	struct ct_update u = a_found_mini();

	expect_cell(CT_OUTPUT_TABLE, "age", u, "     AGE\n ≥27.9 s\n");
	u.found.what.timeout_ns = CT_TIME_WAIT_NS; /* begun just now */
	expect_cell(CT_OUTPUT_TABLE, "age", u, "     AGE\n       -\n");
	u.found.state = CT_STATE_FIN_WAIT2; /* how long that may last is a setting */
	u.found.what.timeout_ns = 30 * S;
	expect_cell(CT_OUTPUT_TABLE, "age", u, "     AGE\n       -\n");
	expect_cell(CT_OUTPUT_TABLE, "age", a_found(CT_STATE_TIME_WAIT), "     AGE\n       -\n");
	expect_cell(CT_OUTPUT_TABLE, "age", a_found(CT_STATE_CLOSE_WAIT), "     AGE\n       -\n");
}

static void age_is_at_least_the_silence_where_a_segment_led(void **state)
{
	static const struct {
		uint8_t state;
		const char *age;
	} cases[] = {
		{CT_STATE_CLOSE_WAIT, "     AGE\n ≥12.0 s\n"},
		{CT_STATE_FIN_WAIT2, "     AGE\n ≥12.0 s\n"},
		{CT_STATE_FIN_WAIT1, "     AGE\n       -\n"}, /* close() led there */
		{CT_STATE_LAST_ACK, "     AGE\n       -\n"},
		{CT_STATE_ESTABLISHED, "     AGE\n       -\n"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		struct ct_update u = a_found(cases[i].state);

		u.found.what.idle_ns = 12 * S;
		expect_cell(CT_OUTPUT_TABLE, "age", u, cases[i].age);
	}
}

static void silence_of_a_state_is_in_json_as_well(void **state)
{
	struct ct_update u = a_found(CT_STATE_CLOSE_WAIT);

	u.found.what.idle_ns = 12 * S;
	expect_list(CT_OUTPUT_JSON, "age_ns,in_state_min_ns", &u, 1,
		    "{\"event\":\"found\",\"age_ns\":null,\"in_state_min_ns\":12000000000}\n");
}

static void ascii_says_at_least_in_two_characters(void **state)
{
	struct ct_update u = a_found_mini();
	struct ct_output_options options = in_utf8(CT_OUTPUT_TABLE, "age");

	options.utf8 = false;
	expect_printed(&options, &u, 1, "     AGE\n>=27.9 s\n");
}

static void expect_timer(struct ct_update update, const char *expected)
{
	char table[64];

	snprintf(table, sizeof(table), "TIMER\n%s\n", expected);
	expect_cell(CT_OUTPUT_TABLE, "timer", update, table);
}

static void timer_of_what_is_no_full_socket_is_its_time_alone(void **state)
{
	expect_timer(a_found_mini(), "32.1 s");
	expect_timer(a_found_request(), "800 ms");
	expect_timer(a_found_listener(), "-");
}

/// A full socket whose timer is due in 12.3 s.
static struct ct_update a_running(enum ct_runs runs, uint8_t timeouts)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	u.found.what.runs = (uint8_t)runs;
	u.found.what.timeouts = timeouts;
	u.found.what.timeout_ns = runs > CT_RUNS_NONE ? 12300 * MS : 0;
	return u;
}

static void timer_of_a_full_socket_has_its_name_and_what_nobody_answered(void **state)
{
	struct ct_update u = a_running(CT_RUNS_KEEPALIVE, 0);

	expect_timer(a_running(CT_RUNS_RTO, 3), "rto 12.3 s/3");
	expect_timer(a_running(CT_RUNS_RTO, 0), "rto 12.3 s");
	expect_timer(a_running(CT_RUNS_TLP, 0), "tlp 12.3 s");
	expect_timer(a_running(CT_RUNS_REORDER, 0), "reorder 12.3 s");
	expect_timer(a_running(CT_RUNS_PERSIST, 4), "persist 12.3 s/4");
	expect_timer(u, "keepalive 12.3 s");
	u.found.what.timeout_ns = 7199 * S;
	expect_timer(u, "keepalive 1h59m");
	expect_timer(a_running(CT_RUNS_FIN_WAIT2, 0), "fin-wait2 12.3 s");
	expect_timer(a_running(CT_RUNS_OTHER, 0), "other 12.3 s");
}

/// That none is running is known; of a recording that says nothing of timers it is not.
static void timer_that_does_not_run_is_none_and_one_that_is_not_known_is_not(void **state)
{
	expect_timer(a_running(CT_RUNS_NONE, 0), "none");
	expect_timer(a_running(CT_RUNS_UNKNOWN, 0), "-");
}

static void expect_timer_json(struct ct_update update, const char *expected)
{
	char line[160];

	snprintf(line, sizeof(line), "{\"event\":\"found\"%s}\n", expected);
	expect_list(CT_OUTPUT_JSON, "timer,expires_in_ns,timeouts,unanswered", &update, 1, line);
}

static void timer_is_in_json_as_well(void **state)
{
	struct ct_update u = a_found_mini();

	expect_timer_json(u, ",\"timer\":\"time-wait\",\"expires_in_ns\":32100000000");
	u.found.state = CT_STATE_FIN_WAIT2;
	expect_timer_json(u, ",\"timer\":\"fin-wait2\",\"expires_in_ns\":32100000000");
	expect_timer_json(a_found_request(), ",\"timer\":\"synack\",\"expires_in_ns\":800000000");
	expect_timer_json(a_found_listener(), "");
	expect_timer_json(a_running(CT_RUNS_RTO, 3), ",\"timer\":\"rto\",\"expires_in_ns\":"
						     "12300000000,\"timeouts\":3");
	expect_timer_json(a_running(CT_RUNS_KEEPALIVE, 2),
			  ",\"timer\":\"keepalive\",\"expires_in_ns\":12300000000,"
			  "\"unanswered\":2");
	expect_timer_json(a_running(CT_RUNS_FIN_WAIT2, 0),
			  ",\"timer\":\"fin-wait2\",\"expires_in_ns\":12300000000");
	expect_timer_json(a_running(CT_RUNS_NONE, 0), ",\"timer\":\"none\"");
	expect_timer_json(a_running(CT_RUNS_UNKNOWN, 0), ",\"timer\":null");
}

static void flags_have_a_column_of_their_own(void **state)
{
	struct ct_update u = a_found(CT_STATE_FIN_WAIT2);

	expect_cell(CT_OUTPUT_TABLE, "flags", u, "FLAGS\n-\n");
	u.raised = 1U << CT_FLAG_HALF_CLOSE_LOCAL;
	expect_cell(CT_OUTPUT_TABLE, "flags,detail", u,
		    "FLAGS DETAIL\n[half-close-local] active, keepalive 2h00m\n");
	u.raised |= 1U << CT_FLAG_FIN_WAIT2_STUCK;
	expect_cell(CT_OUTPUT_TABLE, "flags", u, "FLAGS\n[half-close-local] [fin-wait2-stuck]\n");
}

static void queues_are_those_of_the_socket_or_of_the_listener(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	u.found.what.unread = 12;
	u.found.what.unacked = 34567;
	expect_cell(CT_OUTPUT_TABLE, "recvq,sendq", u, " RECVQ  SENDQ\n    12  34567\n");
	expect_detail(u, "active, 12 B unread, 34.5 kB unacknowledged, keepalive 2h00m");
	expect_cell(CT_OUTPUT_TABLE, "recvq,sendq", a_found_listener(),
		    " RECVQ  SENDQ\n     0    128\n");
	expect_cell(CT_OUTPUT_TABLE, "recvq,sendq", a_found_mini(),
		    " RECVQ  SENDQ\n     -      -\n");
	expect_cell(CT_OUTPUT_TABLE, "recvq,sendq", a_found_request(),
		    " RECVQ  SENDQ\n     -      -\n");
}

static void detail_has_role_and_options_that_are_not_the_default(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	expect_detail(u, "active, keepalive 2h00m");
	u.found.sock_flags = 0;
	expect_detail(u, "active");
	u.id.role = CT_ROLE_UNKNOWN;
	expect_detail(u, "-");
	u.found.sock_flags = CT_SOCK_MPTCP | CT_SOCK_ORPHAN | CT_SOCK_LINGER | CT_SOCK_NODELAY;
	u.found.counters.linger_s = 4;
	u.found.counters.user_timeout_ms = 1500;
	expect_detail(u, "mptcp subflow, held by no process, user timeout 1.50 s, linger 4.00 s, "
			 "nodelay");
	u.found.sock_flags = CT_SOCK_LINGER | CT_SOCK_LINGER0;
	u.found.counters.user_timeout_ms = 0;
	expect_detail(u, "linger 0");
	expect_detail(a_found_listener(), "backlog 0 of 128");
	expect_detail(a_found_mini(), "-");
	expect_detail(a_found_request(), "passive, 2 SYN-ACKs unanswered, backlog 3 of 128");
}

/// When its counters were lost on the way.
static void options_without_their_values_are_told_without_them(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	u.found.full = false;
	u.found.counters.user_timeout_ms = 1500;
	u.found.sock_flags = CT_SOCK_KEEPALIVE | CT_SOCK_LINGER;
	expect_detail(u, "active, keepalive, linger");
	expect_wide_detail(u, "keepalive, linger");
}

static void wide_detail_has_what_was_counted_and_all_of_keepalive(void **state)
{
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	expect_wide_detail(u, "keepalive 2h00m (9 probes every 1m15s), sent 5 B, received 7 B, "
			      "rtt 900 µs");
	u.found.sock_flags = 0;
	u.found.counters.bytes_sent = 1500;
	u.found.counters.bytes_retransmitted = 500;
	u.found.counters.retransmits = 1;
	u.found.counters.srtt_us = 0;
	expect_wide_detail(u, "sent 1.00 kB, received 7 B, 1 retransmit");
	expect_wide_detail(a_found_mini(), "-");
}

static void refuses_what_only_events_have(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_JSON, .fields = "pid,from"};
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(ct_sink_list_new(&options, &session, stdout, &sink, &bad), -EINVAL);
	assert_null(sink);
	assert_string_equal(bad, "from");
}

static void columns_are_named_as_far_as_there_are_such(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf listed = {}, traced = {};

	ct_sink_table_put_columns(&listed, CT_KIND(FOUND));
	ct_sink_table_put_columns(&traced, CT_KINDS_ALL);
	assert_string_equal(listed.data,
			    "TIME, STATE, AGE, TIMER, PID, COMM, LADDR, LPORT, RADDR, RPORT, CONN, "
			    "NETNS, UID, ROLE, OWNER, RECVQ, SENDQ, FLAGS, EVENT, DETAIL");
	assert_string_equal(traced.data, "TIME, PID, COMM, LADDR, LPORT, RADDR, RPORT, CONN, "
					 "NETNS, UID, ROLE, OWNER, EVENT, DETAIL");
}

/// As its rounds are: a sink each, and one memory.
static void what_was_seen_before_is_at_least_as_old_as_that(void **state)
{
	struct ct_output_options options = in_utf8(CT_OUTPUT_TABLE, "state,age");
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);
	struct ct_list_memory *memory = NULL;

	assert_int_equal(ct_list_memory_new(&memory), 0);
	options.memory = memory;
	expect_printed(&options, &u, 1,
		       "STATE            AGE\n"
		       "ESTABLISHED        -\n");
	assert_int_equal(ct_list_memory_counts(memory)[CT_STATE_ESTABLISHED], 1);
	ct_list_memory_turn(memory);
	u.ts_ns += 2 * S;
	expect_printed(&options, &u, 1,
		       "STATE            AGE\n"
		       "ESTABLISHED  ≥2.00 s\n");
	ct_list_memory_turn(memory);
	u.ts_ns += 2 * S;
	options.format = CT_OUTPUT_JSON;
	options.fields = "in_state_min_ns";
	expect_printed(&options, &u, 1, "{\"event\":\"found\",\"in_state_min_ns\":4000000000}\n");
	ct_list_memory_free(&memory);
}

static struct ct_update a_row(enum ct_state state, const char *comm, uint32_t pid, uint16_t lport,
			      uint16_t rport)
{
	struct ct_update u = a_found(state);

	memset(u.id.comm, 0, sizeof(u.id.comm));
	memcpy(u.id.comm, comm, strlen(comm));
	u.id.pid = pid;
	u.id.lport = lport;
	u.id.rport = rport;
	return u;
}

static void table_is_in_order(void **state)
{
	const struct ct_update rows[] = {
		a_row(CT_STATE_CLOSE_WAIT, "a", 1, 1, 1),
		a_row(CT_STATE_ESTABLISHED, "b", 20, 9, 8),
		a_row(CT_STATE_ESTABLISHED, "", 0, 1, 1),
		a_row(CT_STATE_TIME_WAIT, "", 0, 1, 1),
		a_row(CT_STATE_ESTABLISHED, "b", 20, 9, 7),
		a_row(CT_STATE_ESTABLISHED, "b", 20, 8, 9),
		a_row(CT_STATE_ESTABLISHED, "b", 3, 9, 9),
		a_row(CT_STATE_ESTABLISHED, "a", 40, 9, 9),
		a_row(CT_STATE_SYN_RECV, "z", 1, 1, 1),
		a_row(CT_STATE_LISTEN, "z", 9, 2, 0),
		a_row(CT_STATE_SYN_SENT, "a", 1, 1, 1),
	};

	expect_list(CT_OUTPUT_TABLE, "state,comm,pid,lport,rport", rows, CT_COUNT(rows),
		    "STATE            PID COMM       LPORT RPORT\n"
		    "LISTEN             9 z              2     -\n"
		    "SYN_SENT           1 a              1     1\n"
		    "SYN_RECV           1 z              1     1\n"
		    "ESTABLISHED       40 a              9     9\n"
		    "ESTABLISHED        3 b              9     9\n"
		    "ESTABLISHED       20 b              8     9\n"
		    "ESTABLISHED       20 b              9     7\n"
		    "ESTABLISHED       20 b              9     8\n"
		    "ESTABLISHED        - -              1     1\n"
		    "TIME_WAIT          - -              1     1\n"
		    "CLOSE_WAIT         1 a              1     1\n");
	expect_list(CT_OUTPUT_CSV, "state,lport,rport", rows, 3,
		    "lport,rport,state\r\n"
		    "1,1,CLOSE_WAIT\r\n9,8,ESTABLISHED\r\n1,1,ESTABLISHED\r\n");
}

static void headless_has_lines_alone(void **state)
{
	struct ct_output_options options = in_utf8(CT_OUTPUT_CSV, "conn,state");
	struct ct_update u = a_found(CT_STATE_ESTABLISHED);

	options.headless = true;
	expect_printed(&options, &u, 1, "1a2b,ESTABLISHED\r\n");
	options.format = CT_OUTPUT_TABLE;
	options.fields = "state";
	expect_printed(&options, &u, 1, "ESTABLISHED\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_what_was_found_and_nothing_that_happens),
		cmocka_unit_test(
			begins_with_the_state_and_leaves_out_what_is_the_same_on_every_line),
		cmocka_unit_test(age_is_at_least_what_a_timer_of_known_length_has_run),
		cmocka_unit_test(age_is_at_least_the_silence_where_a_segment_led),
		cmocka_unit_test(silence_of_a_state_is_in_json_as_well),
		cmocka_unit_test(ascii_says_at_least_in_two_characters),
		cmocka_unit_test(timer_of_what_is_no_full_socket_is_its_time_alone),
		cmocka_unit_test(timer_of_a_full_socket_has_its_name_and_what_nobody_answered),
		cmocka_unit_test(timer_that_does_not_run_is_none_and_one_that_is_not_known_is_not),
		cmocka_unit_test(timer_is_in_json_as_well),
		cmocka_unit_test(flags_have_a_column_of_their_own),
		cmocka_unit_test(queues_are_those_of_the_socket_or_of_the_listener),
		cmocka_unit_test(detail_has_role_and_options_that_are_not_the_default),
		cmocka_unit_test(options_without_their_values_are_told_without_them),
		cmocka_unit_test(wide_detail_has_what_was_counted_and_all_of_keepalive),
		cmocka_unit_test(refuses_what_only_events_have),
		cmocka_unit_test(columns_are_named_as_far_as_there_are_such),
		cmocka_unit_test(what_was_seen_before_is_at_least_as_old_as_that),
		cmocka_unit_test(table_is_in_order),
		cmocka_unit_test(headless_has_lines_alone),
	};

	return cmocka_run_group_tests_name("sink_list", tests, NULL, NULL);
}
