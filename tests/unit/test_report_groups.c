// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../src/report/groups.h"
#include "conntrace/cleanup.h"
#include "support/hostile.h"
#include "unit/builders.h"

static const struct ct_output_options in_utf8 = {.utf8 = true};

#define SUMS " CONNECTIONS FLAGGED OPEN SENT RECEIVED RETRANSMITS\n"

static struct ct_groups *some_groups(enum ct_report_by by)
{
	struct ct_groups *groups = ct_groups_new(by);

	assert_non_null(groups);
	return groups;
}

static void add(struct ct_groups *groups, const struct ct_conn *conn, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ct_groups_add(groups, conn), 0);
}

/// Takes the groups as well.
static void expect(struct ct_groups *groups, size_t most, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_buf_puts(&buf, "");
	assert_int_equal(ct_groups_put(&in_utf8, groups, most, &buf), 0);
	assert_string_equal(buf.data, expected);
	ct_groups_free(&groups);
}

static void largest_group_comes_first_with_its_sums(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_PEER);
	struct ct_conn one = a_conn(), other = a_conn(), open = a_conn();

	set_addr(other.id.raddr, AF_INET, "10.0.0.3");
	open.end = CT_END_OPEN;
	other.flags = 1U << CT_FLAG_RETRANSMIT;
	other.counters.bytes_sent = 2500;
	other.counters.bytes_retransmitted = 500;
	other.counters.retransmits = 2;
	add(groups, &one, 1);
	add(groups, &other, 3);
	add(groups, &open, 1);
	expect(groups, 0,
	       "\n"
	       "PEER     CONNECTIONS FLAGGED OPEN    SENT RECEIVED RETRANSMITS\n"
	       "10.0.0.3           3       3    0 6.00 kB     21 B           6\n"
	       "10.0.0.2           2       0    1    10 B     14 B           0\n");
}

static void flags_decide_between_groups_of_one_size(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_COMM);
	struct ct_conn first = a_conn(), flagged = a_conn(), last = a_conn();

	strcpy(flagged.id.comm, "flagged");
	strcpy(last.id.comm, "");
	flagged.flags = 1U << CT_FLAG_GAP;
	add(groups, &first, 1);
	add(groups, &flagged, 1);
	add(groups, &last, 1);
	expect(groups, 0,
	       "\n"
	       "COMM   " SUMS "flagged           1       1    0  5 B      7 B           0\n"
	       "curl              1       0    0  5 B      7 B           0\n"
	       "-                 1       0    0  5 B      7 B           0\n");
}

static void what_is_not_shown_is_counted(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_NETNS);
	struct ct_conn conn = a_conn();

	for (uint32_t netns = 1; netns <= 3; netns++) {
		conn.id.netns = netns;
		add(groups, &conn, 10 - netns);
	}
	expect(groups, 1,
	       "\n"
	       "NETNS" SUMS "    1           9       0    0 45 B     63 B           0\n"
	       "and 2 more, of 15 connections: --by netns shows all\n");
}

static void process_that_is_not_certain_stands_apart(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_PROCESS);
	struct ct_conn certain = a_conn(), inherited = a_conn(), unknown = a_conn();

	inherited.id.owner = CT_OWNER_INHERITED;
	unknown.id.pid = 0;
	unknown.id.owner = CT_OWNER_UNKNOWN;
	unknown.id.comm[0] = '\0';
	add(groups, &certain, 3);
	add(groups, &inherited, 2);
	add(groups, &unknown, 1);
	expect(groups, 0,
	       "\n"
	       "  PID COMM" SUMS " 4242 curl           3       0    0 15 B     21 B           0\n"
	       "~4242 curl           2       0    0 10 B     14 B           0\n"
	       "    - -              1       0    0  5 B      7 B           0\n");
}

/// Of 45678 and 80 nobody knows which is the service, unless it was seen who asked.
static void port_is_that_of_the_end_that_was_asked(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_PORT);
	struct ct_conn active = a_conn(), passive = a_conn(), unknown = a_conn();

	passive.id.role = CT_ROLE_PASSIVE;
	passive.id.lport = 80;
	passive.id.rport = 45678;
	unknown.id.role = CT_ROLE_UNKNOWN;
	add(groups, &active, 3);
	add(groups, &passive, 2);
	add(groups, &unknown, 1);
	expect(groups, 0,
	       "\n"
	       "PORT ROLE   " SUMS
	       "  80 active            3       0    0 15 B     21 B           0\n"
	       "  80 passive           2       0    0 10 B     14 B           0\n"
	       "   - -                 1       0    0  5 B      7 B           0\n");
}

static void service_has_its_address(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_SERVICE);
	struct ct_conn active = a_conn(), passive = a_conn(), unknown = a_conn();

	active.id = an_ipv6_id();
	passive.id.role = CT_ROLE_PASSIVE;
	unknown.id.role = CT_ROLE_UNKNOWN;
	add(groups, &active, 3);
	add(groups, &passive, 2);
	memset(passive.id.laddr + 4, 0xaa, 12); /* behind an IPv4 address is nothing */
	add(groups, &passive, 1);
	add(groups, &unknown, 1);
	expect(groups, 0,
	       "\n"
	       "SERVICE        ROLE   " SUMS
	       "[::1]:80       active            3       0    0 15 B     21 B           0\n"
	       "10.0.0.1:45678 passive           3       0    0 15 B     21 B           0\n"
	       "-              -                 1       0    0  5 B      7 B           0\n");
}

