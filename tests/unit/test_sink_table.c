// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/sink_fixture.h"

#include <errno.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_formats.h"
#include "support/hostile.h"

/* Options as a UTF-8 terminal without colours has them. */
static struct ct_output_options in_utf8(void)
{
	return (struct ct_output_options){.utf8 = true, .utc = true};
}

static void expect_table(const struct ct_output_options *options, const struct ct_update *updates,
			 size_t n, const char *expected)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(ct_sink_table_new(options, &printed.session, printed.file, CT_KINDS_ALL,
					   &sink, NULL),
			 0);
	print_all(&printed, sink, updates, n);
	assert_string_equal(printed.text, expected);
}

/// The DETAIL alone, behind its header.
static void expect_detail(struct ct_update update, const char *expected)
{
	struct ct_output_options options = in_utf8();
	char table[256];

	options.fields = "detail";
	snprintf(table, sizeof(table), "DETAIL\n%s\n", expected);
	expect_table(&options, &update, 1, table);
}

static void expect_event(struct ct_update update, const char *expected)
{
	struct ct_output_options options = in_utf8();
	char table[256];

	options.fields = "event";
	snprintf(table, sizeof(table), "EVENT\n%s\n", expected);
	expect_table(&options, &update, 1, table);
}

#define HEAD                                                                                      \
	"           TIME      PID COMM       LADDR           LPORT RADDR           RPORT EVENT  " \
	"                  DETAIL\n"

static void transition_fits_120_columns(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = a_transition(CT_STATE_ESTABLISHED, CT_STATE_CLOSE_WAIT,
					  12 * MS + 300000);

	u.state.how = CT_HOW_CLOSE;
	expect_table(&options, &u, 1,
		     HEAD
		     "22:13:21.500000     4242 curl       10.0.0.1        45678 10.0.0.2        "
		     "   80 ESTABLISHED → CLOSE_WAIT 12.3 ms close()\n");
}

static void ascii_is_enough_where_the_locale_has_no_more(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = a_transition(CT_STATE_FIN_WAIT1, CT_STATE_FIN_WAIT2, 15300);

	options.utf8 = false;
	options.fields = "comm,event,detail";
	strcpy(u.id.comm, "naïve-server");
	expect_table(&options, &u, 1,
		     "COMM       EVENT                     DETAIL\n"
		     "na\\xc3\\xa+ FIN_WAIT1 -> FIN_WAIT2    15.3 us\n");
}

static void time_may_be_relative_to_the_beginning(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update updates[] = {
		a_transition(CT_STATE_CLOSE, CT_STATE_SYN_SENT, CT_NS_UNKNOWN),
		a_transition(CT_STATE_CLOSE, CT_STATE_SYN_SENT, CT_NS_UNKNOWN),
	};

	options.time = CT_TIME_RELATIVE;
	options.fields = "time,detail";
	updates[0].ts_ns = BEGAN - 1;
	expect_table(&options, updates, 2,
		     "           TIME DETAIL\n"
		     "       0.000000 -\n"
		     "       1.500000 -\n");
}

static void owner_that_is_not_sure_has_a_tilde(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update updates[] = {an_update(CT_UPDATE_FOUND), an_update(CT_UPDATE_FOUND),
				      an_update(CT_UPDATE_FOUND)};

	options.fields = "pid";
	updates[0].id.owner = CT_OWNER_INHERITED;
	updates[1].id.owner = CT_OWNER_SCAN;
	updates[2].id.owner = CT_OWNER_UNKNOWN;
	updates[2].id.pid = 0;
	expect_table(&options, updates, 3, "     PID\n   ~4242\n    4242\n       -\n");
}

static void hostile_comm_cannot_act_on_the_terminal(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update updates[] = {an_update(CT_UPDATE_FOUND), an_update(CT_UPDATE_FOUND),
				      an_update(CT_UPDATE_FOUND)};

	options.fields = "comm,lport";
	strcpy(updates[0].id.comm, "\x1b[2Jx");
	strcpy(updates[1].id.comm, "a\nb\xff");
	strcpy(updates[2].id.comm, "漢字漢字 \"'");
	expect_table(&options, updates, 3,
		     "COMM       LPORT\n"
		     "\\x1b[2Jx   45678\n"
		     "a\\x0ab\\xff 45678\n"
		     "漢字漢字 \"'    45678\n");
}

