// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The grammar: what is taken, what it comes to, and what is said of the rest. */
#include "../../src/select/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/count.h"
#include "unit/builders.h"

static char err[CT_EXPRESSION_ERR_LEN];

static struct ct_expression *parsed(const char *text)
{
	struct ct_expression *expression = NULL;

	if (ct_expression_parse(text, err, &expression))
		fail_msg("'%s' is refused: %s", text, err);
	return expression;
}

/// Both come to the same nodes.
static void assert_same(const char *text, const char *other)
{
	struct ct_expression *a = parsed(text), *b = parsed(other);

	if (a->n != b->n || memcmp(a->nodes, b->nodes, a->n * sizeof(a->nodes[0])) != 0)
		fail_msg("'%s' is not '%s'", text, other);
	ct_expression_free(&a);
	ct_expression_free(&b);
	assert_null(a);
}

static void assert_different(const char *text, const char *other)
{
	struct ct_expression *a = parsed(text), *b = parsed(other);

	if (a->n == b->n && memcmp(a->nodes, b->nodes, a->n * sizeof(a->nodes[0])) == 0)
		fail_msg("'%s' is '%s'", text, other);
	ct_expression_free(&a);
	ct_expression_free(&b);
}

static void assert_refused(const char *text, const char *message)
{
	static struct ct_expression *const untouched = (void *)err;
	struct ct_expression *expression = untouched;

	if (ct_expression_parse(text, err, &expression) != -EINVAL)
		fail_msg("'%s' is taken", text);
	assert_ptr_equal(expression, untouched);
	if (!strstr(err, message))
		fail_msg("'%s': '%s' does not say \"%s\"", text, err, message);
	assert_null(strchr(err, '\n'));
}

/// a, b, c stand for conditions in what follows.
#define A "sport = :1"
#define B "dport = :2"
#define C "pid = 3"

static void operators_bind_as_in_ss(void **state)
{
	assert_same(A " or " B " and " C, A " or ( " B " and " C " )");
	assert_same(A " and " B " or " C, "( " A " and " B " ) or " C);
	assert_different(A " and " B " or " C, A " and ( " B " or " C " )");
	assert_same("not " A " and " B, "( not " A " ) and " B);
	assert_different("not " A " and " B, "not ( " A " and " B " )");
	assert_same(A " or " B " or " C, "( " A " or " B " ) or " C);
	assert_same(A " and " B " and " C, "( " A " and " B " ) and " C);
}

static void and_may_be_left_out(void **state)
{
	assert_same(A " " B " " C, A " and " B " and " C);
	assert_same(A " or " B " " C, A " or ( " B " and " C " )");
	assert_same(A " not " B, A " and not " B);
	assert_same("( " A " ) ( " B " )", A " and " B);
}

static void operators_have_their_spellings(void **state)
{
	static const char *const and[] = {"&", "&&", "and"}, *const or [] = {"|", "||", "or"};
	char text[100];

	for (size_t i = 0; i < CT_COUNT(and); i++) {
		snprintf(text, sizeof(text), "%s%s %s", A, and[i], B);
		if (i < 2)
			assert_same(text, A " and " B);
		snprintf(text, sizeof(text), "%s %s %s", A, and[i], B);
		assert_same(text, A " and " B);
		snprintf(text, sizeof(text), "%s %s %s", A, or [i], B);
		assert_same(text, A " or " B);
	}
	assert_same("! " A, "not " A);
	assert_same("!(" A ")", "not ( " A " )");
	assert_same("not not " A, A);
	assert_same("! not ! " A, "not " A);
}

static void comparisons_have_their_spellings(void **state)
{
	static const char *const same[][3] = {
		{"=", "==", "eq"}, {"!=", "ne", "neq"}, {"<", "lt", "lt"},
		{">", "gt", "gt"}, {"<=", "le", "leq"}, {">=", "ge", "geq"},
	};
	char text[100], other[100];

	for (size_t i = 0; i < CT_COUNT(same); i++) {
		for (size_t j = 1; j < CT_COUNT(same[i]); j++) {
			snprintf(text, sizeof(text), "sport %s :80", same[i][0]);
			snprintf(other, sizeof(other), "sport %s :80", same[i][j]);
			assert_same(text, other);
		}
	}
	assert_same("sport :80", "sport = :80");
	assert_same("sport=:80", "sport = :80");
	assert_same("sport!=80", "not sport = :80");
	assert_same("sport >= 81", "sport > 80");
	assert_same("sport <= 80", "sport < 81");
	assert_different("sport < 80", "sport <= 80");
	assert_same("comm ~ ngin?", "comm = ngin?");
}

