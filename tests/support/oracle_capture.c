// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/e2e.h"

#define INTERFACE     "ct-home"
#define BUFFER_BYTES  (64 << 20)
#define HEADERS_BYTES 128
#define NS_PER_S      1000000000LL
#define QUIET_MS      50
#define TCP_BYTES     20

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read32(const uint8_t *bytes)
{
	return (uint32_t)read16(bytes) << 16 | read16(bytes + 2);
}

static void map_v4(const uint8_t addr[4], uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 10);
	memset(ret_addr + 10, 0xff, 2);
	memcpy(ret_addr + 12, addr, 4);
}

/// The IP header; where the TCP header begins and how long that and the payload are.
static bool parse_ip(const uint8_t *packet, size_t bytes, struct oracle_segment *ret_segment,
		     size_t *ret_offset, size_t *ret_length)
{
	unsigned version = bytes ? packet[0] >> 4 : 0;

	if (version == 4 && bytes >= sizeof(struct ip) && packet[9] == IPPROTO_TCP) {
		*ret_offset = (packet[0] & 0xfU) * 4;
		*ret_length = read16(packet + 2) - *ret_offset;
		ret_segment->dscp = packet[1] >> 2;
		map_v4(packet + 12, ret_segment->from.laddr);
		map_v4(packet + 16, ret_segment->from.raddr);
		return true;
	}
	if (version == 6 && bytes >= sizeof(struct ip6_hdr) && packet[6] == IPPROTO_TCP) {
		*ret_offset = sizeof(struct ip6_hdr);
		*ret_length = read16(packet + 4);
		ret_segment->dscp = (uint8_t)((packet[0] & 0xf) << 2 | packet[1] >> 6);
		memcpy(ret_segment->from.laddr, packet + 8, 16);
		memcpy(ret_segment->from.raddr, packet + 24, 16);
		return true;
	}
	return false;
}

bool oracle_capture_parse(const uint8_t *packet, size_t bytes, struct oracle_segment *ret_segment)
{
	size_t offset, length, header;
	const uint8_t *tcp;

	if (!parse_ip(packet, bytes, ret_segment, &offset, &length))
		return false;
	if (bytes < offset + TCP_BYTES)
		return false;
	tcp = packet + offset;
	header = (tcp[12] >> 4) * 4U;
	ret_segment->from.lport = read16(tcp);
	ret_segment->from.rport = read16(tcp + 2);
	ret_segment->seq = read32(tcp + 4);
	ret_segment->ack = read32(tcp + 8);
	ret_segment->flags = tcp[13];
	ret_segment->length = length > header ? (uint32_t)(length - header) : 0;
	return true;
}

/// When the kernel saw it, not when we come to read it.
static int64_t time_of(struct msghdr *message)
{
	struct timespec when;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg;
	     cmsg = CMSG_NXTHDR(message, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&when, CMSG_DATA(cmsg), sizeof(when));
		return when.tv_sec * NS_PER_S + when.tv_nsec;
	}
	return 0;
}

/// 1: a segment; 0: nothing there, or no TCP; −errno.
static int receive(int fd, struct oracle_segment *ret_segment)
{
	uint8_t packet[HEADERS_BYTES];
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct sockaddr_ll from;
	struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	*ret_segment = (struct oracle_segment){0};
	ret_segment->at_ns = time_of(&message);
	ret_segment->outgoing = from.sll_pkttype == PACKET_OUTGOING;
	return oracle_capture_parse(packet, (size_t)got, ret_segment);
}

static int check_drops(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t length = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length))
		return -errno;
	if (stats.tp_drops)
		fprintf(stderr, "the capture has dropped %u segments\n", stats.tp_drops);
	return stats.tp_drops ? -ENOBUFS : 0;
}

static int watch(const void *context, int stop_fd, FILE *out)
{
	const struct oracle_capture *capture = context;
	struct pollfd fds[] = {{.fd = capture->fd, .events = POLLIN},
			       {.fd = stop_fd, .events = POLLIN}};
	struct oracle_segment segment;
	int got;

	/* what was sent before the stop is read before the end */
	while (poll(fds, 2, -1) > 0 && (fds[0].revents || !fds[1].revents)) {
		got = receive(capture->fd, &segment);
		if (got < 0)
			return got;
		if (got && fwrite(&segment, sizeof(segment), 1, out) != 1)
			return -EIO;
	}
	return check_drops(capture->fd);
}

static int open_socket(void)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int on = 1, bytes = BUFFER_BYTES;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	at.sll_ifindex = (int)if_nametoindex(INTERFACE);
	assert_int_not_equal(at.sll_ifindex, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

void oracle_capture_start(struct e2e *e2e, struct oracle_capture *ret_capture)
{
	ret_capture->fd = open_socket();
	oracle_watcher_start(e2e, "oracle-capture", watch, ret_capture, &ret_capture->watcher);
	close(ret_capture->fd);
}

struct oracle_segment *oracle_capture_stop(struct oracle_capture *capture, size_t *ret_count)
{
	e2e_sleep_ms(QUIET_MS);
	return oracle_watcher_stop(&capture->watcher, sizeof(struct oracle_segment), ret_count);
}
