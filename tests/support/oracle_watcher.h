// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process of its own that looks on while a scenario runs, and hands over an array of records when
// it is stopped.
#pragma once

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct e2e;

/// Looks on until stop_fd becomes readable, and writes records of one size to out. Runs in the
/// watcher's process: no cmocka in here.
///
/// @return 0; −errno, with a word on stderr.
typedef int (*oracle_watch_fn)(const void *context, int stop_fd, FILE *out);

struct oracle_watcher {
	struct e2e *e2e;
	pid_t pid;
	int stop_fd;	  /// closing it stops the process
	const char *path; /// of the records
};

/// Starts it; it ends with the test. Fails the running test when it cannot.
void oracle_watcher_start(struct e2e *e2e, const char *comm, oracle_watch_fn watch,
			  const void *context, struct oracle_watcher *ret_watcher);

/// Stops it and returns its records; the caller owns them. Fails the running test if it failed.
void *oracle_watcher_stop(struct oracle_watcher *watcher, size_t record_bytes, size_t *ret_count);