static void hostile_name_leaves_the_columns_where_they_are(void **state)
{
	for (size_t i = 0; i < 2 * HOSTILE_NAMES; i++) {
		const struct hostile_name *name = &hostile_names[i / 2];
		struct ct_output_options options = {.utf8 = i % 2, .fields = "comm,lport"};
		_cleanup_(printed_fini) struct printed printed = {};
		struct ct_update u = an_update(CT_UPDATE_FOUND);
		const char *promised = hostile_text(name, options.utf8);
		struct ct_sink *sink = NULL;

		strcpy(u.id.comm, name->comm);
		printed_init(&printed);
		assert_int_equal(ct_sink_table_new(&options, &printed.session, printed.file,
						   CT_KINDS_ALL, &sink, NULL),
				 0);
		print_all(&printed, sink, &u, 1);
		assert_null(hostile_find(printed.text, printed.len, options.utf8, ""));
		/* nine columns of it at least, the tenth may say that it is cut */
		assert_memory_equal(strchr(printed.text, '\n') + 1, promised,
				    strlen(promised) < 9 ? strlen(promised) : 9);
		assert_string_equal(printed.text + printed.len - 7, " 45678\n");
	}
}

static void long_comm_is_cut_and_says_so(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	options.fields = "comm,lport";
	strcpy(u.id.comm, "kube-apiserver1");
	expect_table(&options, &u, 1, "COMM       LPORT\nkube-apis… 45678\n");
	options.format = CT_OUTPUT_WIDE;
	expect_table(&options, &u, 1, "COMM            LPORT\nkube-apiserver1 45678\n");
}

static void ipv6_grows_its_own_lines_alone(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update updates[] = {an_update(CT_UPDATE_FOUND), an_update(CT_UPDATE_FOUND),
				      an_update(CT_UPDATE_FOUND)};

	options.fields = "laddr,lport,raddr,rport";
	updates[0].id = an_ipv6_id();
	set_addr(updates[0].id.laddr, AF_INET6, "2001:db8:1111:2222::1");
	updates[1].id = an_ipv6_id();
	expect_table(&options, updates, 3,
		     "LADDR           LPORT RADDR           RPORT\n"
		     "2001:db8:1111:2222::1 45678 ::1                80\n"
		     "2001:db8::aaaa:1      45678 ::1                80\n"
		     "10.0.0.1        45678 10.0.0.2           80\n");
}

static void listener_has_no_remote_end(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = a_transition(CT_STATE_CLOSE, CT_STATE_LISTEN, CT_NS_UNKNOWN);

	options.fields = "laddr,raddr,rport,event";
	u.id.role = CT_ROLE_LISTENER;
	expect_table(&options, &u, 1,
		     "LADDR           RADDR           RPORT EVENT\n"
		     "10.0.0.1        -                   - CLOSE → LISTEN\n");
}

static void wide_adds_its_columns_behind_the_first_seven(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP,
				     CT_RESET_CAUSE_UNREAD_DATA);

	options.format = CT_OUTPUT_WIDE;
	u.id.generation = 2;
	u.reset.reason = CT_RESET_REASON_TCP_ABORT_ON_CLOSE;
	expect_table(
		&options, &u, 1,
		"           TIME      PID COMM            LADDR           LPORT RADDR           RPORT "
		"CONN          NETNS   UID ROLE     OWNER     EVENT                    DETAIL\n"
		"22:13:21.500000     4242 curl            10.0.0.1        45678 10.0.0.2           80 "
		"1a2b.2   4026531840  1000 active   connect   RST                      "
		"sent by app: unread-data (TCP_ABORT_ON_CLOSE)\n");
}

static void events_have_their_words(void **state)
{
	struct ct_conn conn = a_conn();

	expect_event(a_transition(CT_STATE_FIN_WAIT2, CT_STATE_TIME_WAIT, 1),
		     "FIN_WAIT2 → TIME_WAIT");
	expect_event(a_transition(CT_STATE_NONE, CT_STATE_ESTABLISHED, 1), "- → ESTABLISHED");
	expect_event(an_update(CT_UPDATE_FOUND), "FOUND");
	expect_event(an_update(CT_UPDATE_RETRANSMIT), "RETRANSMIT");
	expect_event(a_reset(CT_DIRECTION_SENT, 0, 0), "RST");
	expect_event(a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1), "KEEPALIVE");
	expect_event(a_probe(CT_PROBE_WINDOW, CT_PROBE_SENT, 1), "ZERO-WINDOW PROBE");
	expect_event(an_update(CT_UPDATE_ERROR), "ERROR");
	expect_event(a_loss(1, CT_LOST_RING, BEGAN), "LOST");
	expect_event(a_close(&conn), "CLOSED");
	conn.closed_ns = CT_NS_UNKNOWN;
	expect_event(a_close(&conn), "OPEN");
}

