// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The share of a recording that has been read, on a terminal that is looked at from its other end.
 */
#include "../../src/cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/log.h"
#include "recording_fixture.h"

#define CONNECTIONS 500 /// some thousand events
#define TOO_SLOW_MS 1100

/// Standard streams of the reader: stderr a terminal or a file, stdout nothing.
struct stage {
	int saved_out;
	int saved_err;
	int other_end; /// of stderr
	struct bytes bytes;
};

static void stage_init(struct stage *stage, bool on_terminal)
{
	_cleanup_(events_fini) struct events events = {};
	_cleanup_(ct_closep) int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int ends[2] = {-1, -1};

	events_churn(&events, CONNECTIONS);
	record(&events, &stage->bytes);
	if (on_terminal)
		assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
	else
		assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	stage->saved_out = dup(STDOUT_FILENO);
	stage->saved_err = dup(STDERR_FILENO);
	stage->other_end = ends[0];
	assert_true(dup2(null_fd, STDOUT_FILENO) >= 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	setenv("TERM", "xterm", 1);
}

/// What has come by now; the streams are as before.
static void stage_leave(struct stage *stage, char *text, size_t len)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(stage->other_end, text + n, len - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	dup2(stage->saved_out, STDOUT_FILENO);
	dup2(stage->saved_err, STDERR_FILENO);
	close(stage->saved_out);
	close(stage->saved_err);
	close(stage->other_end);
	bytes_fini(&stage->bytes);
}

/// The first record takes longer than anything may take in silence.
static int take(void *context, const void *bytes, size_t len)
{
	const struct timespec pause = {.tv_sec = TOO_SLOW_MS / 1000,
				       .tv_nsec = TOO_SLOW_MS % 1000 * 1000000L};
	size_t *records = context;

	if (++*records == 1)
		nanosleep(&pause, NULL);
	return 0;
}

static int take_at_once(void *context, const void *bytes, size_t len)
{
	++*(size_t *)context;
	return 0;
}

static void read_as(int fd, int verbosity, ct_record_fn fn)
{
	const struct ct_options options = {.command = CT_COMMAND_INFO, .verbosity = verbosity};
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	char err[CT_RECORDING_ERR_LEN];
	struct ct_recording_info info;
	size_t records = 0;

	assert_int_equal(ct_recording_open_fd(fd, err, &reader), 0);
	assert_int_equal(ct_progress_read(&options, reader, fn, &records, &info), 0);
	assert_true(records > CONNECTIONS);
	assert_string_equal(info.problem, "");
}

static int file_of(const struct bytes *bytes)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes->data, bytes->len), (ssize_t)bytes->len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void what_takes_long_shows_its_share_and_takes_it_away(void **state)
{
	struct stage stage = {};
	char text[1024], first[] = "\rconntrace: ";
	size_t len;

	stage_init(&stage, true);
	read_as(file_of(&stage.bytes), CT_LOG_NORMAL, take);
	stage_leave(&stage, text, sizeof(text));
	assert_memory_equal(text, first, strlen(first));
	assert_non_null(strstr(text, " % of "));
	assert_non_null(strstr(text, " read"));
	len = strlen(text);
	assert_true(len > 2);
	assert_string_equal(text + len - 2, " \r");
}

static void what_is_over_soon_shows_nothing(void **state)
{
	struct stage stage = {};
	char text[1024];

	stage_init(&stage, true);
	read_as(file_of(&stage.bytes), CT_LOG_NORMAL, take_at_once);
	stage_leave(&stage, text, sizeof(text));
	assert_string_equal(text, "");
}

static void quiet_shows_nothing(void **state)
{
	struct stage stage = {};
	char text[1024];

	stage_init(&stage, true);
	read_as(file_of(&stage.bytes), CT_LOG_QUIET, take);
	stage_leave(&stage, text, sizeof(text));
	assert_string_equal(text, "");
}

static void no_terminal_shows_nothing(void **state)
{
	struct stage stage = {};
	char text[1024];

	stage_init(&stage, false);
	read_as(file_of(&stage.bytes), CT_LOG_NORMAL, take);
	stage_leave(&stage, text, sizeof(text));
	assert_string_equal(text, "");
}

/// How much is still to come nobody knows.
static void pipe_shows_nothing(void **state)
{
	struct stage stage = {};
	char text[1024];
	int ends[2];

	stage_init(&stage, true);
	assert_int_equal(pipe(ends), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, (int)stage.bytes.len) >= (int)stage.bytes.len);
	assert_int_equal(write(ends[1], stage.bytes.data, stage.bytes.len),
			 (ssize_t)stage.bytes.len);
	close(ends[1]);
	read_as(ends[0], CT_LOG_NORMAL, take);
	stage_leave(&stage, text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_takes_long_shows_its_share_and_takes_it_away),
		cmocka_unit_test(what_is_over_soon_shows_nothing),
		cmocka_unit_test(quiet_shows_nothing),
		cmocka_unit_test(no_terminal_shows_nothing),
		cmocka_unit_test(pipe_shows_nothing),
	};

	return cmocka_run_group_tests_name("progress_read", tests, NULL, NULL);
}
