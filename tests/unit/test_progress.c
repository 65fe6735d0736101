// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The line that tells how far something is: its words, when it comes, when it stays away. */
#include "../../src/cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/log.h"

#define S	UINT64_C(1000000000)
#define BEGAN	(100 * S)
#define COLUMNS 80 /// of a terminal that does not say

#define SILENT_MS  300 /// a terminal that has taken nothing for so long is full
#define DEADLINE_S 20  /// nobody takes so long who does not wait

/// A progress that writes into a pipe.
struct shown {
	struct ct_progress progress;
	int ends[2];
	char text[1024];
};

static void shown_init(struct shown *shown)
{
	assert_int_equal(pipe(shown->ends), 0);
	shown->progress =
		(struct ct_progress){.fd = shown->ends[1], .began_ns = BEGAN, .due_ns = BEGAN + S};
}

static void shown_fini(struct shown *shown)
{
	ct_progress_end(&shown->progress);
	close(shown->ends[0]);
	close(shown->ends[1]);
}

/// What has been written; something was.
static const char *read_shown(struct shown *shown)
{
	ssize_t n = read(shown->ends[0], shown->text, sizeof(shown->text) - 1);

	assert_true(n > 0);
	shown->text[n] = '\0';
	return shown->text;
}

static void expect_trace(struct ct_progress_trace trace, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};

	ct_progress_put_trace(&text, &trace);
	assert_string_equal(text.data, expected);
}

static void recording_tells_events_losses_size_and_time(void **state)
{
	expect_trace((struct ct_progress_trace){.records = true,
						.events = 12,
						.bytes = 4100,
						.files = 1,
						.elapsed_ns = 42 * S + 1},
		     "conntrace: recording: 12 events, 0 lost, 4.10 kB, 42 s");
	expect_trace((struct ct_progress_trace){.records = true,
						.events = 1,
						.lost = 3,
						.bytes = 0,
						.files = 7,
						.elapsed_ns = 65 * S,
						.duration_ns = 600 * S},
		     "conntrace: recording: 1 event, 3 lost, 0 B in file 7, 1m05s of 10m00s");
}

static void watching_has_no_size(void **state)
{
	expect_trace((struct ct_progress_trace){.events = 12,
						.elapsed_ns = 4 * S,
						.duration_ns = 10 * S},
		     "conntrace: watching: 12 events, 0 lost, 4 s of 10 s");
}

static void expect_share(uint64_t done, uint64_t size, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};

	ct_buf_puts(&text, "");
	ct_progress_put_share(&text, done, size);
	assert_string_equal(text.data, expected);
}

static void share_is_of_what_there_is(void **state)
{
	expect_share(0, 1230000000, "conntrace: 0 % of 1.23 GB read");
	expect_share(999, 1000, "conntrace: 99 % of 1.00 kB read");
	expect_share(1000, 1000, "conntrace: 100 % of 1.00 kB read");
	expect_share(2000, 1000, "conntrace: 100 % of 1.00 kB read");
	expect_share(UINT64_MAX / 2, UINT64_MAX, "conntrace: 50 % of 18.4 EB read");
	expect_share(17, 0, "");
}

static void first_comes_behind_a_second_and_then_five_a_second(void **state)
{
	_cleanup_(shown_fini) struct shown shown = {};

	shown_init(&shown);
	assert_false(ct_progress_is_due(&shown.progress, BEGAN));
	assert_false(ct_progress_is_due(&shown.progress, BEGAN + S - 1));
	assert_true(ct_progress_is_due(&shown.progress, BEGAN + S));
	ct_progress_show(&shown.progress, BEGAN + S, "x");
	assert_false(ct_progress_is_due(&shown.progress, BEGAN + S));
	assert_false(ct_progress_is_due(&shown.progress, BEGAN + S + S / 5 - 1));
	assert_true(ct_progress_is_due(&shown.progress, BEGAN + S + S / 5));
}

static void none_is_never_due(void **state)
{
	struct ct_progress progress = CT_PROGRESS_NONE;

	assert_false(ct_progress_is_due(&progress, UINT64_MAX));
	ct_progress_end(&progress);
}

