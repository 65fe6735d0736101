// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/decode.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrace/count.h"
#include "conntrace/runs.h"

#define FIELD_OF(member, limit_, first_)                                           \
	{                                                                          \
		.offset = offsetof(struct ct_event, member),                       \
		.size = sizeof(((struct ct_event *)0)->member), .limit = (limit_), \
		.first = (first_),                                                 \
	}
#define ANY(member)	   FIELD_OF(member, 0, 0)
#define BELOW(member, max) FIELD_OF(member, max, 0)
#define NAMED(member, max) FIELD_OF(member, max, 1)

/* The order in recordings is that of record/model.c. */
static const struct ct_event_field core_fields[] = {
	BELOW(state, _CT_STATE_MAX),
	BELOW(role, _CT_ROLE_MAX),
	BELOW(owner, _CT_OWNER_MAX),
	BELOW(context, _CT_CONTEXT_MAX),
	BELOW(sock_flags, CT_SOCK_FLAGS + 1),
	ANY(ts_ns),
	ANY(cookie),
	ANY(lport),
	ANY(rport),
	ANY(netns),
	ANY(pid),
	ANY(generation),
	ANY(family),
	ANY(missed),
};
#define CORE_LIMITED 0x1f /* as ct_event_layout.limited */

static const struct ct_event_field state_fields[] = {
	NAMED(to.old_state, _CT_STATE_MAX),
	BELOW(to.shutdown, (CT_SHUTDOWN_RCV | CT_SHUTDOWN_SEND) + 1),
	BELOW(to.how, _CT_HOW_MAX),
	ANY(to.sk_err),
	ANY(to.actor_pid),
	ANY(to.write_seq),
	ANY(to.unread),
	ANY(to.unacked),
	BELOW(to.handshake, _CT_HANDSHAKE_MAX),
	BELOW(to.own_fin, _CT_FIN_MAX),
};

/* comm goes as two integers: it is bytes to everybody but the printers */
static const struct ct_event_field owner_fields[] = {
	{.offset = offsetof(struct ct_event, who.comm), .size = 8},
	{.offset = offsetof(struct ct_event, who.comm) + 8, .size = 8},
	ANY(who.uid),
	ANY(who.cgroup),
};

static const struct ct_event_field timewait_fields[] = {
	NAMED(timewait.op, _CT_TIMER_MAX), ANY(timewait.actor_pid), ANY(timewait.timeout_ns),
	BELOW(timewait.how, _CT_HOW_MAX),  ANY(timewait.successor),
};

static const struct ct_event_field request_fields[] = {
	NAMED(request.op, _CT_TIMER_MAX),
	ANY(request.timeouts),
	ANY(request.backlog),
	ANY(request.backlog_max),
	BELOW(request.acked, _CT_ACKED_MAX),
	BELOW(request.how, _CT_HOW_MAX),
	ANY(request.actor_pid),
	ANY(request.listener),
	ANY(request.timeout_ns),
	BELOW(request.listening, 2),
};

static const struct ct_event_field retransmit_fields[] = {
	BELOW(retransmit.kind, _CT_RETRANSMIT_MAX),
	BELOW(retransmit.segment, _CT_SEGMENT_MAX),
	ANY(retransmit.count),
	ANY(retransmit.seq),
	ANY(retransmit.length),
};

static const struct ct_event_field reset_fields[] = {
	NAMED(reset.direction, _CT_DIRECTION_MAX),
	BELOW(reset.reason, _CT_RESET_REASON_MAX),
	BELOW(reset.how, _CT_HOW_MAX),
	BELOW(reset.answered, 2),
	ANY(reset.packet),
	BELOW(reset.mini, 2),
	BELOW(reset.shutdown, (CT_SHUTDOWN_RCV | CT_SHUTDOWN_SEND) + 1),
	ANY(reset.sk_err),
	ANY(reset.actor_pid),
	ANY(reset.unread),
	ANY(reset.unacked),
};

static const struct ct_event_field error_fields[] = {
	ANY(error.sk_err),
	ANY(error.sk_err_soft),
};

static const struct ct_event_field probe_fields[] = {
	NAMED(probe.type, _CT_PROBE_MAX),
	NAMED(probe.outcome, _CT_PROBE_OUTCOME_MAX),
	ANY(probe.unanswered),
	ANY(probe.total),
	ANY(probe.answer_ns),
	ANY(probe.backoff),
};

static const struct ct_event_field counters_fields[] = {
	ANY(counters.bytes_sent),	    ANY(counters.bytes_acked),
	ANY(counters.bytes_received),	    ANY(counters.bytes_retransmitted),
	ANY(counters.segments_out),	    ANY(counters.segments_in),
	ANY(counters.retransmits),	    ANY(counters.srtt_us),
	ANY(counters.min_rtt_us),	    ANY(counters.keepalive_time_s),
	ANY(counters.keepalive_interval_s), ANY(counters.keepalive_probes),
	ANY(counters.user_timeout_ms),	    ANY(counters.linger_s),
};

