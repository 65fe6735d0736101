// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The page, as the browser gets it: its block of JSON is taken out and parsed.
#include "conntrace/report.h"

#include "unit/report_checks.h"

#include <jansson.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "support/hostile.h"
#include "unit/page_fixture.h"

#define MANY	   20000
#define EVENTS_MAX 32

static size_t count_of(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strcasestr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void nothing_recorded_is_a_whole_page_too(void **state)
{
	_cleanup_(page_fini) struct page page = {};

	print_page(&page, NULL, 0);
	assert_memory_equal(page.printed.text, "<!DOCTYPE html>\n", 16);
	assert_non_null(strstr(page.printed.text, "<html lang=\"en\">"));
	assert_string_equal(page.printed.text + page.printed.len - 16, "</body>\n</html>\n");
	assert_int_equal(json_array_size(json_object_get(page.data, "lives")), 0);
	assert_int_equal(json_array_size(json_object_get(page.data, "findings")), 0);
	assert_int_equal(json_array_size(json_object_get(page.data, "lost")), 0);
	assert_true(json_is_null(json_object_get(page.data, "problem")));
	assert_dumps(json_object_get(page.data, "session"),
		     "{\"host\":\"web1\",\"kernel\":\"6.18.0\",\"machine\":\"x86_64\","
		     "\"command\":\"conntrace record -w x.ctr\",\"version\":\"0.1.0\","
		     "\"began_us\":1700000000000000,\"time\":\"utc\"}");
}

/// It loads nothing, and what it runs is known by its hash.
static void page_asks_for_nothing(void **state)
{
	_cleanup_(page_fini) struct page page = {};
	const char *policy;

	print_page(&page, NULL, 0);
	policy = strstr(page.printed.text, "http-equiv=\"Content-Security-Policy\" "
					   "content=\"default-src 'none'; script-src 'sha256-");
	assert_non_null(policy);
	assert_ptr_equal(strstr(page.printed.text, "<meta "),
			 strstr(page.printed.text, "<meta charset="));
	assert_null(strstr(policy, "unsafe-"));
	assert_null(strstr(page.printed.text, "@POLICY@"));
	assert_null(strcasestr(page.printed.text, " src="));
	assert_null(strcasestr(page.printed.text, "@import"));
	assert_null(strcasestr(page.printed.text, "url("));
	assert_null(strcasestr(page.printed.text, "innerhtml"));
	assert_int_equal(count_of(page.printed.text, "http://"), 1);
	assert_non_null(strstr(page.printed.text, "http://www.w3.org/2000/svg"));
	assert_int_equal(count_of(page.printed.text, "https://"), 0);
}

static const struct ct_evidence rst_evidence[] = {
	{.key = "cause", .text = "linger0"},
	{.key = "unread_bytes", .number = 1200},
};

static void life_is_there_with_its_states_and_flags(void **state)
{
	struct ct_mark mark = {.flag = CT_FLAG_RST_SENT, .at_ns = BEGAN + 51 * MS, .n_evidence = 2};
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn conn = a_conn();
	struct ct_update u;

	memcpy(mark.evidence, rst_evidence, sizeof(rst_evidence));
	conn.marks = &mark;
	conn.flags = 1U << mark.flag;
	conn.end = CT_END_RST_SENT;
	conn.sock_flags = CT_SOCK_NODELAY;
	u = a_close(&conn);
	print_page(&page, &u, 1);
	assert_value(&page, 0, "conn", "\"1a2b\"");
	assert_value(&page, 0, "raddr", "\"10.0.0.2\"");
	assert_value(&page, 0, "rport", "80");
	assert_value(&page, 0, "comm", "\"curl\"");
	assert_value(&page, 0, "end", "\"rst-sent\"");
	assert_value(&page, 0, "outcome", "\"rst-sent after 52.0 ms\"");
	assert_value(&page, 0, "opened", "0");
	assert_value(&page, 0, "closed", "52000000");
	assert_value(&page, 0, "found", "null");
	assert_value(&page, 0, "bytes_sent", "5");
	assert_value(&page, 0, "history",
		     "[2,0,1000000,0,1,1000000,50000000,0,4,51000000,1000000,0]");
	assert_value(&page, 0, "marks", "[[3,51000000,\"cause linger0, unread 1.20 kB\"]]");
	assert_value(&page, 0, "events", "[]");
	assert_non_null(strstr(json_string_value(value_of(&page, 0, "options")), "nodelay=true"));
	assert_string_equal(json_string_value(json_array_get(json_object_get(page.data, "flags"),
							     CT_FLAG_RST_SENT)),
			    "rst-sent");
	assert_string_equal(json_string_value(json_array_get(json_object_get(page.data, "states"),
							     CT_STATE_FIN_WAIT1)),
			    "FIN_WAIT1");
	assert_dumps(json_object_get(page.data, "totals"),
		     "{\"connections\":1,\"lives\":1,\"flagged\":1,\"listeners\":0,\"gaps\":0,"
		     "\"unkept\":0,\"unclaimed\":0,\"observed_ns\":1500000000}");
}

static void life_that_goes_on_lasts_to_where_it_was_seen_last(void **state)
{
	struct ct_step steps[] = {
		{.at_ns = CT_NS_UNKNOWN,
		 .for_ns = CT_NS_UNKNOWN,
		 .state = CT_STATE_ESTABLISHED,
		 .basis = CT_BASIS_FOUND},
	};
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn conn = a_conn();
	struct ct_update u;

	conn.history = (struct ct_history){.steps = steps, .n_steps = 1, .capacity = 1};
	conn.opened_ns = conn.closed_ns = conn.established_ns = CT_NS_UNKNOWN;
	conn.found_ns = BEGAN + 10 * MS;
	conn.end = CT_END_OPEN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.counted = false;
	u = a_close(&conn);
	print_page(&page, &u, 1);
	assert_value(&page, 0, "opened", "null");
	assert_value(&page, 0, "closed", "null");
	assert_value(&page, 0, "found", "10000000");
	assert_value(&page, 0, "until", "1500000000");
	assert_value(&page, 0, "bytes_sent", "null");
	assert_value(&page, 0, "history", "[1,null,null,2]");
	assert_value(&page, 0, "outcome", "\"still ESTABLISHED, opened before the trace\"");
	assert_value(&page, 0, "unseen", "false");
}

/// Behind a loss nobody knows how old it is.
static void life_whose_opening_was_not_seen_is_not_said_to_be_older(void **state)
{
	struct ct_step steps[] = {
		{.at_ns = CT_NS_UNKNOWN,
		 .for_ns = CT_NS_UNKNOWN,
		 .state = CT_STATE_SYN_SENT,
		 .basis = CT_BASIS_INFERRED},
	};
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn conn = a_conn();
	struct ct_update u;

	conn.history = (struct ct_history){.steps = steps, .n_steps = 1, .capacity = 1};
	conn.opened_ns = conn.closed_ns = conn.established_ns = conn.found_ns = CT_NS_UNKNOWN;
	conn.end = CT_END_OPEN;
	conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	conn.unseen = true;
	u = a_close(&conn);
	print_page(&page, &u, 1);
	assert_value(&page, 0, "opened", "null");
	assert_value(&page, 0, "unseen", "true");
	assert_value(&page, 0, "outcome", "\"still SYN_SENT, opening not seen\"");
}

static void events_are_marked_in_the_life_that_they_are_of(void **state)
{
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn one = a_conn(), other = a_conn();
	struct ct_update updates[] = {
		a_reset(CT_DIRECTION_SENT, CT_RESET_BY_APP, CT_RESET_CAUSE_LINGER0),
		a_probe(CT_PROBE_WINDOW, CT_PROBE_SENT, 2),
		a_transition(CT_STATE_ESTABLISHED, CT_STATE_CLOSE, MS),
		a_close(&one),
		a_close(&other),
		a_close(&one),
	};

	other.id.generation = 1;
	updates[1].id.generation = 1;
	updates[4].id.generation = 1;
	print_page(&page, updates, CT_COUNT(updates));
	assert_value(&page, 0, "events", "[[1500000000,\"RST\",\"sent by app: linger0\"]]");
	assert_value(&page, 1, "conn", "\"1a2b.1\"");
	assert_value(&page, 1, "events",
		     "[[1500000000,\"ZERO-WINDOW PROBE\",\"sent, 2 unanswered\"]]");
	assert_value(&page, 2, "events", "[]");
}

static void events_beyond_the_bound_are_counted(void **state)
{
	struct ct_update updates[EVENTS_MAX + 6];
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn conn = a_conn();

	for (size_t i = 0; i < CT_COUNT(updates); i++)
		updates[i] = a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1);
	updates[CT_COUNT(updates) - 1] = a_close(&conn);
	print_page(&page, updates, CT_COUNT(updates));
	assert_int_equal(json_array_size(value_of(&page, 0, "events")), EVENTS_MAX);
	assert_value(&page, 0, "events_left_out", "5");
}

