// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows what a tracer gives up once it is attached, that what it is for goes on, and that a command
// which it started has given up nothing. That each system call is refused which is not needed:
// tests/unit/test_confine.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/privileges.h"
#include "support/recording.h"

#define WAIT_MS		   20000
#define SILENT_MS	   400 /// see e2e_fin_wait2.c
#define APART_MS	   600
#define EXIT_USAGE	   2
#define EXIT_NOT_PERMITTED 3
#define EXIT_SIGTERM	   143

#define TRACER_KEEPS (E2E_BIT(CAP_BPF) | E2E_BIT(CAP_SYS_ADMIN) | E2E_BIT(CAP_SYS_PTRACE))

/// Tracers have written their header by then, and looked at what was there.
static void tracer_keeps_what_it_needs(void **state)
{
	struct e2e *e2e = *state;
	const char *command = e2e->argument;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, command, "-P", e2e_port_text(e2e, 0), "-w",
					      e2e_path(e2e, "kept.ctr"));
	struct e2e_privileges privileges = e2e_privileges_of(tracer->pid);

	e2e_assert_keeps(&privileges, TRACER_KEEPS);
	assert_int_equal(privileges.bounding, 0);
	e2e_assert_is(&privileges, 0);
	e2e_tracer_stop(tracer, 0);
}

/// The summary of a whole plain life, its last state TIME_WAIT.
static void assert_life(const json_t *lives, const char *conn)
{
	const json_t *life = e2e_events_one(lives, "{s:s, s:s}", "event", "close", "conn", conn);

	e2e_assert_history(life, "SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT");
	e2e_assert_has(life, "{s:s, s:s, s:i}", "end", "fin", "closed_by", "local", "gaps", 0);
}

static void user_is_become_and_gets_the_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "user.ctr"), *port = e2e_port_text(e2e, 0);
	struct e2e_pair before, pair;
	struct e2e_tracer *tracer;
	struct e2e_privileges privileges;
	struct stat st;
	json_t *lives;

	e2e_add_far(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &before);
	e2e_pair_connect(&before, E2E_FAR_HOST);
	tracer = E2E_TRACE(e2e, "record", "--user", E2E_NOBODY_TEXT, "-w", path, "-P", port);
	privileges = e2e_privileges_of(tracer->pid);
	pair = before;
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_pair_exchange(&pair, 100, 200);
	e2e_pair_close(&pair);
	e2e_recording_wait(path, e2e_patience(WAIT_MS), "{s:s, s:s}", "conn", pair.client_conn,
			   "to", "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);

	e2e_assert_keeps(&privileges, TRACER_KEEPS);
	assert_int_equal(privileges.bounding, 0);
	e2e_assert_is(&privileges, E2E_NOBODY);
	assert_int_equal(privileges.groups, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, E2E_NOBODY);
	assert_int_equal(st.st_gid, E2E_NOBODY);
	assert_int_equal(st.st_mode & 07777, 0600);
	lives = E2E_CONNTRACE_JSON("report", "--json", path);
	assert_life(lives, pair.client_conn);
	e2e_events_one(lives, "{s:s, s:s, s:s, s:i}", "conn", before.client_conn, "end", "open",
		       "owner", "scan", "pid", before.client->pid);
	json_decref(lives);
}

static void group_may_be_another(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0),
					      "--user", E2E_NOBODY_TEXT ":" E2E_SOMEBODY_TEXT);
	struct e2e_privileges privileges = e2e_privileges_of(tracer->pid);

	e2e_tracer_stop(tracer, 0);
	assert_int_equal(privileges.uids[1], E2E_NOBODY);
	assert_int_equal(privileges.gids[1], E2E_SOMEBODY);
}

