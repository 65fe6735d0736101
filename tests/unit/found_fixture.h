/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was there before the tracer. */
#pragma once

#include "unit/builders.h"

/// A full socket, with the counters and options that came with it.
static inline struct ct_update a_found(enum ct_state at)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.id.owner = CT_OWNER_SCAN;
	u.found.state = (uint8_t)at;
	u.found.full = true;
	u.found.sock_flags = CT_SOCK_KEEPALIVE;
	u.found.counters = a_conn().counters;
	u.found.counters.keepalive_time_s = 7200;
	u.found.counters.keepalive_interval_s = 75;
	u.found.counters.keepalive_probes = 9;
	return u;
}

/// One that expires in half a minute.
static inline struct ct_update a_found_mini(void)
{
	struct ct_update u = an_update(CT_UPDATE_FOUND);

	u.id.owner = CT_OWNER_UNKNOWN;
	u.id.role = CT_ROLE_UNKNOWN;
	u.id.pid = 0;
	u.id.comm[0] = '\0';
	u.found.state = CT_STATE_TIME_WAIT;
	u.found.what.mini = 1;
	u.found.what.timeout_ns = 32100 * MS;
	return u;
}

static inline struct ct_update a_found_request(void)
{
	struct ct_update u = a_found_mini();

	u.id.cookie = 0;
	u.id.role = CT_ROLE_PASSIVE;
	u.found.state = CT_STATE_SYN_RECV;
	u.found.what = (struct ct_event_found){
		.request = 1,
		.timeouts = 2,
		.backlog = 3,
		.backlog_max = 128,
		.timeout_ns = 800 * MS,
	};
	return u;
}

static inline struct ct_update a_found_listener(void)
{
	struct ct_update u = a_found(CT_STATE_LISTEN);

	u.id.role = CT_ROLE_LISTENER;
	u.found.full = false;
	u.found.sock_flags = CT_SOCK_COUNTED;
	u.found.what.backlog_max = 128;
	return u;
}