static void transition_tells_time_call_and_basis(void **state)
{
	struct ct_update u = a_transition(CT_STATE_FIN_WAIT2, CT_STATE_TIME_WAIT, CT_NS_UNKNOWN);

	expect_detail(u, "-");
	u.state.basis = CT_BASIS_INFERRED;
	expect_detail(u, "- inferred");
	u = a_transition(CT_STATE_CLOSE, CT_STATE_SYN_SENT, CT_NS_UNKNOWN);
	u.state.how = CT_HOW_CONNECT;
	expect_detail(u, "connect()");
	u = a_transition(CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, 12 * MS);
	u.state.how = CT_HOW_SHUTDOWN;
	u.raised = 1U << CT_FLAG_HALF_CLOSE_LOCAL;
	expect_detail(u, "12.0 ms shutdown() [half-close-local]");
}

static void end_of_a_mini_socket_tells_why_and_for_whom(void **state)
{
	static const struct {
		uint8_t left_by;
		uint32_t by_pid;
		uint64_t by_cookie;
		const char *detail;
	} ends[] = {
		{CT_LEFT_BY_UNKNOWN, 0, 0, "1.20 s"},
		{CT_LEFT_BY_EXPIRED, 0, 0, "1.20 s, expired"},
		{CT_LEFT_BY_REUSED, 123, 0x1f, "1.20 s, reused by connect() of pid 123 (conn 1f)"},
		{CT_LEFT_BY_REUSED, 0, 0, "1.20 s, reused by connect()"},
		{CT_LEFT_BY_RECYCLED, 0, 0x20, "1.20 s, recycled by a new SYN (conn 20)"},
		{CT_LEFT_BY_RST, 0, 0, "1.20 s, reset by the peer (RFC 1337)"},
		{CT_LEFT_BY_ANSWERED, 0, 0, "1.20 s, answered a segment with a reset"},
		{CT_LEFT_BY_KILLED, 77, 0, "1.20 s, killed from outside (ss -K) by pid 77"},
		{CT_LEFT_BY_NETNS, 0, 0, "1.20 s, its network namespace is gone"},
	};
	struct ct_update u = a_transition(CT_STATE_TIME_WAIT, CT_STATE_CLOSE, 1200 * MS);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		u.state.left_by = ends[i].left_by;
		u.state.by_pid = ends[i].by_pid;
		u.state.by_cookie = ends[i].by_cookie;
		expect_detail(u, ends[i].detail);
	}
	u.state.left_by = CT_LEFT_BY_RST;
	u.raised = 1U << CT_FLAG_TIME_WAIT_KILLED;
	u.state.by_pid = 0;
	expect_detail(u, "1.20 s, reset by the peer (RFC 1337) [time-wait-killed]");
	u.state.from = CT_STATE_FIN_WAIT2;
	u.raised = 0;
	expect_detail(u, "1.20 s, reset by the peer");
	u.state.from = CT_STATE_SYN_RECV;
	u.state.left_by = CT_LEFT_BY_EXPIRED;
	expect_detail(u, "1.20 s, expired");
}

static void unusual_handshake_is_told_when_it_is_completed(void **state)
{
	struct ct_event event = {.kind = CT_EVENT_STATE};
	struct ct_update u = a_transition(CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, 6130);

	u.event = &event;
	u.state.handshake = CT_HANDSHAKE_REQUEST;
	expect_detail(u, "6.13 µs");
	u.state.handshake = CT_HANDSHAKE_FASTOPEN;
	expect_detail(u, "6.13 µs, fast open");
	u.state.handshake = CT_HANDSHAKE_SYNCOOKIE;
	u.state.in_state_ns = CT_NS_UNKNOWN;
	expect_detail(u, "-, syncookie");
}

