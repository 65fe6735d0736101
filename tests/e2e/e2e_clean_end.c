// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a tracer leaves nothing of itself in the kernel, whichever way it ends: no program, no
// link, no map, nothing pinned. And that what is refused has loaded nothing in the first place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/bpf_objects.h"
#include "support/churn.h"
#include "support/e2e.h"

#define WAIT_MS	   60000
#define GONE_MS	   20000
#define RUN_MS	   3000 /* of those that end by themselves: time for a look at them */
#define ARGS_MAX   12
#define CHURN	   300
#define ROUNDS_MAX 100
#define DISK_SIZE  "size=64k"

#define EXIT_RUNTIME   1
#define EXIT_USAGE     2
#define EXIT_NOT_FOUND 127
#define EXIT_BY(n)     (128 + (n))
#define ANY_EXIT       (-1)

/// One way to end. In args @PORT stands for a port of this test, @DIR for the scratch directory, in
/// which @DIR/disk is a very small one, and @TIME for how long to run.
struct way {
	const char *args[ARGS_MAX];
	const char *out;					 /// its stdout; NULL: a file
	void (*end)(struct e2e *e2e, struct e2e_tracer *tracer); /// NULL: it ends by itself
	int status;
};

/// A test runs in a process of its own: these are its.
static struct e2e_bpf_objects before, held;
static size_t pinned_before;

static const char *expand(struct e2e *e2e, const char *arg)
{
	if (strcmp(arg, "@PORT") == 0)
		return e2e_port_text(e2e, 0);
	if (strcmp(arg, "@TIME") == 0)
		return e2e_format(e2e, "%dms", e2e_patience(RUN_MS));
	return strncmp(arg, "@DIR", 4) ? arg : e2e_format(e2e, "%s%s", e2e->dir, arg + 4);
}

static void begin(void)
{
	e2e_bpf_mount();
	pinned_before = e2e_bpf_pinned();
	e2e_bpf_all(&before);
	memset(held.n, 0, sizeof(held.n));
}

/// There is something that could stay.
static void look_at(const struct e2e_tracer *tracer)
{
	e2e_bpf_of_process(tracer->pid, &held);
	assert_true(held.n[E2E_BPF_PROGRAM] > 0);
	assert_true(held.n[E2E_BPF_LINK] > 0);
	assert_true(held.n[E2E_BPF_MAP] > 0);
}

static void assert_nothing_is_left(void)
{
	e2e_assert_bpf_is_gone(&before, &held, e2e_patience(GONE_MS));
	assert_int_equal(e2e_bpf_pinned(), pinned_before);
}

static struct e2e_tracer *start(struct e2e *e2e, const struct way *way)
{
	const char *argv[ARGS_MAX + 1] = {NULL};
	struct e2e_tracer *tracer;
	int out = -1;

	for (size_t i = 0; i < ARGS_MAX && way->args[i]; i++)
		argv[i] = expand(e2e, way->args[i]);
	if (way->out) {
		out = open(way->out, O_WRONLY | O_CLOEXEC);
		assert_true(out >= 0);
	}
	tracer = e2e_tracer_start_as(e2e, NULL, out, argv);
	if (out >= 0)
		close(out);
	return tracer;
}

static void expect_end(struct e2e_tracer *tracer, int status)
{
	e2e_tracer_join(tracer, e2e_patience(WAIT_MS));
	if (status != ANY_EXIT && tracer->status != status)
		fail_msg("conntrace exited %d, wanted %d: %s", tracer->status, status,
			 e2e_tracer_stderr(tracer));
}

static void leaves_nothing(void **state)
{
	struct e2e *e2e = *state;
	const struct way *way = e2e->argument;
	const char *disk = e2e_path(e2e, "disk");
	const struct rlimit no_core = {0, 0};
	struct e2e_tracer *tracer;

	setrlimit(RLIMIT_CORE, &no_core);
	assert_int_equal(mkdir(disk, 0755), 0);
	assert_int_equal(mount("none", disk, "tmpfs", 0, DISK_SIZE), 0);
	begin();
	tracer = start(e2e, way);
	look_at(tracer);
	if (way->end)
		way->end(e2e, tracer);
	expect_end(tracer, way->status);
	assert_nothing_is_left();
}

