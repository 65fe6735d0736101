// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that who reads a recording gives up all privileges before its first byte, and reads it no
// worse for that: as an ordinary user, without a place for files, without the kernel's filters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/privileges.h"

#define WAIT_MS	      20000
#define POLL_MS	      20
#define LIVES	      20
#define MANY_LIVES    3000
#define SPOOLED_BYTES (5 << 18) /// a section of a report keeps less than that in memory
#define PIPE_BYTES    65536

static const char *record(struct e2e *e2e, unsigned lives)
{
	const char *path = e2e_path(e2e, "lives.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", path, "-P",
					      e2e_port_text(e2e, 0));

	e2e_churn(e2e, e2e_port(0), lives);
	e2e_tracer_stop(tracer, 0);
	assert_int_equal(chmod(path, 0644), 0);
	return path;
}

/// Starts `COMMAND FILE` with stdout to a file of that name, which is returned.
static pid_t start_reader(struct e2e *e2e, const char *command, const char *file,
			  const char **ret_out)
{
	const char *argv[] = {e2e_program(), command, file, NULL};
	int out_fd;
	pid_t pid;

	*ret_out = e2e_path(e2e, "reader.out");
	out_fd = open(*ret_out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(out_fd >= 0);
	pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = argv, .netns_fd = -1, .out_fd = out_fd, .err_fd = STDERR_FILENO});
	close(out_fd);
	e2e_track(e2e, pid);
	return pid;
}

/// The reader waits for the first byte of its file, and has given everything up before.
static void reader_keeps_nothing(void **state)
{
	struct e2e *e2e = *state;
	const char *command = e2e->argument, *path = record(e2e, LIVES), *out_path;
	const char *fifo = e2e_path(e2e, "fifo");
	struct e2e_output output;
	size_t bytes, n;
	struct e2e_privileges privileges;
	char *data, *out;
	pid_t pid;
	int fd;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	pid = start_reader(e2e, command, fifo, &out_path);
	privileges = e2e_privileges_of(pid);
	for (int waited_ms = 0; privileges.seccomp != 2 && waited_ms < WAIT_MS;
	     waited_ms += POLL_MS) {
		e2e_sleep_ms(POLL_MS);
		privileges = e2e_privileges_of(pid);
	}
	data = e2e_file_read(path, &bytes);
	assert_in_range(bytes, 1, PIPE_BYTES);
	assert_int_equal(write(fd, data, bytes), bytes);
	free(data);
	close(fd);
	assert_int_equal(e2e_process_wait(pid, WAIT_MS, command), 0);
	e2e_untrack(e2e, pid);

	e2e_assert_keeps(&privileges, 0);
	assert_int_equal(privileges.bounding, 0);
	out = e2e_file_read(out_path, &n);
	E2E_CONNTRACE(&output, command, path);
	assert_int_equal(output.status, 0);
	assert_true(n > 0);
	if (strcmp(command, "info")) /* which names the file */
		assert_string_equal(out, output.out);
	e2e_output_free(&output);
	free(out);
}

static void recording_is_read_by_an_ordinary_user(void **state)
{
	static const char *const commands[] = {"replay", "report", "info", "doctor"};
	struct e2e *e2e = *state;
	const char *path = record(e2e, LIVES);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct e2e_output of_root, output;

		E2E_CONNTRACE(&of_root, commands[i], path);
		E2E_CONNTRACE_UNPRIVILEGED(e2e, "", &output, commands[i], path);
		assert_int_equal(output.status, 0);
		assert_string_equal(output.err, "");
		assert_string_equal(output.out, of_root.out);
		e2e_output_free(&of_root);
		e2e_output_free(&output);
	}
}

/// What a report keeps back is more than it holds in memory itself, and there is no other place.
static void report_does_without_a_place_for_files(void **state)
{
	struct e2e *e2e = *state;
	const char *path = record(e2e, MANY_LIVES);
	const char *script = e2e_format(e2e,
					"exec 3<'%s' 4<'%s' && mount -t tmpfs -o ro none /tmp && "
					"exec /proc/self/fd/4 report -o wide /dev/fd/3",
					path, e2e_program());
	struct e2e_output plain, output;

	E2E_CONNTRACE(&plain, "report", "-o", "wide", path);
	assert_int_equal(plain.status, 0);
	assert_true(plain.out_bytes > SPOOLED_BYTES);
	e2e_process_run((const char *const[]){"unshare", "-m", "sh", "-c", script, NULL}, &output);
	assert_string_equal(output.err, "");
	assert_int_equal(output.status, 0);
	assert_true(output.out_bytes == plain.out_bytes);
	assert_memory_equal(output.out, plain.out, plain.out_bytes);
	e2e_output_free(&plain);
	e2e_output_free(&output);
}

/// Makes seccomp(2) answer as a kernel does that has no filters.
static void take_filters_away(void)
{
	const struct scmp_arg_cmp filters = {0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 0) ||
	    seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &filters) ||
	    seccomp_load(filter))
		_exit(125);
	seccomp_release(filter);
}

static void kernel_without_filters_is_told_and_no_obstacle(void **state)
{
	struct e2e *e2e = *state;
	const char *path = record(e2e, LIVES), *err_path = e2e_path(e2e, "unfiltered.err");
	size_t bytes;
	char *err;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		int err_fd = open(err_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		dup2(null_fd, STDOUT_FILENO);
		dup2(err_fd, STDERR_FILENO);
		take_filters_away();
		execl(e2e_program(), "conntrace", "replay", path, (char *)NULL);
		_exit(126);
	}
	assert_int_equal(e2e_process_wait(pid, WAIT_MS, "replay"), 0);
	err = e2e_file_read(err_path, &bytes);
	assert_string_equal(err, "conntrace: warning: keeps system calls that it does not need: "
				 "cannot set a seccomp filter: Invalid argument\n");
	free(err);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST_WITH("replay_keeps_nothing", reader_keeps_nothing, "replay"),
	E2E_TEST_WITH("report_keeps_nothing", reader_keeps_nothing, "report"),
	E2E_TEST_WITH("info_keeps_nothing", reader_keeps_nothing, "info"),
	E2E_TEST_WITH("doctor_keeps_nothing", reader_keeps_nothing, "doctor"),
	E2E_TEST(recording_is_read_by_an_ordinary_user),
	E2E_TEST(report_does_without_a_place_for_files),
	E2E_TEST(kernel_without_filters_is_told_and_no_obstacle),
};

E2E_MAIN("confined_reader", tests)
