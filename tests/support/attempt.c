// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/attempt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/disturbance.h"
#include "support/process.h"
#include "support/standstill.h"

#define ATTEMPTS	4
#define STOOD_NS_MAX	150000000
#define STOOD_NS_NEAR	40000000 /* less than what any of the tests takes for near */
#define SKIP_PREFIX	"skipped: "
#define AGAIN_PREFIX	"again: "
#define REPEATED_PREFIX "repeated: "
#define ERROR_PREFIX	"[  ERROR"

/// The process of a test: cmocka's words for people, and the number of its failures.
static void run(const struct CMUnitTest *test, FILE *output)
{
	dup2(fileno(output), STDOUT_FILENO);
	dup2(fileno(output), STDERR_FILENO);
	unsetenv("CMOCKA_MESSAGE_OUTPUT");
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	exit(_cmocka_run_group_tests(test->name, test, 1, NULL, NULL) ? EXIT_FAILURE
								      : EXIT_SUCCESS);
}

static bool attempt(const struct CMUnitTest *test, FILE *output, int64_t *ret_stood_ns)
{
	struct e2e_standstill *standstill;
	int status = -1;
	pid_t pid;

	pid = e2e_process_fork();
	if (pid == 0)
		run(test, output);
	assert_true(pid > 0);
	standstill = e2e_standstill_begin();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_stood_ns = e2e_standstill_end(standstill);
	if (WIFSIGNALED(status))
		print_message("%s died of signal %d\n", test->name, WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/// At the desk one is enough: E2E_ATTEMPTS=1.
static int attempts(void)
{
	const char *given = getenv("E2E_ATTEMPTS");
	int wanted = given ? atoi(given) : ATTEMPTS;

	return wanted < ATTEMPTS ? wanted : ATTEMPTS;
}

static bool begins_with(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

/// What the test said, without cmocka's frame around it.
static void print_output(FILE *output)
{
	char *line = NULL;
	size_t size = 0;

	rewind(output);
	while (getline(&line, &size, output) > 0)
		if (line[0] != '[' || begins_with(line, ERROR_PREFIX))
			print_message("%s", line);
	free(line);
}

static bool has_said(FILE *output, const char *prefix)
{
	bool said = false;
	char *line = NULL;
	size_t size = 0;

	rewind(output);
	while (!said && getline(&line, &size, output) > 0)
		said = begins_with(line, prefix);
	free(line);
	return said;
}

static FILE *open_output(void)
{
	FILE *output = tmpfile();

	assert_non_null(output);
	return output;
}

/// Why one run of it says nothing of it.
enum excuse {
	EXCUSE_NONE, /// it does, or it has passed
	EXCUSE_DISTURBED,
	EXCUSE_STOOD_STILL,
	EXCUSE_OWN_WORD,
	EXCUSE_SHARED, /// once only, and told with the result
};

static const char *const excuses[] = {
	[EXCUSE_DISTURBED] = "something happened to TCP in the time of a process that this kernel "
			     "traces nothing of",
	[EXCUSE_STOOD_STILL] = "the machine stood still for longer than what it measures",
	[EXCUSE_OWN_WORD] = "by its own word nothing can be said of that run",
	[EXCUSE_SHARED] = "on a machine that shares its CPUs it counts when it fails twice",
};

/// A guest, or where somebody says so: E2E_SHARED=1.
static bool is_shared(void)
{
	return e2e_is_guest() || getenv("E2E_SHARED");
}

static enum excuse run_once(const struct CMUnitTest *test, FILE *output, bool *ret_passed)
{
	struct e2e_disturbance disturbance;
	int64_t stood_ns;
	bool disturbed;

	e2e_disturbance_begin(&disturbance);
	*ret_passed = attempt(test, output, &stood_ns);
	disturbed = e2e_disturbance_end(&disturbance);
	if (*ret_passed)
		return EXCUSE_NONE;
	if (has_said(output, AGAIN_PREFIX))
		return EXCUSE_OWN_WORD;
	if (disturbed)
		return EXCUSE_DISTURBED;
	if (stood_ns > STOOD_NS_MAX)
		return EXCUSE_STOOD_STILL;
	return is_shared() || stood_ns > STOOD_NS_NEAR ? EXCUSE_SHARED : EXCUSE_NONE;
}

static void print_again(const struct CMUnitTest *test, FILE *output, int number, enum excuse excuse)
{
	if (excuse == EXCUSE_OWN_WORD || excuse == EXCUSE_SHARED)
		print_output(output);
	print_message("%s is run again, attempt %d of %d: %s\n", test->name, number, attempts(),
		      excuses[excuse]);
}

/// What failed on a shared machine is repeated once, and no more.
static bool is_conclusive(enum excuse excuse, bool repeated)
{
	return excuse == EXCUSE_NONE || (excuse == EXCUSE_SHARED && repeated);
}

bool e2e_is_guest(void)
{
	return getenv("E2E_GUEST");
}

int e2e_patience(int here)
{
	return e2e_is_guest() ? 10 * here : here;
}

void e2e_attempt(void **state)
{
	const struct CMUnitTest *test = *state;
	FILE *output = open_output();
	bool passed, skipped, repeated = false;
	enum excuse excuse = run_once(test, output, &passed);

	for (int number = 2; !is_conclusive(excuse, repeated) && number <= attempts(); number++) {
		print_again(test, output, number, excuse);
		repeated |= excuse == EXCUSE_SHARED;
		fclose(output);
		output = open_output(); /* nothing of this run is to be read as the next one's */
		excuse = run_once(test, output, &passed);
	}
	print_output(output);
	skipped = has_said(output, SKIP_PREFIX);
	fclose(output);
	if (repeated && passed)
		print_message(REPEATED_PREFIX "%s failed once before it passed\n", test->name);
	if (excuse != EXCUSE_NONE && excuse != EXCUSE_SHARED && e2e_is_guest()) {
		print_message(SKIP_PREFIX "in %d runs nothing could be said of it: %s\n",
			      attempts(), excuses[excuse]);
		skip();
	}
	if (skipped)
		skip();
	if (!passed)
		fail();
}
