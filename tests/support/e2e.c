// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/e2e.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"
#include "support/require.h"

#define FIRST_PORT	  10000
#define PORTS_PER_PROGRAM 8
#define PORT_BLOCKS	  2500

const char *e2e_program(void)
{
	static char path[PATH_MAX];
	const char *given = getenv("CONNTRACE");

	if (!path[0] && !realpath(given ? given : "build/conntrace", path))
		snprintf(path, sizeof(path), "%s", given ? given : "build/conntrace");
	return path;
}

int e2e_setup(void **state)
{
	struct e2e *e2e = calloc(1, sizeof(*e2e));

	assert_non_null(e2e);
	e2e->argument = *state;
	*state = e2e;
	e2e->far.fd = -1;
	snprintf(e2e->dir, sizeof(e2e->dir), "/tmp/conntrace-e2e.XXXXXX");
	assert_non_null(mkdtemp(e2e->dir));
	assert_int_equal(chmod(e2e->dir, 0755), 0);
	e2e_netns_enter_new(&e2e->home);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	return remove(path);
}

int e2e_teardown(void **state)
{
	struct e2e *e2e = *state;

	while (e2e->process_count > 0) {
		pid_t pid = e2e->processes[--e2e->process_count];

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	for (size_t i = 0; i < e2e->actor_count; i++)
		close(e2e->actors[i].control_fd);
	for (size_t i = 0; i < e2e->tracer_count; i++)
		e2e_tracer_release(&e2e->tracers[i]);
	for (size_t i = 0; i < e2e->string_count; i++)
		free(e2e->strings[i]);
	json_decref(e2e->check);
	e2e_netns_close(&e2e->far);
	e2e_netns_close(&e2e->home);
	if (getenv("E2E_KEEP"))
		print_message("kept %s\n", e2e->dir);
	else
		nftw(e2e->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(e2e);
	return 0;
}

void e2e_add_far(struct e2e *e2e)
{
	e2e_netns_add_far(&e2e->home, &e2e->far);
}

void e2e_track(struct e2e *e2e, pid_t pid)
{
	assert_true(e2e->process_count < E2E_PROCESSES_MAX);
	e2e->processes[e2e->process_count++] = pid;
}

void e2e_untrack(struct e2e *e2e, pid_t pid)
{
	for (size_t i = 0; i < e2e->process_count; i++) {
		if (e2e->processes[i] == pid) {
			e2e->processes[i] = e2e->processes[--e2e->process_count];
			return;
		}
	}
}

const char *e2e_format(struct e2e *e2e, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int length;

	assert_true(e2e->string_count < E2E_STRINGS_MAX);
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	assert_true(length >= 0);
	e2e->strings[e2e->string_count++] = text;
	return text;
}

const char *e2e_path(struct e2e *e2e, const char *name)
{
	return e2e_format(e2e, "%s/%s", e2e->dir, name);
}

uint16_t e2e_port(unsigned n)
{
	assert_true(n < PORTS_PER_PROGRAM);
	return (uint16_t)(FIRST_PORT + (unsigned)getpid() % PORT_BLOCKS * PORTS_PER_PROGRAM + n);
}

const char *e2e_port_text(struct e2e *e2e, unsigned n)
{
	return e2e_format(e2e, "%u", e2e_port(n));
}

/// Mounts that a test makes stay in here and go away with the program.
static int enter_private_mounts(void)
{
	if (unshare(CLONE_NEWNS))
		return -errno;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ? -errno : 0;
}

static int run_all(const char *name, const struct CMUnitTest *tests, size_t count)
{
	struct CMUnitTest *attempts = calloc(count, sizeof(*attempts));
	int failed;

	if (!attempts)
		return 1;
	for (size_t i = 0; i < count; i++)
		attempts[i] = (struct CMUnitTest){tests[i].name, e2e_attempt, NULL, NULL,
						  (void *)&tests[i]};
	failed = _cmocka_run_group_tests(name, attempts, count, NULL, NULL);
	free(attempts);
	return failed;
}

int e2e_main(const char *name, const void *tests, size_t test_count)
{
	char reason[256];

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	e2e_netns_remember_host();
	switch (e2e_require(e2e_program(), reason, sizeof(reason))) {
	case E2E_REQUIRE_MET:
		break;
	case E2E_REQUIRE_SKIP:
		printf("skipped: %s\n", reason);
		return E2E_EXIT_SKIPPED;
	default:
		printf("FAIL: %s: %s\n", name, reason);
		return 1;
	}
	if (enter_private_mounts()) {
		printf("FAIL: %s: cannot make a mount namespace\n", name);
		return 1;
	}
	if (getenv("E2E_ONLY"))
		cmocka_set_test_filter(getenv("E2E_ONLY"));
	return run_all(name, tests, test_count);
}