static void interrupt(struct e2e *e2e, struct e2e_tracer *tracer)
{
	e2e_churn(e2e, e2e_port(0), 10);
	kill(tracer->pid, SIGINT);
}

static void interrupt_twice(struct e2e *e2e, struct e2e_tracer *tracer)
{
	interrupt(e2e, tracer);
	kill(tracer->pid, SIGINT);
}

static void terminate(struct e2e *e2e, struct e2e_tracer *tracer)
{
	e2e_churn(e2e, e2e_port(0), 10);
	kill(tracer->pid, SIGTERM);
}

static void kill_it(struct e2e *e2e, struct e2e_tracer *tracer)
{
	e2e_churn(e2e, e2e_port(0), 10);
	kill(tracer->pid, SIGKILL);
}

/// As if it had crashed, in the midst of what it does.
static void crash(struct e2e *e2e, struct e2e_tracer *tracer)
{
	e2e_churn_noise(e2e, e2e_port(0));
	e2e_sleep_ms(200);
	kill(tracer->pid, SIGSEGV);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/// There is something to write until it cannot be written.
static void churn_until_it_ends(struct e2e *e2e, struct e2e_tracer *tracer)
{
	e2e_churn_widen_ports();
	for (int round = 0; round < ROUNDS_MAX && !has_ended(tracer->pid); round++)
		e2e_churn(e2e, e2e_port(0), CHURN);
}

static void count_out(struct e2e *e2e, struct e2e_tracer *tracer)
{
	(void)tracer;
	e2e_churn(e2e, e2e_port(0), 5);
}

static void closed_pipe_leaves_nothing(void **state)
{
	struct e2e *e2e = *state;
	const char *const argv[] = {"watch", "--json", "-P", e2e_port_text(e2e, 0), NULL};
	struct e2e_tracer *tracer;
	char byte = '\0';
	int ends[2];

	begin();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	tracer = e2e_tracer_start_as(e2e, NULL, ends[1], argv);
	close(ends[1]);
	look_at(tracer);
	e2e_churn(e2e, e2e_port(0), 10);
	while (byte != '\n' && read(ends[0], &byte, 1) == 1)
		;
	close(ends[0]);
	expect_end(tracer, 0);
	assert_nothing_is_left();
}

/// It is loading, attaching or looking back then.
static void kill_while_it_starts_leaves_nothing(void **state)
{
	static const int moments_ms[] = {5, 20, 50, 100, 200, 400, 800};
	struct e2e *e2e = *state;

	begin();
	for (size_t i = 0; i < sizeof(moments_ms) / sizeof(moments_ms[0]); i++) {
		const struct e2e_spawn spawn = {
			.argv = (const char *const[]){e2e_program(), "watch", "--json", NULL},
			.netns_fd = e2e_netns_host_fd(),
			.out_fd = -1,
			.err_fd = -1,
		};
		pid_t pid = e2e_process_spawn(&spawn);

		e2e_track(e2e, pid);
		e2e_sleep_ms(e2e_patience(moments_ms[i]));
		kill(pid, SIGKILL);
		e2e_untrack(e2e, pid);
		assert_int_equal(e2e_process_wait(pid, e2e_patience(WAIT_MS), "conntrace"),
				 EXIT_BY(SIGKILL));
		assert_nothing_is_left();
	}
}

/// What ends before anybody could look at it: only what is named like its own can be looked for.
static void short_command_leaves_nothing(void **state)
{
	const struct way *way = ((struct e2e *)*state)->argument;
	struct e2e_output output;

	begin();
	e2e_conntrace(way->args, &output);
	assert_int_equal(output.status, way->status);
	e2e_output_free(&output);
	assert_nothing_is_left();
}

/// From here on whoever calls bpf() dies of it.
static void forbid_bpf(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		fail_msg("forbid bpf(): %s", strerror(errno));
}

static void refused_command_has_loaded_nothing(void **state)
{
	static const struct way refused[] = {
		{{"watch", "--no-such-option"}, .status = EXIT_USAGE},
		{{"watch", "-P", "65536"}, .status = EXIT_USAGE},
		{{"record", "--buffer", "big"}, .status = EXIT_USAGE},
		{{"watch", "--json", "--fields", "no_such_field"}, .status = EXIT_USAGE},
		{{"record", "-w", "/nowhere/at/all/x.ctr"}, .status = EXIT_RUNTIME},
		{{"replay", "/nowhere/at/all/x.ctr"}, .status = EXIT_RUNTIME},
		{{"frobnicate"}, .status = EXIT_USAGE},
		/* what forbids it is in force */
		{{"watch", "--duration", "1s"}, .status = EXIT_BY(SIGSYS)},
	};

	(void)state;
	forbid_bpf();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct e2e_output output;

		e2e_conntrace(refused[i].args, &output);
		if (output.status != refused[i].status)
			fail_msg("conntrace %s %s exited %d, wanted %d: %s", refused[i].args[0],
				 refused[i].args[1] ?: "", output.status, refused[i].status,
				 output.err);
		e2e_output_free(&output);
	}
}