static void line_takes_the_place_of_the_one_before(void **state)
{
	_cleanup_(shown_fini) struct shown shown = {};

	shown_init(&shown);
	ct_progress_show(&shown.progress, BEGAN, "12345");
	assert_string_equal(read_shown(&shown), "\r12345");
	ct_progress_show(&shown.progress, BEGAN, "123");
	assert_string_equal(read_shown(&shown), "\r123  ");
	ct_progress_end(&shown.progress);
	assert_string_equal(read_shown(&shown), "\r     \r");
	assert_false(ct_progress_is_due(&shown.progress, UINT64_MAX));
}

static void line_is_cut_before_the_edge(void **state)
{
	_cleanup_(shown_fini) struct shown shown = {};
	char text[2 * COLUMNS + 1] = "";

	memset(text, 'x', sizeof(text) - 1);
	shown_init(&shown);
	ct_progress_show(&shown.progress, BEGAN, text);
	assert_int_equal(strlen(read_shown(&shown)), strlen("\r") + COLUMNS - 1 - strlen("^C"));
}

/// Each stands on a line of its own.
static void message_takes_the_line_away_first(void **state)
{
	_cleanup_(shown_fini) struct shown shown = {};
	int saved = dup(STDERR_FILENO);

	shown_init(&shown);
	ct_progress_show(&shown.progress, BEGAN, "abc");
	read_shown(&shown);
	assert_true(dup2(shown.ends[1], STDERR_FILENO) >= 0);
	ct_warn("w");
	ct_warn("w");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_string_equal(read_shown(&shown),
			    "\r     \rconntrace: warning: w\nconntrace: warning: w\n");
}

/// A progress on a terminal, whose other end nobody reads.
struct terminal {
	struct ct_progress progress;
	int fd;
	int other_fd;
};

static volatile sig_atomic_t is_late;

static void note_late(int signal)
{
	is_late = 1;
}

/// From here on whoever waits for the terminal is called off, again and again: without SA_RESTART a
/// write() that waits ends with the signal.
static void terminal_init(struct terminal *terminal, unsigned short columns)
{
	const struct winsize size = {.ws_row = 24, .ws_col = columns};
	const struct sigaction action = {.sa_handler = note_late};
	const struct itimerval deadline = {.it_value = {.tv_sec = DEADLINE_S},
					   .it_interval = {.tv_sec = 1}};

	assert_int_equal(openpty(&terminal->other_fd, &terminal->fd, NULL, NULL, &size), 0);
	terminal->progress = (struct ct_progress){.fd = terminal->fd, .began_ns = BEGAN};
	is_late = 0;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &deadline, NULL), 0);
}

static void terminal_fini(struct terminal *terminal)
{
	const struct itimerval never = {};

	setitimer(ITIMER_REAL, &never, NULL);
	ct_log_make_room(NULL, NULL);
	close(terminal->fd);
	close(terminal->other_fd);
}

static bool takes_anything(const struct terminal *terminal)
{
	struct pollfd end = {.fd = terminal->fd, .events = POLLOUT};

	return poll(&end, 1, 0) == 1 && end.revents & POLLOUT;
}

/// Until it takes nothing any more. What it has taken goes on to its other end a little later.
static void fill(struct terminal *terminal, const char *text)
{
	for (int silent_ms = 0; silent_ms < SILENT_MS && !is_late;) {
		ct_progress_show(&terminal->progress, BEGAN, text);
		usleep(1000);
		silent_ms = takes_anything(terminal) ? 0 : silent_ms + 1;
	}
}

static void terminal_that_nobody_reads_is_not_waited_for(void **state)
{
	_cleanup_(terminal_fini) struct terminal terminal = {};
	char text[COLUMNS] = "";

	memset(text, 'x', sizeof(text) - 1);
	terminal_init(&terminal, COLUMNS);
	assert_true(takes_anything(&terminal));
	fill(&terminal, text);
	assert_false(is_late);
	ct_progress_end(&terminal.progress);
	assert_false(is_late);
}

/// There may be room for a part of the line: how much of it depends on how long it is.
static void wide_terminal_that_nobody_reads_is_not_waited_for(void **state)
{
	static const unsigned short columns[] = {250, 256, 260, 700, 1500, 2000};

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		_cleanup_(terminal_fini) struct terminal terminal = {};
		char text[2000] = "";

		memset(text, 'x', columns[i] - 1);
		terminal_init(&terminal, columns[i]);
		fill(&terminal, text);
		assert_false(is_late);
		ct_progress_end(&terminal.progress);
		assert_false(is_late);
	}
}

