// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Each finding: the lives that it is made of, and the nearest ones that are innocent.
#include "unit/doctor_fixture.h"

#include <errno.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/finding.h"

#define US UINT64_C(1000)

static void close_wait_of_several_is_a_leak(void **state)
{
	assert_true(finds("close-wait-leak", standing_in(CT_STATE_CLOSE_WAIT, 590), 3));
	assert_true(finds("close-wait-leak", standing_in(CT_STATE_CLOSE_WAIT, 540), 1));
}

static void close_wait_that_is_young_or_alone_is_none(void **state)
{
	assert_false(finds("close-wait-leak", standing_in(CT_STATE_CLOSE_WAIT, 596), 3));
	assert_false(finds("close-wait-leak", standing_in(CT_STATE_CLOSE_WAIT, 590), 2));
	assert_false(finds("close-wait-leak", standing_in(CT_STATE_ESTABLISHED, 1), 3));
}

static void close_wait_of_one_is_no_danger_however_old(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);
	_cleanup_(printed_fini) struct printed one = {}, several = {};

	patient.steps[1].at_ns -= 600 * S;
	ask(&one, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(one.text, "\"id\":\"close-wait-leak\",\"severity\":\"warn\""));
	ask(&several, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(several.text, "\"severity\":\"crit\""));
}

static void found_in_close_wait_is_told_as_at_least(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.history.n_steps = 1;
	patient.steps[0] = patient.steps[1];
	patient.steps[0].at_ns = CT_NS_UNKNOWN;
	patient.conn.found_ns = BEGAN;
	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(printed.text, "for at least 10m"));
	assert_non_null(strstr(printed.text, "\"oldest_at_least_ns\":600000000000"));
}

static void events_that_are_missing_speak_for_nothing(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);

	patient.conn.gaps = 1;
	assert_false(finds("close-wait-leak", patient, 5));
}

static void fin_that_is_not_acknowledged_is_stuck(void **state)
{
	static const struct {
		uint8_t state;
		const char *id;
	} stuck[] = {
		{CT_STATE_FIN_WAIT1, "fin-wait-stuck"},
		{CT_STATE_LAST_ACK, "last-ack-stuck"},
		{CT_STATE_CLOSING, "closing-stuck"},
	};

	for (size_t i = 0; i < CT_COUNT(stuck); i++) {
		struct patient patient = standing_in(stuck[i].state, 590);

		assert_false(finds(stuck[i].id, patient, 1));
		patient.conn.rto_streak = 2;
		patient.conn.retransmits = 2;
		patient.conn.rto_last_ns = BEGAN + 589 * S; /* before its FIN */
		assert_false(finds(stuck[i].id, patient, 1));
		patient.conn.rto_last_ns = BEGAN + 593 * S;
		patient.conn.rto_since_ns = BEGAN + 591 * S;
		assert_false(finds(stuck[i].id, patient, 1)); /* the next would have come by now */
		patient.conn.rto_last_ns = BEGAN + 597 * S;
		assert_true(finds(stuck[i].id, patient, 1));
	}
}

static void fin_wait2_that_a_process_holds_is_stuck_after_a_minute(void **state)
{
	struct patient patient = standing_in(CT_STATE_FIN_WAIT2, 530);

	assert_true(finds("fin-wait-stuck", patient, 1));
	patient.conn.sock_flags = CT_SOCK_ORPHAN;
	assert_false(finds("fin-wait-stuck", patient, 1));
	assert_false(finds("fin-wait-stuck", standing_in(CT_STATE_FIN_WAIT2, 545), 1));
}

static void ports_in_time_wait_are_pressure(void **state)
{
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);

	assert_true(finds("time-wait-pressure", patient, CROWD));
	assert_false(finds("time-wait-pressure", patient, CROWD / 6));
	patient.conn.id.role = CT_ROLE_PASSIVE; /* all at one port */
	assert_false(finds("time-wait-pressure", patient, CROWD));
}

static void connect_without_a_port_is_exhaustion(void **state)
{
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);

	patient.conn.history.n_steps = 1;
	patient.conn.id.lport = 0;
	patient.conn.closed_how = CT_HOW_CONNECT;
	assert_true(finds("port-exhaustion", patient, 1));
	patient.conn.id.lport = 45678;
	assert_false(finds("port-exhaustion", patient, 1));
	patient.conn.id.lport = 0;
	patient.conn.closed_how = CT_HOW_CLOSE;
	assert_false(finds("port-exhaustion", patient, 1));
}

