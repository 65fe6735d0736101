// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that each bad input gets one line that says what was wrong with what, and the exit status
// of the contract.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define EXIT_RUNTIME	    1
#define EXIT_USAGE	    2
#define EXIT_NOT_PERMITTED  3
#define VERSION_OFFSET	    18
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
#define ARGS_MAX	    8
#define WAIT_MS		    30000
#define DISK_CHURN	    2000
#define DISK_ROUNDS	    50

/// Numbers of processes are below PID_MAX_LIMIT, include/linux/threads.h: it is none's.
#define NO_PID "4194304"

/// Longer than any value may be.
#define WORD_60	 "111111111111111111111111111111111111111111111111111111111111"
#define WORD_300 WORD_60 WORD_60 WORD_60 WORD_60 WORD_60

/// A command line that is refused, and the word of it that the message names. @DIR stands for the
/// scratch directory.
struct refusal {
	int status;
	const char *culprit;
	const char *args[ARGS_MAX];
};

/// Exactly one line on stderr, begun with the program's name and naming the culprit; nothing on
/// stdout.
static void assert_refused(const struct e2e_output *output, int status, const char *culprit)
{
	const char *newline = strchr(output->err, '\n');

	if (output->status != status)
		fail_msg("exited %d, wanted %d: %s", output->status, status, output->err);
	if (strncmp(output->err, "conntrace: ", 11) ||
	    newline != output->err + output->err_bytes - 1)
		fail_msg("not one line from conntrace: `%s`", output->err);
	if (!strstr(output->err, culprit))
		fail_msg("`%s` is not named: %s", culprit, output->err);
	assert_string_equal(output->out, "");
}

static void write_text(struct e2e *e2e, const char *name, const char *text)
{
	e2e_file_write(e2e_path(e2e, name), text, strlen(text));
}

static void is_refused(void **state)
{
	struct e2e *e2e = *state;
	const struct refusal *refusal = e2e->argument;
	const char *argv[ARGS_MAX + 1] = {NULL};
	struct e2e_output output;

	write_text(e2e, "empty", "");
	write_text(
		e2e, "text",
		"this is no recording, and long enough to hold the header of one: 0123456789 0123456789\n");
	for (size_t i = 0; i < ARGS_MAX && refusal->args[i]; i++) {
		const char *arg = refusal->args[i];

		argv[i] = strncmp(arg, "@DIR", 4) ? arg
						  : e2e_format(e2e, "%s%s", e2e->dir, arg + 4);
	}
	e2e_conntrace(argv, &output);
	assert_refused(&output, refusal->status, refusal->culprit);
	e2e_output_free(&output);
}

static void user_without_privilege_is_told(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;

	E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, "watch");
	assert_refused(&output, EXIT_NOT_PERMITTED, "root");
	e2e_output_free(&output);
}

/// What keeps somebody from looking is no mistake of theirs.
static void process_that_may_not_be_looked_at_is_told(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;

	E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, "watch", "--netns",
				   e2e_format(e2e, "%d", (int)getpid()));
	assert_refused(&output, EXIT_NOT_PERMITTED, "--netns");
	e2e_output_free(&output);
}

static void kernel_without_btf_is_told(void **state)
{
	struct e2e *e2e = *state;
	const char *script = e2e_format(
		e2e, "mount -t tmpfs none /sys/kernel/btf && exec '%s' watch", e2e_program());
	struct e2e_output output;

	if (access("/sys/kernel/btf", F_OK))
		e2e_skip("this kernel has no BTF that could be taken away");
	e2e_process_run((const char *const[]){"unshare", "-m", "sh", "-c", script, NULL}, &output);
	assert_refused(&output, EXIT_NOT_PERMITTED, "BTF");
	e2e_output_free(&output);
}

/// Makes a small recording.
static const char *record(struct e2e *e2e)
{
	const char *recording = e2e_path(e2e, "good.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P",
					      e2e_port_text(e2e, 0));

	e2e_churn(e2e, e2e_port(0), 200);
	e2e_tracer_stop(tracer, 0);
	return recording;
}

/// The version stands where it stands in every version of the format (doc/FORMAT.md, file header).
static void recording_from_a_newer_version_is_refused(void **state)
{
	static const char *const commands[] = {"replay", "report", "info"};
	struct e2e *e2e = *state;
	const char *newer = e2e_path(e2e, "newer.ctr");
	size_t bytes;
	char *data = e2e_file_read(record(e2e), &bytes);

	assert_true(bytes > VERSION_OFFSET);
	data[VERSION_OFFSET] = 99;
	e2e_file_write(newer, data, bytes);
	free(data);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct e2e_output output;

		E2E_CONNTRACE(&output, commands[i], newer);
		assert_refused(&output, EXIT_RUNTIME, newer);
		assert_non_null(strstr(output.err, "99"));
		e2e_output_free(&output);
	}
}

