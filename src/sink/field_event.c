// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each kind of event has of its own; the summary is in field_summary.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conntrace/names.h"
#include "conntrace/sink_field.h"
#include "conntrace/sink_options.h"

static void get_from(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_state_name(source->update->state.from));
}

static void get_to(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_state_name(source->update->state.to));
}

static void get_in_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_ns(ret, source->update->state.in_state_ns);
}

static void get_basis(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_basis_name(source->update->state.basis));
}

static void get_how(const struct ct_field_source *source, struct ct_value *ret)
{
	const char *how = ct_how_name(source->update->state.how);

	ret->type = CT_VALUE_ABSENT;
	ct_value_set_str(ret, how);
}

/// Out of a mini-socket or a half-open handshake, whose end is a question of its own. A full socket
/// in the same state has its end told by an event of a transition, those by anything else.
static bool leaves_mini(const struct ct_update *u)
{
	if (u->state.from == CT_STATE_TIME_WAIT)
		return true;
	return (u->state.from == CT_STATE_FIN_WAIT2 || u->state.from == CT_STATE_SYN_RECV) &&
	       u->state.to == CT_STATE_CLOSE && (!u->event || u->event->kind != CT_EVENT_STATE);
}

static void get_left_by(const struct ct_field_source *source, struct ct_value *ret)
{
	if (leaves_mini(source->update))
		ct_value_set_str(ret, ct_left_by_name(source->update->state.left_by));
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_by_pid(const struct ct_field_source *source, struct ct_value *ret)
{
	if (!leaves_mini(source->update))
		ret->type = CT_VALUE_ABSENT;
	else if (source->update->state.by_pid)
		ct_value_set_u64(ret, source->update->state.by_pid);
}

static void get_by_conn(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_update *u = source->update;

	if (!leaves_mini(u)) {
		ret->type = CT_VALUE_ABSENT;
	} else if (u->state.by_cookie) {
		snprintf(ret->text, sizeof(ret->text), "%" PRIx64, u->state.by_cookie);
		ct_value_set_str(ret, ret->text);
	}
}

/// Of whom was accepted: the other way to ESTABLISHED from SYN_RECV, the simultaneous open, has
/// none.
static void get_handshake(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_update *u = source->update;

	if (u->state.from == CT_STATE_SYN_RECV && u->state.to == CT_STATE_ESTABLISHED &&
	    u->id.role != CT_ROLE_ACTIVE)
		ct_value_set_str(ret, ct_handshake_name(u->state.handshake));
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_found_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_state_name(source->update->found.state));
}

/// The kernel keeps no time of birth.
static void get_age(const struct ct_field_source *source, struct ct_value *ret)
{
	(void)source;
	ret->type = CT_VALUE_NULL;
}

static void get_found_in_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_ns(ret, ct_found_in_state_ns(source->update));
}

static void get_idle(const struct ct_field_source *source, struct ct_value *ret)
{
	if (source->update->found.what.idle_ns)
		ct_value_set_u64(ret, source->update->found.what.idle_ns);
}

static void get_found_mptcp(const struct ct_field_source *source, struct ct_value *ret)
{
	struct ct_socket_options options;

	ct_options_of_found(source->update, &options);
	if (options.flags_known)
		ct_value_set_bool(ret, options.sock_flags & CT_SOCK_MPTCP);
}

