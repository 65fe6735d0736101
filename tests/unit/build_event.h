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
	uint8_t timeouts;     /// of its request socket, so far
};

/// Of a_listener().
#define LISTENER_COOKIE 0x50

/// curl, pid 4242, is about to connect from 10.0.0.1:45678 to 10.0.0.2:80; cookie 1a2b; the socket
/// counts its losses.
struct life a_client(void);

/// nginx, pid 80, listens at 10.0.0.2:80, and 10.0.0.1:45678 is about to become its child; cookie
/// 2b3c; the owner is the listener's.
struct life a_server(void);

/// nginx, pid 80, is about to listen at 10.0.0.2:80; cookie 50.
struct life a_listener(void);

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

/// The same taken off by a process: connect() to the same place, `ss -K`, a namespace torn down.
struct ct_event cancelled_by(struct life *life, enum ct_state substate, enum ct_how how,
			     uint32_t pid, uint64_t successor);

/// The timer of the request socket that an accepted life begins with, whose cookie nobody knows.
/// It expires after a second, two, four …
struct ct_event request(struct life *life, enum ct_timer_op op);

/// Its final ACK found the accept queue full: six wait where five may.
struct ct_event without_room(struct life *life);

/// Its timer is taken off by a process: `ss -K` (PID), or its namespace torn down (CT_HOW_KERNEL).
struct ct_event request_cancelled_by(struct life *life, enum ct_how how, uint32_t pid);

/// The request's SYN-ACK is sent again: by then it has a cookie.
struct ct_event synack_again(struct life *life);

/// A packet that the listener has taken for the request: a reset of the peer, or one in answer.
struct ct_event reset_at_listener(struct life *life, enum ct_direction direction, uint8_t packet);

/// A full socket, a mini-socket, a request socket that was there before the tracer.
struct ct_event found(struct life *life, enum ct_state state);
struct ct_event found_mini(struct life *life, enum ct_state substate, uint64_t timeout_ns);
struct ct_event found_request(struct life *life, uint8_t timeouts, uint64_t timeout_ns);

/// TCP_USER_TIMEOUT is set.
struct ct_event set_options(struct life *life, uint32_t user_timeout_ms);

/// A reset; of whatever else it is due to, the test says.
struct ct_event reset(struct life *life, enum ct_direction direction, enum ct_reset_reason reason);

struct ct_event retransmitted(struct life *life, enum ct_retransmit_kind kind,
			      enum ct_segment segment, uint32_t count);
/// Data, again, behind a retransmission time-out.
struct ct_event timed_out(struct life *life, uint32_t seq);
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