static void full_disk_ends_a_recording_that_stays_readable(void **state)
{
	struct e2e *e2e = *state;
	const char *disk = e2e_path(e2e, "disk");
	const char *recording = e2e_path(e2e, "disk/full.ctr");
	struct e2e_tracer *tracer;
	struct e2e_output output;
	json_t *events;
	char *said;
	int status = -1;

	assert_int_equal(mkdir(disk, 0755), 0);
	assert_int_equal(mount("none", disk, "tmpfs", 0, "size=256k"), 0);
	e2e_churn_widen_ports();
	tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P", e2e_port_text(e2e, 0));
	for (int round = 0; round < DISK_ROUNDS && !e2e_process_has_ended(tracer->pid, &status);
	     round++)
		e2e_churn(e2e, e2e_port(0), DISK_CHURN);
	e2e_untrack(e2e, tracer->pid);
	said = e2e_tracer_stderr(tracer);
	assert_int_equal(status, EXIT_RUNTIME);
	assert_non_null(strstr(said, recording));
	assert_non_null(strstr(said, "No space left"));
	free(said);

	e2e_process_run((const char *const[]){"zstd", "-dc", recording, NULL}, &output);
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	E2E_CONNTRACE(&output, "replay", "--json", recording);
	events = e2e_events_parse(output.out, output.out_bytes);
	assert_true(e2e_events_count(events, "{s:s, s:s}", "event", "state", "to", "ESTABLISHED") >
		    0);
	json_decref(events);
	e2e_output_free(&output);
}

/// Elsewhere processes have other numbers, and nobody knows who is not there.
static void need_first_pid_namespace(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	if (st.st_ino != FIRST_PID_NAMESPACE)
		e2e_skip("processes have other numbers here than the kernel tells");
}

static void process_that_is_not_there_is_not_waited_for(void **state)
{
	static const char *const commands[] = {"watch", "record", "doctor"};
	struct e2e_output output;

	need_first_pid_namespace();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		/* doctor would say first for how long it is going to watch */
		E2E_CONNTRACE(&output, commands[i], "-q", "-p", NO_PID);
		assert_refused(&output, EXIT_USAGE, "there is no process " NO_PID "\n");
		e2e_output_free(&output);
	}
	E2E_CONNTRACE(&output, "watch", "-p", NO_PID "," NO_PID, "-p", NO_PID);
	assert_refused(&output, EXIT_USAGE, "process " NO_PID ", nor 2 others that it names");
	e2e_output_free(&output);
}

static void *wait_for_the_end(void *end_fd)
{
	char byte;

	(void)!read(*(int *)end_fd, &byte, 1);
	return NULL;
}

/// Its number can be sent signals as a process's can, and nothing is ever told of it.
static void thread_is_not_waited_for_as_if_it_were_a_process(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;
	char own[32];
	pid_t tid = 0;
	int ends[2];
	pthread_t thread;
	DIR *tasks;

	need_first_pid_namespace();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_the_end, &ends[0]), 0);
	snprintf(own, sizeof(own), "%d", (int)getpid());
	tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	for (const struct dirent *task; (task = readdir(tasks));)
		if (*task->d_name != '.' && strcmp(task->d_name, own) != 0)
			tid = (pid_t)atoi(task->d_name);
	closedir(tasks);
	assert_true(tid > 0);
	E2E_CONNTRACE(&output, "watch", "-p", e2e_format(e2e, "%d", (int)tid));
	assert_refused(&output, EXIT_USAGE,
		       e2e_format(e2e, "there is no process %d (it is a thread of process %s)\n",
				  (int)tid, own));
	close(ends[1]);
	pthread_join(thread, NULL);
	close(ends[0]);
	e2e_output_free(&output);
}

static void process_that_is_not_there_is_named_beside_one_that_is(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	char *said;

	need_first_pid_namespace();
	tracer = E2E_TRACE(e2e, "watch", "-p", e2e_format(e2e, "%d,%s", (int)getpid(), NO_PID));
	e2e_tracer_stop(tracer, 0);
	said = e2e_tracer_stderr(tracer);
	assert_ptr_equal(
		strstr(said, "conntrace: warning: --pid: there is no process " NO_PID "\n"), said);
	free(said);
}

