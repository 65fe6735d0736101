// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that a tracer which runs for long stays as it is: beside many idle connections and others
// that come and go, neither its memory nor that of its maps grows, nor its descriptors; nothing is
// lost; and what `conntrace list` tells is what ss tells. SOAK_SECONDS, SOAK_IDLE (connections) and
// SOAK_CHURN (connections a second) say how long and how much.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "soak/judge.h"
#include "soak/watch.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define SAMPLES_MAX    4096
#define SAMPLES_WANTED 24
#define WARM_S	       75 /* until as many TIME_WAITs end as begin: a minute, and what the start takes */
#define PERIOD_S_MAX   10
#define LOOK_EVERY     4 /* samples */
#define LOOKS_MIN      2
#define EXCUSED_MAX    20 /* in a look: so many may come and go while it is taken */
#define END_MS	       120000
#define KIB_PER_MIB    1024.0
#define LOOKED_MS      5000 /* the look at mini-sockets comes every two seconds */
#define STOPPED_MS     62000
#define EXIT_LOST      5
#define MS_PER_S       1000

struct plan {
	unsigned seconds;
	unsigned idle;
	unsigned churn;
};

struct run {
	const char *name;
	struct e2e_tracer *tracer;
	struct soak_sample samples[SAMPLES_MAX];
	size_t n;
	unsigned long long lost;
};

struct soak {
	struct e2e *e2e;
	struct plan plan;
	struct run runs[2];
	struct e2e_netns idle_netns;
	unsigned long long *churned; /// connections; shared with who makes them
	struct soak_drift drift;     /// of all looks
	size_t looks;
};

static unsigned number_from(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);
	unsigned number = text ? (unsigned)strtoul(text, NULL, 10) : otherwise;

	if (!number)
		fail_msg("%s=%s is no number above 0", name, text);
	return number;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/// The workloads of bench/ stand beside the program. Borrowed.
static const char *workload(struct e2e *e2e, const char *name)
{
	const char *program = e2e_program(), *slash = strrchr(program, '/');

	return e2e_format(e2e, "%.*s/bench/%s", (int)(slash - program), program, name);
}

/// It says "ready" when all are there, and keeps them until its stdin ends.
static pid_t start_idle(struct soak *soak)
{
	const char *program = workload(soak->e2e, "idle");
	const char *connections = e2e_format(soak->e2e, "%u", soak->plan.idle);
	int in[2], out[2];
	char word[8];
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	pid = e2e_process_fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(program, "idle", connections, NULL);
		_exit(127);
	}
	e2e_track(soak->e2e, pid);
	close(in[0]); /* the other end stays open for as long as this process is there */
	close(out[1]);
	if (read(out[0], word, sizeof(word)) <= 0)
		fail_msg("%s has not begun", program);
	close(out[0]);
	return pid;
}

static void enter_idle_netns(struct soak *soak, pid_t idle)
{
	struct stat st;

	soak->idle_netns.fd = open(e2e_format(soak->e2e, "/proc/%d/ns/net", idle),
				   O_RDONLY | O_CLOEXEC);
	assert_true(soak->idle_netns.fd >= 0);
	assert_int_equal(fstat(soak->idle_netns.fd, &st), 0);
	soak->idle_netns.inum = st.st_ino;
}

