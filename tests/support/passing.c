// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/// The two ends of a UNIX socket, in one number.
static int64_t open_passage(const struct e2e_job *job)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	return (int64_t)ends[1] << 32 | ends[0];
}

/// A message of one byte that has room for a descriptor.
struct passing {
	struct msghdr message;
	struct iovec iov;
	char byte;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
};

static void passing_init(struct passing *passing)
{
	*passing = (struct passing){.byte = 0};
	passing->iov = (struct iovec){.iov_base = &passing->byte, .iov_len = 1};
	passing->message = (struct msghdr){
		.msg_iov = &passing->iov,
		.msg_iovlen = 1,
		.msg_control = &passing->control,
		.msg_controllen = sizeof(passing->control),
	};
}

static int64_t give(const struct e2e_job *job)
{
	struct passing passing;

	passing_init(&passing);
	passing.control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(&passing.control.header), &job->fd, sizeof(job->fd));
	return sendmsg((int)job->numbers[0], &passing.message, 0) == 1 ? 0 : -errno;
}

static int64_t take(const struct e2e_job *job)
{
	struct passing passing;
	int fd;

	passing_init(&passing);
	if (recvmsg(job->fd, &passing.message, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	if (!CMSG_FIRSTHDR(&passing.message))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(&passing.control.header), sizeof(fd));
	return fd;
}

struct e2e_passage e2e_passage_open(struct e2e_actor *actor)
{
	int64_t ends = e2e_actor_run(actor, &(struct e2e_job){.run = open_passage});

	return (struct e2e_passage){.give_fd = (int)(ends & INT32_MAX),
				    .take_fd = (int)(ends >> 32)};
}

void e2e_passage_give(const struct e2e_passage *passage, struct e2e_actor *giver, int fd)
{
	e2e_actor_run(giver,
		      &(struct e2e_job){.run = give, .fd = fd, .numbers = {passage->give_fd}});
}

int e2e_passage_take(const struct e2e_passage *passage, struct e2e_actor *taker)
{
	return (int)e2e_actor_run(taker, &(struct e2e_job){.run = take, .fd = passage->take_fd});
}
