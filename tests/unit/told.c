// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/names.h"
#include "unit/builders.h"

static __attribute__((format(printf, 2, 3))) void add(struct told *told, const char *format, ...)
{
	size_t room = sizeof(told->text) - told->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(told->text + told->len, room, format, args);
	va_end(args);
	assert_in_range(n, 0, room - 1);
	told->len += (size_t)n;
}

static void add_duration(struct told *told, uint64_t ns)
{
	if (ns == CT_NS_UNKNOWN)
		add(told, "?");
	else
		add(told, "%llums", (unsigned long long)(ns / MS));
}

static void add_state(struct told *told, const struct ct_update *u)
{
	add(told, "%s>%s ", ct_state_name(u->state.from) ?: "?", ct_state_name(u->state.to));
	add_duration(told, u->state.in_state_ns);
	if (u->state.basis != CT_BASIS_SEEN)
		add(told, " %s", ct_basis_name(u->state.basis));
	if (u->state.how)
		add(told, " by %s", ct_how_name(u->state.how) ?: "another call");
	if (u->state.handshake)
		add(told, " of %s", ct_handshake_name(u->state.handshake));
	if (u->state.left_by)
		add(told, " (%s", ct_left_by_name(u->state.left_by));
	if (u->state.by_pid)
		add(told, " by %u", u->state.by_pid);
	if (u->state.by_cookie)
		add(told, " for %llx", (unsigned long long)u->state.by_cookie);
	if (u->state.left_by)
		add(told, ")");
}

static void add_reset(struct told *told, const struct ct_reset *reset)
{
	add(told, "rst %s %s %s", ct_direction_name(reset->direction),
	    ct_reset_by_name(reset->by) ?: "?", ct_reset_cause_name(reset->cause));
	if (reset->state)
		add(told, " in %s", ct_state_name(reset->state));
}

static void add_probe(struct told *told, const struct ct_update *u)
{
	static const char *const outcomes[_CT_PROBE_OUTCOME_MAX] = {"?", "sent", "answered", "dead",
								    "received"};

	add(told, "probe %s %s %u", u->probe.type == CT_PROBE_KEEPALIVE ? "keepalive" : "window",
	    outcomes[u->probe.outcome], u->probe.unanswered);
}

static void add_summary(struct told *told, const struct ct_conn *conn)
{
	const char *before = " [";

	add(told, "%s by %s:", ct_end_name(conn->end), ct_closed_by_name(conn->closed_by) ?: "?");
	for (size_t i = 0; i < conn->history.n_steps; i++)
		add(told, " %s", ct_state_name(conn->history.steps[i].state));
	for (const struct ct_mark *mark = conn->marks; mark; mark = mark->next) {
		add(told, "%s%s", before, ct_flag_name(mark->flag));
		before = " ";
	}
	if (conn->marks)
		add(told, "]");
}

static void add_what(struct told *told, const struct ct_update *u)
{
	switch (u->kind) {
	case CT_UPDATE_FOUND:
		add(told, "found %s%s", ct_state_name(u->found.state),
		    u->found.full ? " with counters" : "");
		break;
	case CT_UPDATE_STATE:
		add_state(told, u);
		break;
	case CT_UPDATE_RETRANSMIT:
		add(told, "retransmit %s %s %u", ct_retransmit_kind_name(u->retransmit.kind),
		    ct_segment_name(u->retransmit.segment), u->retransmit.count);
		break;
	case CT_UPDATE_RESET:
		add_reset(told, &u->reset);
		break;
	case CT_UPDATE_PROBE:
		add_probe(told, u);
		break;
	case CT_UPDATE_ERROR:
		add(told, "error %s%s", ct_errno_name(u->error.err) ?: "?",
		    u->error.of_own_abort ? " of own abort" : "");
		break;
	case CT_UPDATE_FLAG:
		add(told, "in %s for ", ct_state_name(u->flag.state));
		add_duration(told, u->flag.in_state_ns);
		break;
	case CT_UPDATE_CLOSE:
		add_summary(told, u->conn);
		break;
	case CT_UPDATE_LOST:
		add(told, "lost %llu %s", (unsigned long long)u->lost.events,
		    ct_lost_where_name(u->lost.where));
		break;
	default:
		add(told, "kind %d", u->kind);
		break;
	}
}

void told_add(struct told *told, const struct ct_update *update)
{
	told->n_events += update->event != NULL;
	if (update->kind == CT_UPDATE_SILENT) {
		told->silent++;
		return;
	}
	if (told->with_conn && update->has_id)
		add(told, "%llx.%u ", (unsigned long long)update->id.cookie, update->id.generation);
	add_what(told, update);
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX && update->kind != CT_UPDATE_CLOSE; flag++)
		if (update->raised & (1U << flag))
			add(told, " +%s", ct_flag_name(flag));
	add(told, "\n");
}

void told_compare(struct told *told, const char *const lines[], const char *file, int line)
{
	char expected[sizeof(told->text)] = "";
	size_t len = 0;

	for (size_t i = 0; lines[i]; i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s\n", lines[i]);
	_assert_string_equal(told->text, expected, file, line);
	told_forget(told);
}

void told_forget(struct told *told)
{
	told->len = 0;
	told->text[0] = '\0';
}
