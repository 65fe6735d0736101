// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Programs started by a test: spawn, wait with a limit, run to the end and keep what they printed.
//
// Every function here fails the running cmocka test when it cannot do its work; none returns an
// error.
#pragma once

#include <stddef.h>
#include <sys/types.h>

/// How a program is started.
struct e2e_spawn {
	const char *const *argv; /// argv[0] is looked up in PATH; NULL-terminated
	int netns_fd;		 /// namespace to run in, -1 for the caller's
	int out_fd;		 /// becomes stdout, -1 for /dev/null; the caller keeps its copy
	int err_fd;		 /// becomes stderr, -1 for /dev/null; the caller keeps its copy
};

/// What a finished program left behind; release with e2e_output_free().
struct e2e_output {
	int status; /// exit status, or 128 + N when signal N ended it
	char *out;  /// all of stdout, NUL-terminated
	size_t out_bytes;
	char *err; /// all of stderr, NUL-terminated
	size_t err_bytes;
};

/// fork(), of a child that is killed when this process ends, also when it had ended before the
/// child could ask for that. −1 as fork() has it: actors call this, too, and no test can fail in
/// them.
pid_t e2e_process_fork(void);

/// Starts a program and returns its pid at once. It dies with the test program.
pid_t e2e_process_spawn(const struct e2e_spawn *spec);

/// Waits for a child and returns its status as a shell would. When it is still there after
/// limit_ms, it is killed and the test fails; what names it in the message.
int e2e_process_wait(pid_t pid, int limit_ms, const char *what);

/// True when the child has ended; its status is then in *ret_status, else *ret_status is unchanged.
int e2e_process_has_ended(pid_t pid, int *ret_status);

/// Runs a program to its end (30 s at most) in the namespace of the caller and keeps what it
/// printed.
void e2e_process_run(const char *const argv[], struct e2e_output *ret_output);

/// Reads a whole file. The result is NUL-terminated and owned by the caller.
char *e2e_file_read(const char *path, size_t *ret_bytes);

/// Writes a whole file, replacing what was there.
void e2e_file_write(const char *path, const void *data, size_t bytes);

/// That is in the file, and nothing else.
void e2e_assert_file_is(const char *path, const char *text);

/// Frees what *output holds and empties it; an empty one is accepted.
void e2e_output_free(struct e2e_output *output);

void e2e_sleep_ms(int ms);

/// CLOCK_MONOTONIC: a limit on what takes time itself, as a command that is run again and again.
int64_t e2e_now_ms(void);
