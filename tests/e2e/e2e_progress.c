// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what takes its time says on a terminal how far it is, leaves nothing of that there,
// and is silent everywhere else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"
#include "support/terminal.h"

#define WAIT_MS	 60000
#define ROWS	 24
#define COLUMNS	 80
#define ARGS_MAX 16
#define LIVES	 20

/// Long enough for a line that comes behind a second.
#define LASTS_MS 2500
#define LASTS	 "2500ms"

/// `conntrace ARGV…` with stderr to ERR_FD and stdout to OUT_FD, -1 for nothing.
static pid_t start(struct e2e *e2e, int out_fd, int err_fd, const char *const argv[])
{
	const char *words[ARGS_MAX] = {e2e_program()};
	pid_t pid;

	for (size_t i = 0; argv[i]; i++) {
		assert_true(1 + i < ARGS_MAX - 1);
		words[1 + i] = argv[i];
	}
	pid = e2e_process_spawn(&(struct e2e_spawn){.argv = words,
						    .netns_fd = e2e_netns_host_fd(),
						    .out_fd = out_fd,
						    .err_fd = err_fd});
	e2e_track(e2e, pid);
	return pid;
}

#define START(e2e, out_fd, err_fd, ...) \
	start(e2e, out_fd, err_fd, (const char *const[]){__VA_ARGS__, NULL})

static void expect_end(struct e2e *e2e, pid_t pid)
{
	assert_int_equal(e2e_process_wait(pid, e2e_patience(WAIT_MS), "conntrace"), 0);
	e2e_untrack(e2e, pid);
}

/// What stood in its place was taken away: between the two there is a blank line.
static void assert_alone_on_its_line(const char *text, const char *message)
{
	const char *at = strstr(text, message), *before;

	if (!at)
		fail_msg("no '%s' in '%s'", message, text);
	while (at > text && at[-1] != '\n' && at[-1] != '\r')
		at--;
	assert_int_equal(strncmp(at, "conntrace: ", strlen("conntrace: ")), 0);
	before = strstr(at + 1, "conntrace: ");
	assert_true(!before || before > strstr(text, message));
	if (at > text && at[-1] == '\r')
		assert_int_equal(at[-2], ' ');
}

static void recording_shows_what_it_has_and_takes_it_away(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = START(e2e, -1, terminal.fd, "record", "-w", e2e_path(e2e, "x.ctr"), "-P",
		    e2e_port_text(e2e, 0));
	assert_true(e2e_terminal_wait(&terminal, "conntrace: attached", e2e_patience(WAIT_MS)));
	e2e_churn(e2e, e2e_port(0), LIVES);
	assert_true(
		e2e_terminal_wait(&terminal, "\rconntrace: recording: ", e2e_patience(WAIT_MS)));
	assert_true(e2e_terminal_wait(&terminal, " lost, ", e2e_patience(WAIT_MS)));
	kill(pid, SIGINT);
	expect_end(e2e, pid);
	assert_alone_on_its_line(e2e_terminal_text(&terminal), "recorded to");
	/* no terminal has sent that signal: there is nothing of it to be taken away */
	assert_null(strstr(e2e_terminal_text(&terminal), "\r  \r"));
	e2e_terminal_close(&terminal);
}

/// For it to come on a slow machine as well.
static const char *long_enough(struct e2e *e2e)
{
	return e2e_format(e2e, "%dms", e2e_patience(LASTS_MS));
}

static void doctor_shows_how_long_it_still_looks(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = START(e2e, -1, terminal.fd, "doctor", "--duration", long_enough(e2e), "-P",
		    e2e_port_text(e2e, 0));
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "\rconntrace: watching: 0 events, "));
	assert_non_null(strstr(e2e_terminal_text(&terminal), " s of "));
	assert_null(strstr(e2e_terminal_text(&terminal), "--duration changes that"));
	e2e_terminal_close(&terminal);
}

/// As a shell starts a job: the terminal is its own, what is typed there as well.
static pid_t start_on(struct e2e *e2e, const struct e2e_terminal *terminal,
		      const char *const argv[])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setsid() < 0 || ioctl(terminal->fd, TIOCSCTTY, 0) < 0)
			_exit(1);
		dup2(terminal->fd, STDOUT_FILENO);
		dup2(terminal->fd, STDERR_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	e2e_track(e2e, pid);
	return pid;
}

static void press_control_c(const struct e2e_terminal *terminal)
{
	assert_int_equal(write(terminal->other_fd, "\003", 1), 1);
}

/// What stands on the screen in the line that was written so: a carriage return goes back in it.
static const char *line_on_screen(const char *text, const char *part)
{
	static char line[COLUMNS + 1];
	size_t column = 0;

	memset(line, 0, sizeof(line));
	for (const char *at = text; *at; at++) {
		if (*at == '\n' && strstr(line, part))
			break;
		if (*at == '\n')
			memset(line, 0, sizeof(line));
		if (*at == '\r' || *at == '\n')
			column = 0;
		else if (column < COLUMNS)
			line[column++] = *at;
	}
	for (size_t end = strlen(line); end && line[end - 1] == ' '; end--)
		line[end - 1] = '\0';
	return line;
}

static void assert_begins_and_ends(const char *line, const char *begin, const char *end)
{
	size_t len = strlen(line);

	if (strncmp(line, begin, strlen(begin)) != 0 || len < strlen(end) ||
	    strcmp(line + len - strlen(end), end) != 0)
		fail_msg("'%s' is not '%s … %s'", line, begin, end);
}

