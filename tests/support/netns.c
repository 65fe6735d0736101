// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/process.h"

#define SHELL_LIMIT_MS 10000

static int host_fd = -1;

static int open_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("open own network namespace: %s", strerror(errno));
	return fd;
}

void e2e_netns_remember_host(void)
{
	host_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int e2e_netns_host_fd(void)
{
	return host_fd;
}

void e2e_netns_enter_new(struct e2e_netns *ret_netns)
{
	struct stat st;

	if (unshare(CLONE_NEWNET))
		fail_msg("unshare the network: %s", strerror(errno));
	ret_netns->fd = open_current();
	assert_int_equal(fstat(ret_netns->fd, &st), 0);
	ret_netns->inum = st.st_ino;
	e2e_netns_shell(ret_netns, "ip link set lo up");
}

void e2e_netns_add_far(const struct e2e_netns *home, struct e2e_netns *ret_far)
{
	e2e_netns_enter_new(ret_far);
	assert_int_equal(setns(home->fd, CLONE_NEWNET), 0);
	e2e_netns_shell(home, "ip link add ct-home type veth peer name ct-far netns /proc/%d/fd/%d",
			getpid(), ret_far->fd);
	e2e_netns_shell(home,
			"ip addr add " E2E_HOME_HOST "/24 dev ct-home && ip link set ct-home up");
	e2e_netns_shell(ret_far,
			"ip addr add " E2E_FAR_HOST "/24 dev ct-far && ip link set ct-far up");
}

void e2e_netns_shell(const struct e2e_netns *netns, const char *format, ...)
{
	char command[512];
	va_list args;
	int length, status;

	va_start(args, format);
	length = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_in_range(length, 1, sizeof(command) - 1);

	struct e2e_spawn spec = {
		.argv = (const char *const[]){"sh", "-c", command, NULL},
		.netns_fd = netns->fd,
		.out_fd = -1,
		.err_fd = STDERR_FILENO,
	};
	status = e2e_process_wait(e2e_process_spawn(&spec), SHELL_LIMIT_MS, command);
	if (status)
		fail_msg("`%s` exited %d", command, status);
}

void e2e_netns_drop(const struct e2e_netns *netns, const char *match)
{
	e2e_netns_shell(netns,
			"nft 'add table inet ct_e2e; "
			"add chain inet ct_e2e in { type filter hook input priority 0; }; "
			"add rule inet ct_e2e in %s drop'",
			match);
}

void e2e_netns_drop_acks(const struct e2e_netns *netns, const char *side, unsigned port)
{
	char match[80];

	snprintf(match, sizeof(match), "tcp %s %u tcp flags & (syn|ack|fin|rst) == ack", side,
		 port);
	e2e_netns_drop(netns, match);
}

void e2e_netns_undrop(const struct e2e_netns *netns)
{
	e2e_netns_shell(netns, "nft delete table inet ct_e2e");
}

void e2e_netns_forbid_out(const struct e2e_netns *netns, unsigned port, const char *verdict)
{
	e2e_netns_shell(netns,
			"nft 'add table inet ct_out; "
			"add chain inet ct_out out { type filter hook output priority 0; }; "
			"add rule inet ct_out out tcp dport %u %s'",
			port, verdict);
}

void e2e_netns_permit_out(const struct e2e_netns *netns)
{
	e2e_netns_shell(netns, "nft delete table inet ct_out");
}

void e2e_netns_slow_down(const struct e2e_netns *netns, const char *table, const char *addresses)
{
	e2e_netns_shell(
		netns,
		"ip route change $(ip -4 route show table %s exact %s | sed 's/ linkdown//') table %s rto_min 1s",
		table, addresses, table);
}

void e2e_netns_sysctl(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	e2e_file_write(path, value, strlen(value));
}

void e2e_netns_close(struct e2e_netns *netns)
{
	if (netns->fd >= 0)
		close(netns->fd);
	*netns = (struct e2e_netns){.fd = -1};
}
