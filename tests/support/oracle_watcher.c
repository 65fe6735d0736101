// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_watcher.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"
#include "support/e2e.h"

#define STOP_LIMIT_MS 20000

static void run(const char *path, const char *comm, oracle_watch_fn watch, const void *context,
		int stop_fd) __attribute__((noreturn));

static void run(const char *path, const char *comm, oracle_watch_fn watch, const void *context,
		int stop_fd)
{
	FILE *out = fopen(path, "we");
	int err;

	prctl(PR_SET_NAME, comm);
	signal(SIGINT, SIG_IGN);
	if (!out)
		_exit(1);
	err = watch(context, stop_fd, out);
	if (fclose(out))
		err = -1;
	_exit(err ? 1 : 0);
}

void oracle_watcher_start(struct e2e *e2e, const char *comm, oracle_watch_fn watch,
			  const void *context, struct oracle_watcher *ret_watcher)
{
	int stop[2];

	*ret_watcher = (struct oracle_watcher){.e2e = e2e, .path = e2e_path(e2e, comm)};
	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	ret_watcher->pid = e2e_process_fork();
	assert_true(ret_watcher->pid >= 0);
	if (ret_watcher->pid == 0) {
		close(stop[1]);
		run(ret_watcher->path, comm, watch, context, stop[0]);
	}
	close(stop[0]);
	ret_watcher->stop_fd = stop[1];
	e2e_track(e2e, ret_watcher->pid);
}

void *oracle_watcher_stop(struct oracle_watcher *watcher, size_t record_bytes, size_t *ret_count)
{
	size_t bytes;
	void *records;
	int status;

	close(watcher->stop_fd);
	status = e2e_process_wait(watcher->pid, e2e_patience(STOP_LIMIT_MS), watcher->path);
	e2e_untrack(watcher->e2e, watcher->pid);
	if (status)
		fail_msg("the watcher of %s ended with %d", watcher->path, status);
	records = e2e_file_read(watcher->path, &bytes);
	assert_int_equal(bytes % record_bytes, 0);
	*ret_count = bytes / record_bytes;
	return records;
}
