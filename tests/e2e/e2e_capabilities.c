// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what a kernel cannot give is told: by `check`, when tracing begins, and of a
// recording.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "support/capability.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS	  20000
#define SWEEPS_MS 5000 /// two of them, and what they look at

static void recording_tells_what_it_was_made_without(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "less.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", path, "--hide-hook", "kfree_skb",
					      "--hide-hook", "timer_start");
	_cleanup_(e2e_output_free) struct e2e_output output = {};
	char *said = e2e_tracer_stderr(tracer);
	json_t *info;

	assert_non_null(strstr(said, "not traced here: time-wait entry, time-wait end, half-open "
				     "handshakes, accept queue overflows, probes received"));
	free(said);
	e2e_tracer_stop(tracer, 0);
	info = E2E_CONNTRACE_JSON("info", "--json", path);
	assert_string_equal(e2e_capability_level(json_array_get(info, 0), "time-wait entry"),
			    "absent");
	assert_string_equal(e2e_capability_level(json_array_get(info, 0), "probes received"),
			    "absent");
	assert_string_equal(e2e_capability_level(json_array_get(info, 0), "transitions"), "full");
	assert_string_equal(e2e_capability_level(json_array_get(info, 0), "children"), "unasked");
	json_decref(info);
	E2E_CONNTRACE(&output, "report", path);
	assert_int_equal(output.status, 0);
	assert_non_null(strstr(output.out, "Not traced: probes received (kfree_skb is hidden: "));
}

/// What `check` says of this process, the header of its recordings says as well.
static void recording_tells_the_privileges_of_its_recorder(void **state)
{
	struct e2e *e2e = *state;
	const char *all = e2e_path(e2e, "all.ctr"), *few = e2e_path(e2e, "few.ctr");
	_cleanup_(e2e_output_free) struct e2e_output report = {}, text = {};
	struct e2e_output output;
	json_t *here, *info;

	E2E_CONNTRACE(&output, "record", "-q", "-w", all, "--duration", "100ms");
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	here = E2E_CONNTRACE_JSON("check", "--json");
	info = E2E_CONNTRACE_JSON("info", "--json", all);
	assert_true(json_is_object(json_object_get(json_array_get(info, 0), "privileges")));
	assert_true(json_equal(json_object_get(json_array_get(info, 0), "privileges"),
			       json_object_get(json_array_get(here, 0), "privileges")));
	json_decref(here);
	json_decref(info);

	e2e_process_run((const char *const[]){"setpriv", "--bounding-set", "-syslog,-sys_ptrace",
					      "--inh-caps", "-syslog,-sys_ptrace", e2e_program(),
					      "record", "-q", "-w", few, "--duration", "100ms",
					      NULL},
			&output);
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	info = E2E_CONNTRACE_JSON("info", "--json", few);
	e2e_assert_has(json_object_get(json_array_get(info, 0), "privileges"),
		       "{s:b, s:b, s:b, s:b}", "CAP_BPF", true, "CAP_PERFMON", true, "CAP_SYSLOG",
		       false, "CAP_SYS_PTRACE", false);
	json_decref(info);
	E2E_CONNTRACE(&text, "info", few);
	assert_non_null(strstr(text.out, "\nprivileges    without CAP_SYSLOG, CAP_SYS_PTRACE\n"));
	E2E_CONNTRACE(&report, "report", few);
	assert_non_null(strstr(report.out, "\nPrivileges of the recorder: without CAP_SYSLOG, "
					   "CAP_SYS_PTRACE\n"));
}

static void nothing_is_traced_without_transitions(void **state)
{
	_cleanup_(e2e_output_free) struct e2e_output output = {};

	E2E_CONNTRACE(&output, "watch", "--hide-hook", "inet_sock_set_state");
	assert_int_equal(output.status, 3);
	assert_string_equal(output.err,
			    "conntrace: this kernel cannot be traced: inet_sock_set_state "
			    "is hidden: no connection can be seen\n");
}

/// This kernel's types, with some members called otherwise: as if there were none of that name.
static const char *btf_without(struct e2e *e2e, const char *const names[])
{
	const char *path = e2e_path(e2e, "btf");
	size_t bytes;
	char *btf = e2e_file_read("/sys/kernel/btf/vmlinux", &bytes);

	for (; *names; names++) {
		size_t len = strlen(*names) + 2; /* as a string of its own, between two NULs */
		char *whole = calloc(1, len), *at;

		assert_non_null(whole);
		memcpy(whole + 1, *names, len - 2);
		at = memmem(btf, bytes, whole, len);
		assert_non_null(at);
		at[1] = '_';
		free(whole);
	}
	e2e_file_write(path, btf, bytes);
	free(btf);
	return path;
}

/// CONFIG_IPV6=n: sockets have no place for such addresses.
static void kernel_without_ipv6_is_traced(void **state)
{
	static const char *const names[] = {"skc_v6_daddr", "skc_v6_rcv_saddr", NULL};
	struct e2e *e2e = *state;
	const char *btf = btf_without(e2e, names);
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0),
					      "--btf", btf);
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_close(&pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair.server_conn);
	e2e_tracer_stop(tracer, 0);
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn,
			"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
			"FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT");
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:s, s:s, s:i}", "event", "close",
		       "conn", pair.client_conn, "laddr", "127.0.0.1", "raddr", "127.0.0.1",
		       "rport", pair.port);
}