static void port_is_a_number_a_range_or_a_service(void **state)
{
	struct ct_expression *expression;

	assert_same("dport = http", "dport = :80");
	assert_same("dport :https", "dport = 443");
	expression = parsed("dport = 8000-8080");
	assert_int_equal(expression->n, 1);
	assert_int_equal(expression->nodes[0].kind, CT_NODE_DPORT);
	assert_int_equal(expression->nodes[0].range.first, 8000);
	assert_int_equal(expression->nodes[0].range.last, 8080);
	ct_expression_free(&expression);
	/* what no port can meet is no error */
	expression = parsed("sport > 65535 or sport < 1");
	assert_true(expression->nodes[0].range.first > expression->nodes[0].range.last);
	assert_true(expression->nodes[1].range.first > expression->nodes[1].range.last);
	ct_expression_free(&expression);
}

static void host_may_have_a_prefix_and_a_port(void **state)
{
	assert_same("dst 10.0.0.1:443", "dst 10.0.0.1 and dport = 443");
	assert_same("dst = 10.0.0.0/8:https", "dst 10.0.0.0/8 dport :443");
	assert_same("src [2001:db8::1]:80", "src 2001:db8::1 sport 80");
	assert_same("src [2001:db8::]/32:80", "src 2001:db8::/32 sport 80");
	assert_same("src [2001:db8::/32]:80", "src 2001:db8::/32 sport 80");
	assert_same("src [::1]", "src ::1");
	assert_same("src ::ffff:10.0.0.1", "src 10.0.0.1");
	assert_same("dst :8000-8080", "dst *:8000-8080");
	assert_same("dst 10.0.0.1:*", "dst 10.0.0.1");
	assert_same("dst != 10.0.0.1:443", "not ( dst 10.0.0.1 and dport 443 )");
	assert_different("dst 10.0.0.1", "src 10.0.0.1");
}

static void state_has_our_names_and_those_of_ss(void **state)
{
	static const struct {
		const char *word;
		unsigned int states;
	} words[] = {
		{"established", 1 << CT_STATE_ESTABLISHED},
		{"ESTABLISHED", 1 << CT_STATE_ESTABLISHED},
		{"syn-sent", 1 << CT_STATE_SYN_SENT},
		{"syn-recv", 1 << CT_STATE_SYN_RECV},
		{"fin-wait-1", 1 << CT_STATE_FIN_WAIT1},
		{"FIN_WAIT1", 1 << CT_STATE_FIN_WAIT1},
		{"fin-wait-2", 1 << CT_STATE_FIN_WAIT2},
		{"time-wait", 1 << CT_STATE_TIME_WAIT},
		{"Time_Wait", 1 << CT_STATE_TIME_WAIT},
		{"close-wait", 1 << CT_STATE_CLOSE_WAIT},
		{"last-ack", 1 << CT_STATE_LAST_ACK},
		{"closing", 1 << CT_STATE_CLOSING},
		{"listening", 1 << CT_STATE_LISTEN},
		{"listen", 1 << CT_STATE_LISTEN},
		{"closed", 1 << CT_STATE_CLOSE},
		{"close", 1 << CT_STATE_CLOSE},
		{"bucket", 1 << CT_STATE_SYN_RECV | 1 << CT_STATE_TIME_WAIT},
		{"all", 0xffe},
		{"big", 0xffe & ~(1 << CT_STATE_SYN_RECV | 1 << CT_STATE_TIME_WAIT)},
		{"connected", 0xffe & ~(1 << CT_STATE_LISTEN | 1 << CT_STATE_CLOSE)},
		{"synchronized",
		 0xffe & ~(1 << CT_STATE_LISTEN | 1 << CT_STATE_CLOSE | 1 << CT_STATE_SYN_SENT)},
	};
	char text[64];

	_Static_assert(_CT_STATE_MAX == 12, "a new state: to which sets of ss does it belong?");
	for (size_t i = 0; i < CT_COUNT(words); i++) {
		struct ct_expression *expression;

		snprintf(text, sizeof(text), "state %s", words[i].word);
		expression = parsed(text);
		assert_int_equal(expression->nodes[0].kind, CT_NODE_STATE);
		assert_int_equal(expression->nodes[0].states, words[i].states);
		ct_expression_free(&expression);
	}
}

