// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"

#define ATTACH_LIMIT_MS 60000
#define STOP_LIMIT_MS	60000
#define POLL_MS		20
#define ARGS_MAX	32

/// argv with the program in front of it.
static void with_program(const char *const argv[], const char *ret_argv[ARGS_MAX])
{
	size_t n = 0;

	ret_argv[n++] = e2e_program();
	for (size_t i = 0; argv[i]; i++) {
		assert_true(n < ARGS_MAX - 1);
		ret_argv[n++] = argv[i];
	}
	ret_argv[n] = NULL;
}

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		fail_msg("create %s: %s", path, strerror(errno));
	return fd;
}

char *e2e_tracer_stderr(const struct e2e_tracer *tracer)
{
	size_t bytes;

	return e2e_file_read(tracer->err_path, &bytes);
}

static bool says_attached(const struct e2e_tracer *tracer)
{
	char *text = e2e_tracer_stderr(tracer);
	bool found = strstr(text, "conntrace: attached\n") != NULL;

	free(text);
	return found;
}

/// Notes that the process has ended.
static void set_ended(struct e2e_tracer *tracer, int status)
{
	e2e_untrack(tracer->e2e, tracer->pid);
	tracer->pid = 0;
	tracer->status = status;
}

static void wait_attached(struct e2e_tracer *tracer)
{
	int status;

	for (int waited_ms = 0; !says_attached(tracer); waited_ms += POLL_MS) {
		if (e2e_process_has_ended(tracer->pid, &status)) {
			set_ended(tracer, status);
			if (says_attached(tracer))
				return;
			fail_msg("conntrace ended with %d before it was attached: %s", status,
				 e2e_tracer_stderr(tracer));
		}
		if (waited_ms > e2e_patience(ATTACH_LIMIT_MS))
			fail_msg("conntrace did not say `conntrace: attached`: %s",
				 e2e_tracer_stderr(tracer));
		e2e_sleep_ms(POLL_MS);
	}
}

/// As e2e_tracer_start_as(), of all words of a call.
static struct e2e_tracer *start(struct e2e *e2e, const struct e2e_netns *netns, int out_fd,
				const char *const argv[])
{
	struct e2e_tracer *tracer;
	int own_out_fd, err_fd;

	assert_true(e2e->tracer_count < E2E_TRACERS_MAX);
	tracer = &e2e->tracers[e2e->tracer_count];
	*tracer = (struct e2e_tracer){
		.e2e = e2e,
		.out_path = e2e_format(e2e, "%s/stdout.%zu", e2e->dir, e2e->tracer_count),
		.err_path = e2e_format(e2e, "%s/stderr.%zu", e2e->dir, e2e->tracer_count),
	};
	e2e->tracer_count++;
	own_out_fd = create(tracer->out_path);
	err_fd = create(tracer->err_path);
	tracer->pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = argv,
		.netns_fd = netns ? netns->fd : e2e_netns_host_fd(),
		.out_fd = out_fd < 0 ? own_out_fd : out_fd,
		.err_fd = err_fd,
	});
	close(own_out_fd);
	close(err_fd);
	e2e_track(e2e, tracer->pid);
	wait_attached(tracer);
	return tracer;
}

struct e2e_tracer *e2e_tracer_start_as(struct e2e *e2e, const struct e2e_netns *netns, int out_fd,
				       const char *const argv[])
{
	const char *full_argv[ARGS_MAX];

	with_program(argv, full_argv);
	return start(e2e, netns, out_fd, full_argv);
}

struct e2e_tracer *e2e_tracer_start(struct e2e *e2e, const char *const argv[])
{
	return e2e_tracer_start_as(e2e, NULL, -1, argv);
}

/// True when a whole line that is in stdout by now matches. A line that does not parse is left to
/// e2e_tracer_events().
static bool is_printed(const struct e2e_tracer *tracer, json_t *pattern)
{
	size_t bytes;
	char *text = e2e_file_read(tracer->out_path, &bytes);
	bool found = false;

	for (char *line = text, *end; !found && (end = strchr(line, '\n')); line = end + 1) {
		json_t *event = json_loadb(line, (size_t)(end - line), 0, NULL);

		found = event && e2e_event_matches(event, pattern);
		json_decref(event);
	}
	free(text);
	return found;
}

