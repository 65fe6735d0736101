/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sessions, connections and updates for tests: plausible defaults, changed by whoever needs more.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "conntrace/conn.h"
#include "conntrace/session.h"
#include "conntrace/update.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

/// CLOCK_MONOTONIC of 2023-11-14T22:13:20Z, when the session of a_session() began.
#define BEGAN (1000 * S)

static inline struct ct_session a_session(void)
{
	return (struct ct_session){
		.tool_version = "0.1.0",
		.kernel = "6.18.0",
		.machine = "x86_64",
		.host = "web1",
		.boot_id = "00000000-0000-4000-8000-000000000000",
		.command_line = "conntrace record -w x.ctr",
		.mono_ns = BEGAN,
		.real_ns = INT64_C(1700000000000000000),
		.privileges = CT_PRIVILEGES_ALL,
	};
}

static inline void set_addr(uint8_t addr[16], int family, const char *text)
{
	int r = inet_pton(family, text, addr);

	assert(r == 1);
	(void)r;
}

/// curl, pid 4242, connected from 10.0.0.1:45678 to 10.0.0.2:80.
static inline struct ct_conn_id an_id(void)
{
	struct ct_conn_id id = {
		.cookie = 0x1a2b,
		.family = AF_INET,
		.role = CT_ROLE_ACTIVE,
		.owner = CT_OWNER_CONNECT,
		.uid_known = true,
		.lport = 45678,
		.rport = 80,
		.netns = 4026531840,
		.pid = 4242,
		.uid = 1000,
		.comm = "curl",
	};

	set_addr(id.laddr, AF_INET, "10.0.0.1");
	set_addr(id.raddr, AF_INET, "10.0.0.2");
	return id;
}

static inline struct ct_conn_id an_ipv6_id(void)
{
	struct ct_conn_id id = an_id();

	id.family = AF_INET6;
	set_addr(id.laddr, AF_INET6, "2001:db8::aaaa:1");
	set_addr(id.raddr, AF_INET6, "::1");
	return id;
}

/// 1.5 s after the session began.
static inline struct ct_update an_update(enum ct_update_kind kind)
{
	return (struct ct_update){
		.kind = kind,
		.has_id = kind != CT_UPDATE_LOST,
		.ts_ns = BEGAN + 1500 * MS,
		.id = kind == CT_UPDATE_LOST ? (struct ct_conn_id){} : an_id(),
	};
}

static inline struct ct_update a_transition(enum ct_state from, enum ct_state to,
					    uint64_t in_state_ns)
{
	struct ct_update u = an_update(CT_UPDATE_STATE);

	u.state.from = from;
	u.state.to = to;
	u.state.in_state_ns = in_state_ns;
	return u;
}

static inline struct ct_update a_reset(enum ct_direction direction, enum ct_reset_by by,
				       enum ct_reset_cause cause)
{
	struct ct_update u = an_update(CT_UPDATE_RESET);

	u.reset.direction = direction;
	u.reset.by = by;
	u.reset.cause = cause;
	u.reset.state = CT_STATE_ESTABLISHED;
	return u;
}

static inline struct ct_update a_probe(enum ct_probe_type type, enum ct_probe_outcome outcome,
				       uint32_t unanswered)
{
	struct ct_update u = an_update(CT_UPDATE_PROBE);

	u.probe.type = type;
	u.probe.outcome = outcome;
	u.probe.unanswered = unanswered;
	u.probe.answer_ns = CT_NS_UNKNOWN;
	return u;
}

static inline struct ct_update a_loss(uint64_t events, enum ct_lost_where where, uint64_t since_ns)
{
	struct ct_update u = an_update(CT_UPDATE_LOST);

	u.lost.events = events;
	u.lost.where = where;
	u.lost.since_ns = since_ns;
	return u;
}

/// Options that nobody has changed.
static inline struct ct_event_options the_defaults(void)
{
	return (struct ct_event_options){
		.keepalive_time_s = 7200,
		.keepalive_interval_s = 75,
		.keepalive_probes = 9,
	};
}

static struct ct_step plain_life[] = {
	{.at_ns = BEGAN, .for_ns = MS, .state = CT_STATE_SYN_SENT},
	{.at_ns = BEGAN + MS, .for_ns = 50 * MS, .state = CT_STATE_ESTABLISHED},
	{.at_ns = BEGAN + 51 * MS, .for_ns = MS, .state = CT_STATE_FIN_WAIT1},
};

/// Opened with the session, closed by us after 52 ms, 5 bytes there and 7 back; owns nothing.
static inline struct ct_conn a_conn(void)
{
	return (struct ct_conn){
		.id = an_id(),
		.history = {.steps = plain_life, .n_steps = 3, .capacity = 3},
		.opened_ns = BEGAN,
		.closed_ns = BEGAN + 52 * MS,
		.established_ns = BEGAN + MS,
		.found_ns = CT_NS_UNKNOWN,
		.end = CT_END_FIN,
		.closed_by = CT_CLOSED_BY_LOCAL,
		.counted = true,
		.counters =
			{
				.bytes_sent = 5,
				.bytes_received = 7,
				.srtt_us = 900,
				.min_rtt_us = 800,
			},
		.options_known = true,
		.options = the_defaults(),
	};
}

/// The conn is borrowed.
static inline struct ct_update a_close(const struct ct_conn *conn)
{
	struct ct_update u = an_update(CT_UPDATE_CLOSE);

	u.id = conn->id;
	u.conn = conn;
	return u;
}
