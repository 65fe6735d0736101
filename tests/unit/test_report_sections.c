// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What all connections tell together: the parts of a report between its head and the lives.
#include "unit/report_fixture.h"
#include "conntrace/count.h"
#include "unit/worst_rule.h"

/// The text begins so.
static void expect_beginning(const struct ct_update *updates, size_t n, const char *expected)
{
	_cleanup_(printed_fini) struct printed printed = {};

	print_report(&printed, &in_utf8, updates, n);
	assert_true(printed.len > strlen(expected));
	printed.text[strlen(expected)] = '\0';
	assert_string_equal(printed.text, expected);
}

/// Of a life of 52 ms, as in plain_life.
#define TIMELINE_OF_STATES                                                                                                                                               \
	"       0.000000  SYN_SENT     1.00 ms  ━\n"                                                                                                                   \
	"       0.001000  ESTABLISHED  50.0 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n" \
	"       0.051000  FIN_WAIT1    1.00 ms                                         ━\n"

static void parts_come_in_their_order(void **state)
{
	struct three_lives lives;

	three_lives_init(&lives);
	expect_beginning(
		lives.updates, 4,
		HEAD
		"3 connections, 2 flagged, 0 listeners\n"
		"LOST 17 events: 17 ring buffer full. Connections that may miss one are "
		"flagged [gap].\n\n"
		"nothing found, 3 connections seen in 1.50 s\n"
		"17 events lost\n\n"
		"PEER     CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"
		"10.0.0.2           3       2    0 15 B     21 B           0\n\n"
		"  PID COMM CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"
		" 4242 curl           2       1    0 10 B     14 B           0\n"
		"~4242 curl           1       1    0  5 B      7 B           0\n\n"
		" PORT ROLE    CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"
		"   80 active            2       1    0 10 B     14 B           0\n"
		"45678 passive           1       1    0  5 B      7 B           0\n\n"
		"TIME        KNOWN UNKNOWN     P50     P90     P99     MAX\n"
		"handshake       2       1 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
		"lifetime        3       0 52.0 ms 52.0 ms 52.0 ms 52.0 ms\n"
		"SYN_SENT        3       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n"
		"ESTABLISHED     3       0 50.0 ms 50.0 ms 50.0 ms 50.0 ms\n"
		"FIN_WAIT1       3       0 1.00 ms 1.00 ms 1.00 ms 1.00 ms\n\n"
		"THE WORST LIVES: 2\n\n" WORST_RULE
		"10.0.0.1:45678 → 10.0.0.2:80  curl 4242  active  opened 22:13:20.000000\n" TIMELINE_OF_STATES
		"       0.051000  [rst-sent]  cause linger0, unread 1.20 kB, idle 15.0 ms\n"
		"       0.052000  rst-sent after 52.0 ms\n\n"
		"10.0.0.1:45678 ← 10.0.0.2:80  curl ~4242  passive  opened 22:13:20.000000\n" TIMELINE_OF_STATES
		"       0.051000  [retransmit]  count 2\n"
		"       0.052000  fin by local after 52.0 ms\n\n\n"
		"TROUBLE: 1\n\n");
}

static void what_no_socket_has_counted_is_said(void **state)
{
	struct half_open life;

	half_open_init(&life);
	expect_beginning(
		&life.update, 1,
		HEAD
		"1 connection, 1 flagged, 0 listeners\n"
		"No event was lost.\n\n"
		"nothing found, 1 connection seen in 1.50 s\n\n"
		"PEER     CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"
		"10.0.0.2           1       1    0    -        -           -\n\n"
		"  PID COMM CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"
		"~4242 curl           1       1    0    -        -           -\n\n"
		" PORT ROLE    CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"
		"45678 passive           1       1    0    -        -           -\n\n"
		"SENT, RECEIVED and RETRANSMITS are without those of 1 connection whose socket "
		"did not tell them.\n\n"
		"TIME     KNOWN UNKNOWN   P50   P90   P99   MAX\n"
		"lifetime     1       0 1m03s 1m03s 1m03s 1m03s\n"
		"SYN_RECV     1       0 1m03s 1m03s 1m03s 1m03s\n\n"
		"THE WORST LIVES: 1\n\n" WORST_RULE
		"10.0.0.1:45678 ← 10.0.0.2:80  curl ~4242  passive  opened 22:13:20.000000\n"
		"       0.000000  SYN_RECV       1m03s  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n"
		"       0.051000  [half-open]  for 1m03s, synack_timeouts 5, final_ack never "
		"came\n"
		"      63.000000  timeout after 1m03s\n\n\n"
		"WORTH A LOOK: 1\n\n");
}

