// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../src/cli/capabilities.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"

static struct ct_capabilities all_full(void)
{
	struct ct_capabilities capabilities = {};

	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++)
		capabilities.of[i].level = CT_CAPABILITY_FULL;
	return capabilities;
}

static void set(struct ct_capabilities *capabilities, enum ct_capability_id id,
		enum ct_capability_level level, const char *detail)
{
	capabilities->of[id].level = (uint8_t)level;
	snprintf(capabilities->of[id].detail, sizeof(capabilities->of[id].detail), "%s", detail);
}

static void put(struct ct_buf *buf, const struct ct_capabilities *capabilities, size_t width)
{
	ct_buf_reset(buf);
	ct_capabilities_put_table(buf, capabilities, width, false);
	assert_int_equal(buf->error, 0);
}

/// Rows of a table as they have to stand in it, one behind the other.
static void assert_has(const struct ct_buf *buf, const char *rows)
{
	if (!strstr(buf->data, rows))
		fail_msg("not in there:\n%s\nbut:\n%s", rows, buf->data);
}

static void each_has_a_row(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_capabilities capabilities = all_full();

	put(&buf, &capabilities, 0);
	assert_has(&buf, "CAPABILITY              LEVEL    DETAIL\n"
			 "transitions             full\n"
			 "resets sent             full\n");
	assert_has(&buf, "\nowner scan              full\n");
}

static void reason_of_several_stands_once(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_capabilities capabilities = all_full();

	set(&capabilities, CT_CAPABILITY_PROBES_SENT, CT_CAPABILITY_ABSENT,
	    "no timers (CAP_SYSLOG): no probe is shown");
	set(&capabilities, CT_CAPABILITY_TIME_WAIT_END, CT_CAPABILITY_PARTIAL,
	    "no BTF: who ended it is not told");
	set(&capabilities, CT_CAPABILITY_HALF_OPEN, CT_CAPABILITY_PARTIAL,
	    "no timers (CAP_SYSLOG): no handshake is shown");
	put(&buf, &capabilities, 0);
	assert_has(&buf,
		   "\nprobes sent             absent   no timers (CAP_SYSLOG): no probe is shown\n"
		   "half-open handshakes    partial  for the same reason: no handshake is shown\n"
		   "time-wait entry         full\n"
		   "time-wait end           partial  no BTF: who ended it is not told\n"
		   "accept queue overflows  full\n");
}

static void half_a_reason_is_none(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_capabilities capabilities = all_full();

	set(&capabilities, CT_CAPABILITY_ERRORS, CT_CAPABILITY_ABSENT,
	    "refused (invalid access: R1): no error is shown");
	set(&capabilities, CT_CAPABILITY_CHILDREN, CT_CAPABILITY_ABSENT,
	    "refused (invalid access: R2): no child is seen");
	put(&buf, &capabilities, 0);
	assert_null(strstr(buf.data, "for the same reason"));
	assert_has(&buf, "refused (invalid access: R2): no child is seen\n");
}

static void detail_keeps_to_the_width_of_the_terminal(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_capabilities capabilities = all_full();

	set(&capabilities, CT_CAPABILITY_ERRORS, CT_CAPABILITY_ABSENT,
	    "no tracepoint inet_sk_error_report: no error event is shown");
	put(&buf, &capabilities, 70);
	assert_has(&buf, "\nerrors                  absent   no tracepoint inet_sk_error_report:\n"
			 "                                 no error event is shown\n"
			 "retransmit kinds        full\n");
}

static void what_came_from_a_recording_is_escaped(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	struct ct_capabilities capabilities = all_full();

	set(&capabilities, CT_CAPABILITY_ERRORS, CT_CAPABILITY_ABSENT, "\033[2J\n");
	put(&buf, &capabilities, 80);
	assert_has(&buf, "\nerrors                  absent   \\x1b[2J\\x0a\n");
}

static void lessened_is_what_was_wanted_and_not_had_whole(void **state)
{
	static const bool is_lessened[_CT_CAPABILITY_LEVEL_MAX] = {
		[CT_CAPABILITY_ABSENT] = true,
		[CT_CAPABILITY_PARTIAL] = true,
	};

	for (uint8_t level = 0; level < _CT_CAPABILITY_LEVEL_MAX; level++) {
		const struct ct_capability capability = {.level = level};

		assert_int_equal(ct_capability_is_lessened(&capability), is_lessened[level]);
	}
}

static void privileges_that_are_missing_are_named(void **state)
{
	static const struct {
		uint64_t privileges;
		const char *words;
	} cases[] = {
		{0, "not known"},
		{CT_PRIVILEGES_ALL, "all that are needed"},
		{CT_PRIVILEGES_ALL | UINT64_C(1) << 31 | UINT64_C(1) << 63, "all that are needed"},
		{CT_PRIVILEGES_ALL & ~CT_PRIVILEGE_HELD(CT_PRIVILEGE_SYSLOG), "without CAP_SYSLOG"},
		{CT_PRIVILEGES_ALL & ~(uint64_t)UINT32_MAX,
		 "without CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYSLOG, CAP_SYS_PTRACE"},
		/* a recorder that told of fewer */
		{CT_PRIVILEGE_KNOWN(CT_PRIVILEGE_BPF) | CT_PRIVILEGE_HELD(CT_PRIVILEGE_BPF) |
			 CT_PRIVILEGE_KNOWN(CT_PRIVILEGE_PERFMON) |
			 CT_PRIVILEGE_HELD(CT_PRIVILEGE_SYSLOG),
		 "without CAP_PERFMON; not known: CAP_SYS_ADMIN, CAP_SYSLOG, CAP_SYS_PTRACE"},
		{CT_PRIVILEGES_ALL & ~CT_PRIVILEGE_KNOWN(CT_PRIVILEGE_SYS_PTRACE),
		 "not known: CAP_SYS_PTRACE"},
	};
	char text[CT_PRIVILEGES_STRLEN];

	for (size_t i = 0; i < CT_COUNT(cases); i++)
		assert_string_equal(ct_privileges_describe(cases[i].privileges, text),
				    cases[i].words);
	assert_string_equal(ct_privilege_name(CT_PRIVILEGE_SYS_PTRACE), "CAP_SYS_PTRACE");
	assert_string_equal(ct_privilege_name(_CT_PRIVILEGE_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_row),
		cmocka_unit_test(reason_of_several_stands_once),
		cmocka_unit_test(half_a_reason_is_none),
		cmocka_unit_test(detail_keeps_to_the_width_of_the_terminal),
		cmocka_unit_test(what_came_from_a_recording_is_escaped),
		cmocka_unit_test(lessened_is_what_was_wanted_and_not_had_whole),
		cmocka_unit_test(privileges_that_are_missing_are_named),
	};

	return cmocka_run_group_tests_name("capabilities", tests, NULL, NULL);
}
