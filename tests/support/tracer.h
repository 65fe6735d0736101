// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Running conntrace: as a tracer beside a scenario, and to its end on a recording.
//
// A tracer runs in the namespace in which the test program was started, not in that of the test: so
// each scenario also shows that conntrace sees into other namespaces. Every function here fails the
// running cmocka test when it cannot do its work.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "support/netns.h"
#include "support/process.h"

struct e2e;

struct e2e_tracer {
	struct e2e *e2e;
	pid_t pid;	      /// 0 once it has ended
	int status;	      /// exit status as a shell has it, once pid is 0
	const char *out_path; /// its stdout
	const char *err_path; /// its stderr
	json_t *events;	      /// what e2e_tracer_events() has parsed, or NULL
};

/// Starts `conntrace ARGV…` and waits until it says that it is attached. argv is NULL-terminated
/// and without the program's name. The tracer is killed with the test, if it is still there.
struct e2e_tracer *e2e_tracer_start(struct e2e *e2e, const char *const argv[]);

/// As e2e_tracer_start(), in another namespace and with stdout going elsewhere: netns NULL and
/// out_fd -1 ask for what e2e_tracer_start() does. The caller keeps out_fd.
struct e2e_tracer *e2e_tracer_start_as(struct e2e *e2e, const struct e2e_netns *netns, int out_fd,
				       const char *const argv[]);

/// As e2e_tracer_start(), as a user without any privilege but these capabilities: "", or
/// ",+bpf,+perfmon" as setpriv(1) has them.
struct e2e_tracer *e2e_tracer_start_unprivileged(struct e2e *e2e, const char *capabilities,
						 const char *const argv[]);

#define E2E_TRACE(e2e, ...) e2e_tracer_start(e2e, (const char *const[]){__VA_ARGS__, NULL})

/// Waits until an event that matches the pattern (see events.h) is in stdout; false when limit_ms
/// went by without. A wait that is in vain is no failure yet: the events that are missing will say
/// it better.
bool e2e_tracer_wait_event(struct e2e_tracer *tracer, int limit_ms, const char *pattern, ...);

/// Sends SIGINT, waits for the end and fails the test unless the exit status is want_status.
void e2e_tracer_stop(struct e2e_tracer *tracer, int want_status);

/// Waits for an end that the tracer comes to by itself; its exit status goes to tracer->status and
/// is returned.
int e2e_tracer_join(struct e2e_tracer *tracer, int limit_ms);

/// Everything that an ended tracer printed, as an array. Borrowed.
json_t *e2e_tracer_events(struct e2e_tracer *tracer);

/// Everything that a tracer has said on stderr so far. The caller frees it.
char *e2e_tracer_stderr(const struct e2e_tracer *tracer);

/// Frees what a tracer record holds; the process is not its business.
void e2e_tracer_release(struct e2e_tracer *tracer);

/// Runs `conntrace ARGV…` to its end.
void e2e_conntrace(const char *const argv[], struct e2e_output *ret_output);

#define E2E_CONNTRACE(ret_output, ...) \
	e2e_conntrace((const char *const[]){__VA_ARGS__, NULL}, ret_output)

/// The same as a user without any privilege but these capabilities, as
/// e2e_tracer_start_unprivileged().
void e2e_conntrace_unprivileged(struct e2e *e2e, const char *capabilities, const char *const argv[],
				struct e2e_output *ret_output);

#define E2E_CONNTRACE_UNPRIVILEGED(e2e, capabilities, ret_output, ...)                          \
	e2e_conntrace_unprivileged(e2e, capabilities, (const char *const[]){__VA_ARGS__, NULL}, \
				   ret_output)

/// As e2e_conntrace(), parses stdout as JSON Lines and demands exit status 0 and no word on stderr.
/// The caller owns the array.
json_t *e2e_conntrace_json(const char *const argv[]);

#define E2E_CONNTRACE_JSON(...) e2e_conntrace_json((const char *const[]){__VA_ARGS__, NULL})
