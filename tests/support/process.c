// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN_LIMIT_MS 30000
#define POLL_MS	     5

void e2e_sleep_ms(int ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

int64_t e2e_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

pid_t e2e_process_fork(void)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* 0: its parent is outside of its pid namespace */
		if (getppid() != parent && getppid() != 0)
			_exit(EXIT_FAILURE);
	}
	return pid;
}

/// Runs in the child between fork and exec; says on the inherited stderr what went wrong.
static void exec_child(const struct e2e_spawn *spec, int out_fd, int err_fd)
{
	if (spec->netns_fd >= 0 && setns(spec->netns_fd, CLONE_NEWNET)) {
		perror("setns");
		_exit(126);
	}
	dup2(out_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
	execvp(spec->argv[0], (char *const *)spec->argv);
	fprintf(stderr, "cannot run %s: %s\n", spec->argv[0], strerror(errno));
	_exit(127);
}

pid_t e2e_process_spawn(const struct e2e_spawn *spec)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	assert_true(null_fd >= 0);
	pid = e2e_process_fork();
	if (pid < 0)
		fail_msg("fork for %s: %s", spec->argv[0], strerror(errno));
	if (pid == 0) {
		dup2(null_fd, STDIN_FILENO);
		exec_child(spec, spec->out_fd < 0 ? null_fd : spec->out_fd,
			   spec->err_fd < 0 ? null_fd : spec->err_fd);
	}
	close(null_fd);
	return pid;
}

static int shell_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int e2e_process_has_ended(pid_t pid, int *ret_status)
{
	int wait_status;

	if (waitpid(pid, &wait_status, WNOHANG) != pid)
		return false;
	*ret_status = shell_status(wait_status);
	return true;
}

int e2e_process_wait(pid_t pid, int limit_ms, const char *what)
{
	int status;

	for (int waited_ms = 0; waited_ms < limit_ms; waited_ms += POLL_MS) {
		if (e2e_process_has_ended(pid, &status))
			return status;
		e2e_sleep_ms(POLL_MS);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fail_msg("%s did not end within %d ms", what, limit_ms);
	return -1;
}

static int temporary_file(void)
{
	char path[] = "/tmp/conntrace-e2e-out.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/// Everything from the start of an open file, NUL-terminated; closes the descriptor.
static char *slurp(int fd, size_t *ret_bytes)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text;
	size_t have = 0;

	assert_true(size >= 0);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	while (have < (size_t)size) {
		ssize_t got = pread(fd, text + have, (size_t)size - have, (off_t)have);

		if (got <= 0)
			break;
		have += (size_t)got;
	}
	close(fd);
	text[have] = '\0';
	*ret_bytes = have;
	return text;
}

void e2e_process_run(const char *const argv[], struct e2e_output *ret_output)
{
	int out_fd = temporary_file();
	int err_fd = temporary_file();
	struct e2e_spawn spec = {.argv = argv, .netns_fd = -1, .out_fd = out_fd, .err_fd = err_fd};
	pid_t pid = e2e_process_spawn(&spec);

	ret_output->status = e2e_process_wait(pid, RUN_LIMIT_MS, argv[0]);
	ret_output->out = slurp(out_fd, &ret_output->out_bytes);
	ret_output->err = slurp(err_fd, &ret_output->err_bytes);
}

char *e2e_file_read(const char *path, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("open %s: %s", path, strerror(errno));
	return slurp(fd, ret_bytes);
}

void e2e_file_write(const char *path, const void *data, size_t bytes)
{
	FILE *file = fopen(path, "we");

	if (!file)
		fail_msg("create %s: %s", path, strerror(errno));
	assert_int_equal(fwrite(data, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

void e2e_assert_file_is(const char *path, const char *text)
{
	size_t bytes;
	char *found = e2e_file_read(path, &bytes);

	assert_int_equal(bytes, strlen(text));
	assert_memory_equal(found, text, bytes);
	free(found);
}

void e2e_output_free(struct e2e_output *output)
{
	free(output->out);
	free(output->err);
	*output = (struct e2e_output){0};
}
