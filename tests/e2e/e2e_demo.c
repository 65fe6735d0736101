// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that of the demo that ships with the project each planted fault is found, and nothing else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"

/// Attaching, the demo and the doctor.
#define DEMO_LIMIT_MS 120000
#define EXIT_USAGE    2

/// Of a process that has to change something, or that has trouble with a service.
struct planted {
	const char *id;
	const char *severity;
	int count;
	const char *comm;
	int port; /// the service's; 0: it is about the process
};

static const struct planted all_planted[] = {
	{"dead-peer-hang", "crit", 1, "ct-hanging", 8017},
	{"close-wait-leak", "warn", 3, "ct-leaky", 0},
	{"unread-data-reset", "warn", 1, "ct-hasty", 0},
	{"stale-pool-reuse", "warn", 1, "ct-pool", 0},
	{"linger0-reset", "warn", 1, "ct-abort", 0},
	{"refused", "warn", 3, "ct-refused", 8015},
	{"syn-unanswered", "warn", 1, "ct-waiting", 8016},
	{"half-open-ghost", "warn", 1, "ct-prober", 8018},
};

#define N_PLANTED (sizeof(all_planted) / sizeof(all_planted[0]))

/// The directory that the program under test is in: what is built with it is there, too.
static const char *build_dir(struct e2e *e2e)
{
	char *program = (char *)e2e_format(e2e, "%s", e2e_program());

	return dirname(program);
}

static const char *demo_program(struct e2e *e2e)
{
	return e2e_format(e2e, "%s/demo", build_dir(e2e));
}

static json_t *findings_in(const char *recording)
{
	json_t *findings = E2E_CONNTRACE_JSON("doctor", recording, "--json", "-q");

	for (size_t i = 0; i < json_array_size(findings); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(findings, i), "id"),
			      e2e_event_text(json_array_get(findings, i), "summary"));
	return findings;
}

static void assert_planted(const json_t *findings, const struct planted *planted)
{
	const json_t *finding = e2e_events_one(findings, "{s:s}", "id", planted->id);
	const json_t *culprit = json_object_get(finding, "culprit");

	e2e_assert_has(finding, "{s:s, s:i}", "severity", planted->severity, "count",
		       planted->count);
	e2e_assert_has(culprit, "{s:s}", "comm", planted->comm);
	if (planted->port)
		e2e_assert_has(culprit, "{s:s, s:i}", "address", "127.0.0.1", "port",
			       planted->port);
	else
		e2e_assert_has(culprit, "{s:n, s:n}", "address", "port");
}

/// What `make demo` runs, with its recording where a test may write.
static void run_make_demo(struct e2e *e2e, const char *recording, const char *out_path)
{
	int out_fd = open(out_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int status;
	pid_t pid;

	assert_true(out_fd >= 0);
	pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = (const char *const[]){"tools/demo.sh", build_dir(e2e), recording, NULL},
		.netns_fd = e2e_netns_host_fd(),
		.out_fd = out_fd,
		.err_fd = STDERR_FILENO,
	});
	close(out_fd);
	e2e_track(e2e, pid);
	status = e2e_process_wait(pid, e2e_patience(DEMO_LIMIT_MS), "tools/demo.sh");
	e2e_untrack(e2e, pid);
	assert_int_equal(status, 0);
}

/// It tells what is planted, what was found, and how to go on.
static void assert_told(const char *out_path, const char *recording)
{
	size_t bytes;
	char *text = e2e_file_read(out_path, &bytes);

	for (size_t i = 0; i < N_PLANTED; i++)
		if (!strstr(text, all_planted[i].id))
			fail_msg("nothing of %s: %s", all_planted[i].id, text);
	if (!strstr(text, recording) || !strstr(text, "CRIT  1 connection with 127.0.0.1:8017"))
		fail_msg("the recording or the first finding is missing: %s", text);
	free(text);
}

static void planted_faults_are_found_and_nothing_else(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "demo.ctr"), *out_path = e2e_path(e2e, "demo.out");
	json_t *findings;

	run_make_demo(e2e, recording, out_path);
	findings = findings_in(recording);
	for (size_t i = 0; i < N_PLANTED; i++)
		assert_planted(findings, &all_planted[i]);
	assert_int_equal(json_array_size(findings), N_PLANTED);
	json_decref(findings);
	assert_told(out_path, recording);
}

static void innocent_scenes_are_innocent(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "demo.ctr");
	struct e2e_tracer *recorder = E2E_TRACE(e2e, "record", "-w", recording, "--",
						demo_program(e2e), "clean", "traffic", "reuse",
						"half-close", "both-close");
	json_t *findings, *lives;

	assert_int_equal(e2e_tracer_join(recorder, e2e_patience(DEMO_LIMIT_MS)), 0);
	findings = findings_in(recording);
	assert_int_equal(json_array_size(findings), 0);
	lives = E2E_CONNTRACE_JSON("report", recording, "--json");
	assert_int_equal(e2e_events_count(lives, "{s:s, s:s}", "event", "close", "end", "fin"), 20);
	assert_int_equal(e2e_events_count(lives, "{s:s}", "event", "close"), 20);
	json_decref(findings);
	json_decref(lives);
}

static void scene_that_is_not_there_is_refused(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;

	e2e_process_run((const char *const[]){demo_program(e2e), "clean", "celan", NULL}, &output);
	assert_int_equal(output.status, EXIT_USAGE);
	assert_non_null(strstr(output.err, "demo: no scene 'celan'\n"));
	assert_non_null(strstr(output.err, "time-wait"));
	e2e_output_free(&output);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(planted_faults_are_found_and_nothing_else),
	E2E_TEST(innocent_scenes_are_innocent),
	E2E_TEST(scene_that_is_not_there_is_refused),
};

E2E_MAIN("demo", tests)