static void age_is_a_range_of_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t first, last;
	} ages[] = {
		{"age > 5s", 5 * S + 1, UINT64_MAX}, {"age ge 1.5", 1500 * MS, UINT64_MAX},
		{"age < 1m", 0, 60 * S - 1},	     {"age le 5ms", 0, 5 * MS},
		{"age >= 0", 0, UINT64_MAX},
	};

	for (size_t i = 0; i < CT_COUNT(ages); i++) {
		struct ct_expression *expression = parsed(ages[i].text);

		assert_true(expression->nodes[0].range.first == ages[i].first);
		assert_true(expression->nodes[0].range.last == ages[i].last);
		ct_expression_free(&expression);
	}
}

static void quoted_word_may_hold_anything(void **state)
{
	struct ct_expression *expression = parsed("comm = '(sd pam)' and comm=\"a'b\" comm = and");

	assert_string_equal(expression->nodes[0].glob, "(sd pam)");
	assert_string_equal(expression->nodes[1].glob, "a'b");
	assert_string_equal(expression->nodes[3].glob, "and");
	ct_expression_free(&expression);
	assert_same("comm=ngin[!x]", "comm = 'ngin[!x]'");
}

static void example_of_the_manual_is_taken(void **state)
{
	struct ct_expression *expression = parsed(
		"state established and ( sport = :http or dport = :443 ) and not dst 10.0.0.0/8");

	assert_int_equal(expression->n, 8);
	ct_expression_free(&expression);
	expression = parsed("flag = rst-received flag rst-sent pid = 7 comm ~ php* age > 5s");
	assert_int_equal(expression->nodes[0].flags, 1U << CT_FLAG_RST_RECEIVED);
	assert_int_equal(expression->nodes[1].flags, 1U << CT_FLAG_RST_SENT);
	ct_expression_free(&expression);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"", "at its end: a condition is due here"},
		{"  ", "at its end: a condition is due here"},
		{"curl", "'curl' at character 1: no condition; there are age, comm"},
		{"sport = :80 and rport = 9", "'rport' at character 17: no condition"},
		{"comm = \xc3\xa4 or x", "'x' at character 13: no condition"},
		{"sport = :80 and", "at its end: a condition is due here"},
		{"sport = :80 or or dport = 1", "'or' at character 16: a condition is due here"},
		{"and sport = :80", "'and' at character 1: a condition is due here"},
		{"sport", "at its end: 'sport' needs a value"},
		{"sport =", "at its end: 'sport' needs a value"},
		{"sport = = 80", "'=' at character 9: 'sport' needs a value"},
		{"sport = ( 80 )", "'(' at character 9: 'sport' needs a value"},
		{"sport = 80 = 90", "'=' at character 12: the condition before it is over"},
		{"( sport = 80", "'(' at character 1: the parenthesis is not closed"},
		{"sport = 80 )", "')' at character 12: no parenthesis is open"},
		{"( )", "')' at character 3: a condition is due here"},
		{"not", "at its end: a condition is due here"},
		{"sport = :0", "':0' at character 9: no port"},
		{"sport = 65536", "'65536'"},
		{"sport = 90-80", "'90-80'"},
		{"sport = 80-", "'80-'"},
		{"sport = :no.such.service", "':no.such.service'"},
		{"sport < 80-90", "a range is compared with = and != only"},
		{"sport ~ 80", "'sport' at character 1: is compared with"},
		{"dst example.org", "'example.org' at character 5: no address or network"},
		{"dst 10.0.0.0/33", "'10.0.0.0/33'"},
		{"dst 2001:db8::1:99999", "'2001:db8::1:99999'"},
		{"dst [::1", "'[::1'"},
		{"dst [::1]443", "'[::1]443'"},
		{"dst 10.0.0.1:", "'10.0.0.1:'"},
		{"dst ''", "'' at character 5: no address"},
		{"dst > 10.0.0.1", "'dst' at character 1: is compared with =, != only"},
		{"state open", "'open' at character 7: no state; there are established"},
		{"state > established", "'state'"},
		{"pid = nginx", "'nginx' at character 7: no process id"},
		{"pid = 0", "'0'"},
		{"comm = ''", "1 to 63 bytes"},
		{"comm = kworker/u8:3-events", "try 'kworker/u8:3-ev'"},
		{"comm > a", "is compared with =, !=, ~ only"},
		{"age 5s", "'age' at character 1: is compared with one of <, <=, >, >="},
		{"age = 5s", "'age' at character 1: is compared with <, <=, >, >= only"},
		{"age > soon", "'soon' at character 7: no duration"},
		{"flag rst", "'rst' at character 6: no flag; there are half-close-local, "},
		{"comm = 'x", "at character 8: the quote is not closed"},
		{"comm = 'a\nb' x", "'x'"},
		{"flag 'a\nb'", "'a\\x0ab'"},
	};

	for (size_t i = 0; i < CT_COUNT(bad); i++)
		assert_refused(bad[i].text, bad[i].message);
	assert_non_null(strstr(err, ", gap"));
}

