/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A fresh network namespace has a loopback, and it is down. */
#pragma once

#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/// 0 or -errno.
static inline int loopback_up(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = ioctl(fd, SIOCSIFFLAGS, &loopback) ? -errno : 0;
	close(fd);
	return r;
}