/// Ctrl-S; what stood there is not known to have gone.
static void terminal_that_is_stopped_is_not_waited_for(void **state)
{
	_cleanup_(terminal_fini) struct terminal terminal = {};
	char text[16] = "";

	terminal_init(&terminal, COLUMNS);
	assert_int_equal(tcflow(terminal.fd, TCOOFF), 0);
	ct_progress_show(&terminal.progress, BEGAN, "12345");
	assert_false(is_late);
	assert_int_equal(terminal.progress.shown, 0);
	assert_int_equal(tcflow(terminal.fd, TCOON), 0);
	ct_progress_show(&terminal.progress, BEGAN, "123");
	assert_int_equal(read(terminal.other_fd, text, sizeof(text) - 1), strlen("\r123"));
	assert_string_equal(text, "\r123");
	assert_int_equal(tcflow(terminal.fd, TCOOFF), 0);
	ct_progress_end(&terminal.progress);
	assert_false(is_late);
	assert_int_equal(terminal.progress.shown, 3);
	assert_int_equal(tcflow(terminal.fd, TCOON), 0);
}

static void stdout_on_the_terminal_is_not_disturbed(void **state)
{
	assert_true(ct_progress_may_show(CT_PROGRESS_PRINTS_NOTHING, S_IFCHR, true));
	assert_true(ct_progress_may_show(CT_PROGRESS_PRINTS_AT_END, S_IFCHR, true));
	assert_false(ct_progress_may_show(CT_PROGRESS_PRINTS_MEANWHILE, S_IFCHR, true));
	assert_true(ct_progress_may_show(CT_PROGRESS_PRINTS_MEANWHILE, S_IFREG, false));
	assert_true(ct_progress_may_show(CT_PROGRESS_PRINTS_MEANWHILE, S_IFCHR, false));
	/* less(1), grep(1) … have the terminal */
	assert_false(ct_progress_may_show(CT_PROGRESS_PRINTS_MEANWHILE, S_IFIFO, false));
	assert_false(ct_progress_may_show(CT_PROGRESS_PRINTS_AT_END, S_IFIFO, false));
	assert_false(ct_progress_may_show(CT_PROGRESS_PRINTS_AT_END, S_IFSOCK, false));
	assert_true(ct_progress_may_show(CT_PROGRESS_PRINTS_NOTHING, S_IFIFO, false));
}

static void report_prints_meanwhile_what_is_a_line_a_connection(void **state)
{
	struct ct_options options = {.command = CT_COMMAND_REPORT};

	assert_int_equal(ct_progress_stdout_of(&options), CT_PROGRESS_PRINTS_AT_END);
	options.output.format = CT_OUTPUT_WIDE;
	assert_int_equal(ct_progress_stdout_of(&options), CT_PROGRESS_PRINTS_AT_END);
	options.output.format = CT_OUTPUT_JSON;
	assert_int_equal(ct_progress_stdout_of(&options), CT_PROGRESS_PRINTS_MEANWHILE);
	options.output.format = CT_OUTPUT_CSV;
	assert_int_equal(ct_progress_stdout_of(&options), CT_PROGRESS_PRINTS_MEANWHILE);
	options.command = CT_COMMAND_INFO;
	options.output.format = CT_OUTPUT_JSON;
	assert_int_equal(ct_progress_stdout_of(&options), CT_PROGRESS_PRINTS_AT_END);
	options.command = CT_COMMAND_RECORD;
	assert_int_equal(ct_progress_stdout_of(&options), CT_PROGRESS_PRINTS_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recording_tells_events_losses_size_and_time),
		cmocka_unit_test(watching_has_no_size),
		cmocka_unit_test(share_is_of_what_there_is),
		cmocka_unit_test(first_comes_behind_a_second_and_then_five_a_second),
		cmocka_unit_test(none_is_never_due),
		cmocka_unit_test(line_takes_the_place_of_the_one_before),
		cmocka_unit_test(line_is_cut_before_the_edge),
		cmocka_unit_test(message_takes_the_line_away_first),
		cmocka_unit_test(terminal_that_nobody_reads_is_not_waited_for),
		cmocka_unit_test(wide_terminal_that_nobody_reads_is_not_waited_for),
		cmocka_unit_test(terminal_that_is_stopped_is_not_waited_for),
		cmocka_unit_test(stdout_on_the_terminal_is_not_disturbed),
		cmocka_unit_test(report_prints_meanwhile_what_is_a_line_a_connection),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