static void repeat(char *text, const char *what, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strcat(text, what);
}

static void length_depth_and_number_are_bounded(void **state)
{
	static char text[2 * CT_EXPRESSION_LEN_MAX];
	struct ct_expression *expression;

	repeat(text, "(", CT_EXPRESSION_DEPTH_MAX);
	strcat(text, A);
	repeat(text, ")", CT_EXPRESSION_DEPTH_MAX);
	assert_same(text, A);
	memmove(text + 1, text, strlen(text) + 1);
	assert_refused(text, "'(' at character 33: too deep");

	*text = '\0';
	repeat(text, "pid 1 ", CT_EXPRESSION_NODES_MAX / 2);
	expression = parsed(text);
	assert_int_equal(expression->n, CT_EXPRESSION_NODES_MAX - 1);
	ct_expression_free(&expression);
	strcat(text, "pid 1");
	assert_refused(text, "more than 256 conditions and operators");

	memset(text, ' ', CT_EXPRESSION_LEN_MAX);
	text[CT_EXPRESSION_LEN_MAX] = '\0';
	memcpy(text, A, strlen(A));
	assert_same(text, A);
	strcat(text, " ");
	assert_refused(text, "longer than the 4096 bytes");

	strcpy(text, "flag ");
	repeat(text, "x", 127);
	assert_refused(text, "no flag");
	strcat(text, "x");
	assert_refused(text, "longer than the 127 bytes");
}

static void beginning_of_an_expression_is_known_by_its_first_word(void **state)
{
	static const char *const yes[] = {"age",   "comm", "dport",  "dst",    "flag", "pid",
					  "sport", "src",  "state",  "not",    "!",    "(",
					  "(pid",  "!pid", "pid=99", "  state"},
				 *const no[] = {"",	 "curl", "watch", "and",   "=",
						"x.ctr", ")",	 "'pid'", "STATE", "'"};

	for (size_t i = 0; i < CT_COUNT(yes); i++)
		if (!ct_expression_begins(yes[i]))
			fail_msg("'%s' begins none", yes[i]);
	for (size_t i = 0; i < CT_COUNT(no); i++)
		if (ct_expression_begins(no[i]))
			fail_msg("'%s' begins one", no[i]);
	/* all that the message names */
	assert_refused("curl", "there are age, comm, dport, dst, flag, pid, sport, src, state");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_bind_as_in_ss),
		cmocka_unit_test(and_may_be_left_out),
		cmocka_unit_test(operators_have_their_spellings),
		cmocka_unit_test(comparisons_have_their_spellings),
		cmocka_unit_test(port_is_a_number_a_range_or_a_service),
		cmocka_unit_test(host_may_have_a_prefix_and_a_port),
		cmocka_unit_test(state_has_our_names_and_those_of_ss),
		cmocka_unit_test(age_is_a_range_of_durations),
		cmocka_unit_test(quoted_word_may_hold_anything),
		cmocka_unit_test(example_of_the_manual_is_taken),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(length_depth_and_number_are_bounded),
		cmocka_unit_test(beginning_of_an_expression_is_known_by_its_first_word),
	};

	return cmocka_run_group_tests_name("expression", tests, NULL, NULL);
}