/// Reset when its FIN was half a millisecond old, less than a round trip.
static struct patient reset_for(uint8_t cause)
{
	static struct ct_mark mark = {.flag = CT_FLAG_RST_SENT, .at_ns = BEGAN + S + MS + 500 * US};
	struct patient patient = gone(S, CT_STATE_FIN_WAIT1);

	patient.conn.marks = &mark;
	patient.conn.end = CT_END_RST_SENT;
	patient.conn.reset = (struct ct_reset){
		.direction = CT_DIRECTION_SENT, .cause = cause, .unread = 26, .unacked = 4};
	return patient;
}

static void reset_is_found_by_its_cause(void **state)
{
	static const struct {
		uint8_t cause;
		const char *id;
	} resets[] = {
		{CT_RESET_CAUSE_LINGER0, "linger0-reset"},
		{CT_RESET_CAUSE_UNREAD_DATA, "unread-data-reset"},
		{CT_RESET_CAUSE_DATA_TO_CLOSED, "nonstandard-close"},
	};

	for (size_t i = 0; i < CT_COUNT(resets); i++)
		for (size_t k = 0; k < CT_COUNT(resets); k++)
			assert_int_equal(finds(resets[k].id, reset_for(resets[i].cause), 1),
					 i == k);
}

static void data_long_behind_the_close_is_the_peers_fault(void **state)
{
	struct ct_mark mark = {.flag = CT_FLAG_RST_SENT, .at_ns = BEGAN + S + 200 * MS};
	struct patient patient = reset_for(CT_RESET_CAUSE_DATA_TO_CLOSED);

	patient.conn.marks = &mark;
	assert_false(finds("nonstandard-close", patient, 1));
	mark.at_ns = BEGAN + S + 3 * MS; /* it answers our FIN: a close_notify of TLS */
	assert_false(finds("nonstandard-close", patient, 1));
}

static void send_behind_the_peers_close_is_stale_reuse(void **state)
{
	struct patient patient = gone(S, CT_STATE_CLOSE_WAIT);

	patient.conn.reset.direction = CT_DIRECTION_RECEIVED;
	patient.conn.write_seq = 1100;
	patient.conn.write_seq_at_fin = 1000;
	assert_true(finds("stale-pool-reuse", patient, 1));
	patient.steps[2].for_ns = 50 * MS; /* they met on the way */
	assert_false(finds("stale-pool-reuse", patient, 1));
	patient.steps[2].for_ns = S;
	patient.conn.write_seq = 1000; /* nothing was sent */
	assert_false(finds("stale-pool-reuse", patient, 1));
	patient.conn.write_seq = 1001; /* nothing but our FIN */
	patient.conn.history.n_steps = 4;
	patient.steps[3] = (struct ct_step){BEGAN + 3 * S, S, CT_STATE_LAST_ACK, CT_BASIS_SEEN};
	assert_false(finds("stale-pool-reuse", patient, 1));
	patient.conn.history.n_steps = 3;
	patient.conn.write_seq = 1100;
	patient.conn.id.role = CT_ROLE_PASSIVE; /* a server that pushes has no pool */
	assert_false(finds("stale-pool-reuse", patient, 1));
	patient.conn.id.role = CT_ROLE_ACTIVE;
	patient.conn.reset.direction = CT_DIRECTION_NONE; /* half closed, and read to its end */
	assert_false(finds("stale-pool-reuse", patient, 1));
}

static void closes_at_one_idle_time_are_a_race(void **state)
{
	struct patient patient = gone(75 * S, CT_STATE_CLOSE_WAIT);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.fin_received = true;
	patient.conn.closed_by = CT_CLOSED_BY_REMOTE;
	ask(&printed, CT_OUTPUT_JSON, &patient, 5, NULL);
	assert_true(is_told(&printed, "keepalive-race"));
	assert_non_null(strstr(printed.text, "(nginx have such a one)"));
	assert_false(finds("keepalive-race", patient, 4));
	patient.conn.closed_by = CT_CLOSED_BY_LOCAL; /* who asks closes first, as he should */
	assert_false(finds("keepalive-race", patient, 5));
	patient.conn.closed_by = CT_CLOSED_BY_REMOTE;
	patient.steps[1].for_ns = 20 * MS; /* each is closed when it is done */
	assert_false(finds("keepalive-race", patient, 5));
}