static const struct ct_event_field found_fields[] = {
	ANY(found.unread),
	ANY(found.unacked),
	ANY(found.write_seq),
	BELOW(found.mini, 2),
	BELOW(found.request, 2),
	BELOW(found.shutdown, (CT_SHUTDOWN_RCV | CT_SHUTDOWN_SEND) + 1),
	ANY(found.timeouts),
	ANY(found.backlog),
	ANY(found.backlog_max),
	ANY(found.timeout_ns),
	ANY(found.listener),
	ANY(found.idle_ns),
	BELOW(found.runs, _CT_RUNS_MAX),
	BELOW(found.room, _CT_ROOM_MAX),
	ANY(found.unanswered_ms),
};

static const struct ct_event_field options_fields[] = {
	ANY(options.keepalive_time_s), ANY(options.keepalive_interval_s),
	ANY(options.keepalive_probes), ANY(options.user_timeout_ms),
	ANY(options.linger_s),
};

static const struct ct_event_field fork_fields[] = {
	ANY(fork.parent_pid),
	ANY(fork.child_pid),
	BELOW(fork.followed, 2),
};

static const struct ct_event_field lost_fields[] = {
	ANY(lost.events),
	ANY(lost.since_ns),
	NAMED(lost.where, _CT_LOST_MAX),
	BELOW(lost.uncounted, CT_UNCOUNTED_ALL + 1),
};

#define LAYOUT(name_, fields_, limited_, member)                                     \
	{                                                                            \
		.name = (name_), .fields = (fields_), .n_fields = CT_COUNT(fields_), \
		.limited = (limited_), .size = CT_EVENT_SIZE(member),                \
	}
#define BARE(name_)                                         \
	{                                                   \
		.name = (name_), .size = CT_EVENT_CORE_SIZE \
	}

static const struct ct_event_layout layouts[] = {
	[CT_EVENT_STATE] = LAYOUT("state", state_fields, 0x307, to),
	[CT_EVENT_OWNER] = LAYOUT("owner", owner_fields, 0, who),
	[CT_EVENT_TIMEWAIT] = LAYOUT("timewait", timewait_fields, 0x9, timewait),
	[CT_EVENT_REQUEST] = LAYOUT("request", request_fields, 0x231, request),
	[CT_EVENT_RETRANSMIT] = LAYOUT("retransmit", retransmit_fields, 0x3, retransmit),
	[CT_EVENT_RESET] = LAYOUT("reset", reset_fields, 0x6f, reset),
	[CT_EVENT_ERROR] = LAYOUT("error", error_fields, 0, error),
	[CT_EVENT_PROBE] = LAYOUT("probe", probe_fields, 0x3, probe),
	[CT_EVENT_COUNTERS] = LAYOUT("counters", counters_fields, 0, counters),
	[CT_EVENT_FOUND] = LAYOUT("found", found_fields, 0x3038, found),
	[CT_EVENT_FORK] = LAYOUT("fork", fork_fields, 0x4, fork),
	[CT_EVENT_LOST] = LAYOUT("lost", lost_fields, 0xc, lost),
	[CT_EVENT_TICK] = BARE("tick"),
	[CT_EVENT_END] = BARE("end"),
	[CT_EVENT_OPTIONS] = LAYOUT("options", options_fields, 0, options),
};
_Static_assert(CT_COUNT(layouts) == _CT_EVENT_MAX, "a layout for each kind");

const struct ct_event_layout *ct_event_layout(uint8_t kind)
{
	if (kind >= CT_COUNT(layouts) || !layouts[kind].name)
		return NULL;
	return &layouts[kind];
}

const struct ct_event_field *ct_event_core_fields(size_t *ret_n)
{
	*ret_n = CT_COUNT(core_fields);
	return core_fields;
}

/* Of those that LIMITED names, each of which is one byte. */
static bool fields_are_valid(const struct ct_event *event, const struct ct_event_field *fields,
			     uint32_t limited)
{
	bool valid = true;

	for (; limited; limited &= limited - 1) {
		const struct ct_event_field *field = &fields[__builtin_ctz(limited)];
		uint8_t value = *((const uint8_t *)event + field->offset);

		valid &= value >= field->first && value < field->limit;
	}
	return valid;
}

int ct_decode(const void *bytes, size_t len, const struct ct_event **ret_event)
{
	const struct ct_event *event = bytes;
	const struct ct_event_layout *layout;

	if (len < CT_EVENT_CORE_SIZE || (uintptr_t)bytes % _Alignof(struct ct_event))
		return -EBADMSG;
	layout = ct_event_layout(event->kind);
	if (!layout || len != layout->size || event->with)
		return -EBADMSG;
	if (event->kind == CT_EVENT_STATE && event->state == CT_STATE_NONE)
		return -EBADMSG;
	if (event->family != 0 && event->family != AF_INET && event->family != AF_INET6)
		return -EBADMSG;
	if (!fields_are_valid(event, core_fields, CORE_LIMITED) ||
	    !fields_are_valid(event, layout->fields, layout->limited))
		return -EBADMSG;
	*ret_event = event;
	return 0;
}
