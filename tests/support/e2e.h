// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The fixture of an end-to-end test: a scratch directory, a network namespace, and everything that
// has to go away after the test, also after a failed one.
//
// Each test is one function on a `struct e2e *` in *state. The file ends with E2E_MAIN.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "support/actor.h"
#include "support/netns.h"
#include "support/tracer.h"

#define E2E_ACTORS_MAX	  16
#define E2E_TRACERS_MAX	  16
#define E2E_PROCESSES_MAX 32
#define E2E_STRINGS_MAX	  256

/// Exit status of a test program of which nothing could run here.
#define E2E_EXIT_SKIPPED 77

struct e2e {
	const void *argument; /// what E2E_TEST_WITH() gave this test, NULL for E2E_TEST()
	/// Scratch directory; kept after the test when E2E_KEEP is set in the environment.
	char dir[64];
	struct e2e_netns home; /// the namespace that the test program is in
	struct e2e_netns far;  /// see e2e_add_far()
	struct e2e_actor actors[E2E_ACTORS_MAX];
	size_t actor_count;
	struct e2e_tracer tracers[E2E_TRACERS_MAX];
	size_t tracer_count;
	pid_t processes[E2E_PROCESSES_MAX];
	size_t process_count;
	char *strings[E2E_STRINGS_MAX];
	size_t string_count;
	json_t *check; /// owned: what `conntrace check` said, see capability.h; NULL: not asked yet
};

/// cmocka setup and teardown of one test.
int e2e_setup(void **state);
int e2e_teardown(void **state);

/// Asks for the far namespace and the veth pair to it.
void e2e_add_far(struct e2e *e2e);

/// A child to kill and reap at teardown, or one that the test has reaped itself.
void e2e_track(struct e2e *e2e, pid_t pid);
void e2e_untrack(struct e2e *e2e, pid_t pid);

/// A formatted string that lives as long as the fixture. Borrowed.
const char *e2e_format(struct e2e *e2e, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/// A path in the scratch directory. Borrowed.
const char *e2e_path(struct e2e *e2e, const char *name);

/// The n-th port of this test program (n < 8), below the ephemeral range and different from those
/// of other test programs that run at the same time.
uint16_t e2e_port(unsigned n);

/// e2e_port(n) as an argument for the command line. Borrowed.
const char *e2e_port_text(struct e2e *e2e, unsigned n);

/// The program under test: $CONNTRACE or build/conntrace, as an absolute path. Borrowed.
const char *e2e_program(void);

/// Prints why the running test cannot run here, and skips it.
#define e2e_skip(...)                                   \
	do {                                            \
		print_message("skipped: " __VA_ARGS__); \
		print_message("\n");                    \
		skip();                                 \
	} while (0)

/// Prints why nothing can be said of this run, and has the test run again; it fails when that
/// happens too often.
#define e2e_again(...)                                \
	do {                                          \
		print_message("again: " __VA_ARGS__); \
		print_message("\n");                  \
		fail();                               \
	} while (0)

/// Body of main(): asks whether anything can run here (see require.h), then runs the tests; with
/// E2E_ONLY in the environment, those whose name matches that pattern.
int e2e_main(const char *name, const void *tests, size_t test_count);

#define E2E_TEST(function) cmocka_unit_test_setup_teardown(function, e2e_setup, e2e_teardown)

/// One function run as several tests, each with its own name and a pointer in e2e->argument.
#define E2E_TEST_WITH(name, function, argument)                   \
	{                                                         \
		name, function, e2e_setup, e2e_teardown, argument \
	}

#define E2E_MAIN(name, tests)                                                     \
	int main(void)                                                            \
	{                                                                         \
		return e2e_main(name, tests, sizeof(tests) / sizeof((tests)[0])); \
	}