static void syn_that_is_sent_again_is_unanswered(void **state)
{
	struct patient patient = standing_in(CT_STATE_SYN_SENT, 590);

	patient.conn.established_ns = CT_NS_UNKNOWN;
	patient.conn.retransmits = 2;
	assert_true(finds("syn-unanswered", patient, 1));
	assert_false(finds("refused", patient, 1));
	patient.conn.retransmits = 0;
	assert_false(finds("syn-unanswered", patient, 1));
}

/// Linger 0 and connect(AF_UNSPEC) leave an error in it; an ICMP message does, too.
static void connect_that_is_given_up_was_unanswered(void **state)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);

	patient.conn.history.n_steps = 1;
	patient.conn.established_ns = CT_NS_UNKNOWN;
	patient.conn.fin_sent = false;
	patient.conn.end = CT_END_UNKNOWN;
	patient.conn.closed_how = CT_HOW_CLOSE;
	patient.conn.retransmits = 2;
	assert_true(finds("syn-unanswered", patient, 1));
	patient.conn.sk_err = ECONNRESET;
	assert_true(finds("syn-unanswered", patient, 1));
	patient.conn.end = CT_END_UNREACHABLE;
	patient.conn.sk_err = EHOSTUNREACH;
	assert_false(finds("syn-unanswered", patient, 1));
}

static void refusal_is_not_taken_for_silence(void **state)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);

	patient.conn.history.n_steps = 1;
	patient.conn.end = CT_END_REFUSED;
	patient.conn.retransmits = 1;
	patient.conn.reset.direction = CT_DIRECTION_RECEIVED;
	assert_true(finds("refused", patient, 1));
	assert_false(finds("syn-unanswered", patient, 1));
}

static void timeouts_of_one_segment_are_a_dead_peer(void **state)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.rto_streak = 4;
	patient.conn.retransmits = 4;
	patient.conn.rto_since_ns = NOW - 10 * S;
	patient.conn.rto_last_ns = NOW - 3 * S;
	assert_true(finds("dead-peer-hang", patient, 1));
	patient.conn.rto_since_ns = NOW - 310 * S; /* the next was due long ago: it was answered */
	patient.conn.rto_last_ns = NOW - 303 * S;
	assert_false(finds("dead-peer-hang", patient, 1));
	patient.conn.phase = CT_PHASE_CLOSED;
	patient.conn.sk_err = ETIMEDOUT;
	patient.conn.closed_ns = NOW - S;
	assert_false(finds("dead-peer-hang", patient, 1)); /* it died of something else */
	patient.conn.rto_since_ns = NOW - 31 * S;
	patient.conn.rto_last_ns = NOW - 16 * S;
	assert_true(finds("dead-peer-hang", patient, 1));
	patient.conn.keepalive_dead = true;
	assert_false(finds("dead-peer-hang", patient, 1));
	assert_true(finds("half-open-ghost", patient, 1));
}

static void window_that_stays_closed_is_a_stall(void **state)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.window_probes_sent = 2;
	assert_false(finds("zero-window-stall", patient, 1));
	patient.conn.window_probes_sent = 3;
	assert_true(finds("zero-window-stall", patient, 1));
}

static void short_stalls_one_after_the_other_are_none(void **state)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.window_probes_sent = 9;
	patient.conn.stalls = 5;
	patient.conn.stall_probes_max = 2;
	assert_false(finds("zero-window-stall", patient, 1));
	patient.conn.stall_probes_max = 3;
	assert_true(finds("zero-window-stall", patient, 1));
}