/// Enough peers that not all are shown, each of one connection.
static void print_peers(struct printed *printed, enum ct_output_format format, enum ct_report_by by)
{
	struct ct_output_options options = in_utf8;
	struct ct_conn conns[12];
	struct ct_update updates[12];

	options.format = format;
	options.by = by;
	for (uint8_t i = 0; i < 12; i++) {
		conns[i] = a_conn();
		conns[i].id.raddr[3] = 100 + i;
		updates[i] = a_close(&conns[i]);
	}
	print_report(printed, &options, updates, 12);
}

static void few_of_each_are_shown_unless_one_is_asked_for_or_all(void **state)
{
	_cleanup_(printed_fini) struct printed few = {}, all = {}, asked = {}, other = {};

	print_peers(&few, CT_OUTPUT_TABLE, CT_REPORT_BY_NONE);
	assert_non_null(strstr(few.text, "\n10.0.0.109           1 "));
	assert_null(strstr(few.text, "\n10.0.0.110           1 "));
	assert_non_null(strstr(few.text, "\nand 2 more, of 2 connections: --by peer shows all\n"
					 "\n PID COMM "));
	assert_non_null(strstr(few.text, "\nPORT ROLE "));
	print_peers(&all, CT_OUTPUT_WIDE, CT_REPORT_BY_NONE);
	assert_non_null(strstr(all.text, "\n10.0.0.111           1 "));
	assert_non_null(strstr(all.text, "\nPORT ROLE "));
	assert_null(strstr(all.text, " more, of "));
	print_peers(&asked, CT_OUTPUT_TABLE, CT_REPORT_BY_PEER);
	assert_non_null(strstr(asked.text, "\n10.0.0.111           1 "));
	assert_null(strstr(asked.text, "\nPORT ROLE "));
	assert_null(strstr(asked.text, "\n PID COMM "));
	print_peers(&other, CT_OUTPUT_TABLE, CT_REPORT_BY_SERVICE);
	assert_non_null(strstr(other.text, "\nSERVICE "));
	assert_non_null(strstr(other.text, "\n10.0.0.111:80 active           1 "));
	assert_null(strstr(other.text, "\nPEER "));
}

/// What the doctor says stands between what was lost and the connections.
static void findings_come_before_the_connections(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_mark mark = a_mark(CT_FLAG_REFUSED, NULL, 0);
	struct ct_step step = {.at_ns = BEGAN, .for_ns = MS, .state = CT_STATE_SYN_SENT};
	struct ct_conn conn = a_conn();
	const char *lost, *finding, *peers;
	struct ct_update u;

	conn.history = (struct ct_history){.steps = &step, .n_steps = 1, .capacity = 1};
	conn.established_ns = CT_NS_UNKNOWN;
	conn.marks = &mark;
	conn.flags = 1U << mark.flag;
	conn.end = CT_END_REFUSED;
	u = a_close(&conn);
	print_report(&printed, &in_utf8, &u, 1);
	lost = strstr(printed.text,
		      "No event was lost.\n\nFINDINGS: 1\n\n1 finding, 1 connection ");
	finding = strstr(printed.text, "\n      finding   refused, confidence ");
	peers = strstr(printed.text, "\nPEER ");
	assert_non_null(lost);
	assert_true(lost < finding && finding < peers);
}

#define MANY_LIVES 1002

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/// Of two sections so many lives each. Returns how many of them are told.
static size_t print_both(struct printed *printed, const struct ct_output_options *options)
{
	struct ct_mark mark = a_mark(CT_FLAG_RETRANSMIT, NULL, 0);
	struct ct_conn plain = a_conn(), noted = plain;
	struct ct_update updates[2 * MANY_LIVES];

	noted.marks = &mark;
	noted.flags = 1U << mark.flag;
	for (size_t i = 0; i < MANY_LIVES; i++) {
		updates[2 * i] = a_close(&plain);
		updates[2 * i + 1] = a_close(&noted);
	}
	print_report(printed, options, updates, CT_COUNT(updates));
	return count_of(strstr(printed->text, "\nWORTH A LOOK: "), "fin by local after");
}

