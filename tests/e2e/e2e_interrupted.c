// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a signal is a normal end of what reads a recording, or measures, and that nothing of a
// part is told as if it were of the whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/churn.h"
#include "support/e2e.h"

#define LIVES	     20
#define WAIT_MS	     20000
#define ARGS_MAX     8
#define WAITS_MAX    200
#define WAITS_FOR_MS 100
#define EARLY_US     8000 /// by then it waits; a guest takes longer
#define EARLY_STEPS  400

/// Runs `conntrace COMMAND f` of a FIFO that the recording stands in, which is not over, and sends
/// the signal when all of it is taken: it stands in the pipe, and the reader waits for more. To
/// write to a FIFO is possible once its reader has opened it.
static void read_and_interrupt(struct e2e *e2e, const char *recording, const char *command,
			       const char *signal, struct e2e_output *ret)
{
	e2e_process_run(
		(const char *const[]){
			"sh", "-c",
			e2e_format(
				e2e,
				"cd '%s' && rm -f f written && mkfifo f || exit 9\n"
				"(cat '%s'; : >written; exec sleep 600) >f & writer=$!\n"
				"'%s' %s f & reader=$!\n"
				"until [ -e written ] && grep -q '^State:.S' /proc/$reader/status ||\n"
				"    ! kill -0 $reader; do sleep 0.1; done\n"
				"kill -%s $reader\n"
				"wait $reader; status=$?\n"
				"kill $writer\n"
				"exit $status",
				e2e->dir, recording, e2e_program(), command, signal),
			NULL},
		ret);
}

static void assert_says(const struct e2e_output *output, const char *word)
{
	if (output->status != 0)
		fail_msg("exited %d: %s", output->status, output->err);
	if (!strstr(output->err, word) ||
	    strchr(output->err, '\n') != output->err + output->err_bytes - 1)
		fail_msg("not one line on '%s': %s", word, output->err);
}

static void signal_ends_what_tells_of_the_whole_without_a_word_of_it(void **state)
{
	static const struct {
		const char *command, *signal;
	} runs[] = {{"report", "INT"},	      {"report --json", "TERM"},
		    {"info", "TERM"},	      {"info --json", "INT"},
		    {"doctor", "TERM"},	      {"doctor --fail-on warn", "INT"},
		    {"doctor --json", "TERM"}};
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES);
	struct e2e_output output;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		read_and_interrupt(e2e, recording, runs[i].command, runs[i].signal, &output);
		assert_says(&output, "interrupted: the recording 'f' was not read to its end");
		assert_null(strstr(output.out, "finding"));
		assert_null(strstr(output.out, "integrity"));
		assert_null(strstr(output.out, "connections"));
		e2e_output_free(&output);
	}
}

static void signal_leaves_what_replay_has_printed(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_churn_record(e2e, LIVES);
	struct e2e_output whole, part;

	E2E_CONNTRACE(&whole, "replay", recording, "--json");
	assert_int_equal(whole.status, 0);
	assert_string_equal(whole.err, "");
	read_and_interrupt(e2e, recording, "replay --json", "INT", &part);
	assert_says(&part, "interrupted: the recording 'f' was not read to its end");
	assert_true(part.out_bytes > 0 && part.out_bytes <= whole.out_bytes);
	assert_memory_equal(part.out, whole.out, part.out_bytes);
	assert_int_equal(part.out[part.out_bytes - 1], '\n');
	e2e_output_free(&whole);
	e2e_output_free(&part);
}

/// Whether the process catches the signal by now, and waits.
static bool catches(pid_t pid, int signal)
{
	bool waits = false;
	uint64_t caught = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		waits |= strncmp(line, "State:\tS", strlen("State:\tS")) == 0;
		if (strncmp(line, "SigCgt:", strlen("SigCgt:")) == 0)
			caught = strtoull(line + strlen("SigCgt:"), NULL, 16);
	}
	fclose(file);
	return waits && caught >> (signal - 1) & 1;
}

