/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events for tests, a call an event: what the kernel side would send of one connection.
 *
 *	struct life life = a_client();
 *
 *	take(&world, to(&life, CT_STATE_SYN_SENT));
 *	take(&world, to(&life, CT_STATE_ESTABLISHED));
 *	take(&world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
 *
 * A life remembers the state that it is in. Each of its events is a millisecond behind the one
 * before; more time is passed by adding to life.core.ts_ns. What else an event should say is set in
 * life.core, for it and all that follow, or in the event itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/event.h"
#include "unit/builders.h"

struct life {
	struct ct_event core; /// how each event of it begins; ts_ns is that of the next
};

/// curl, pid 4242, is about to connect from 10.0.0.1:45678 to 10.0.0.2:80; cookie 1a2b; the socket
/// counts its losses.
struct life a_client(void);

/// nginx, pid 80, listens at 10.0.0.2:80, and 10.0.0.1:45678 is about to become its child; cookie
/// 2b3c; the owner is the listener's.
struct life a_server(void);

/// The socket begins another life: same cookie, next generation, CLOSE.
void reborn(struct life *life);

/// A transition, made by a packet or a timer (life.core.context).
struct ct_event to(struct life *life, enum ct_state state);

/// A transition that its process made by a call.
struct ct_event does(struct life *life, enum ct_how how, enum ct_state state);

/// Pid and comm become known, as this kind of owner.
struct ct_event owned(struct life *life, uint32_t pid, const char *comm, enum ct_owner origin);

/// What its socket counted: bytes there and back, retransmits.
struct ct_event counted(struct life *life, uint64_t sent, uint64_t received, uint32_t retransmits);

/// The timer of the mini-socket that stands for it, which knows no generation.
struct ct_event mini(struct life *life, enum ct_timer_op op, enum ct_state substate);

/// A reset; of whatever else it is due to, the test says.
struct ct_event reset(struct life *life, enum ct_direction direction, enum ct_reset_reason reason);

struct ct_event retransmitted(struct life *life, enum ct_retransmit_kind kind,
			      enum ct_segment segment, uint32_t count);
struct ct_event failed(struct life *life, uint16_t err);

/// A probe sent or answered is told by a timer, one received by the socket.
struct ct_event probe(struct life *life, enum ct_probe_type type, enum ct_probe_outcome outcome,
		      uint32_t unanswered);

struct ct_event lost(uint64_t ts_ns, uint64_t events, enum ct_lost_where where, uint8_t uncounted);
struct ct_event forked(uint64_t ts_ns, uint32_t parent, uint32_t child, bool followed);
struct ct_event tick(uint64_t ts_ns);
struct ct_event over(uint64_t ts_ns);

/// Length of its record.
size_t event_size(const struct ct_event *event);

/// The event in memory of exactly its length, so that ASan sees who reads past it. The caller
/// frees it.
void *event_bytes(const struct ct_event *event);