/// Nothing but a walk over the sockets of another namespace tells of this change: see
/// e2e_fin_wait2.c. Without a namespace to enter, a process to look at or an iterator there would
/// be none.
static void walks_go_on_in_other_namespaces(void **state)
{
	struct e2e *e2e = *state;
	const char *option = e2e->argument;
	const char *conns[2];
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	size_t inferred = 0;

	e2e_netns_sysctl("ipv4/tcp_fin_timeout", "60");
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0), "--hide-hook",
			   "kfree_skb", option, option ? E2E_NOBODY_TEXT : NULL);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	for (int i = 0; i < 2; i++) {
		e2e_pair_connect(&pair, "127.0.0.1");
		conns[i] = pair.client_conn;
		e2e_actor_close(pair.client, pair.client_fd);
		e2e_actor_receive_fin(pair.server, pair.server_fd);
		e2e_sleep_ms(SILENT_MS);
		e2e_actor_close(pair.server, pair.server_fd);
		e2e_sleep_ms(i ? 0 : APART_MS);
	}
	for (int i = 0; i < 2; i++)
		e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", conns[i], "to",
				      "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);

	for (int i = 0; i < 2; i++) {
		const json_t *events = e2e_tracer_events(tracer);

		assert_life(events, conns[i]);
		inferred += e2e_events_count(events, "{s:s, s:s, s:s}", "conn", conns[i], "to",
					     "TIME_WAIT", "basis", "inferred");
	}
	assert_in_range(inferred, 1, 2);
}

/// A command that writes what it may do to a file.
static const char *tell_privileges(struct e2e *e2e, const char *path)
{
	return e2e_format(e2e,
			  "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' "
			  "/proc/self/status >'%s'",
			  path);
}

static void command_has_all_that_the_tracer_was_given(void **state)
{
	struct e2e *e2e = *state;
	const char *mine = e2e_path(e2e, "mine"), *its = e2e_path(e2e, "its");
	struct e2e_tracer *tracer;
	struct e2e_output output;
	char *expected, *told;
	size_t bytes;

	e2e_process_run((const char *const[]){"sh", "-c", tell_privileges(e2e, mine), NULL},
			&output);
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	tracer = E2E_TRACE(e2e, "watch", "--json", "--user", E2E_NOBODY_TEXT, "--", "sh", "-c",
			   tell_privileges(e2e, its));
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), 0);

	expected = e2e_file_read(mine, &bytes);
	told = e2e_file_read(its, &bytes);
	assert_non_null(strstr(told, "Seccomp:\t0\n"));
	assert_non_null(strstr(told, "NoNewPrivs:\t0\n"));
	assert_string_equal(told, expected);
	free(expected);
	free(told);
}

static void command_that_is_another_user_by_now_is_ended(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--duration", "1s", "--",
					      "setpriv", "--reuid", E2E_SOMEBODY_TEXT, "--regid",
					      E2E_SOMEBODY_TEXT, "--clear-groups", "sleep", "600");
	struct e2e_privileges privileges = e2e_privileges_of(tracer->pid);

	e2e_assert_keeps(&privileges, TRACER_KEEPS | E2E_BIT(CAP_KILL));
	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), EXIT_SIGTERM);
}

static void systemd_is_told(void **state)
{
	struct e2e *e2e = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct e2e_tracer *tracer;
	char message[32];
	ssize_t n;

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", e2e->dir);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", addr.sun_path, 1), 0);
	tracer = E2E_TRACE(e2e, "watch", "--json", "--user", E2E_NOBODY_TEXT);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, WAIT_MS), 1);
	n = recv(fd, message, sizeof(message), 0);
	close(fd);
	e2e_tracer_stop(tracer, 0);
	assert_int_equal(n, strlen("READY=1"));
	assert_memory_equal(message, "READY=1", strlen("READY=1"));
}

/// One line, and that status.
static void assert_refused(struct e2e_output *output, int status, const char *why)
{
	assert_int_equal(output->status, status);
	assert_non_null(strstr(output->err, why));
	assert_true(strchr(output->err, '\n') == output->err + output->err_bytes - 1);
	assert_int_equal(output->out_bytes, 0);
	e2e_output_free(output);
}

static void user_that_cannot_be_become_is_refused(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;

	E2E_CONNTRACE(&output, "watch", "--user", "no.such.user");
	assert_refused(&output, EXIT_USAGE, "'no.such.user' is no user");
	E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, "watch", "--user", E2E_NOBODY_TEXT);
	assert_refused(&output, EXIT_NOT_PERMITTED, "run it as root");
	E2E_CONNTRACE_UNPRIVILEGED(e2e, ",+bpf,+perfmon", &output, "watch", "--user",
				   E2E_NOBODY_TEXT);
	assert_refused(&output, EXIT_NOT_PERMITTED, "run it as root");
}