static void mptcp_subflow_is_told_once_the_peer_has_agreed(void **state)
{
	struct ct_event event = {.kind = CT_EVENT_STATE, .sock_flags = CT_SOCK_MPTCP};
	struct ct_update u = a_transition(CT_STATE_CLOSE, CT_STATE_SYN_SENT, CT_NS_UNKNOWN);

	u.event = &event;
	u.state.how = CT_HOW_CONNECT;
	expect_detail(u, "connect()");
	u = a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, 54900);
	u.event = &event;
	expect_detail(u, "54.9 µs, mptcp subflow");
	u = a_transition(CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, MS);
	u.event = &event;
	expect_detail(u, "1.00 ms");
}

static void reset_tells_who_why_and_what_is_lost(void **state)
{
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP, CT_RESET_CAUSE_LINGER0);

	u.reset.unread = 12;
	u.reset.unacked = 1;
	u.raised = 1U << CT_FLAG_RST_SENT;
	expect_detail(u, "sent by app: linger0, 12 bytes unread lost, 1 byte unacknowledged "
			 "[rst-sent]");
	expect_detail(a_reset(CT_DIRECTION_RECEIVED, CT_RESET_BY_PEER, CT_RESET_CAUSE_PEER),
		      "received from peer");
	u = a_reset(CT_DIRECTION_RECEIVED, CT_RESET_BY_PEER, CT_RESET_CAUSE_PEER);
	u.reset.unread = 12;
	expect_detail(u, "received from peer, 12 bytes not read yet");
	expect_detail(a_reset(CT_DIRECTION_RECEIVED, CT_RESET_BY_PEER, CT_RESET_CAUSE_REFUSED),
		      "received from peer: refused");
	expect_detail(a_reset(CT_DIRECTION_SENT, CT_RESET_BY_UNKNOWN, CT_RESET_CAUSE_UNKNOWN),
		      "sent: unknown cause");
}

static void probe_tells_what_became_of_it(void **state)
{
	struct ct_update u = a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_ANSWERED, 0);

	expect_detail(a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 2), "sent, 2 unanswered");
	expect_detail(u, "answered");
	u.probe.answer_ns = 200000;
	expect_detail(u, "answered within 200 µs");
	expect_detail(a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_DEAD, 3), "dead after 3 probes");
	expect_detail(a_probe(CT_PROBE_WINDOW, CT_PROBE_RECEIVED, 0), "received");
}

static void close_tells_the_end_and_the_bytes(void **state)
{
	struct ct_conn conn = a_conn();

	conn.counters.bytes_sent = 1234567;
	conn.counters.bytes_retransmitted = 567;
	expect_detail(a_close(&conn), "fin by local after 52.0 ms, sent 1.23 MB, received 7 B");
	conn.counted = false;
	conn.opened_ns = CT_NS_UNKNOWN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.end = CT_END_UNKNOWN;
	expect_detail(a_close(&conn), "unknown");
	conn = a_conn();
	conn.closed_ns = CT_NS_UNKNOWN;
	conn.end = CT_END_OPEN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.history.n_steps = 2;
	conn.counted = false;
	expect_detail(a_close(&conn), "still ESTABLISHED, opened 1.50 s ago");
}

/// No word of the ends says it.
static void connect_that_was_given_up_is_told_in_words(void **state)
{
	struct ct_step syn_sent = {BEGAN, 52 * MS, CT_STATE_SYN_SENT, CT_BASIS_SEEN};
	struct ct_conn conn = a_conn();

	conn.history.steps = &syn_sent;
	conn.history.n_steps = 1;
	conn.established_ns = CT_NS_UNKNOWN;
	conn.end = CT_END_UNKNOWN;
	conn.counted = false;
	expect_detail(a_close(&conn), "unknown after 52.0 ms"); /* by what, is not known */
	conn.closed_how = CT_HOW_CLOSE;
	expect_detail(a_close(&conn), "connect() given up unanswered after 52.0 ms");
	conn.retransmits = 2;
	expect_detail(a_close(&conn),
		      "connect() given up unanswered after 52.0 ms, 2 SYNs sent again");
	conn.opened_ns = CT_NS_UNKNOWN; /* some may have been sent before */
	expect_detail(a_close(&conn), "connect() given up unanswered");
	conn.gaps = 1;
	expect_detail(a_close(&conn), "unknown");
}