static void report_for_people_shows_a_thousand_of_each_section(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	const char *text;

	assert_int_equal(print_both(&printed, &in_utf8), 2 * 1000);
	text = strstr(printed.text, "WORTH A LOOK: 1002\n");
	assert_non_null(text);
	text = strstr(text, "\nand 2 more connections: -o wide shows all\n");
	assert_non_null(text);
	text = strstr(text, "THE OTHERS: 1002\n");
	assert_non_null(text);
	assert_non_null(strstr(text, "\nand 2 more connections: -o wide shows all\n"));
	assert_non_null(strstr(text, "\n2004 connections, 1002 flagged, "));
}

static void wide_shows_more_than_a_thousand(void **state)
{
	struct ct_output_options options = {.format = CT_OUTPUT_WIDE, .utf8 = true, .utc = true};
	_cleanup_(printed_fini) struct printed printed = {};

	assert_int_equal(print_both(&printed, &options), 2 * MANY_LIVES);
	assert_null(strstr(printed.text, "shows all"));
}

static void opening_that_was_not_seen_is_not_said_to_be_older(void **state)
{
	struct ct_step steps[] = {
		{CT_NS_UNKNOWN, CT_NS_UNKNOWN, CT_STATE_SYN_SENT, CT_BASIS_INFERRED}};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_conn conn = a_conn();
	struct ct_update u;

	conn.history = (struct ct_history){.steps = steps, .n_steps = 1};
	conn.closed_ns = conn.opened_ns = CT_NS_UNKNOWN;
	conn.end = CT_END_OPEN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.flags = 1U << CT_FLAG_GAP;
	conn.unseen = true;
	u = a_close(&conn);
	print_report(&printed, &in_utf8, &u, 1);
	assert_non_null(strstr(printed.text, "  active  opening not seen\n"));
	assert_non_null(strstr(printed.text, "still SYN_SENT, opening not seen"));
	assert_non_null(strstr(printed.text, "SYN_SENT (inferred)"));
	assert_null(strstr(printed.text, "before the trace"));
}

/// What was recorded and cannot be read is nothing that the tracer has lost.
static void unreadable_is_not_lost(void **state)
{
	const struct ct_update updates[] = {
		a_loss(803, CT_LOST_DECODE, CT_NS_UNKNOWN),
		a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN),
	};
	_cleanup_(printed_fini) struct printed both = {}, one = {};

	print_report(&both, &in_utf8, updates, 2);
	assert_non_null(strstr(both.text, "\nLOST 17 events: 17 ring buffer full. UNREADABLE 803 "
					  "events. Connections that may miss one are"));
	assert_non_null(strstr(both.text, "\n17 events lost\n803 events unreadable\n"));
	assert_non_null(strstr(both.text, " 17 events lost, 803 unreadable, 0 gaps\n"));
	print_report(&one, &in_utf8, updates, 1);
	assert_non_null(strstr(one.text, "\nUNREADABLE 803 events. Connections that may"));
	assert_null(strstr(one.text, "LOST"));
	assert_non_null(strstr(one.text, "\n803 events unreadable\n"));
	assert_non_null(strstr(one.text, " 0 events lost, 803 unreadable, 0 gaps\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_that_was_not_seen_is_not_said_to_be_older),
		cmocka_unit_test(unreadable_is_not_lost),
		cmocka_unit_test(parts_come_in_their_order),
		cmocka_unit_test(what_no_socket_has_counted_is_said),
		cmocka_unit_test(few_of_each_are_shown_unless_one_is_asked_for_or_all),
		cmocka_unit_test(findings_come_before_the_connections),
		cmocka_unit_test(report_for_people_shows_a_thousand_of_each_section),
		cmocka_unit_test(wide_shows_more_than_a_thousand),
	};

	return cmocka_run_group_tests_name("report_sections", tests, NULL, NULL);
}