/// The sum of a life is not said of a stall, nor the other way round.
static void stalls_are_told_apart_where_that_is_known(void **state)
{
	_cleanup_(printed_fini) struct printed known = {}, unknown = {};
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.window_probes_sent = 9;
	ask(&unknown, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(strstr(unknown.text, ", 18 probes were seen in their whole lives; which "
					     "process reads there is not known\""));
	assert_non_null(
		strstr(unknown.text, "\"evidence\":{\"window_probes\":18,\"most_on_one\":9}"));
	patient.conn.stalls = 3;
	patient.conn.stall_probes_max = 5;
	ask(&known, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(strstr(known.text, ", 18 probes were seen, up to 5 in one stall; "));
	assert_non_null(strstr(known.text, "\"evidence\":{\"window_probes\":18,\"most_on_one\":9,"
					   "\"stalls\":6,\"most_in_one_stall\":5}"));
}

/// What came before the trace is in no count.
static void probes_of_connections_from_before_are_told_as_seen_since(void **state)
{
	_cleanup_(printed_fini) struct printed apart = {}, together = {};
	struct patient patient = found_in(CT_STATE_ESTABLISHED, 0);

	patient.conn.window_probes_sent = 9;
	ask(&together, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(strstr(together.text, ", 18 probes were seen since tracing began; "));
	patient.conn.stalls = 3;
	patient.conn.stall_probes_max = 5;
	ask(&apart, CT_OUTPUT_JSON, &patient, 2, NULL);
	assert_non_null(
		strstr(apart.text,
		       ", 18 probes were seen since tracing began, at least 5 in one stall; "));
	assert_non_null(strstr(apart.text, "\"most_in_one_stall\":5,\"opened_before_trace\":2}"));
}

static void timeouts_and_keepalives_from_before_are_not_in_the_count_either(void **state)
{
	_cleanup_(printed_fini) struct printed hang = {}, ghost = {};
	struct patient patient = found_in(CT_STATE_ESTABLISHED, 0);

	patient.conn.rto_streak = 4;
	patient.conn.retransmits = 4;
	patient.conn.rto_since_ns = NOW - 10 * S;
	patient.conn.rto_last_ns = NOW - 3 * S;
	ask(&hang, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(hang.text, "\"timeouts_in_a_row\":4,\"given_up\":0,"
					  "\"opened_before_trace\":1}"));
	patient = found_in(CT_STATE_ESTABLISHED, 0);
	patient.conn.keepalive_dead = true;
	patient.conn.keepalives_sent = 2;
	ask(&ghost, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(ghost.text, "\"probes_sent\":2,\"died\":1,"
					   "\"opened_before_trace\":1}"));
}

/// A handshake takes a millisecond.
static void lives_of_mostly_handshake_are_bound_by_it(void **state)
{
	assert_true(finds("handshake-bound", gone(MS / 2, CT_STATE_FIN_WAIT1), 20));
	assert_false(finds("handshake-bound", gone(MS / 2, CT_STATE_FIN_WAIT1), 19));
	assert_true(finds("handshake-bound", gone(MS + MS / 5, CT_STATE_FIN_WAIT1), 20));
	assert_false(finds("handshake-bound", gone(MS + MS / 2, CT_STATE_FIN_WAIT1), 20));
	assert_false(finds("handshake-bound", gone(2 * MS, CT_STATE_FIN_WAIT1), 20));
}

/// As load balancers do, to see whether somebody listens.
static void lives_without_a_byte_are_not_bound_by_the_handshake(void **state)
{
	const struct patient like = gone(MS / 2, CT_STATE_FIN_WAIT1);
	struct patient patient = like;

	patient.conn.counters.bytes_received = 0; /* a line of a log, say */
	assert_true(finds("handshake-bound", patient, 20));
	patient.conn.counters.bytes_sent = 0;
	assert_false(finds("handshake-bound", patient, 20));
	patient = like;
	patient.conn.counted = false;
	assert_false(finds("handshake-bound", patient, 20));
}

static void findings_of_a_kind_are_bounded_and_the_others_counted(void **state)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.end = CT_END_REFUSED;
	patient.apart = 1;
	ask(&printed, CT_OUTPUT_TABLE, &patient, 60, NULL);
	assert_non_null(strstr(printed.text, "50 findings, 60 connections seen in 10m00s\n"));
	assert_non_null(strstr(printed.text, "10 findings more, of the same kinds"));
}

static void plain_life_finds_nothing(void **state)
{
	struct patient patient = gone(50 * MS, CT_STATE_FIN_WAIT1);
	_cleanup_(printed_fini) struct printed printed = {};
	int worst = 0;

	ask(&printed, CT_OUTPUT_TABLE, &patient, 100, &worst);
	assert_string_equal(printed.text, "nothing found, 100 connections seen in 10m00s\n");
	assert_int_equal(worst, 0);
}

static void severity_is_told_to_who_asks(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 590);
	_cleanup_(printed_fini) struct printed printed = {};
	int worst = 0;

	ask(&printed, CT_OUTPUT_TABLE, &patient, 3, &worst);
	assert_int_equal(worst, 1 + CT_SEVERITY_WARN);
}

static void text_has_the_sentence_and_what_it_rests_on(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 590);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.unread = 5;
	ask(&printed, CT_OUTPUT_TABLE, &patient, 4, NULL);
	assert_string_equal(
		printed.text,
		"1 finding, 4 connections seen in 10m00s\n"
		"\n"
		"WARN  curl[4242] holds 4 connections in CLOSE_WAIT, the oldest for 10.0 s: the "
		"peer has closed, and close() has not been called\n"
		"      finding   close-wait-leak, confidence medium\n"
		"      process   curl[4242], cgroup not known\n"
		"      evidence  oldest 10.0 s, entered_while_watched 4, unread_at_fin 20 B\n"
		"      examples  10.0.0.1:45678 -> 10.0.0.2:80  sk:100\n"
		"                10.0.0.1:45678 -> 10.0.0.2:80  sk:101\n"
		"                10.0.0.1:45678 -> 10.0.0.2:80  sk:102\n"
		"      confirm   ss -tanpo state close-wait | grep pid=4242,\n"
		"      remedy    call close() when read() returns 0, and on each way out after an "
		"error: no time-out of the kernel ends CLOSE_WAIT\n");
}