/// Before the reset's reason and the dropped segment's socket became arguments, and the like.
static void kernel_whose_tracepoints_are_missing_is_traced_without_them(void **state)
{
	static const char *const names[] = {"btf_trace_kfree_skb", "btf_trace_tcp_send_reset",
					    NULL};
	struct e2e *e2e = *state;
	json_t *told = E2E_CONNTRACE_JSON("check", "--json", "--btf", btf_without(e2e, names));

	assert_string_equal(e2e_capability_level(json_array_get(told, 0), "probes received"),
			    "absent");
	assert_string_equal(e2e_capability_level(json_array_get(told, 0), "resets sent"), "absent");
	assert_string_equal(e2e_capability_level(json_array_get(told, 0), "transitions"), "full");
	json_decref(told);
}

static void nothing_is_listed_without_the_iterator(void **state)
{
	_cleanup_(e2e_output_free) struct e2e_output output = {};

	E2E_CONNTRACE(&output, "list", "--hide-hook", "iter/tcp");
	assert_int_equal(output.status, 3);
	assert_string_equal(output.out, "");
	assert_string_equal(output.err,
			    "conntrace: nothing can be listed here: iter/tcp is hidden: what was "
			    "there before is not shown until something happens to it\n");
}

static void what_is_there_is_listed_without_the_owners(void **state)
{
	_cleanup_(e2e_output_free) struct e2e_output output = {};

	E2E_CONNTRACE(&output, "list", "-q", "--hide-hook", "iter/task_file");
	assert_int_equal(output.status, 0);
}

static void hook_that_does_not_exist_cannot_be_hidden(void **state)
{
	_cleanup_(e2e_output_free) struct e2e_output output = {};

	E2E_CONNTRACE(&output, "check", "--hide-hook", "tcp_nonsense");
	assert_int_equal(output.status, 2);
	assert_string_equal(output.err, "conntrace: there is no hook 'tcp_nonsense' to hide\n");
}

/// Where no timer tells of TIME_WAIT a life seems to end before it. What looks for TIME_WAIT that
/// began unseen is not to find it there again.
static void recording_of_everything_has_each_life_once(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "all.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", path, "--hide-hook",
					      "timer_start");
	struct e2e_pair pair;
	json_t *lives;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_close(&pair);
	e2e_sleep_ms(SWEEPS_MS);
	e2e_tracer_stop(tracer, 0);

	lives = E2E_CONNTRACE_JSON("report", "--json", "-P", e2e_port_text(e2e, 0), path);
	e2e_events_one(lives, "{s:s, s:s}", "conn", pair.client_conn, "end", "unknown");
	e2e_events_one(lives, "{s:s, s:s}", "conn", pair.server_conn, "end", "fin");
	assert_int_equal(json_array_size(lives), 2);
	json_decref(lives);
}

/// Its "cost": what each program took under a load of our own.
static void check_tells_what_the_programs_cost(void **state)
{
	struct e2e *e2e = *state;
	const json_t *cost, *transitions;
	json_t *told;

	e2e_churn_noise(e2e, e2e_port(0));
	told = E2E_CONNTRACE_JSON("check", "--json", "--cost", "--duration", "2s");
	e2e_churn_quiet(e2e);

	cost = json_object_get(json_array_get(told, 0), "cost");
	assert_in_range(e2e_event_number(cost, "at_work_ns"), 900000000, 5000000000);
	assert_in_range(e2e_event_number(cost, "idle_ns"), 900000000, 5000000000);
	transitions = e2e_events_one(json_object_get(cost, "programs"), "{s:s}", "program",
				     "ct_set_state");
	e2e_assert_has(transitions, "{s:s}", "hook", "inet_sock_set_state");
	assert_true(e2e_event_number(transitions, "runs") > 0);
	assert_true(e2e_event_number(transitions, "idle_runs") > 0);
	assert_true(e2e_event_number(transitions, "idle_run_ns") > 0);
	assert_true(e2e_event_number(transitions, "run_ns") *
			    e2e_event_number(transitions, "idle_runs") >
		    e2e_event_number(transitions, "idle_run_ns") *
			    e2e_event_number(transitions, "runs"));
	e2e_assert_none(json_object_get(cost, "programs"), "{s:s}", "hook", "tcp");
	json_decref(told);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(recording_tells_what_it_was_made_without),
	E2E_TEST(recording_tells_the_privileges_of_its_recorder),
	E2E_TEST(nothing_is_traced_without_transitions),
	E2E_TEST(nothing_is_listed_without_the_iterator),
	E2E_TEST(what_is_there_is_listed_without_the_owners),
	E2E_TEST(hook_that_does_not_exist_cannot_be_hidden),
	E2E_TEST(kernel_without_ipv6_is_traced),
	E2E_TEST(recording_of_everything_has_each_life_once),
	E2E_TEST(check_tells_what_the_programs_cost),
	E2E_TEST(kernel_whose_tracepoints_are_missing_is_traced_without_them),
};

E2E_MAIN("capabilities", tests)