static void reset_that_no_socket_answers_for_is_told_and_no_ones_event(void **state)
{
	struct ct_update reset = a_reset(CT_DIRECTION_SENT, CT_RESET_BY_STACK,
					 CT_RESET_CAUSE_REFUSED);
	_cleanup_(page_fini) struct page none = {}, one = {}, two = {};
	struct ct_conn conn = a_conn();
	struct ct_update updates[3];

	reset.id.cookie = 0;
	reset.reset.state = CT_STATE_NONE;
	updates[0] = updates[1] = reset;
	updates[2] = a_close(&conn);
	print_page(&none, &updates[2], 1);
	assert_dumps(json_object_get(none.data, "strays"), "\"\"");
	print_page(&one, &updates[1], 2);
	assert_dumps(json_object_get(one.data, "strays"),
		     "\"1 reset was sent where there was no socket, or none any more; no "
		     "connection below has it.\"");
	print_page(&two, updates, 3);
	assert_dumps(json_object_get(two.data, "strays"),
		     "\"2 resets were sent where there was no socket, or none any more; no "
		     "connection below has them.\"");
	assert_int_equal(n_lives(&two), 1);
	assert_value(&two, 0, "events", "[]");
	assert_int_equal(total_of(&two, "unclaimed"), 0);
}