/// Nothing of the line that told how far it was stays, nor of what the terminal has put behind it.
static void control_c_leaves_nothing_beside_what_the_doctor_says(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {e2e_program(), "doctor", "-P", e2e_port_text(e2e, 0), NULL};
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = start_on(e2e, &terminal, argv);
	assert_true(e2e_terminal_wait(&terminal, "\rconntrace: watching: ", e2e_patience(WAIT_MS)));
	press_control_c(&terminal);
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "^C"));
	assert_non_null(strstr(e2e_terminal_text(&terminal), "--duration changes that"));
	assert_begins_and_ends(line_on_screen(e2e_terminal_text(&terminal), "nothing found"),
			       "nothing found, ", " s");
	e2e_terminal_close(&terminal);
}

static void control_c_does_not_stand_before_the_next_line(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {
		e2e_program(),		"record", "-P", e2e_port_text(e2e, 0), "-w",
		e2e_path(e2e, "x.ctr"), NULL};
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = start_on(e2e, &terminal, argv);
	assert_true(e2e_terminal_wait(&terminal, "conntrace: attached", e2e_patience(WAIT_MS)));
	press_control_c(&terminal);
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "^C"));
	assert_begins_and_ends(line_on_screen(e2e_terminal_text(&terminal), "recorded to"),
			       "conntrace: ", "");
	e2e_terminal_close(&terminal);
}

/// What is printed there meanwhile would stand in the middle of it.
static void watch_on_the_same_terminal_shows_its_lines_alone(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = START(e2e, terminal.fd, terminal.fd, "watch", "--duration", LASTS, "-P",
		    e2e_port_text(e2e, 0));
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "conntrace: attached"));
	assert_null(strstr(e2e_terminal_text(&terminal), "watching: "));
	e2e_terminal_close(&terminal);
}

static void watch_into_a_file_shows_how_far_it_is(void **state)
{
	struct e2e *e2e = *state;
	int out_fd = open(e2e_path(e2e, "out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct e2e_terminal terminal;
	pid_t pid;

	assert_true(out_fd >= 0);
	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = START(e2e, out_fd, terminal.fd, "watch", "--duration", long_enough(e2e), "-P",
		    e2e_port_text(e2e, 0));
	close(out_fd);
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "\rconntrace: watching: 0 events, "));
	e2e_terminal_close(&terminal);
}

static void quiet_is_silent(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = START(e2e, -1, terminal.fd, "record", "-q", "--duration", LASTS, "-w",
		    e2e_path(e2e, "x.ctr"), "-P", e2e_port_text(e2e, 0));
	expect_end(e2e, pid);
	assert_null(strstr(e2e_terminal_text(&terminal), "recording: "));
	e2e_terminal_close(&terminal);
}

/// As a shell does it: the session has the terminal, and a job of it that is not in the foreground
/// has stderr there.
static void run_in_background(const struct e2e_terminal *terminal, const char *const argv[])
{
	int status = 0;
	pid_t job;

	if (setsid() < 0 || ioctl(terminal->fd, TIOCSCTTY, 0) < 0)
		_exit(1);
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		dup2(terminal->fd, STDERR_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	waitpid(job, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void job_in_the_background_is_silent(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {e2e_program(),	    "record", "--duration", LASTS, "-w",
				    e2e_path(e2e, "x.ctr"), NULL};
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_in_background(&terminal, argv);
	e2e_track(e2e, pid);
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "recorded to"));
	assert_null(strstr(e2e_terminal_text(&terminal), "recording: "));
	e2e_terminal_close(&terminal);
}

/// CMD has the terminal.
static void recording_of_a_command_is_silent_meanwhile(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_terminal terminal;
	pid_t pid;

	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	pid = START(e2e, -1, terminal.fd, "record", "-w", e2e_path(e2e, "x.ctr"), "--", "sleep",
		    "2.5");
	expect_end(e2e, pid);
	assert_non_null(strstr(e2e_terminal_text(&terminal), "recorded to"));
	assert_null(strstr(e2e_terminal_text(&terminal), "recording: "));
	e2e_terminal_close(&terminal);
}

static void no_terminal_is_told_nothing(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "err");
	int err_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t bytes;
	char *text;
	pid_t pid;

	assert_true(err_fd >= 0);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	pid = START(e2e, -1, err_fd, "record", "--duration", LASTS, "-w", e2e_path(e2e, "x.ctr"),
		    "-P", e2e_port_text(e2e, 0));
	close(err_fd);
	expect_end(e2e, pid);
	text = e2e_file_read(path, &bytes);
	assert_non_null(strstr(text, "recorded to"));
	assert_null(strchr(text, '\r'));
	assert_null(strstr(text, "recording: "));
	free(text);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(recording_shows_what_it_has_and_takes_it_away),
	E2E_TEST(doctor_shows_how_long_it_still_looks),
	E2E_TEST(control_c_leaves_nothing_beside_what_the_doctor_says),
	E2E_TEST(control_c_does_not_stand_before_the_next_line),
	E2E_TEST(watch_on_the_same_terminal_shows_its_lines_alone),
	E2E_TEST(watch_into_a_file_shows_how_far_it_is),
	E2E_TEST(quiet_is_silent),
	E2E_TEST(job_in_the_background_is_silent),
	E2E_TEST(recording_of_a_command_is_silent_meanwhile),
	E2E_TEST(no_terminal_is_told_nothing),
};

E2E_MAIN("progress", tests)
