// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What of BPF the kernel holds: programs, links and maps, by the numbers that it gives them. It
// does not give one again for a long time.
//
// Every function here fails the running cmocka test when it cannot do its work.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum e2e_bpf_kind {
	E2E_BPF_PROGRAM,
	E2E_BPF_LINK,
	E2E_BPF_MAP,
	_E2E_BPF_KIND_MAX,
};

#define E2E_BPF_IDS_MAX 4096

struct e2e_bpf_objects {
	uint32_t ids[_E2E_BPF_KIND_MAX][E2E_BPF_IDS_MAX];
	size_t n[_E2E_BPF_KIND_MAX];
};

/// All that the kernel holds now.
void e2e_bpf_all(struct e2e_bpf_objects *ret);

/// What a process has descriptors of.
void e2e_bpf_of_process(pid_t pid, struct e2e_bpf_objects *ret);

/// Of a tracer that has ended nothing is left, at the latest limit_ms from now: neither what it
/// HELD, nor anything that was not there BEFORE, is named like its own, and that no process has.
void e2e_assert_bpf_is_gone(const struct e2e_bpf_objects *before,
			    const struct e2e_bpf_objects *held, int limit_ms);

/// A file system for pinned objects of the test program's own at /sys/fs/bpf, if it can be had. So
/// often something is pinned there: 0 of a new one.
void e2e_bpf_mount(void);
size_t e2e_bpf_pinned(void);
