// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Descriptors that one actor hands to another over a UNIX socket, as servers do with SCM_RIGHTS.
//
// Every function here fails the running cmocka test when it cannot do its work.
#pragma once

#include "support/actor.h"

/// Descriptors of the two ends, in the actor that made them and in those it has forked since.
struct e2e_passage {
	int give_fd;
	int take_fd;
};

struct e2e_passage e2e_passage_open(struct e2e_actor *actor);

/// Sends a descriptor; the giver keeps its own.
void e2e_passage_give(const struct e2e_passage *passage, struct e2e_actor *giver, int fd);

/// Receives the next one; it is the taker's.
int e2e_passage_take(const struct e2e_passage *passage, struct e2e_actor *taker);