/// Later files are made without the rights that the first was made with.
static void folder_that_later_files_cannot_be_made_in_is_refused(void **state)
{
	struct e2e *e2e = *state;
	const char *folder = e2e_path(e2e, "theirs"), *port = e2e_port_text(e2e, 0);
	const char *path = e2e_format(e2e, "%s/x", folder);
	struct e2e_output output;

	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(chown(folder, E2E_SOMEBODY, E2E_SOMEBODY), 0);
	E2E_CONNTRACE(&output, "record", "-P", port, "-C", "1M", "-w", path);
	assert_refused(&output, EXIT_NOT_PERMITTED, "no further file could be made in");
	assert_int_equal(access(path, F_OK), -1);
	E2E_CONNTRACE(&output, "record", "-P", port, "-C", "1M", "-w", path, "--user",
		      E2E_SOMEBODY_TEXT ":" E2E_SOMEBODY_TEXT, "--duration", "100ms");
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	assert_int_equal(access(path, F_OK), 0);
}

static void capability_without_which_nothing_is_traced_is_named(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;

	E2E_CONNTRACE_UNPRIVILEGED(e2e, ",+bpf", &output, "watch");
	assert_refused(&output, EXIT_NOT_PERMITTED, "not permitted to trace without CAP_PERFMON:");
	E2E_CONNTRACE_UNPRIVILEGED(e2e, ",+perfmon", &output, "watch");
	assert_refused(&output, EXIT_NOT_PERMITTED, "not permitted to trace without CAP_BPF:");
	E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, "watch");
	assert_refused(&output, EXIT_NOT_PERMITTED,
		       "not permitted to trace without CAP_BPF and CAP_PERFMON:");
}

/// Also what the other capabilities would be for.
static void two_capabilities_are_enough_to_trace(void **state)
{
	static const char *const missing[] = {
		"without CAP_SYS_ADMIN (what was there before in other network namespaces)",
		"CAP_SYSLOG (TIME_WAIT, handshakes and probes, by the timers' addresses)",
		"CAP_SYS_PTRACE (the network namespaces of other users' processes)",
	};
	struct e2e *e2e = *state;
	const char *const argv[] = {"watch", "--json", "-P", e2e_port_text(e2e, 0), NULL};
	struct e2e_tracer *tracer = e2e_tracer_start_unprivileged(e2e, ",+bpf,+perfmon", argv);
	struct e2e_privileges privileges = e2e_privileges_of(tracer->pid);
	struct e2e_pair pair;
	char *said;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_close(&pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.server_conn, "to",
			      "CLOSE");
	e2e_tracer_stop(tracer, 0);

	e2e_assert_keeps(&privileges, E2E_BIT(CAP_BPF));
	e2e_assert_is(&privileges, E2E_NOBODY);
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:s, s:s, s:i}", "conn",
		       pair.client_conn, "from", "ESTABLISHED", "to", "FIN_WAIT1", "owner",
		       "connect", "pid", pair.client->pid);
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:s}", "conn", pair.server_conn,
		       "from", "LAST_ACK", "to", "CLOSE");
	said = e2e_tracer_stderr(tracer);
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		assert_non_null(strstr(said, missing[i]));
	free(said);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST_WITH("watch_keeps_what_it_needs", tracer_keeps_what_it_needs, "watch"),
	E2E_TEST_WITH("record_keeps_what_it_needs", tracer_keeps_what_it_needs, "record"),
	E2E_TEST(user_is_become_and_gets_the_recording),
	E2E_TEST(group_may_be_another),
	E2E_TEST_WITH("walks_go_on_in_other_namespaces", walks_go_on_in_other_namespaces, NULL),
	E2E_TEST_WITH("walks_of_another_user_go_on_in_other_namespaces",
		      walks_go_on_in_other_namespaces, "--user"),
	E2E_TEST(command_has_all_that_the_tracer_was_given),
	E2E_TEST(command_that_is_another_user_by_now_is_ended),
	E2E_TEST(systemd_is_told),
	E2E_TEST(user_that_cannot_be_become_is_refused),
	E2E_TEST(folder_that_later_files_cannot_be_made_in_is_refused),
	E2E_TEST(capability_without_which_nothing_is_traced_is_named),
	E2E_TEST(two_capabilities_are_enough_to_trace),
};

E2E_MAIN("confined", tests)