/// Of a handshake that has no number yet, and of a connection whose summary does not come.
static void events_that_no_life_comes_for_are_counted(void **state)
{
	struct ct_conn conn = a_conn();
	struct ct_update updates[] = {
		a_reset(CT_DIRECTION_RECEIVED, CT_RESET_BY_PEER, CT_RESET_CAUSE_PEER),
		a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 1),
		a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 2),
		a_probe(CT_PROBE_KEEPALIVE, CT_PROBE_SENT, 3),
		a_transition(CT_STATE_ESTABLISHED, CT_STATE_CLOSE, MS),
		a_close(&conn),
	};
	_cleanup_(page_fini) struct page page = {};

	updates[0].id.cookie = 0;
	updates[0].reset.state = CT_STATE_SYN_RECV;
	updates[1].id.cookie = updates[2].id.cookie = updates[4].id.cookie = 0x77;
	print_page(&page, updates, CT_COUNT(updates));
	assert_int_equal(total_of(&page, "unclaimed"), 3);
	assert_int_equal(json_array_size(value_of(&page, 0, "events")), 1);
	assert_dumps(json_object_get(page.data, "strays"), "\"\"");
}

static void losses_are_told_with_their_place_and_time(void **state)
{
	const struct ct_update updates[] = {
		a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN), a_loss(3, CT_LOST_RING, CT_NS_UNKNOWN),
		a_loss(1, CT_LOST_DISK, CT_NS_UNKNOWN),
		a_loss(4, CT_LOST_DECODE, CT_NS_UNKNOWN), /* the page knows it by its word */
	};
	struct ct_output_options options = in_utc;
	_cleanup_(page_fini) struct page page = {};

	options.problem = "its last frame is cut";
	printed_init(&page.printed);
	print_page_with(&page, &options, updates, CT_COUNT(updates));
	assert_dumps(json_object_get(page.data, "lost"),
		     "[[\"ring buffer full\",20],[\"unreadable\",4],[\"no room on the disk\",1]]");
	assert_int_equal(json_array_size(json_object_get(page.data, "losses")), 4);
	assert_dumps(json_array_get(json_object_get(page.data, "losses"), 1),
		     "[1500000000,3,\"ring buffer full\"]");
	assert_dumps(json_object_get(page.data, "problem"), "\"its last frame is cut\"");
}

