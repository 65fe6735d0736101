// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One operation at a time through io_uring(7), without its library. No cmocka in here: it runs in
// the processes that actors are.
#pragma once

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>

/// Who carries the operation out.
enum e2e_uring_by {
	E2E_URING_CALLER, /// the submitting task, in io_uring_enter()
	E2E_URING_WORKER, /// a worker thread that the kernel makes for the process
	E2E_URING_POLLER, /// a kernel's thread that looks for submissions: IORING_SETUP_SQPOLL
};

/// True if this kernel and user permit it.
bool e2e_uring_is_there(void);

/// Does one operation in a ring of its own and waits for its result, which is returned: ≥ 0 or
/// −errno. The flags of *sqe are overwritten.
int e2e_uring_do(enum e2e_uring_by by, struct io_uring_sqe *sqe);
