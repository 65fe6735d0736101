// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "build_event.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "conntrace/decode.h"

static struct life a_life(uint64_t cookie, enum ct_role role)
{
	struct life life = {
		.core =
			{
				.ts_ns = BEGAN,
				.cookie = cookie,
				.netns = 4026531840,
				.family = AF_INET,
				.state = CT_STATE_CLOSE,
				.role = (__u8)role,
				.sock_flags = CT_SOCK_COUNTED,
			},
	};

	return life;
}

struct life a_client(void)
{
	struct life life = a_life(0x1a2b, CT_ROLE_ACTIVE);

	set_addr(life.core.laddr, AF_INET, "10.0.0.1");
	set_addr(life.core.raddr, AF_INET, "10.0.0.2");
	life.core.lport = 45678;
	life.core.rport = 80;
	life.core.pid = 4242;
	life.core.owner = CT_OWNER_CONNECT;
	return life;
}

struct life a_server(void)
{
	struct life life = a_life(0x2b3c, CT_ROLE_PASSIVE);

	set_addr(life.core.laddr, AF_INET, "10.0.0.2");
	set_addr(life.core.raddr, AF_INET, "10.0.0.1");
	life.core.lport = 80;
	life.core.rport = 45678;
	life.core.pid = 80;
	life.core.owner = CT_OWNER_INHERITED;
	life.core.state = CT_STATE_LISTEN;
	return life;
}

struct life a_listener(void)
{
	struct life life = a_life(LISTENER_COOKIE, CT_ROLE_LISTENER);

	set_addr(life.core.laddr, AF_INET, "10.0.0.2");
	life.core.lport = 80;
	life.core.pid = 80;
	life.core.owner = CT_OWNER_LISTEN;
	return life;
}

void reborn(struct life *life)
{
	life->core.generation++;
	life->core.state = CT_STATE_CLOSE;
}

static struct ct_event next(struct life *life, enum ct_event_kind kind)
{
	struct ct_event event = life->core;

	event.kind = (__u8)kind;
	life->core.ts_ns += MS;
	life->core.missed = 0;
	return event;
}

/* By a hook that has the cookie alone. */
static struct ct_event next_without_socket(struct life *life, enum ct_event_kind kind)
{
	struct ct_event event = next(life, kind);

	event.generation = CT_GENERATION_ANY;
	event.pid = 0;
	event.owner = CT_OWNER_UNKNOWN;
	event.role = CT_ROLE_UNKNOWN;
	event.sock_flags = 0;
	return event;
}

struct ct_event to(struct life *life, enum ct_state state)
{
	struct ct_event event = next(life, CT_EVENT_STATE);

	event.to.old_state = life->core.state;
	event.state = life->core.state = (__u8)state;
	return event;
}

struct ct_event does(struct life *life, enum ct_how how, enum ct_state state)
{
	struct ct_event event = to(life, state);

	event.context = CT_CONTEXT_PROCESS;
	event.to.how = (__u8)how;
	event.to.actor_pid = event.pid;
	return event;
}

struct ct_event owned(struct life *life, uint32_t pid, const char *comm, enum ct_owner origin)
{
	struct ct_event event;

	life->core.pid = pid;
	life->core.owner = (__u8)origin;
	event = next(life, CT_EVENT_OWNER);
	memcpy(event.who.comm, comm, strnlen(comm, CT_COMM_LEN));
	event.who.uid = 1000;
	return event;
}

struct ct_event counted(struct life *life, uint64_t sent, uint64_t received, uint32_t retransmits)
{
	struct ct_event event = next(life, CT_EVENT_COUNTERS);

	event.counters.bytes_sent = sent;
	event.counters.bytes_received = received;
	event.counters.retransmits = retransmits;
	return event;
}

struct ct_event mini(struct life *life, enum ct_timer_op op, enum ct_state substate)
{
	struct ct_event event = next_without_socket(life, CT_EVENT_TIMEWAIT);

	event.state = (__u8)substate;
	event.timewait.op = (__u8)op;
	event.timewait.timeout_ns = op == CT_TIMER_START ? 60 * S : 0;
	return event;
}

struct ct_event cancelled_by(struct life *life, enum ct_state substate, enum ct_how how,
			     uint32_t pid, uint64_t successor)
{
	struct ct_event event = mini(life, CT_TIMER_CANCEL, substate);

	event.context = CT_CONTEXT_PROCESS;
	event.timewait.how = (__u8)how;
	event.timewait.actor_pid = pid;
	event.timewait.successor = successor;
	return event;
}

static struct ct_event next_of_request(struct life *life, enum ct_event_kind kind)
{
	struct ct_event event = next_without_socket(life, kind);

	event.state = CT_STATE_SYN_RECV;
	event.role = CT_ROLE_PASSIVE;
	return event;
}

struct ct_event request(struct life *life, enum ct_timer_op op)
{
	struct ct_event event = next_of_request(life, CT_EVENT_REQUEST);

	life->timeouts += op == CT_TIMER_EXPIRE;
	event.cookie = 0;
	event.request.op = (__u8)op;
	event.request.timeouts = life->timeouts;
	event.request.listener = LISTENER_COOKIE;
	event.request.listening = 1;
	event.request.timeout_ns = op == CT_TIMER_START ? S << life->timeouts : 0;
	return event;
}

struct ct_event without_room(struct life *life)
{
	struct ct_event event = request(life, CT_TIMER_UNTOUCHED);

