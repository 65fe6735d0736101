// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/sink_fixture.h"

#include <errno.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_formats.h"
#include "support/hostile.h"

static void expect(uint32_t kinds, const char *fields, const struct ct_update *updates, size_t n,
		   const char *expected)
{
	struct ct_output_options options = {.format = CT_OUTPUT_CSV, .fields = fields};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_sink *sink = NULL;

	printed_init(&printed);
	assert_int_equal(
		ct_sink_csv_new(&options, &printed.session, printed.file, kinds, &sink, NULL), 0);
	print_all(&printed, sink, updates, n);
	assert_string_equal(printed.text, expected);
}

static void events_share_the_columns(void **state)
{
	struct ct_update updates[] = {
		a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS),
		a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP, CT_RESET_CAUSE_LINGER0),
		a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN),
	};

	updates[1].raised = 1U << CT_FLAG_RST_SENT | 1U << CT_FLAG_RETRANSMIT;
	expect(CT_KIND(STATE) | CT_KIND(RESET) | CT_KIND(LOST), NULL, updates, 3,
	       "event,ts,ts_ns,conn,family,laddr,lport,raddr,rport,netns,role,pid,comm,owner,uid,"
	       "cgroup,from,to,in_state_ns,basis,how,handshake,left_by,by_pid,by_conn,direction,by,cause,reason,state,unread_bytes,"
	       "unacked_bytes,events,where,since_ns,flags\r\n"
	       "state,2023-11-14T22:13:21.500000000Z,1700000001500000000,1a2b,ipv4,10.0.0.1,45678,"
	       "10.0.0.2,80,4026531840,active,4242,\"curl\",connect,1000,,SYN_SENT,ESTABLISHED,"
	       "1000000,seen,,,,,,,,,,,,,,,,\r\n"
	       "rst,2023-11-14T22:13:21.500000000Z,1700000001500000000,1a2b,ipv4,10.0.0.1,45678,"
	       "10.0.0.2,80,4026531840,active,4242,\"curl\",connect,1000,,,,,,,,,,,sent,app,linger0,,"
	       "ESTABLISHED,,,,,,rst-sent retransmit\r\n"
	       "lost,2023-11-14T22:13:21.500000000Z,1700000001500000000,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,17,"
	       "ring,,\r\n");
}

static void summary_is_flat(void **state)
{
	struct ct_mark mark = {.flag = CT_FLAG_RETRANSMIT, .at_ns = BEGAN};
	struct ct_conn conn = a_conn();
	struct ct_update u;

	conn.marks = &mark;
	conn.flags = 1U << CT_FLAG_RETRANSMIT;
	u = a_close(&conn);
	expect(CT_KIND(CLOSE), "history,flags,end,closed_by,bytes_sent,options", &u, 1,
	       "history,flags,end,closed_by,bytes_sent,options\r\n"
	       "SYN_SENT:1000000 ESTABLISHED:50000000 FIN_WAIT1:1000000,retransmit,fin,local,5,"
	       "keepalive=false keepalive_time_s=7200 keepalive_interval_s=75 keepalive_probes=9 "
	       "user_timeout_ms=0 linger=false nodelay=false\r\n");
	conn.counted = false;
	conn.options_known = false;
	expect(CT_KIND(CLOSE), "end,bytes_sent,options", &u, 1,
	       "end,bytes_sent,options\r\nfin,,\r\n");
}

static void hostile_comm_stays_in_its_field(void **state)
{
	struct ct_update updates[] = {an_update(CT_UPDATE_FOUND), an_update(CT_UPDATE_FOUND),
				      an_update(CT_UPDATE_FOUND)};

	strcpy(updates[0].id.comm, "a,\"b\"\n");
	strcpy(updates[1].id.comm, "\x1b[2J\xff\xc3\xa4");
	updates[2].id.comm[0] = '\0';
	expect(CT_KINDS_ALL, "lport,comm,rport", updates, 3,
	       "lport,rport,comm\r\n"
	       "45678,80,\"a,\"\"b\"\"\\x0a\"\r\n"
	       "45678,80,\"\\x1b[2J\\xff\xc3\xa4\"\r\n"
	       "45678,80,\r\n");
}

/// A quoted cell of it; the caller's, free().
static char *quoted(const char *text)
{
	char *cell = malloc(2 * strlen(text) + 3);
	char *p = cell;

	assert_non_null(cell);
	*p++ = '"';
	for (; *text; text++) {
		if (*text == '"')
			*p++ = '"';
		*p++ = *text;
	}
	*p++ = '"';
	*p = '\0';
	return cell;
}

static void hostile_name_is_one_harmless_cell(void **state)
{
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		_cleanup_(ct_freep) char *cell = quoted(hostile_csv(&hostile_names[i]));
		struct ct_update u = an_update(CT_UPDATE_FOUND);
		char expected[128];

		strcpy(u.id.comm, hostile_names[i].comm);
		snprintf(expected, sizeof(expected), "pid,comm\r\n4242,%s\r\n", cell);
		expect(CT_KINDS_ALL, "comm,pid", &u, 1, expected);
		assert_null(hostile_find(expected, strlen(expected), true, "\r"));
	}
}

static void name_is_no_formula(void **state)
{
	static const struct {
		const char *comm, *cell;
	} names[] = {
		{"-bash", "\\x2dbash"}, {"=", "\\x3d"}, {"a=b", "a=b"},
		{"\t=1", "\\x09=1"},	{"'=1", "'=1"}, {" =1", " =1"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ct_update u = an_update(CT_UPDATE_FOUND);
		char expected[64];

		strcpy(u.id.comm, names[i].comm);
		snprintf(expected, sizeof(expected), "comm\r\n\"%s\"\r\n", names[i].cell);
		expect(CT_KINDS_ALL, "comm", &u, 1, expected);
	}
}

static void updates_of_other_kinds_pass(void **state)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	expect(CT_KIND(CLOSE), "pid", &u, 1, "pid\r\n");
}

static void unknown_field_is_named(void **state)
{
	struct ct_output_options options = {.fields = "pid,PID,comm"};
	struct ct_session session = a_session();
	struct ct_sink *sink = NULL;
	const char *bad = NULL;

	assert_int_equal(ct_sink_csv_new(&options, &session, stdout, CT_KINDS_ALL, &sink, &bad),
			 -EINVAL);
	assert_null(sink);
	assert_string_equal(bad, "PID,comm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_share_the_columns),
		cmocka_unit_test(summary_is_flat),
		cmocka_unit_test(hostile_comm_stays_in_its_field),
		cmocka_unit_test(hostile_name_is_one_harmless_cell),
		cmocka_unit_test(name_is_no_formula),
		cmocka_unit_test(updates_of_other_kinds_pass),
		cmocka_unit_test(unknown_field_is_named),
	};

	return cmocka_run_group_tests_name("sink_csv", tests, NULL, NULL);
}
