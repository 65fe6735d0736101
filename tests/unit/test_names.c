// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/conn.h"

/// Every word that users may rely on, in the order of its enum: CONTRACT.md. NULL where there is
/// none.
static const struct vocabulary {
	const char *(*name)(unsigned int value);
	int (*from_name)(const char *name, uint8_t *ret);
	unsigned int n;
	const char *words[32];
} vocabularies[] = {
	{ct_state_name,
	 ct_state_from_name,
	 _CT_STATE_MAX,
	 {NULL, "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
	  "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"}},
	{ct_role_name, ct_role_from_name, _CT_ROLE_MAX, {NULL, "active", "passive", "listener"}},
	{ct_owner_name,
	 NULL,
	 _CT_OWNER_MAX,
	 {"unknown", "connect", "listen", "inherited", "actor", "io", "scan"}},
	{ct_how_name,
	 NULL,
	 _CT_HOW_MAX,
	 {NULL, "close()", "shutdown()", "connect()", "exit", NULL, NULL}},
	{ct_retransmit_kind_name,
	 NULL,
	 _CT_RETRANSMIT_MAX,
	 {"unknown", "rto", "fast", "tlp", "synack"}},
	{ct_segment_name, NULL, _CT_SEGMENT_MAX, {NULL, "syn", "synack", "data", "fin"}},
	{ct_direction_name, NULL, _CT_DIRECTION_MAX, {NULL, "sent", "received"}},
	{ct_lost_where_name,
	 NULL,
	 _CT_LOST_MAX,
	 {NULL, "ring", "recursion", "hold", "table", "decode", "disk", "map", "sweep"}},
	{ct_basis_name, NULL, _CT_BASIS_MAX, {"seen", "inferred", "found"}},
	{ct_flag_name,
	 ct_flag_from_name,
	 _CT_FLAG_MAX,
	 {"half-close-local", "half-close-remote", "half-open", "rst-sent", "rst-received",
	  "keepalive-probe", "keepalive-dead", "zero-window", "retransmit", "simultaneous-open",
	  "simultaneous-close", "time-wait-killed", "close-wait-stuck", "fin-wait2-stuck",
	  "refused", "timeout", "gap"}},
	{ct_end_name,
	 NULL,
	 _CT_END_MAX,
	 {"open", "fin", "rst-sent", "rst-received", "refused", "timeout", "keepalive-dead",
	  "killed", "unreachable", "unknown"}},
	{ct_closed_by_name, NULL, _CT_CLOSED_BY_MAX, {NULL, "local", "remote", "both"}},
	{ct_reset_by_name, NULL, _CT_RESET_BY_MAX, {NULL, "app", "stack", "peer"}},
	{ct_reset_cause_name,
	 NULL,
	 _CT_RESET_CAUSE_MAX,
	 {"unknown", "linger0", "unread-data", "abort", "keepalive-timeout", "refused",
	  "data-to-closed", "data-to-time-wait", "backlog-overflow", "killed", "peer"}},
	{ct_left_by_name,
	 NULL,
	 _CT_LEFT_BY_MAX,
	 {NULL, "expired", "reused", "recycled", "rst", "answered", "killed", "netns"}},
	{ct_handshake_name, NULL, _CT_HANDSHAKE_MAX, {NULL, "request", "syncookie", "fastopen"}},
};

#define for_each_vocabulary(v)                            \
	for (const struct vocabulary *(v) = vocabularies; \
	     (v) < vocabularies + sizeof(vocabularies) / sizeof(vocabularies[0]); (v)++)

static void words_are_those_of_the_contract(void **state)
{
	for_each_vocabulary(v)
	{
		for (unsigned int i = 0; i < v->n; i++) {
			if (v->words[i])
				assert_string_equal(v->name(i), v->words[i]);
			else
				assert_null(v->name(i));
		}
	}
}

static void value_out_of_range_has_no_name(void **state)
{
	for_each_vocabulary(v)
	{
		assert_null(v->name(v->n));
		assert_null(v->name(255));
		assert_null(v->name(UINT32_MAX));
	}
	assert_null(ct_reset_reason_name(_CT_RESET_REASON_MAX));
}

static void word_leads_back_to_its_value(void **state)
{
	for_each_vocabulary(v)
	{
		for (unsigned int i = 0; v->from_name && i < v->n; i++) {
			uint8_t value = 0xee;

			if (!v->words[i])
				continue;
			assert_int_equal(v->from_name(v->words[i], &value), 0);
			assert_int_equal(value, i);
		}
	}
}

static void case_and_dashes_do_not_matter(void **state)
{
	uint8_t value = 0;

	assert_int_equal(ct_state_from_name("time-wait", &value), 0);
	assert_int_equal(value, CT_STATE_TIME_WAIT);
	assert_int_equal(ct_state_from_name("Fin_Wait1", &value), 0);
	assert_int_equal(value, CT_STATE_FIN_WAIT1);
	assert_int_equal(ct_flag_from_name("RST_SENT", &value), 0);
	assert_int_equal(value, CT_FLAG_RST_SENT);
}

static void what_is_no_word_is_einval(void **state)
{
	static const char *const refused[] = {"", "TIME", "TIME_WAITS", "TIME WAIT", "6", "*"};
	uint8_t value = 0xee;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(ct_state_from_name(refused[i], &value), -EINVAL);
		assert_int_equal(ct_role_from_name(refused[i], &value), -EINVAL);
		assert_int_equal(ct_flag_from_name(refused[i], &value), -EINVAL);
	}
	assert_int_equal(value, 0xee);
}

static void reset_reasons_carry_the_kernels_names(void **state)
{
	assert_null(ct_reset_reason_name(CT_RESET_REASON_NONE));
	assert_string_equal(ct_reset_reason_name(CT_RESET_REASON_TCP_ABORT_ON_LINGER),
			    "TCP_ABORT_ON_LINGER");
	for (unsigned int i = 1; i < _CT_RESET_REASON_MAX; i++)
		assert_non_null(ct_reset_reason_name(i));
}

static void errno_has_its_symbol(void **state)
{
	assert_string_equal(ct_errno_name(ETIMEDOUT), "ETIMEDOUT");
	assert_string_equal(ct_errno_name(ECONNRESET), "ECONNRESET");
	assert_null(ct_errno_name(0));
	assert_null(ct_errno_name(65535));
	assert_null(ct_errno_name(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_those_of_the_contract),
		cmocka_unit_test(value_out_of_range_has_no_name),
		cmocka_unit_test(word_leads_back_to_its_value),
		cmocka_unit_test(case_and_dashes_do_not_matter),
		cmocka_unit_test(what_is_no_word_is_einval),
		cmocka_unit_test(reset_reasons_carry_the_kernels_names),
		cmocka_unit_test(errno_has_its_symbol),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