#define WATCH  "watch", "--json", "-P", "@PORT"
#define RECORD "record", "-P", "@PORT", "-w"

#define ENDS(name, ...) E2E_TEST_WITH(name, leaves_nothing, (&(struct way){__VA_ARGS__}))
#define RUNS(name, want, ...)                             \
	E2E_TEST_WITH(name, short_command_leaves_nothing, \
		      (&(struct way){.args = {__VA_ARGS__}, .status = want}))

static const struct CMUnitTest tests[] = {
	ENDS("duration", .args = {WATCH, "--duration", "@TIME"}),
	ENDS("count", .args = {WATCH, "--count", "3"}, .end = count_out),
	ENDS("sigint", .args = {WATCH}, .end = interrupt),
	ENDS("sigint_of_a_recording", .args = {RECORD, "@DIR/x.ctr"}, .end = interrupt),
	/* which of the two ends it is not asked here */
	ENDS("second_sigint", .args = {RECORD, "@DIR/x.ctr"}, .end = interrupt_twice,
	     .status = ANY_EXIT),
	ENDS("sigterm", .args = {WATCH}, .end = terminate),
	ENDS("sigkill", .args = {WATCH}, .end = kill_it, .status = EXIT_BY(SIGKILL)),
	ENDS("sigkill_of_a_recording", .args = {RECORD, "@DIR/x.ctr"}, .end = kill_it,
	     .status = EXIT_BY(SIGKILL)),
	ENDS("sigsegv", .args = {WATCH}, .end = crash, .status = EXIT_BY(SIGSEGV)),
	ENDS("command_has_ended", .args = {"watch", "--json", "--", "sleep", "3"}),
	ENDS("stdout_that_takes_nothing", .args = {WATCH}, .out = "/dev/full",
	     .end = churn_until_it_ends, .status = EXIT_RUNTIME),
	ENDS("recording_on_a_full_disk", .args = {RECORD, "@DIR/disk/x.ctr"},
	     .end = churn_until_it_ends, .status = EXIT_RUNTIME),
	E2E_TEST(closed_pipe_leaves_nothing),
	E2E_TEST(kill_while_it_starts_leaves_nothing),
	RUNS("command_that_is_not_found", EXIT_NOT_FOUND, "watch", "--", "/nowhere/at/all"),
	RUNS("list", 0, "list", "--json"),
	RUNS("list_watch", 0, "list", "--json", "--watch", "0.1", "--count", "3"),
	RUNS("check", 0, "check"),
	E2E_TEST(refused_command_has_loaded_nothing),
};

E2E_MAIN("clean_end", tests)