static void cgroup_that_is_not_known_is_a_dash(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_CGROUP);
	struct ct_conn conn = a_conn();

	add(groups, &conn, 1);
	conn.id.cgroup = 4711;
	add(groups, &conn, 2);
	expect(groups, 0,
	       "\n"
	       "CGROUP" SUMS "  4711           2       0    0 10 B     14 B           0\n"
	       "     -           1       0    0  5 B      7 B           0\n");
}

/// What a socket has not told is no 0.
static void what_was_not_counted_is_not_in_the_sums(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_PEER);
	struct ct_conn counted = a_conn(), uncounted = a_conn();
	_cleanup_(ct_buf_fini) struct ct_buf note = {};

	uncounted.counted = false;
	add(groups, &counted, 1);
	add(groups, &uncounted, 1);
	set_addr(uncounted.id.raddr, AF_INET, "10.0.0.3");
	add(groups, &uncounted, 1);
	expect(groups, 0,
	       "\n"
	       "PEER    " SUMS "10.0.0.2           2       0    0  5 B      7 B           0\n"
	       "10.0.0.3           1       0    0    -        -           -\n");
	ct_groups_put_uncounted(&note, 0);
	assert_int_equal(note.len, 0);
	ct_groups_put_uncounted(&note, 2);
	assert_string_equal(note.data, "\nSENT, RECEIVED and RETRANSMITS are without those of 2 "
				       "connections whose socket did not tell them.\n");
}

static void sums_that_a_recording_claims_do_not_begin_again_at_0(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_PEER);
	struct ct_conn conn = a_conn();

	conn.counters.bytes_sent = conn.counters.bytes_received = UINT64_MAX;
	conn.counters.retransmits = 0;
	add(groups, &conn, 2);
	expect(groups, 0,
	       "\n"
	       "PEER     CONNECTIONS FLAGGED OPEN    SENT RECEIVED RETRANSMITS\n"
	       "10.0.0.2           2       0    0 18.4 EB  18.4 EB           0\n");
}

static void groups_beyond_the_bound_are_the_others(void **state)
{
	struct ct_groups *groups = some_groups(CT_REPORT_BY_PROCESS);
	struct ct_conn conn = a_conn();

	for (uint32_t i = 0; i < CT_GROUPS_MAX + 3; i++) {
		conn.id.pid = 1 + i;
		add(groups, &conn, 1);
	}
	conn.id.pid = 7; /* is there already */
	add(groups, &conn, 1);
	expect(groups, 1,
	       "\n"
	       "     PID COMM" SUMS
	       "       7 curl           2       0    0 10 B     14 B           0\n"
	       "(others)                3       0    0 15 B     21 B           0\n"
	       "and 65535 more, of 65535 connections: --by process shows all\n"
	       "(others): there was room for 65536 of these\n");
}

static void no_connection_is_no_table(void **state)
{
	expect(some_groups(CT_REPORT_BY_PEER), 0, "");
}

/// As promised, letter for letter: libsmartcols would escape what is escaped.
static void hostile_name_does_nothing_in_a_table(void **state)
{
	for (size_t i = 0; i < 2 * HOSTILE_NAMES; i++) {
		const struct hostile_name *name = &hostile_names[i / 2];
		struct ct_output_options options = {.utf8 = i % 2};
		_cleanup_(ct_groups_free) struct ct_groups *groups =
			some_groups(CT_REPORT_BY_PROCESS);
		_cleanup_(ct_buf_fini) struct ct_buf buf = {};
		struct ct_conn conn = a_conn();
		char expected[128];

		strcpy(conn.id.comm, name->comm);
		add(groups, &conn, 1);
		assert_int_equal(ct_groups_put(&options, groups, 0, &buf), 0);
		assert_null(hostile_find(buf.data, buf.len, options.utf8, ""));
		snprintf(expected, sizeof(expected), "\n4242 %s ",
			 hostile_text(name, options.utf8));
		assert_non_null(strstr(buf.data, expected));
	}
}

static void names_are_there_and_back(void **state)
{
	uint8_t by = 77;

	for (unsigned int i = 1; i < _CT_REPORT_BY_MAX; i++) {
		assert_int_equal(ct_report_by_from_name(ct_report_by_name(i), &by), 0);
		assert_int_equal(by, i);
	}
	by = 77;
	assert_int_equal(ct_report_by_from_name("", &by), -EINVAL);
	assert_int_equal(ct_report_by_from_name("peers", &by), -EINVAL);
	assert_int_equal(by, 77);
	assert_null(ct_report_by_name(CT_REPORT_BY_NONE));
	assert_null(ct_report_by_name(_CT_REPORT_BY_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(largest_group_comes_first_with_its_sums),
		cmocka_unit_test(flags_decide_between_groups_of_one_size),
		cmocka_unit_test(what_is_not_shown_is_counted),
		cmocka_unit_test(process_that_is_not_certain_stands_apart),
		cmocka_unit_test(port_is_that_of_the_end_that_was_asked),
		cmocka_unit_test(service_has_its_address),
		cmocka_unit_test(cgroup_that_is_not_known_is_a_dash),
		cmocka_unit_test(what_was_not_counted_is_not_in_the_sums),
		cmocka_unit_test(sums_that_a_recording_claims_do_not_begin_again_at_0),
		cmocka_unit_test(groups_beyond_the_bound_are_the_others),
		cmocka_unit_test(no_connection_is_no_table),
		cmocka_unit_test(hostile_name_does_nothing_in_a_table),
		cmocka_unit_test(names_are_there_and_back),
	};

	return cmocka_run_group_tests_name("report_groups", tests, NULL, NULL);
}
