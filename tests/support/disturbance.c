// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/disturbance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACEFS	  "/sys/kernel/tracing"
#define INSTANCES TRACEFS "/instances"
#define PREFIX	  "conntrace-e2e-" /* and the process that made it */

/// What the programs are attached to and runs in interrupts. Timers and dropped packets are all of
/// the kernel's: of these only TCP's count, and packets that had a receiver.
static const struct {
	const char *event;
	const char *filter;
} events[] = {
	{"sock/inet_sock_set_state", NULL},
	{"sock/inet_sk_error_report", NULL},
	{"tcp/tcp_retransmit_skb", NULL},
	{"tcp/tcp_retransmit_synack", NULL},
	{"tcp/tcp_send_reset", NULL},
	{"tcp/tcp_receive_reset", NULL},
	{"skb/kfree_skb", "(protocol == 2048 || protocol == 34525) && rx_sk != 0"},
	{"timer/timer_start",
	 "function.function == tw_timer_handler || function.function == reqsk_timer_handler"},
	{"timer/timer_expire_entry",
	 "function.function == tw_timer_handler || function.function == reqsk_timer_handler || "
	 "function.function == tcp_write_timer || function.function == tcp_keepalive_timer"},
};
#define N_EVENTS (sizeof(events) / sizeof(events[0]))

static bool write_file(const char *directory, const char *name, const char *text)
{
	char path[PATH_MAX];
	bool written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return written;
}

static bool is_hidden(const char *pid)
{
	char path[PATH_MAX], target[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	return readlink(path, target, sizeof(target)) < 0 && errno == EACCES;
}

/// Appends the numbers of a process' threads.
static void append_threads(const char *pid, char *text, size_t size)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		size_t used = strlen(text);

		if (entry->d_name[0] != '.' && used < size)
			snprintf(text + used, size - used, "%s ", entry->d_name);
	}
	if (directory)
		closedir(directory);
}

static void list_hidden(char *text, size_t size)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_hidden(entry->d_name))
			append_threads(entry->d_name, text, size);
	if (directory)
		closedir(directory);
}

static void enable(const char *instance)
{
	char name[128];

	for (size_t i = 0; i < N_EVENTS; i++) {
		if (events[i].filter) {
			snprintf(name, sizeof(name), "events/%s/filter", events[i].event);
			if (!write_file(instance, name, events[i].filter))
				continue; /* unfiltered it would tell of others */
		}
		snprintf(name, sizeof(name), "events/%s/enable", events[i].event);
		write_file(instance, name, "1");
	}
}

/// Of a process that was killed: it would go on tracing, and slow every connection of the machine.
/// Tests have the machine's PID namespace, or one kernel each.
static void remove_left_over(void)
{
	DIR *directory = opendir(INSTANCES);
	struct dirent *entry;
	char path[PATH_MAX];

	while (directory && (entry = readdir(directory))) {
		int pid;

		if (sscanf(entry->d_name, PREFIX "%d", &pid) != 1 ||
		    (pid != getpid() && kill(pid, 0) == 0))
			continue;
		snprintf(path, sizeof(path), INSTANCES "/%s", entry->d_name);
		rmdir(path);
	}
	if (directory)
		closedir(directory);
}

void e2e_disturbance_begin(struct e2e_disturbance *ret)
{
	char hidden[4096] = "";

	ret->instance[0] = '\0';
	list_hidden(hidden, sizeof(hidden));
	if (!hidden[0])
		return;
	if (access(INSTANCES, F_OK)) /* the program's mounts are its own */
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	remove_left_over();
	snprintf(ret->instance, sizeof(ret->instance), INSTANCES "/" PREFIX "%d", (int)getpid());
	if (mkdir(ret->instance, 0700) == 0 && write_file(ret->instance, "set_event_pid", hidden)) {
		write_file(ret->instance, "trace_clock", "mono");
		enable(ret->instance);
		return;
	}
	rmdir(ret->instance);
	ret->instance[0] = '\0';
}

/// "TASK-PID [CPU] FLAGS SECONDS.MICROSECONDS: EVENT: FIELDS"
static bool parse(const char *line, struct e2e_unseen *ret)
{
	const char *at = strstr(line, "] ");
	long long seconds, microseconds;
	int text = 0;

	if (line[0] == '#' || !at ||
	    sscanf(at, "] %*s %lld.%lld: %n", &seconds, &microseconds, &text) != 2 || !text)
		return false;
	ret->at_ns = seconds * 1000000000 + microseconds * 1000;
	snprintf(ret->text, sizeof(ret->text), "%.*s", (int)strcspn(at + text, "\n"), at + text);
	return true;
}

size_t e2e_disturbance_read(const struct e2e_disturbance *disturbance, struct e2e_unseen *ret,
			    size_t max)
{
	char line[1024];
	size_t n = 0;
	FILE *file;

	if (!disturbance->instance[0])
		return 0;
	snprintf(line, sizeof(line), "%s/trace", disturbance->instance);
	file = fopen(line, "re");
	while (file && n < max && fgets(line, sizeof(line), file))
		n += parse(line, &ret[n]);
	if (file)
		fclose(file);
	return n;
}

bool e2e_disturbance_end(struct e2e_disturbance *disturbance)
{
	struct e2e_unseen first;
	bool disturbed = e2e_disturbance_read(disturbance, &first, 1);

	if (disturbance->instance[0])
		rmdir(disturbance->instance);
	disturbance->instance[0] = '\0';
	return disturbed;
}
