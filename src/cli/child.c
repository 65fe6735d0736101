// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conntrace/cleanup.h"

/// What a shell answers when it cannot start a program.
#define STATUS_NOT_FOUND     127
#define STATUS_NOT_STARTABLE 126

static int exec_status(int err)
{
	return err == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_STARTABLE;
}

/// In the child, between fork and exec. A tracer that dies closes the pipe: nothing is run then.
static _Noreturn void wait_and_exec(int go_fd, int failed_fd, char *const argv[])
{
	ssize_t n;
	char go;
	int err;

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	do
		n = read(go_fd, &go, sizeof(go));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(go))
		_exit(STATUS_NOT_STARTABLE);
	/* Ignored signals stay ignored through exec, and a pipeline in CMD needs this one. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(argv[0], argv);
	err = errno;
	if (write(failed_fd, &err, sizeof(err)) < 0)
		_exit(STATUS_NOT_STARTABLE);
	_exit(exec_status(err));
}

int ct_child_start(struct ct_child *child, char *const argv[])
{
	_cleanup_(ct_closep) int go_read = -1;
	_cleanup_(ct_closep) int go_write = -1;
	_cleanup_(ct_closep) int failed_read = -1;
	_cleanup_(ct_closep) int failed_write = -1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	go_read = fds[0];
	go_write = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	failed_read = fds[0];
	failed_write = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Its own copy would keep the pipe open when the tracer dies. */
		close(go_write);
		wait_and_exec(go_read, failed_write, argv);
	}
	child->pid = pid;
	child->go_fd = CT_TAKE_FD(go_write);
	child->failed_fd = CT_TAKE_FD(failed_read);
	return 0;
}

int ct_child_release(struct ct_child *child)
{
	_cleanup_(ct_closep) int go_fd = CT_TAKE_FD(child->go_fd);
	_cleanup_(ct_closep) int failed_fd = CT_TAKE_FD(child->failed_fd);
	int err = 0;
	ssize_t n;

	/* A signal may have ended it while it waited: its status tells. */
	if (write(go_fd, "", 1) != 1) {
		ct_child_ended(child, true);
		return 0;
	}
	/* exec closes the other end; until then this waits. */
	do
		n = read(failed_fd, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(err))
		return 0;
	ct_child_ended(child, true);
	return -err;
}

bool ct_child_ended(struct ct_child *child, bool wait)
{
	int status;
	pid_t r;

	if (child->pid < 0)
		return true;
	do
		r = waitpid(child->pid, &status, wait ? 0 : WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return false;
	if (r > 0)
		child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	child->pid = -1;
	return true;
}

void ct_child_fini(struct ct_child *child)
{
	ct_closep(&child->go_fd);
	ct_closep(&child->failed_fd);
	ct_child_ended(child, true);
}
