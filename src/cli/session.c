// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/number.h"

/// One instant on both clocks: the real one is read between two readings of the other.
static void read_clocks(struct ct_session *session)
{
	uint64_t before = ct_clock_ns(CLOCK_MONOTONIC);
	uint64_t real = ct_clock_ns(CLOCK_REALTIME);
	uint64_t behind = ct_clock_ns(CLOCK_MONOTONIC);

	session->mono_ns = before + (behind - before) / 2;
	session->real_ns = (int64_t)real;
}

void ct_session_follow_clock(struct ct_session *session)
{
	struct ct_session now;

	read_clocks(&now);
	session->real_ns = now.real_ns - (int64_t)(now.mono_ns - session->mono_ns);
}

/// Left empty where there is no /proc.
static void read_line(const char *path, char *ret, size_t size)
{
	_cleanup_(ct_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/// 0: not known.
static uint64_t own_netns(void)
{
	struct stat status;

	return stat("/proc/self/ns/net", &status) ? 0 : status.st_ino;
}

/// How many there are from the first to the last, of this network namespace; 0: not known.
static uint64_t count_local_ports(void)
{
	uint64_t first, last;
	char text[32], *space;

	read_line("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text));
	space = strpbrk(text, " \t");
	if (!space)
		return 0;
	*space = '\0';
	if (ct_parse_u64(text, 0, UINT16_MAX, &first) ||
	    ct_parse_u64(space + 1, first, UINT16_MAX, &last))
		return 0;
	return last - first + 1;
}

static void join_words(char *const words[], char *ret, size_t size)
{
	size_t used = 0;

	for (; *words && used < size; words++)
		used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? " " : "", *words);
}

void ct_session_begin(char *const command_line[], struct ct_session *ret)
{
	struct utsname name;

	*ret = (struct ct_session){};
	snprintf(ret->tool_version, sizeof(ret->tool_version), "%s", CT_VERSION);
	if (uname(&name) == 0) {
		snprintf(ret->kernel, sizeof(ret->kernel), "%s", name.release);
		snprintf(ret->machine, sizeof(ret->machine), "%.31s", name.machine);
		snprintf(ret->host, sizeof(ret->host), "%s", name.nodename);
	}
	read_line("/proc/sys/kernel/random/boot_id", ret->boot_id, sizeof(ret->boot_id));
	ret->netns = own_netns();
	ret->local_ports = count_local_ports();
	join_words(command_line, ret->command_line, sizeof(ret->command_line));
	read_clocks(ret);
}