static void set_if_any(struct ct_value *ret, uint32_t bytes)
{
	if (bytes)
		ct_value_set_u64(ret, bytes);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_found_unread(const struct ct_field_source *source, struct ct_value *ret)
{
	set_if_any(ret, source->update->found.what.unread);
}

static void get_found_unacked(const struct ct_field_source *source, struct ct_value *ret)
{
	set_if_any(ret, source->update->found.what.unacked);
}

/// Only a listener has a queue of whom it shall accept; a half-open handshake waits for a place in
/// it.
static bool has_backlog(const struct ct_update *u)
{
	return u->found.state == CT_STATE_LISTEN || u->found.what.request;
}

static void get_backlog(const struct ct_field_source *source, struct ct_value *ret)
{
	if (has_backlog(source->update))
		ct_value_set_u64(ret, source->update->found.what.backlog);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_backlog_max(const struct ct_field_source *source, struct ct_value *ret)
{
	if (has_backlog(source->update))
		ct_value_set_u64(ret, source->update->found.what.backlog_max);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_timeouts(const struct ct_field_source *source, struct ct_value *ret)
{
	if (source->update->found.what.request)
		ct_value_set_u64(ret, source->update->found.what.timeouts);
	else
		ret->type = CT_VALUE_ABSENT;
}

/// A mini-socket is its timer, and so is a request; a listener has none.
static void get_timer(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_update *u = source->update;

	if (u->found.state == CT_STATE_LISTEN)
		ret->type = CT_VALUE_ABSENT;
	else if (u->found.what.request)
		ct_value_set_str(ret, "synack");
	else if (u->found.what.mini && u->found.state == CT_STATE_TIME_WAIT)
		ct_value_set_str(ret, "time-wait");
	else
		ct_value_set_str(ret, ct_runs_name(u->found.what.mini ? CT_RUNS_FIN_WAIT2
								      : u->found.what.runs));
}

static void get_expires_in(const struct ct_field_source *source, struct ct_value *ret)
{
	if (ct_found_has_timer(source->update))
		ct_value_set_u64(ret, source->update->found.what.timeout_ns);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_timer_timeouts(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_found *what = &source->update->found.what;

	if (what->runs == CT_RUNS_RTO || what->runs == CT_RUNS_TLP || what->runs == CT_RUNS_REORDER)
		ct_value_set_u64(ret, what->timeouts);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_timer_unanswered(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_event_found *what = &source->update->found.what;

	if (what->runs == CT_RUNS_PERSIST || what->runs == CT_RUNS_KEEPALIVE)
		ct_value_set_u64(ret, what->timeouts);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_retransmit_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_state_name(source->update->retransmit.state));
}

static void get_kind(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_retransmit_kind_name(source->update->retransmit.kind));
}

static void get_segment(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_segment_name(source->update->retransmit.segment));
}

static void get_count(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_u64(ret, source->update->retransmit.count);
}

static void get_reset_direction(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_direction_name(source->update->reset.direction));
}

static void get_by(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_reset_by_name(source->update->reset.by));
}

static void get_cause(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_reset_cause_name(source->update->reset.cause));
}

static void get_reason(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_reset_reason_name(source->update->reset.reason));
}

static void get_reset_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_state_name(source->update->reset.state));
}

static void get_unread(const struct ct_field_source *source, struct ct_value *ret)
{
	set_if_any(ret, source->update->reset.unread);
}

static void get_unacked(const struct ct_field_source *source, struct ct_value *ret)
{
	set_if_any(ret, source->update->reset.unacked);
}

/// A probe and what became of it have the direction of the probe.
static void get_probe_direction(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret,
			 source->update->probe.outcome == CT_PROBE_RECEIVED ? "received" : "sent");
}

static void get_unanswered(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_u64(ret, source->update->probe.unanswered);
}

static void get_answered(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_bool(ret, source->update->probe.outcome == CT_PROBE_ANSWERED);
}

static void get_answer(const struct ct_field_source *source, struct ct_value *ret)
{
	if (source->update->probe.outcome == CT_PROBE_ANSWERED)
		ct_value_set_ns(ret, source->update->probe.answer_ns);
	else
		ret->type = CT_VALUE_ABSENT;
}

static void get_dead(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_bool(ret, source->update->probe.outcome == CT_PROBE_DEAD);
}

/// An errno without a name is its number.
static void get_errno(const struct ct_field_source *source, struct ct_value *ret)
{
	unsigned int err = source->update->error.err;
	const char *name = ct_errno_name(err);

	if (!name && err) {
		snprintf(ret->text, sizeof(ret->text), "%u", err);
		name = ret->text;
	}
	ct_value_set_str(ret, name);
}

static void get_flag_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_state_name(source->update->flag.state));
}

static void get_flag_in_state(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_ns(ret, source->update->flag.in_state_ns);
}

static void get_events(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_u64(ret, source->update->lost.events);
}

static void get_where(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_str(ret, ct_lost_where_name(source->update->lost.where));
}

static void get_since(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_time(ret, source->session, source->update->lost.since_ns);
}

/// A state says so when nothing was raised; other events are silent about it.
static void get_raised(const struct ct_field_source *source, struct ct_value *ret)
{
	bool said = source->update->raised || source->update->kind == CT_UPDATE_STATE;

	ret->type = said ? CT_VALUE_COMPOUND : CT_VALUE_ABSENT;
}

static void put_raised_json(struct ct_json *json, const struct ct_field_source *source)
{
	ct_json_array_begin(json);
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++) {
		const char *name = ct_flag_name(flag);

		if (source->update->raised & (1U << flag))
			ct_json_str(json, name, strlen(name));
	}
	ct_json_array_end(json);
}

