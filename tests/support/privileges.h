// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a process may do, as /proc/PID/status has it.
//
// Every function here fails the running cmocka test when it cannot do its work.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define E2E_BIT(capability) (UINT64_C(1) << (capability))

/// The user and the group that every system has, and one that none has.
#define E2E_NOBODY	  65534
#define E2E_SOMEBODY	  65533
#define E2E_NOBODY_TEXT	  "nobody"
#define E2E_SOMEBODY_TEXT "65533"

struct e2e_privileges {
	uint64_t inheritable;
	uint64_t permitted;
	uint64_t effective;
	uint64_t bounding;
	uint64_t ambient;
	unsigned no_new_privs;
	unsigned seccomp; /// 2: it has a filter
	unsigned uids[4];
	unsigned gids[4];
	unsigned groups; /// how many
};

struct e2e_privileges e2e_privileges_of(pid_t pid);

/// It is confined: it has these capabilities and no others, and nothing gets any back.
void e2e_assert_keeps(const struct e2e_privileges *privileges, uint64_t capabilities);

/// That user and that group in all respects.
void e2e_assert_is(const struct e2e_privileges *privileges, unsigned id);
