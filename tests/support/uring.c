// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/// A ring with room for one operation, mapped.
struct ring {
	int fd;
	struct io_uring_params params;
	void *rings; /// both, IORING_FEAT_SINGLE_MMAP
	size_t rings_bytes;
	struct io_uring_sqe *sqes;
	size_t sqes_bytes;
};

static void ring_close(struct ring *ring)
{
	munmap(ring->sqes, ring->sqes_bytes);
	munmap(ring->rings, ring->rings_bytes);
	close(ring->fd);
}

static void *map(const struct ring *ring, size_t bytes, off_t what)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, what);
}

/// 0 or −errno.
static int ring_open(struct ring *ring, uint32_t flags)
{
	size_t sq_bytes, cq_bytes;

	*ring = (struct ring){.params = {.flags = flags}};
	ring->fd = (int)syscall(SYS_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0)
		return -errno;
	sq_bytes = ring->params.sq_off.array + sizeof(uint32_t);
	cq_bytes = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings_bytes = sq_bytes > cq_bytes ? sq_bytes : cq_bytes;
	ring->sqes_bytes = sizeof(struct io_uring_sqe);
	ring->rings = map(ring, ring->rings_bytes, IORING_OFF_SQ_RING);
	ring->sqes = map(ring, ring->sqes_bytes, IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || ring->sqes == MAP_FAILED) {
		int err = errno;

		ring_close(ring);
		return -err;
	}
	return 0;
}

static uint32_t *in_rings(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)((char *)ring->rings + offset);
}

bool e2e_uring_is_there(void)
{
	struct ring ring;

	if (ring_open(&ring, 0))
		return false;
	ring_close(&ring);
	return true;
}

int e2e_uring_do(enum e2e_uring_by by, struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	unsigned int flags = IORING_ENTER_GETEVENTS;
	struct ring ring;
	int err = ring_open(&ring, by == E2E_URING_POLLER ? IORING_SETUP_SQPOLL : 0);

	if (err)
		return err;
	sqe->flags = by == E2E_URING_WORKER ? IOSQE_ASYNC : 0;
	ring.sqes[0] = *sqe;
	in_rings(&ring, ring.params.sq_off.array)[0] = 0;
	__atomic_store_n(in_rings(&ring, ring.params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (by == E2E_URING_POLLER)
		flags |= IORING_ENTER_SQ_WAKEUP;
	if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, flags, NULL, 0) < 0) {
		err = -errno;
	} else {
		cqe = (struct io_uring_cqe *)in_rings(&ring, ring.params.cq_off.cqes);
		err = cqe->res;
	}
	ring_close(&ring);
	return err;
}