static void process_that_is_not_there_has_nothing_to_list(void **state)
{
	struct e2e_output output;

	need_first_pid_namespace();
	E2E_CONNTRACE(&output, "list", "--json", "-p", NO_PID);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.out, "");
	assert_string_equal(output.err,
			    "conntrace: warning: --pid: there is no process " NO_PID "\n");
	e2e_output_free(&output);
}

/// The scratch directory is root's alone.
static void file_that_may_not_be_opened_is_not_permitted(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = record(e2e), *page = e2e_path(e2e, "x.html");
	const char *const calls[][4] = {
		{"info", recording},
		{"replay", recording},
		{"report", recording},
		{"doctor", recording},
		{"report", recording, "--html", page},
		{"record", "-w", e2e_path(e2e, "x.ctr")},
	};
	struct e2e_output output;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, calls[i][0], calls[i][1], calls[i][2],
					   calls[i][3]);
		assert_refused(&output, EXIT_NOT_PERMITTED, "Permission denied");
		e2e_output_free(&output);
	}
}

static void process_of_a_recording_need_not_be_there(void **state)
{
	struct e2e_output output;

	E2E_CONNTRACE(&output, "replay", record(*state), "--json", "-p", NO_PID);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "");
	e2e_output_free(&output);
}

static void numbers_of_another_pid_namespace_are_not_judged(void **state)
{
	struct e2e_output output;

	e2e_process_run((const char *const[]){"unshare", "--pid", "--fork", e2e_program(), "watch",
					      "-p", NO_PID, "--duration", "100ms", NULL},
			&output);
	assert_int_equal(output.status, 0);
	assert_non_null(strstr(output.err, "conntrace: attached\n"));
	assert_null(strstr(output.err, NO_PID));
	e2e_output_free(&output);
}

/// Reads one line from a descriptor and closes it.
static void read_line_and_close(int fd)
{
	char byte = '\0';

	while (byte != '\n' && read(fd, &byte, 1) == 1)
		;
	close(fd);
	assert_int_equal(byte, '\n');
}

static void watch_into_a_closed_pipe_ends_quietly(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {"watch", "--json", "-P", e2e_port_text(e2e, 0), NULL};
	struct e2e_tracer *tracer;
	char *said;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	tracer = e2e_tracer_start_as(e2e, NULL, ends[1], argv);
	close(ends[1]);
	e2e_churn(e2e, e2e_port(0), 10);
	read_line_and_close(ends[0]);
	e2e_churn(e2e, e2e_port(0), 10);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 0);
	said = e2e_tracer_stderr(tracer);
	assert_string_equal(said, "conntrace: attached\n");
	free(said);
}

static void replay_into_a_closed_pipe_ends_quietly(void **state)
{
	struct e2e *e2e = *state;
	const char *script = e2e_format(e2e, "set -o pipefail; '%s' replay --json %s | head -1",
					e2e_program(), record(e2e));
	struct e2e_output output;
	json_t *events;

	e2e_process_run((const char *const[]){"bash", "-c", script, NULL}, &output);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "");
	events = e2e_events_parse(output.out, output.out_bytes);
	assert_int_equal(json_array_size(events), 1);
	json_decref(events);
	e2e_output_free(&output);
}

#define REFUSES(name, status, culprit, ...) \
	E2E_TEST_WITH(name, is_refused, (&(struct refusal){status, culprit, {__VA_ARGS__}}))