static void put_raised_text(struct ct_buf *buf, const struct ct_field_source *source)
{
	const char *separator = "";

	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++) {
		if (!(source->update->raised & (1U << flag)))
			continue;
		ct_buf_puts(buf, separator);
		ct_buf_puts(buf, ct_flag_name(flag));
		separator = " ";
	}
}

#define CAN_RAISE                                                                                  \
	(CT_KIND(FOUND) | CT_KIND(STATE) | CT_KIND(RETRANSMIT) | CT_KIND(RESET) | CT_KIND(PROBE) | \
	 CT_KIND(ERROR) | CT_KIND(FLAG))

const struct ct_field ct_event_fields[] = {
	CT_FIELD("from", CT_KIND(STATE), get_from),
	CT_FIELD("to", CT_KIND(STATE), get_to),
	CT_FIELD("in_state_ns", CT_KIND(STATE), get_in_state),
	CT_FIELD("basis", CT_KIND(STATE), get_basis),
	CT_FIELD("how", CT_KIND(STATE), get_how),
	CT_FIELD("handshake", CT_KIND(STATE), get_handshake),
	CT_FIELD("left_by", CT_KIND(STATE), get_left_by),
	CT_FIELD("by_pid", CT_KIND(STATE), get_by_pid),
	CT_FIELD("by_conn", CT_KIND(STATE), get_by_conn),
	CT_FIELD("state", CT_KIND(FOUND), get_found_state),
	CT_FIELD("age_ns", CT_KIND(FOUND), get_age),
	CT_FIELD("in_state_min_ns", CT_KIND(FOUND), get_found_in_state),
	CT_FIELD("idle_ns", CT_KIND(FOUND), get_idle),
	CT_FIELD("mptcp", CT_KIND(FOUND), get_found_mptcp),
	CT_FIELD("backlog", CT_KIND(FOUND), get_backlog),
	CT_FIELD("backlog_max", CT_KIND(FOUND), get_backlog_max),
	CT_FIELD("synack_timeouts", CT_KIND(FOUND), get_timeouts),
	CT_FIELD("timer", CT_KIND(FOUND), get_timer),
	CT_FIELD("expires_in_ns", CT_KIND(FOUND), get_expires_in),
	CT_FIELD("timeouts", CT_KIND(FOUND), get_timer_timeouts),
	CT_FIELD("unread_bytes", CT_KIND(FOUND), get_found_unread),
	CT_FIELD("unacked_bytes", CT_KIND(FOUND), get_found_unacked),
	CT_FIELD("state", CT_KIND(RETRANSMIT), get_retransmit_state),
	CT_FIELD("kind", CT_KIND(RETRANSMIT), get_kind),
	CT_FIELD("segment", CT_KIND(RETRANSMIT), get_segment),
	CT_FIELD("count", CT_KIND(RETRANSMIT), get_count),
	CT_FIELD("direction", CT_KIND(RESET), get_reset_direction),
	CT_FIELD("by", CT_KIND(RESET), get_by),
	CT_FIELD("cause", CT_KIND(RESET), get_cause),
	CT_FIELD("reason", CT_KIND(RESET), get_reason),
	CT_FIELD("state", CT_KIND(RESET), get_reset_state),
	CT_FIELD("unread_bytes", CT_KIND(RESET), get_unread),
	CT_FIELD("unacked_bytes", CT_KIND(RESET), get_unacked),
	CT_FIELD("direction", CT_KIND(PROBE), get_probe_direction),
	CT_FIELD("unanswered", CT_KIND(PROBE), get_unanswered),
	CT_FIELD("unanswered", CT_KIND(FOUND), get_timer_unanswered),
	CT_FIELD("answered", CT_KIND(PROBE), get_answered),
	CT_FIELD("answer_ns", CT_KIND(PROBE), get_answer),
	CT_FIELD("dead", CT_KIND(PROBE), get_dead),
	CT_FIELD("errno", CT_KIND(ERROR), get_errno),
	CT_FIELD("state", CT_KIND(FLAG), get_flag_state),
	CT_FIELD("in_state_ns", CT_KIND(FLAG), get_flag_in_state),
	CT_FIELD("events", CT_KIND(LOST), get_events),
	CT_FIELD("where", CT_KIND(LOST), get_where),
	CT_FIELD("since_ns", CT_KIND(LOST), get_since),
	CT_FIELD_COMPOUND("flags", CAN_RAISE, get_raised, put_raised_json, put_raised_text),
	{},
};