	event.request.acked = CT_ACKED_NO_ROOM;
	event.request.backlog = 6;
	event.request.backlog_max = 5;
	return event;
}

struct ct_event request_cancelled_by(struct life *life, enum ct_how how, uint32_t pid)
{
	struct ct_event event = request(life, CT_TIMER_CANCEL);

	event.context = CT_CONTEXT_PROCESS;
	event.request.how = (__u8)how;
	event.request.actor_pid = pid;
	return event;
}

struct ct_event synack_again(struct life *life)
{
	struct ct_event event = next_of_request(life, CT_EVENT_RETRANSMIT);

	event.retransmit.kind = CT_RETRANSMIT_SYNACK;
	event.retransmit.segment = CT_SEGMENT_SYNACK;
	return event;
}

struct ct_event reset_at_listener(struct life *life, enum ct_direction direction, uint8_t packet)
{
	struct ct_event event = next_without_socket(life, CT_EVENT_RESET);

	event.cookie = 0;
	event.state = CT_STATE_LISTEN;
	event.reset.direction = (__u8)direction;
	event.reset.answered = direction == CT_DIRECTION_SENT;
	event.reset.packet = packet;
	if (direction == CT_DIRECTION_SENT)
		event.reset.reason = CT_RESET_REASON_INVALID_SYN;
	return event;
}

struct ct_event found(struct life *life, enum ct_state state)
{
	struct ct_event event;

	life->core.state = (__u8)state;
	event = next(life, CT_EVENT_FOUND);
	return event;
}

struct ct_event found_mini(struct life *life, enum ct_state substate, uint64_t timeout_ns)
{
	struct ct_event event = next_without_socket(life, CT_EVENT_FOUND);

	event.state = (__u8)substate;
	event.found.mini = 1;
	event.found.timeout_ns = timeout_ns;
	return event;
}

struct ct_event found_request(struct life *life, uint8_t timeouts, uint64_t timeout_ns)
{
	struct ct_event event = next_of_request(life, CT_EVENT_FOUND);

	event.found.request = 1;
	event.found.timeouts = timeouts;
	event.found.timeout_ns = timeout_ns;
	event.found.listener = LISTENER_COOKIE;
	return event;
}

struct ct_event set_options(struct life *life, uint32_t user_timeout_ms)
{
	struct ct_event event = next(life, CT_EVENT_OPTIONS);

	event.options.user_timeout_ms = user_timeout_ms;
	return event;
}

struct ct_event reset(struct life *life, enum ct_direction direction, enum ct_reset_reason reason)
{
	struct ct_event event = next(life, CT_EVENT_RESET);

	event.reset.direction = (__u8)direction;
	event.reset.reason = (__u8)reason;
	return event;
}

struct ct_event retransmitted(struct life *life, enum ct_retransmit_kind kind,
			      enum ct_segment segment, uint32_t count)
{
	struct ct_event event = next(life, CT_EVENT_RETRANSMIT);

	event.retransmit.kind = (__u8)kind;
	event.retransmit.segment = (__u8)segment;
	event.retransmit.count = count;
	return event;
}

struct ct_event timed_out(struct life *life, uint32_t seq)
{
	struct ct_event event = retransmitted(life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 0);

	event.context = CT_CONTEXT_RETRANSMIT;
	event.retransmit.seq = seq;
	return event;
}

struct ct_event failed(struct life *life, uint16_t err)
{
	struct ct_event event = next(life, CT_EVENT_ERROR);

	event.error.sk_err = err;
	return event;
}

struct ct_event probe(struct life *life, enum ct_probe_type type, enum ct_probe_outcome outcome,
		      uint32_t unanswered)
{
	struct ct_event event = outcome == CT_PROBE_RECEIVED
					? next(life, CT_EVENT_PROBE)
					: next_without_socket(life, CT_EVENT_PROBE);

	event.probe.type = (__u8)type;
	event.probe.outcome = (__u8)outcome;
	event.probe.unanswered = unanswered;
	return event;
}

static struct ct_event of_nobody(uint64_t ts_ns, enum ct_event_kind kind)
{
	return (struct ct_event){
		.ts_ns = ts_ns, .kind = (__u8)kind, .generation = CT_GENERATION_ANY};
}

struct ct_event lost(uint64_t ts_ns, uint64_t events, enum ct_lost_where where, uint8_t uncounted)
{
	struct ct_event event = of_nobody(ts_ns, CT_EVENT_LOST);

	event.lost.events = events;
	event.lost.where = (__u8)where;
	event.lost.uncounted = uncounted;
	return event;
}

struct ct_event forked(uint64_t ts_ns, uint32_t parent, uint32_t child, bool followed)
{
	struct ct_event event = of_nobody(ts_ns, CT_EVENT_FORK);

	event.fork.parent_pid = parent;
	event.fork.child_pid = child;
	event.fork.followed = followed;
	return event;
}

struct ct_event tick(uint64_t ts_ns)
{
	return of_nobody(ts_ns, CT_EVENT_TICK);
}

struct ct_event over(uint64_t ts_ns)
{
	return of_nobody(ts_ns, CT_EVENT_END);
}

size_t event_size(const struct ct_event *event)
{
	return ct_event_layout(event->kind)->size;
}

void *event_bytes(const struct ct_event *event)
{
	void *bytes = malloc(event_size(event));

	assert(bytes);
	memcpy(bytes, event, event_size(event));
	return bytes;
}