/// Three that stand in CLOSE_WAIT for 590 s: a leak.
static void finding_names_examples_that_are_in_the_page(void **state)
{
	struct ct_step steps[] = {
		{.at_ns = BEGAN, .for_ns = 10 * S, .state = CT_STATE_ESTABLISHED},
		{.at_ns = BEGAN + 10 * S, .for_ns = CT_NS_UNKNOWN, .state = CT_STATE_CLOSE_WAIT},
	};
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn conns[3];
	struct ct_update updates[3];
	const json_t *finding, *examples;

	for (size_t i = 0; i < CT_COUNT(conns); i++) {
		conns[i] = a_conn();
		conns[i].id.cookie = 0x100 + i;
		conns[i].history = (struct ct_history){.steps = steps, .n_steps = 2, .capacity = 2};
		conns[i].closed_ns = CT_NS_UNKNOWN;
		conns[i].end = CT_END_OPEN;
		updates[i] = a_close(&conns[i]);
		updates[i].ts_ns = BEGAN + 600 * S;
	}
	print_page(&page, updates, CT_COUNT(updates));
	finding = json_array_get(json_object_get(page.data, "findings"), 0);
	assert_dumps(json_object_get(finding, "id"), "\"close-wait-leak\"");
	assert_dumps(json_object_get(finding, "count"), "3");
	assert_dumps(json_object_get(finding, "processes"), "[\"curl[4242], cgroup not known\"]");
	assert_true(json_array_size(json_object_get(finding, "evidence")) > 0);
	assert_non_null(strstr(json_string_value(json_object_get(finding, "confirm")), "ss "));
	examples = json_object_get(finding, "examples");
	assert_int_equal(json_array_size(examples), 3);
	assert_dumps(json_object_get(json_array_get(examples, 0), "conn"), "\"100\"");
	assert_value(&page, 0, "conn", "\"100\"");
}

/// What HTML takes for its own, where a process may put it.
static const struct hostile_name markup_names[] = {
	{"</script><b>", "</script><b>", NULL, NULL, NULL},
	{"</ScRiPt\t><a>", "</ScRiPt\\x09><a>", NULL, NULL, NULL},
	{"<!--<script>", "<!--<script>", NULL, NULL, NULL},
	{"-->]]><x>", "-->]]><x>", NULL, NULL, NULL},
	{"&lt;&#60;\\u003c", "&lt;&#60;\\u003c", NULL, NULL, NULL},
	{"</html></body>", "</html></body>", NULL, NULL, NULL},
};

