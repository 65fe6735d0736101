// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"

int ct_notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_(ct_closep) int fd = -1;
	socklen_t addr_len;
	size_t length;

	if (!path || (*path != '/' && *path != '@'))
		return -1;
	length = strlen(path);
	if (length >= sizeof(addr.sun_path)) {
		ct_warn("cannot tell systemd: NOTIFY_SOCKET '%s' is too long", path);
		return -1;
	}
	memcpy(addr.sun_path, path, length);
	/* '@' stands for the NUL at the start of an abstract socket's name, unix(7). */
	if (*path == '@')
		addr.sun_path[0] = '\0';
	addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, addr_len) < 0) {
		ct_warn("cannot tell systemd through '%s': %m", path);
		return -1;
	}
	return CT_TAKE_FD(fd);
}

void ct_notify_ready(int fd)
{
	static const char message[] = "READY=1";

	if (fd >= 0 && send(fd, message, strlen(message), MSG_NOSIGNAL) < 0)
		ct_warn("cannot tell systemd that tracing has begun: %m");
}