static const struct CMUnitTest tests[] = {
	REFUSES("unknown_option", EXIT_USAGE, "no-such-option", "watch", "--no-such-option"),
	REFUSES("unknown_command", EXIT_USAGE, "frobnicate", "frobnicate"),
	REFUSES("recording_without_a_command", EXIT_USAGE, "/text' is a file and no command",
		"@DIR/text"),
	REFUSES("directory_for_a_command", EXIT_USAGE, "unknown command", "@DIR"),
	REFUSES("help_of_two_commands", EXIT_USAGE, "'list' is one too many", "help", "watch",
		"list"),
	REFUSES("port_65536", EXIT_USAGE, "65536", "watch", "-P", "65536"),
	REFUSES("port_range_beyond_the_last_port", EXIT_USAGE, "80-65536", "watch", "-P",
		"80-65536"),
	REFUSES("port_range_backwards", EXIT_USAGE, "90-80", "watch", "-P", "90-80"),
	REFUSES("port_that_is_no_number", EXIT_USAGE, "http", "watch", "-L", "http"),
	REFUSES("pid_0", EXIT_USAGE, "0", "watch", "-p", "0"),
	REFUSES("pid_too_large", EXIT_USAGE, "99999999999", "watch", "-p", "99999999999"),
	/* what a value is cut with is ASCII: the locale may have no more */
	REFUSES("pid_too_long", EXIT_USAGE, "1...' is too long", "watch", "-p", WORD_300),
	REFUSES("user_too_long", EXIT_USAGE, "1...' is too long", "watch", "--user", WORD_300),
	REFUSES("pid_empty", EXIT_USAGE, "pid", "watch", "--pid", ""),
	REFUSES("prefix_too_long", EXIT_USAGE, "10.0.0.0/33", "watch", "-H", "10.0.0.0/33"),
	REFUSES("host_that_is_no_address", EXIT_USAGE, "nowhere", "watch", "-H", "nowhere"),
	REFUSES("unknown_flag", EXIT_USAGE, "no-such-flag", "watch", "--flag",
		"rst-sent,no-such-flag"),
	REFUSES("unknown_state", EXIT_USAGE, "ASLEEP", "watch", "--state", "ASLEEP"),
	REFUSES("unknown_role", EXIT_USAGE, "both", "watch", "--role", "both"),
	REFUSES("expression_of_an_unknown_condition", EXIT_USAGE, "'rport' at character 17",
		"watch", "sport", "=", ":80", "and", "rport", "=", "9"),
	REFUSES("expression_that_is_not_over", EXIT_USAGE, "at its end", "list", "sport = :80 and"),
	REFUSES("cgroup_that_is_none", EXIT_USAGE, "no/such/cgroup", "watch", "--cgroup",
		"no/such/cgroup"),
	REFUSES("unknown_output", EXIT_USAGE, "yaml", "watch", "-o", "yaml"),
	REFUSES("unknown_field", EXIT_USAGE, "no_such_field", "watch", "--json", "--fields",
		"no_such_field"),
	REFUSES("count_negative", EXIT_USAGE, "-1", "watch", "--count=-1"),
	REFUSES("duration_that_is_none", EXIT_USAGE, "soon", "watch", "--duration", "soon"),
	REFUSES("buffer_that_is_no_size", EXIT_USAGE, "big", "watch", "--buffer", "big"),
	REFUSES("replay_without_file", EXIT_USAGE, "FILE", "replay"),
	REFUSES("replay_of_two_files", EXIT_USAGE, "two", "replay", "one", "two"),
	REFUSES("replay_of_no_recording", EXIT_RUNTIME, "text", "replay", "@DIR/text"),
	REFUSES("report_of_no_recording", EXIT_RUNTIME, "text", "report", "@DIR/text"),
	REFUSES("info_of_no_recording", EXIT_RUNTIME, "text", "info", "@DIR/text"),
	REFUSES("replay_of_an_empty_file", EXIT_RUNTIME, "empty", "replay", "@DIR/empty"),
	REFUSES("replay_of_a_missing_file", EXIT_RUNTIME, "missing", "replay", "@DIR/missing"),
	REFUSES("replay_of_a_directory", EXIT_RUNTIME, "conntrace-e2e", "replay", "@DIR"),
	REFUSES("record_to_an_unwritable_path", EXIT_RUNTIME, "nowhere/x.ctr", "record", "-w",
		"@DIR/nowhere/x.ctr"),
	REFUSES("record_to_a_directory", EXIT_RUNTIME, "conntrace-e2e", "record", "-w", "@DIR"),
	REFUSES("watch_to_an_unwritable_path", EXIT_RUNTIME, "nowhere/x.ctr", "watch", "-w",
		"@DIR/nowhere/x.ctr"),
	E2E_TEST(user_without_privilege_is_told),
	E2E_TEST(process_that_may_not_be_looked_at_is_told),
	E2E_TEST(process_that_is_not_there_is_not_waited_for),
	E2E_TEST(thread_is_not_waited_for_as_if_it_were_a_process),
	E2E_TEST(process_that_is_not_there_is_named_beside_one_that_is),
	E2E_TEST(process_that_is_not_there_has_nothing_to_list),
	E2E_TEST(file_that_may_not_be_opened_is_not_permitted),
	E2E_TEST(process_of_a_recording_need_not_be_there),
	E2E_TEST(numbers_of_another_pid_namespace_are_not_judged),
	E2E_TEST(kernel_without_btf_is_told),
	E2E_TEST(recording_from_a_newer_version_is_refused),
	E2E_TEST(full_disk_ends_a_recording_that_stays_readable),
	E2E_TEST(watch_into_a_closed_pipe_ends_quietly),
	E2E_TEST(replay_into_a_closed_pipe_ends_quietly),
};

E2E_MAIN("bad_input", tests)