/// `conntrace ARGV…`, and the signal when it is caught.
static void start_and_interrupt(struct e2e *e2e, const char *const argv[], int signal,
				struct e2e_output *ret)
{
	const char *words[ARGS_MAX] = {e2e_program()};
	const char *out = e2e_path(e2e, "out"), *err = e2e_path(e2e, "err");
	int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid;

	for (size_t i = 0; argv[i] && i < ARGS_MAX - 2; i++)
		words[i + 1] = argv[i];
	pid = e2e_process_spawn(&(struct e2e_spawn){.argv = words,
						    .netns_fd = e2e_netns_host_fd(),
						    .out_fd = out_fd,
						    .err_fd = err_fd});
	e2e_track(e2e, pid);
	for (int i = 0; i < WAITS_MAX && !catches(pid, signal); i++)
		e2e_sleep_ms(WAITS_FOR_MS);
	kill(pid, signal);
	ret->status = e2e_process_wait(pid, e2e_patience(WAIT_MS), "conntrace");
	e2e_untrack(e2e, pid);
	close(out_fd);
	close(err_fd);
	ret->out = e2e_file_read(out, &ret->out_bytes);
	ret->err = e2e_file_read(err, &ret->err_bytes);
}

/// It waits for somebody who writes.
static void signal_ends_the_wait_for_a_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *fifo = e2e_path(e2e, "f");
	const char *commands[] = {"replay", "info"};
	struct e2e_output output;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		start_and_interrupt(e2e, (const char *const[]){commands[i], fifo, NULL}, SIGTERM,
				    &output);
		assert_says(&output, "interrupted: nothing of the recording");
		assert_string_equal(output.out, "");
		e2e_output_free(&output);
	}
}

/// Sends it so long behind the start. True: it was caught, and the wait did not begin any more, or
/// ended.
static bool is_caught_early(struct e2e *e2e, const char *fifo, long behind_us)
{
	const char *const argv[] = {e2e_program(), "info", fifo, NULL};
	const struct timespec pause = {.tv_sec = behind_us / 1000000,
				       .tv_nsec = behind_us % 1000000 * 1000};
	pid_t pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = argv, .netns_fd = e2e_netns_host_fd(), .out_fd = -1, .err_fd = -1});
	int status;

	e2e_track(e2e, pid);
	nanosleep(&pause, NULL);
	kill(pid, SIGTERM);
	status = e2e_process_wait(pid, e2e_patience(WAIT_MS), "conntrace");
	e2e_untrack(e2e, pid);
	if (status != 0 && status != 128 + SIGTERM)
		fail_msg("exited %d", status);
	return status == 0;
}

/// At whichever moment of its beginning it comes: it waits for nobody behind it.
static void signal_ends_what_is_about_to_wait_for_a_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *fifo = e2e_path(e2e, "f");
	long step_us = e2e_patience(EARLY_US) / EARLY_STEPS;
	int caught = 0;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (long i = 0; i < EARLY_STEPS; i++)
		caught += is_caught_early(e2e, fifo, i * step_us);
	/* its beginning may take longer than all these pauses: then it takes as long as it takes */
	for (long ms = EARLY_US / 1000; !caught && ms < e2e_patience(WAIT_MS); ms *= 2)
		caught += is_caught_early(e2e, fifo, ms * 1000);
	assert_true(caught);
}

static void signal_ends_check_without_figures(void **state)
{
	struct e2e_output output;

	start_and_interrupt(*state,
			    (const char *const[]){"check", "--cost", "--duration", "10m", NULL},
			    SIGINT, &output);
	assert_says(&output, "interrupted: what the programs cost is not told");
	assert_non_null(strstr(output.out, "kernel "));
	assert_null(strstr(output.out, "NS/RUN"));
	e2e_output_free(&output);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(signal_ends_what_tells_of_the_whole_without_a_word_of_it),
	E2E_TEST(signal_leaves_what_replay_has_printed),
	E2E_TEST(signal_ends_the_wait_for_a_recording),
	E2E_TEST(signal_ends_what_is_about_to_wait_for_a_recording),
	E2E_TEST(signal_ends_check_without_figures),
};

E2E_MAIN("interrupted", tests)