bool e2e_tracer_wait_event(struct e2e_tracer *tracer, int limit_ms, const char *pattern, ...)
{
	json_t *wanted;
	bool found;
	va_list args;

	va_start(args, pattern);
	wanted = e2e_events_pattern(pattern, args);
	va_end(args);
	found = is_printed(tracer, wanted);
	for (int waited_ms = 0; !found && waited_ms < limit_ms; waited_ms += POLL_MS) {
		e2e_sleep_ms(POLL_MS);
		found = is_printed(tracer, wanted);
	}
	json_decref(wanted);
	return found;
}

int e2e_tracer_join(struct e2e_tracer *tracer, int limit_ms)
{
	if (tracer->pid)
		set_ended(tracer, e2e_process_wait(tracer->pid, limit_ms, "conntrace"));
	return tracer->status;
}

void e2e_tracer_stop(struct e2e_tracer *tracer, int want_status)
{
	if (tracer->pid)
		kill(tracer->pid, SIGINT);
	e2e_tracer_join(tracer, e2e_patience(STOP_LIMIT_MS));
	if (tracer->status != want_status)
		fail_msg("conntrace exited %d, wanted %d: %s", tracer->status, want_status,
			 e2e_tracer_stderr(tracer));
}

json_t *e2e_tracer_events(struct e2e_tracer *tracer)
{
	size_t bytes;
	char *text;

	if (!tracer->events) {
		assert_int_equal(tracer->pid, 0);
		text = e2e_file_read(tracer->out_path, &bytes);
		tracer->events = e2e_events_parse(text, bytes);
		free(text);
	}
	return tracer->events;
}

void e2e_tracer_release(struct e2e_tracer *tracer)
{
	json_decref(tracer->events);
	tracer->events = NULL;
}

void e2e_conntrace(const char *const argv[], struct e2e_output *ret_output)
{
	const char *full_argv[ARGS_MAX];

	with_program(argv, full_argv);
	e2e_process_run(full_argv, ret_output);
}

json_t *e2e_conntrace_json(const char *const argv[])
{
	struct e2e_output output;
	json_t *events;

	e2e_conntrace(argv, &output);
	if (strstr(output.err, "(recursion "))
		e2e_again("%s", output.err);
	if (output.status || output.err_bytes)
		fail_msg("conntrace %s exited %d and said: %s", argv[0], output.status, output.err);
	events = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);
	return events;
}

/// A call of a copy of the program, which everybody may run.
static void with_privileges(struct e2e *e2e, const char *capabilities, const char *const argv[],
			    const char *ret_argv[ARGS_MAX])
{
	const char *copy = e2e_path(e2e, "conntrace");
	const char *const prefix[] = {
		"setpriv",
		"--reuid",
		"65534",
		"--regid",
		"65534",
		"--clear-groups",
		e2e_format(e2e, "--inh-caps=-all%s", capabilities),
		e2e_format(e2e, "--ambient-caps=-all%s", capabilities),
		copy,
	};
	const size_t n = sizeof(prefix) / sizeof(prefix[0]);
	struct e2e_output output;

	e2e_process_run((const char *const[]){"install", "-m", "755", e2e_program(), copy, NULL},
			&output);
	assert_int_equal(output.status, 0);
	e2e_output_free(&output);
	memcpy(ret_argv, prefix, sizeof(prefix));
	for (size_t i = 0; i == 0 || argv[i - 1]; i++) {
		assert_true(n + i < ARGS_MAX);
		ret_argv[n + i] = argv[i];
	}
}

struct e2e_tracer *e2e_tracer_start_unprivileged(struct e2e *e2e, const char *capabilities,
						 const char *const argv[])
{
	const char *full_argv[ARGS_MAX];

	with_privileges(e2e, capabilities, argv, full_argv);
	return start(e2e, NULL, -1, full_argv);
}

void e2e_conntrace_unprivileged(struct e2e *e2e, const char *capabilities, const char *const argv[],
				struct e2e_output *ret_output)
{
	const char *full_argv[ARGS_MAX];

	with_privileges(e2e, capabilities, argv, full_argv);
	e2e_process_run(full_argv, ret_output);
}
