// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Each attempt runs in a process of its own, which is confined first. It runs in one that is not,
// too: what is refused there already would show nothing.
#include "conntrace/confine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "conntrace/count.h"
#include "conntrace/sink_spool.h"

#define SPOOLED_BYTES ((size_t)3 * 1024 * 1024)

/// What became of a child that was about to do something.
#define WAS_KILLED 200

static char file_path[64];
static pid_t sleeper;

/// Runs in a child. Returns 0 or the errno; what worked counts as much as what is refused for
/// another reason than the filter's.
typedef int (*attempt_fn)(void);

static int answer(long r)
{
	return r < 0 ? errno : 0;
}

static int open_for_reading(void)
{
	return answer(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
}

static int open_for_writing(void)
{
	return answer(open(file_path, O_WRONLY | O_CLOEXEC));
}

static int open_for_both(void)
{
	return answer(open(file_path, O_RDWR | O_CLOEXEC));
}

static int open_for_reading_and_cut(void)
{
	return answer(open(file_path, O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int create(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s.new", file_path);
	return answer(open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int rename_it(void)
{
	return answer(rename(file_path, file_path));
}

static int unlink_nothing(void)
{
	return answer(unlink("/nonexistent"));
}

static int cut_nothing(void)
{
	return answer(ftruncate(-1, 0));
}

static int open_without_name(void)
{
	return answer(open("/tmp", O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600));
}

static int open_to_be_named(void)
{
	return answer(open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
}

static int open_in_memory(void)
{
	return answer(memfd_create("test", MFD_CLOEXEC));
}

static int open_socket(void)
{
	return answer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int open_unix_socket(void)
{
	return answer(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int execute(void)
{
	char *const argv[] = {(char *)"nothing", NULL};

	return answer(execv("/nonexistent", argv));
}

static int fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

static int map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : answer(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int be_traced(void)
{
	return answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int signal_parent(void)
{
	return answer(kill(getppid(), 0));
}

static int signal_child(void)
{
	return answer(kill(sleeper, 0));
}

static int wait_for_nobody(void)
{
	return answer(waitpid(-1, NULL, WNOHANG));
}

static int enter_network(void)
{
	return answer(setns(-1, CLONE_NEWNET));
}

static int enter_mounts(void)
{
	return answer(setns(-1, CLONE_NEWNS));
}

/// The attributes are nobody's: a call that is not refused finds fault with them.
static int call_bpf(int command)
{
	union bpf_attr attr;

	memset(&attr, 0xff, sizeof(attr));
	return answer(syscall(SYS_bpf, command, &attr, sizeof(attr)));
}

static int ask_of_program(void)
{
	return call_bpf(BPF_OBJ_GET_INFO_BY_FD);
}

static int look_into_map(void)
{
	return call_bpf(BPF_MAP_LOOKUP_ELEM);
}

static int change_process(void)
{
	return answer(prctl(PR_SET_NAME, "other", 0, 0, 0));
}

static const struct {
	const char *name;
	attempt_fn run;
	unsigned int needs; /// any of them permits it
	bool is_permitted;  /// always
} attempts[] = {
	{"open for reading", open_for_reading, 0, true},
	{"open for writing", open_for_writing, CT_CONFINE_RECORD, false},
	{"open for both", open_for_both, CT_CONFINE_RECORD, false},
	{"open for reading and cut", open_for_reading_and_cut, CT_CONFINE_RECORD, false},
	{"create", create, CT_CONFINE_RECORD, false},
	{"rename", rename_it, CT_CONFINE_RECORD, false},
	{"unlink", unlink_nothing, CT_CONFINE_RECORD | CT_CONFINE_EMPTY, false},
	{"cut what is open", cut_nothing, CT_CONFINE_RECORD | CT_CONFINE_EMPTY, false},
	{"open without a name", open_without_name, CT_CONFINE_SPOOL | CT_CONFINE_RECORD, false},
	{"open to be named", open_to_be_named, CT_CONFINE_RECORD, false},
	{"open in memory", open_in_memory, CT_CONFINE_SPOOL, false},
	{"open a socket", open_socket, 0, false},
	{"open a UNIX socket", open_unix_socket, 0, false},
	{"execute", execute, 0, false},
	{"fork", fork_one, 0, false},
	{"map code", map_code, 0, false},
	{"make code", make_code, 0, false},
	{"be traced", be_traced, 0, false},
	{"signal the parent", signal_parent, 0, false},
	{"signal the child", signal_child, CT_CONFINE_CHILD, false},
	{"wait", wait_for_nobody, CT_CONFINE_CHILD, false},
	{"enter a network", enter_network, CT_CONFINE_TRACE, false},
	{"enter mounts", enter_mounts, 0, false},
	{"ask of a program", ask_of_program, CT_CONFINE_TRACE, false},
	{"look into a map", look_into_map, 0, false},
	{"change the process", change_process, 0, false},
};

/// Runs it in a child, confined unless WHAT is NULL. Returns what it returned, or WAS_KILLED.
static int run(attempt_fn attempt, const struct ct_confinement *what)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		const char *step;

		if (what && (ct_confine_privileges(what, &step) || ct_confine_syscalls(what)))
			_exit(WAS_KILLED - 1);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WAS_KILLED;
}

static void judge(const struct ct_confinement *what)
{
	for (size_t i = 0; i < CT_COUNT(attempts); i++) {
		bool permitted = attempts[i].is_permitted || attempts[i].needs & what->needs;
		int r = run(attempts[i].run, what);

		if (permitted ? r == EPERM || r >= WAS_KILLED - 1 : r != EPERM)
			fail_msg("with %#x to '%s' gives %d", what->needs, attempts[i].name, r);
	}
}

static void nothing_is_refused_without(void **state)
{
	for (size_t i = 0; i < CT_COUNT(attempts); i++) {
		int r = run(attempts[i].run, NULL);

		if (r == EPERM || r == WAS_KILLED)
			fail_msg("'%s' gives %d anyway", attempts[i].name, r);
	}
}

static void what_is_not_needed_is_refused(void **state)
{
	judge(&(struct ct_confinement){.needs = 0});
}

static void what_is_needed_is_permitted_and_no_more(void **state)
{
	static const unsigned int needs[] = {
		CT_CONFINE_TRACE,
		CT_CONFINE_TRACE | CT_CONFINE_RECORD,
		CT_CONFINE_TRACE | CT_CONFINE_CHILD,
		CT_CONFINE_TRACE | CT_CONFINE_RECORD | CT_CONFINE_CHILD,
		CT_CONFINE_SPOOL,
		CT_CONFINE_SPOOL | CT_CONFINE_EMPTY,
	};

	for (size_t i = 0; i < CT_COUNT(needs); i++)
		judge(&(struct ct_confinement){.needs = needs[i], .child = sleeper});
}

static int spool(void)
{
	struct ct_spool spool = {};
	char line[1000];
	int r = 0;

	memset(line, 'x', sizeof(line));
	for (size_t n = 0; r == 0 && n < SPOOLED_BYTES; n += sizeof(line)) {
		ct_buf_append(&spool.buf, line, sizeof(line));
		r = ct_spool_commit(&spool);
	}
	if (r == 0 && (!spool.file || fseek(spool.file, 0, SEEK_END) ||
		       (size_t)ftell(spool.file) + spool.buf.len < SPOOLED_BYTES))
		r = -EIO;
	return -r;
}

static void much_text_can_be_spooled(void **state)
{
	assert_int_equal(run(spool, &(struct ct_confinement){.needs = CT_CONFINE_SPOOL}), 0);
}

static void much_text_is_not_spooled_by_whom_it_is_not_for(void **state)
{
	assert_int_equal(run(spool, &(struct ct_confinement){}), EPERM);
}

/// The line of that name in /proc/self/status, or "".
static void read_status(const char *name, char *ret, size_t len)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	*ret = '\0';
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			snprintf(ret, len, "%s", line);
	if (file)
		fclose(file);
}

static int has_no_privilege(void)
{
	static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};
	char line[256];

	for (size_t i = 0; i < CT_COUNT(sets); i++) {
		read_status(sets[i], line, sizeof(line));
		if (!*line || strtoull(line + strlen(sets[i]), NULL, 16))
			return 1;
	}
	read_status("NoNewPrivs:", line, sizeof(line));
	if (strcmp(line, "NoNewPrivs:\t1\n") != 0)
		return 2;
	read_status("Seccomp:", line, sizeof(line));
	return strcmp(line, "Seccomp:\t2\n") == 0 ? 0 : 3;
}

static void no_privilege_is_left(void **state)
{
	assert_int_equal(run(has_no_privilege, &(struct ct_confinement){}), 0);
}

static int make_file(void **state)
{
	pid_t parent = getpid();
	int fd;

	strcpy(file_path, "/tmp/conntrace-confine.XXXXXX");
	fd = mkstemp(file_path);
	if (fd < 0)
		return -1;
	close(fd);
	sleeper = fork();
	if (sleeper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			pause();
		_exit(0);
	}
	return sleeper < 0 ? -1 : 0;
}

static int remove_file(void **state)
{
	char path[80];

	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
	snprintf(path, sizeof(path), "%s.new", file_path);
	unlink(path);
	return unlink(file_path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_refused_without),
		cmocka_unit_test(what_is_not_needed_is_refused),
		cmocka_unit_test(what_is_needed_is_permitted_and_no_more),
		cmocka_unit_test(much_text_can_be_spooled),
		cmocka_unit_test(much_text_is_not_spooled_by_whom_it_is_not_for),
		cmocka_unit_test(no_privilege_is_left),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
