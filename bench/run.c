// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "loopback.h"
#include "orphan.h"

#define READY_LIMIT_MS 20000
#define POLL_MS	       20
#define SILENT_MS      3000 /* for a tracer that does not say when it traces */
#define SETTLE_MS      500  /* the workload's namespace goes, and its last sockets with it */
#define PATH_LEN       256
#define ENDLESS	       "1000000" /* units: the workload is stopped before */

/* What belongs to a run, and where. */
struct paths {
	char output[PATH_LEN];	 /* of the tracer */
	char errors[PATH_LEN];	 /* its stderr */
	char measured[PATH_LEN]; /* the workload's stdout */
};

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

bool bench_is_installed(const char *program)
{
	char command[PATH_LEN];

	snprintf(command, sizeof(command), "command -v '%s' >/dev/null 2>&1", program);
	return system(command) == 0;
}

static void redirect(const char *path, int fd)
{
	int opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (opened < 0 || dup2(opened, fd) < 0)
		_exit(126);
}

static pid_t start(const char *const argv[], const char *out, const char *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	orphan_dies(parent);
	redirect(out, STDOUT_FILENO);
	if (err)
		redirect(err, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static char *read_file(const char *path)
{
	_cleanup_(ct_fclosep) FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (file && getdelim(&text, &cap, '\0', file) < 0)
		ct_freep(&text);
	return text;
}

static bool file_has(const char *path, const char *words)
{
	_cleanup_(ct_freep) char *text = read_file(path);

	return text && strstr(text, words);
}

/// The number behind "KEY " at the start of a line; 0 if there is none.
static double number_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; text && *text; text = strchr(text, '\n'), text += text ? 1 : 0)
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return strtod(text + len, NULL);
	return 0;
}

static double lost_events(const char *path)
{
	static const char words[] = " events were lost";
	_cleanup_(ct_freep) char *text = read_file(path);
	char *found = text ? strstr(text, words) : NULL;

	while (found && found > text && found[-1] >= '0' && found[-1] <= '9')
		found--;
	return found ? strtod(found, NULL) : 0;
}

