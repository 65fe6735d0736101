// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/number.h"
#include "conntrace/ports.h"

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

/// The kernel hands the list out in one go or cut: two of three ports, each two a range, are twelve
/// characters for three.
#define RESERVED_LEN_MAX ((UINT16_MAX + 1) / 3 * 12 + 64)

/// 0: none, or not known.
static uint64_t count_reserved_ports(uint16_t first, uint16_t last)
{
	_cleanup_(ct_freep) char *text = malloc(RESERVED_LEN_MAX);
	uint64_t n = 0;

	if (!text)
		return 0;
	read_line("/proc/sys/net/ipv4/ip_local_reserved_ports", text, RESERVED_LEN_MAX);
	(void)ct_ports_count(text, first, last, &n);
	return n;
}

/// How many there are from the first to the last, of this network namespace, and of those how many
/// are reserved; 0: not known.
static void count_local_ports(struct ct_session *session)
{
	uint64_t first, last;
	char text[32], *space;

	read_line("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text));
	space = strpbrk(text, " \t");
	if (!space)
		return;
	*space = '\0';
	if (ct_parse_u64(text, 0, UINT16_MAX, &first) ||
	    ct_parse_u64(space + 1, first, UINT16_MAX, &last))
		return;
	session->local_ports = last - first + 1;
	session->reserved_ports = count_reserved_ports((uint16_t)first, (uint16_t)last);
}

#define SYSCTLS "/proc/sys/net/ipv4/"

/// Of this network namespace. *ret is PLUS + its number, and is left where there is none.
static void read_sysctl(const char *path, uint64_t max, uint64_t plus, uint64_t *ret)
{
	uint64_t number;
	char text[32];

	read_line(path, text, sizeof(text));
	if (ct_parse_u64(text, 0, max, &number) == 0)
		*ret = plus + number;
}

/// Where 0 says something it is told from what is not known by the 1 that is added.
static void read_sysctls(struct ct_session *session)
{
	/* a kernel that gives up at once has no retries to tell: 0 is unknown */
	read_sysctl(SYSCTLS "tcp_retries2", UINT8_MAX, 0, &session->retries2);
	read_sysctl(SYSCTLS "tcp_tw_reuse", UINT8_MAX, 1, &session->tw_reuse);
	read_sysctl(SYSCTLS "tcp_timestamps", UINT8_MAX, 1, &session->timestamps);
	read_sysctl(SYSCTLS "tcp_tw_reuse_delay", UINT32_MAX, 0, &session->tw_reuse_delay_ms);
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
	count_local_ports(ret);
	read_sysctls(ret);
	join_words(command_line, ret->command_line, sizeof(ret->command_line));
	read_clocks(ret);
}