static int run_once(const char *program, const char *connections)
{
	int status, quiet;
	pid_t pid = e2e_process_fork();

	if (pid == 0) {
		quiet = open("/dev/null", O_WRONLY);
		dup2(quiet, STDOUT_FILENO);
		execl(program, "churn", connections, NULL);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status ? -1 : 0;
}

/// Each second so many, in a namespace of their own, which goes away with them.
static void start_churn(struct soak *soak)
{
	const char *program = workload(soak->e2e, "churn");
	const char *connections = e2e_format(soak->e2e, "%u", soak->plan.churn);
	double next_s = now_s();
	pid_t pid;

	soak->churned = mmap(NULL, sizeof(*soak->churned), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(soak->churned != MAP_FAILED);
	pid = e2e_process_fork();
	assert_true(pid >= 0);
	if (pid) {
		e2e_track(soak->e2e, pid);
		return;
	}
	while (run_once(program, connections) == 0) {
		*soak->churned += soak->plan.churn;
		next_s = next_s + 1 > now_s() ? next_s + 1 : now_s();
		if (next_s > now_s())
			e2e_sleep_ms((int)((next_s - now_s()) * MS_PER_S));
	}
	_exit(1);
}

static void start_tracers(struct soak *soak)
{
	const char *duration = e2e_format(soak->e2e, "%us", WARM_S + soak->plan.seconds);
	const char *const watch[] = {"watch", "--json", "--strict", "--duration", duration, NULL};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	soak->runs[0].name = "record";
	soak->runs[0].tracer = E2E_TRACE(soak->e2e, "record", "--strict", "--duration", duration,
					 "-w", e2e_path(soak->e2e, "soak.ctr"));
	soak->runs[1].name = "watch";
	soak->runs[1].tracer = e2e_tracer_start_as(soak->e2e, NULL, nowhere, watch);
	close(nowhere);
}

static void add_look(struct soak *soak)
{
	struct soak_drift drift;

	soak_look(&soak->idle_netns, &drift);
	if (drift.missing || drift.extra || drift.excused > EXCUSED_MAX)
		print_message("look %zu: of %zu rows %zu are missing, %zu extra, %zu excused\n",
			      soak->looks, drift.rows, drift.missing, drift.extra, drift.excused);
	assert_true(drift.rows >= 2 * (size_t)soak->plan.idle);
	soak->drift.rows += drift.rows;
	soak->drift.missing += drift.missing;
	soak->drift.extra += drift.extra + (drift.excused > EXCUSED_MAX ? drift.excused : 0);
	soak->drift.excused += drift.excused;
	soak->looks++;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/// False when one of them has ended.
static bool sample(struct soak *soak)
{
	for (size_t i = 0; i < 2; i++) {
		struct run *run = &soak->runs[i];

		assert_true(run->n < SAMPLES_MAX);
		if (has_ended(run->tracer->pid) ||
		    !soak_take_sample(run->tracer->pid, &run->samples[run->n]))
			return false;
		run->n++;
	}
	return true;
}

static void watch_them(struct soak *soak)
{
	unsigned period_s = soak->plan.seconds / SAMPLES_WANTED;
	double ends_s = now_s() + WARM_S + soak->plan.seconds, next_s = now_s() + WARM_S;

	period_s = period_s < 1 ? 1 : period_s > PERIOD_S_MAX ? PERIOD_S_MAX : period_s;
	for (size_t i = 1; next_s + period_s < ends_s; i++) {
		next_s += period_s;
		if (next_s > now_s())
			e2e_sleep_ms((int)((next_s - now_s()) * MS_PER_S));
		if (!sample(soak))
			break;
		if (i % LOOK_EVERY == 0)
			add_look(soak);
		if (next_s < now_s())
			next_s = now_s(); /* a look takes its time */
	}
}

/// "conntrace: warning: 5 events were lost (ring 5)", if there is such a line.
static void await_end(struct run *run)
{
	const char *line;
	char *said;

	e2e_tracer_join(run->tracer, END_MS);
	said = e2e_tracer_stderr(run->tracer);
	line = strstr(said, " lost (");
	while (line && line > said && line[-1] != '\n')
		line--;
	if (line && sscanf(line, "conntrace: warning: %llu event", &run->lost) != 1)
		fail_msg("no number of what was lost: %s", said);
	if (run->tracer->status)
		print_message("%s exited %d: %s\n", run->name, run->tracer->status, said);
	free(said);
}

/// The figures, and how many of them are not as they should be.
static unsigned judge_run(const struct run *run, FILE *figures)
{
	unsigned failed = run->tracer->status || run->lost;

	fprintf(figures, "%s: exit %d, lost %llu, %zu samples", run->name, run->tracer->status,
		run->lost, run->n);
	for (int figure = 0; figure < _SOAK_FIGURE_MAX; figure++) {
		int bad = soak_judge(run->samples, run->n, figure);
		uint64_t then = soak_most(run->samples, run->n, figure, 1);
		uint64_t now = soak_most(run->samples, run->n, figure, 3);

		if (figure == SOAK_FDS)
			fprintf(figures, "; %s %" PRIu64 " to %" PRIu64, soak_bounds[figure].name,
				then, now);
		else
			fprintf(figures, "; %s %.1f to %.1f MiB", soak_bounds[figure].name,
				(double)then / KIB_PER_MIB, (double)now / KIB_PER_MIB);
		if (bad)
			fprintf(figures, " (NOT FLAT)");
		failed += (unsigned)bad;
	}
	fprintf(figures, "\n");
	return failed;
}

static unsigned judge(const struct soak *soak, FILE *figures)
{
	const struct soak_drift *drift = &soak->drift;
	unsigned failed = drift->missing || drift->extra || soak->looks < LOOKS_MIN;

	fprintf(figures, "soak: %u s beside %u idle connections, %llu came and went\n",
		soak->plan.seconds, soak->plan.idle, *soak->churned);
	for (size_t i = 0; i < 2; i++)
		failed += judge_run(&soak->runs[i], figures);
	fprintf(figures,
		"list: %zu looks, %zu rows; against ss %zu missing, %zu extra; %zu brief ones excused\n",
		soak->looks, drift->rows, drift->missing, drift->extra, drift->excused);
	return failed;
}

static void tell(const struct soak *soak, unsigned *ret_failed)
{
	const char *path = getenv("SOAK_FIGURES");
	size_t size;
	char *text = NULL;
	FILE *figures = open_memstream(&text, &size), *file;

	assert_non_null(figures);
	*ret_failed = judge(soak, figures);
	fclose(figures);
	print_message("%s", text);
	file = path ? fopen(path, "we") : NULL;
	if (file) {
		fputs(text, file);
		fclose(file);
	}
	free(text);
}

static void long_run_stays_as_it_is(void **state)
{
	static struct soak soak;
	unsigned failed;

	soak.e2e = *state;
	soak.plan.seconds = number_from("SOAK_SECONDS", 1200);
	soak.plan.idle = number_from("SOAK_IDLE", 50000);
	soak.plan.churn = number_from("SOAK_CHURN", 1000);
	enter_idle_netns(&soak, start_idle(&soak));
	start_churn(&soak);
	start_tracers(&soak);
	watch_them(&soak);
	for (size_t i = 0; i < 2; i++)
		await_end(&soak.runs[i]);
	tell(&soak, &failed);
	close(soak.idle_netns.fd);
	assert_true(*soak.churned > 0);
	assert_int_equal(failed, 0);
}

/// The tracer is stopped for longer than a TIME_WAIT lasts, where nothing but its own look at them
/// tells of those that begin unseen.
static void sweep_that_comes_late_is_told(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--strict", "--hide-hook",
					      "kfree_skb", "-P",
					      e2e_format(e2e, "%u-%u", e2e_port(0), e2e_port(1)));
	struct e2e_pair before, meanwhile;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &before);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(1), &meanwhile);
	e2e_pair_connect(&before, "127.0.0.1");
	e2e_actor_close(before.client, before.client_fd);
	e2e_sleep_ms(LOOKED_MS);
	kill(tracer->pid, SIGSTOP);
	e2e_sleep_ms(STOPPED_MS);
	e2e_pair_connect(&meanwhile, "127.0.0.1");
	e2e_actor_close(meanwhile.client, meanwhile.client_fd);
	kill(tracer->pid, SIGCONT);
	e2e_sleep_ms(LOOKED_MS);
	e2e_tracer_stop(tracer, EXIT_LOST);
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:s, s:i}", "event", "lost", "where",
		       "sweep", "events", 1);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(long_run_stays_as_it_is),
	E2E_TEST(sweep_that_comes_late_is_told),
};

E2E_MAIN("soak", tests)