static double cpu_so_far_us(pid_t pid)
{
	struct timespec time = {};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double usage_us(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e6 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

static int wait_ready(const struct bench_tracer *tracer, pid_t pid, const struct paths *paths)
{
	if (!tracer->ready) {
		sleep_ms(SILENT_MS);
		return waitpid(pid, NULL, WNOHANG) ? -ECHILD : 0;
	}
	for (int waited_ms = 0; waited_ms < READY_LIMIT_MS; waited_ms += POLL_MS) {
		if (file_has(paths->errors, tracer->ready))
			return 0;
		if (waitpid(pid, NULL, WNOHANG))
			return -ECHILD;
		sleep_ms(POLL_MS);
	}
	return -ETIMEDOUT;
}

static int start_tracer(const struct bench_tracer *tracer, const struct paths *paths,
			pid_t *ret_pid)
{
	const char *argv[BENCH_ARGS_MAX] = {};
	pid_t pid;
	int r;

	for (size_t i = 0; tracer->argv[i]; i++)
		argv[i] = strcmp(tracer->argv[i], BENCH_OUTPUT) == 0 ? paths->output
								     : tracer->argv[i];
	pid = start(argv, "/dev/null", paths->errors);
	if (pid < 0)
		return pid;
	r = wait_ready(tracer, pid, paths);
	if (r) {
		_cleanup_(ct_freep) char *said = read_file(paths->errors);

		fprintf(stderr, "bench: %s does not trace: %s\n", tracer->name,
			said ? said : "it says nothing");
		if (r != -ECHILD) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		return r;
	}
	*ret_pid = pid;
	return 0;
}

static void stop_tracer(pid_t pid, double before_us, unsigned units, const struct paths *paths,
			struct bench_result *result)
{
	struct rusage usage;
	struct stat output;

	kill(pid, SIGINT);
	if (wait4(pid, NULL, 0, &usage) == pid)
		result->tracer_us = (usage_us(&usage) - before_us) / units;
	if (stat(paths->output, &output) == 0)
		result->bytes = (double)output.st_size / units;
	result->lost = lost_events(paths->errors);
}

static int run_workload(const struct bench_workload *workload, unsigned units, bool inside,
			const struct paths *paths, struct bench_result *result)
{
	_cleanup_(ct_freep) char *measured = NULL;
	const char *argv[BENCH_ARGS_MAX] = {};
	char number[16];
	int status;
	size_t n = 0;
	pid_t pid;

	for (; workload->argv[n]; n++)
		argv[n] = workload->argv[n];
	if (inside)
		argv[n++] = workload->inside;
	snprintf(number, sizeof(number), "%u", units);
	argv[n] = number;
	pid = start(argv, paths->measured, NULL);
	if (pid < 0)
		return pid;
	if (waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "bench: the workload %s failed\n", workload->name);
		return -ECHILD;
	}
	measured = read_file(paths->measured);
	result->rate = number_of(measured, "rate");
	result->cpu_us = number_of(measured, "cpu_us");
	return result->rate > 0 ? 0 : -EBADMSG;
}

static int run_here(const struct bench_workload *workload, unsigned units,
		    const struct bench_tracer *tracer, const struct paths *paths,
		    struct bench_result *result)
{
	double before_us = 0;
	pid_t pid = 0;
	int r;

	if (tracer->inside && unshare(CLONE_NEWNET))
		return -errno;
	if (tracer->inside && loopback_up())
		return -ENETDOWN;
	if (tracer->argv[0]) {
		r = start_tracer(tracer, paths, &pid);
		if (r)
			return r;
		before_us = cpu_so_far_us(pid);
	}
	r = run_workload(workload, units, tracer->inside, paths, result);
	sleep_ms(SETTLE_MS);
	if (pid)
		stop_tracer(pid, before_us, units, paths, result);
	return r;
}

/// In a process of its own: what it unshares goes with it.
int bench_run(const struct bench_workload *workload, unsigned units,
	      const struct bench_tracer *tracer, const char *scratch, struct bench_result *ret)
{
	pid_t parent = getpid(), pid;
	struct bench_result result = {};
	struct paths paths;
	int ends[2], status;
	ssize_t got;

	snprintf(paths.output, PATH_LEN, "%s/output", scratch);
	snprintf(paths.errors, PATH_LEN, "%s/errors", scratch);
	snprintf(paths.measured, PATH_LEN, "%s/measured", scratch);
	unlink(paths.output);
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0) {
		orphan_dies(parent);
		if (run_here(workload, units, tracer, &paths, &result))
			_exit(EXIT_FAILURE);
		_exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? EXIT_SUCCESS
										: EXIT_FAILURE);
	}
	close(ends[1]);
	got = pid < 0 ? -1 : read(ends[0], &result, sizeof(result));
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	unlink(paths.output);
	unlink(paths.errors);
	unlink(paths.measured);
	if (status || got != sizeof(result))
		return -ECHILD;
	*ret = result;
	return 0;
}

int bench_programs(const struct bench_workload *workload, const char *scratch)
{
	static const char *const check[] = {"build/conntrace", "check", "--cost",
					    "--duration",      "4s",	NULL};
	_cleanup_(ct_freep) char *said = NULL;
	const char *argv[BENCH_ARGS_MAX] = {}, *table;
	pid_t busy, checker = 0;
	char path[PATH_LEN];
	bool was_busy;
	int status = -1;
	size_t n = 0;

	for (; workload->argv[n]; n++)
		argv[n] = workload->argv[n];
	argv[n] = ENDLESS;
	snprintf(path, sizeof(path), "%s/output", scratch);
	busy = start(argv, "/dev/null", NULL);
	if (busy > 0)
		checker = start(check, path, NULL);
	if (checker > 0)
		waitpid(checker, &status, 0);
	was_busy = busy > 0 && waitpid(busy, NULL, WNOHANG) == 0;
	if (was_busy) {
		kill(busy, SIGKILL);
		waitpid(busy, NULL, 0);
	}
	said = read_file(path);
	unlink(path);
	table = said ? strstr(said, "PROGRAM") : NULL;
	if (status || !table || !was_busy) {
		fprintf(stderr, "bench: %s\n",
			was_busy ? "conntrace check --cost failed"
				 : "the workload ended before it was measured");
		return -ECHILD;
	}
	fputs(table, stdout);
	return 0;
}