static void names_cannot_act_on_the_terminal(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);
	_cleanup_(printed_fini) struct printed printed = {};

	strcpy(patient.conn.id.comm, "a\x1b[2Jb\n");
	ask(&printed, CT_OUTPUT_TABLE, &patient, 3, NULL);
	assert_non_null(strstr(printed.text, "a\\x1b[2Jb\\x0a[4242]"));
}

static void fields_cannot_be_chosen(void **state)
{
	struct ct_output_options options = {.fields = "id"};
	const struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(ct_sink_doctor_new(&options, &session, stdout, &sink, &bad), -EINVAL);
	assert_ptr_equal(bad, options.fields);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_wait_of_several_is_a_leak),
		cmocka_unit_test(close_wait_that_is_young_or_alone_is_none),
		cmocka_unit_test(close_wait_of_one_is_no_danger_however_old),
		cmocka_unit_test(found_in_close_wait_is_told_as_at_least),
		cmocka_unit_test(events_that_are_missing_speak_for_nothing),
		cmocka_unit_test(fin_that_is_not_acknowledged_is_stuck),
		cmocka_unit_test(fin_wait2_that_a_process_holds_is_stuck_after_a_minute),
		cmocka_unit_test(ports_in_time_wait_are_pressure),
		cmocka_unit_test(connect_without_a_port_is_exhaustion),
		cmocka_unit_test(reset_is_found_by_its_cause),
		cmocka_unit_test(data_long_behind_the_close_is_the_peers_fault),
		cmocka_unit_test(send_behind_the_peers_close_is_stale_reuse),
		cmocka_unit_test(closes_at_one_idle_time_are_a_race),
		cmocka_unit_test(syn_that_is_sent_again_is_unanswered),
		cmocka_unit_test(connect_that_is_given_up_was_unanswered),
		cmocka_unit_test(refusal_is_not_taken_for_silence),
		cmocka_unit_test(timeouts_of_one_segment_are_a_dead_peer),
		cmocka_unit_test(window_that_stays_closed_is_a_stall),
		cmocka_unit_test(short_stalls_one_after_the_other_are_none),
		cmocka_unit_test(stalls_are_told_apart_where_that_is_known),
		cmocka_unit_test(probes_of_connections_from_before_are_told_as_seen_since),
		cmocka_unit_test(timeouts_and_keepalives_from_before_are_not_in_the_count_either),
		cmocka_unit_test(lives_of_mostly_handshake_are_bound_by_it),
		cmocka_unit_test(lives_without_a_byte_are_not_bound_by_the_handshake),
		cmocka_unit_test(findings_of_a_kind_are_bounded_and_the_others_counted),
		cmocka_unit_test(plain_life_finds_nothing),
		cmocka_unit_test(severity_is_told_to_who_asks),
		cmocka_unit_test(text_has_the_sentence_and_what_it_rests_on),
		cmocka_unit_test(names_cannot_act_on_the_terminal),
		cmocka_unit_test(fields_cannot_be_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
