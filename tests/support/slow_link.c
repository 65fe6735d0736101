// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/slow_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/process.h"

#define DEVICE	    "ct-slow"
#define MTU	    1500
#define PACKETS_MAX 512 /// under way in one direction; what comes then is dropped, as on any link

struct packet {
	int64_t due_ms;
	ssize_t bytes;
	char data[MTU];
};

/// One direction.
struct lane {
	int from_fd;
	int to_fd;
	size_t first;
	size_t n;
	struct packet packets[PACKETS_MAX];
};

static void take_in(struct lane *lane, int delay_ms)
{
	struct packet *packet = &lane->packets[(lane->first + lane->n) % PACKETS_MAX], dropped;

	if (lane->n == PACKETS_MAX)
		packet = &dropped;
	packet->bytes = read(lane->from_fd, packet->data, sizeof(packet->data));
	packet->due_ms = e2e_now_ms() + delay_ms;
	if (packet->bytes > 0 && packet != &dropped)
		lane->n++;
}

/// How long until the next one is due; −1: there is none.
static int hand_out(struct lane *lane)
{
	while (lane->n) {
		const struct packet *packet = &lane->packets[lane->first];
		int64_t left_ms = packet->due_ms - e2e_now_ms();

		if (left_ms > 0)
			return (int)left_ms;
		if (write(lane->to_fd, packet->data, (size_t)packet->bytes) != packet->bytes)
			_exit(1);
		lane->first = (lane->first + 1) % PACKETS_MAX;
		lane->n--;
	}
	return -1;
}

static int sooner(int one_ms, int other_ms)
{
	if (one_ms < 0 || other_ms < 0)
		return one_ms < 0 ? other_ms : one_ms;
	return one_ms < other_ms ? one_ms : other_ms;
}

static void carry(struct lane lanes[2], int delay_ms)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = lanes[0].from_fd, .events = POLLIN},
				       {.fd = lanes[1].from_fd, .events = POLLIN}};

		if (poll(fds, 2, sooner(hand_out(&lanes[0]), hand_out(&lanes[1]))) < 0)
			_exit(1);
		for (int i = 0; i < 2; i++)
			if (fds[i].revents & POLLIN)
				take_in(&lanes[i], delay_ms);
	}
}

/// The caller owns the descriptor, and the device goes with it. −errno.
static int open_tun(void)
{
	struct ifreq request = {.ifr_name = DEVICE, .ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static int open_tun_in(const struct e2e_netns *netns, const struct e2e_netns *home)
{
	int fd;

	assert_int_equal(setns(netns->fd, CLONE_NEWNET), 0);
	fd = open_tun();
	assert_int_equal(setns(home->fd, CLONE_NEWNET), 0);
	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO || fd == -EPERM || fd == -EACCES)
		e2e_skip("there are no tun devices here: %s", strerror(-fd));
	if (fd < 0)
		fail_msg("a tun device: %s", strerror(-fd));
	return fd;
}

static void bring_up(const struct e2e_netns *netns, const char *host, const char *peer)
{
	e2e_netns_shell(netns, "ip addr add %s peer %s dev " DEVICE " && ip link set " DEVICE " up",
			host, peer);
}

void e2e_add_slow_link(struct e2e *e2e, int ms)
{
	int home_fd = open_tun_in(&e2e->home, &e2e->home);
	int far_fd = open_tun_in(&e2e->far, &e2e->home);
	struct lane *lanes = calloc(2, sizeof(*lanes));
	pid_t pid;

	assert_non_null(lanes);
	lanes[0].from_fd = lanes[1].to_fd = home_fd;
	lanes[0].to_fd = lanes[1].from_fd = far_fd;
	bring_up(&e2e->home, E2E_SLOW_HOME_HOST, E2E_SLOW_FAR_HOST);
	bring_up(&e2e->far, E2E_SLOW_FAR_HOST, E2E_SLOW_HOME_HOST);
	pid = e2e_process_fork();
	if (pid == 0)
		carry(lanes, ms);
	assert_true(pid > 0);
	e2e_track(e2e, pid);
	free(lanes);
	close(home_fd);
	close(far_fd);
}