static void other_events_tell_theirs(void **state)
{
	struct ct_update u = an_update(CT_UPDATE_RETRANSMIT);

	u.retransmit.kind = CT_RETRANSMIT_RTO;
	u.retransmit.segment = CT_SEGMENT_DATA;
	u.retransmit.count = 3;
	expect_detail(u, "data by rto, 3 so far");
	u = an_update(CT_UPDATE_ERROR);
	u.error.of_own_abort = true;
	u.error.err = ECONNRESET;
	expect_detail(u, "ECONNRESET, of its own abort");
	u = an_update(CT_UPDATE_ERROR);
	u.error.err = ETIMEDOUT;
	expect_detail(u, "ETIMEDOUT");
	expect_detail(a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN), "17 events lost: ring buffer full");
	expect_detail(a_loss(1, CT_LOST_TABLE, CT_NS_UNKNOWN),
		      "1 event lost: connection table full");
	expect_detail(a_loss(803, CT_LOST_DECODE, CT_NS_UNKNOWN), "803 events unreadable");
}

static void loss_is_of_no_connection(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN);

	options.fields = "pid,comm,laddr,lport,event";
	expect_table(&options, &u, 1,
		     "     PID COMM       LADDR           LPORT EVENT\n"
		     "       - -          -                   - LOST\n");
}

static void colour_is_added_to_the_words_and_takes_no_room(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP, CT_RESET_CAUSE_LINGER0);

	options.color = true;
	options.fields = "event,detail";
	u.raised = 1U << CT_FLAG_RST_SENT | 1U << CT_FLAG_RETRANSMIT;
	expect_table(&options, &u, 1,
		     "\033[1mEVENT\033[0m                    \033[1mDETAIL\033[0m\n"
		     "\033[1;31mRST\033[0m                      sent by app: linger0 "
		     "\033[1;31m[rst-sent]\033[0m \033[33m[retransmit]\033[0m\n");
}

static void silent_update_prints_nothing(void **state)
{
	struct ct_output_options options = in_utf8();
	struct ct_update u = an_update(CT_UPDATE_SILENT);

	options.fields = "pid";
	expect_table(&options, &u, 1, "     PID\n");
}

static void unknown_field_is_named(void **state)
{
	static const char *const lists[][2] = {
		{"pid,colour,comm", "colour,comm"},
		{"pid,", ""},
		{"", ""},
		{"in_state_ns", "in_state_ns"},
	};
	struct ct_session session = a_session();

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct ct_output_options options = {.fields = lists[i][0]};
		struct ct_sink *sink = NULL;
		const char *bad = NULL;

		assert_int_equal(
			ct_sink_table_new(&options, &session, stdout, CT_KINDS_ALL, &sink, &bad),
			-EINVAL);
		assert_null(sink);
		assert_string_equal(bad, lists[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transition_fits_120_columns),
		cmocka_unit_test(ascii_is_enough_where_the_locale_has_no_more),
		cmocka_unit_test(time_may_be_relative_to_the_beginning),
		cmocka_unit_test(owner_that_is_not_sure_has_a_tilde),
		cmocka_unit_test(hostile_comm_cannot_act_on_the_terminal),
		cmocka_unit_test(hostile_name_leaves_the_columns_where_they_are),
		cmocka_unit_test(long_comm_is_cut_and_says_so),
		cmocka_unit_test(ipv6_grows_its_own_lines_alone),
		cmocka_unit_test(listener_has_no_remote_end),
		cmocka_unit_test(wide_adds_its_columns_behind_the_first_seven),
		cmocka_unit_test(events_have_their_words),
		cmocka_unit_test(transition_tells_time_call_and_basis),
		cmocka_unit_test(end_of_a_mini_socket_tells_why_and_for_whom),
		cmocka_unit_test(unusual_handshake_is_told_when_it_is_completed),
		cmocka_unit_test(mptcp_subflow_is_told_once_the_peer_has_agreed),
		cmocka_unit_test(reset_tells_who_why_and_what_is_lost),
		cmocka_unit_test(probe_tells_what_became_of_it),
		cmocka_unit_test(close_tells_the_end_and_the_bytes),
		cmocka_unit_test(connect_that_was_given_up_is_told_in_words),
		cmocka_unit_test(other_events_tell_theirs),
		cmocka_unit_test(loss_is_of_no_connection),
		cmocka_unit_test(colour_is_added_to_the_words_and_takes_no_room),
		cmocka_unit_test(silent_update_prints_nothing),
		cmocka_unit_test(unknown_field_is_named),
	};

	return cmocka_run_group_tests_name("sink_table", tests, NULL, NULL);
}