static void assert_harmless(const struct hostile_name *name, size_t elements)
{
	struct ct_output_options options = in_utc;
	_cleanup_(page_fini) struct page page = {};
	struct ct_conn conn = a_conn();
	struct ct_update u;
	const json_t *session, *silent;

	printed_init(&page.printed);
	session_say(&page.printed.session, name->comm);
	strcpy(conn.id.comm, name->comm);
	options.problem = name->comm;
	u = a_close(&conn);
	print_page_with(&page, &options, &u, 1);
	assert_null(hostile_find(page.printed.text, page.printed.len, true, "\t"));
	assert_int_equal(count_of(page.printed.text, "<"), elements);
	assert_string_equal(json_string_value(value_of(&page, 0, "comm")), name->utf8);
	session = json_object_get(page.data, "session");
	assert_string_equal(json_string_value(json_object_get(session, "host")), name->utf8);
	assert_string_equal(json_string_value(json_object_get(session, "kernel")), name->utf8);
	assert_string_equal(json_string_value(json_object_get(session, "command")), name->utf8);
	assert_string_equal(json_string_value(json_object_get(session, "version")), name->utf8);
	assert_string_equal(json_string_value(json_object_get(page.data, "problem")), name->utf8);
	silent = json_array_get(json_object_get(page.data, "not_traced"), 0);
	assert_string_equal(json_string_value(json_array_get(silent, 2)), name->utf8);
}

/// No name adds a single < to those that the page has of its own.
static void hostile_name_is_data_and_nothing_else(void **state)
{
	_cleanup_(page_fini) struct page plain = {};
	size_t elements;

	print_page(&plain, NULL, 0);
	elements = count_of(plain.printed.text, "<");
	for (size_t i = 0; i < HOSTILE_NAMES; i++)
		assert_harmless(&hostile_names[i], elements);
	for (size_t i = 0; i < CT_COUNT(markup_names); i++)
		assert_harmless(&markup_names[i], elements);
}

static void long_page_is_whole_and_in_order(void **state)
{
	_cleanup_(page_fini) struct page page = {};

	print_many(&page.printed, ct_sink_html_new, &in_utc, MANY);
	take_data(&page);
	assert_int_equal(json_array_size(json_object_get(page.data, "lives")), MANY);
	assert_value(&page, 0, "pid", "1000000");
	assert_value(&page, MANY - 1, "pid", "1019999");
}

static void listener_is_counted_apart(void **state)
{
	struct ct_update u = a_transition(CT_STATE_CLOSE, CT_STATE_LISTEN, MS);
	_cleanup_(page_fini) struct page page = {};

	print_page(&page, &u, 1);
	assert_dumps(json_object_get(json_object_get(page.data, "totals"), "listeners"), "1");
	assert_dumps(json_object_get(json_object_get(page.data, "totals"), "connections"), "0");
}

static void page_has_no_fields_to_choose(void **state)
{
	expect_no_fields_to_choose(ct_sink_html_new);
}

static void full_disk_is_returned(void **state)
{
	expect_full_disk_returned(ct_sink_html_new, &in_utc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_recorded_is_a_whole_page_too),
		cmocka_unit_test(page_asks_for_nothing),
		cmocka_unit_test(life_is_there_with_its_states_and_flags),
		cmocka_unit_test(life_that_goes_on_lasts_to_where_it_was_seen_last),
		cmocka_unit_test(life_whose_opening_was_not_seen_is_not_said_to_be_older),
		cmocka_unit_test(events_are_marked_in_the_life_that_they_are_of),
		cmocka_unit_test(events_beyond_the_bound_are_counted),
		cmocka_unit_test(reset_that_no_socket_answers_for_is_told_and_no_ones_event),
		cmocka_unit_test(events_that_no_life_comes_for_are_counted),
		cmocka_unit_test(losses_are_told_with_their_place_and_time),
		cmocka_unit_test(finding_names_examples_that_are_in_the_page),
		cmocka_unit_test(hostile_name_is_data_and_nothing_else),
		cmocka_unit_test(long_page_is_whole_and_in_order),
		cmocka_unit_test(listener_is_counted_apart),
		cmocka_unit_test(page_has_no_fields_to_choose),
		cmocka_unit_test(full_disk_is_returned),
	};

	return cmocka_run_group_tests_name("report_html", tests, NULL, NULL);
}
