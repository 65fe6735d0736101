/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A selector, one connection, and what comes through. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conntrace/select.h"
#include "unit/build_event.h"
#include "unit/told.h"

#define STOPPED 0xcafe

/// A selector, a connection of which nothing is known but its remote end, and what comes through.
struct fixture {
	struct ct_select select;
	struct ct_selector *selector;
	struct ct_conn conn;
	size_t stop_after; /// lines; 0: never
	size_t n;
	struct told told;
};

static inline int on_update(void *context, const struct ct_update *update)
{
	struct fixture *f = context;

	if (f->stop_after && f->n++ == f->stop_after)
		return STOPPED;
	told_add(&f->told, update);
	return 0;
}

static inline struct ct_conn a_strange_conn(void)
{
	struct ct_conn conn = {.id = an_id(), .wants_ns = CT_NS_UNKNOWN};

	conn.id.lport = 0;
	conn.id.pid = 0;
	conn.id.owner = CT_OWNER_UNKNOWN;
	return conn;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->conn = a_strange_conn();
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->selector)
		ct_selector_discard(f->selector, &f->conn);
	ct_selector_free(&f->selector);
	free(f);
	return 0;
}

static inline void begin(struct fixture *f)
{
	assert_int_equal(ct_selector_new(&f->select, on_update, f, &f->selector), 0);
}

static __attribute__((unused)) uint32_t pid_4242[] = {4242};
static __attribute__((unused)) struct ct_port_range port_45678[] = {{45678, 45678}};

static inline void begin_by_pid(struct fixture *f)
{
	f->select.pids = (struct ct_u32_list){pid_4242, 1};
	begin(f);
}

static inline void begin_by_lport(struct fixture *f)
{
	f->select.lports = (struct ct_port_list){port_45678, 1};
	begin(f);
}

static inline void owned_by(struct fixture *f, uint32_t pid, enum ct_owner owner)
{
	f->conn.id.pid = pid;
	f->conn.id.owner = (uint8_t)owner;
}

static inline void update(struct fixture *f, struct ct_update u)
{
	u.id = f->conn.id;
	assert_int_equal(ct_selector_update(f->selector, &f->conn, &u), 0);
}

/// A transition this long after the session began.
static inline void goes(struct fixture *f, enum ct_state from, enum ct_state to, uint64_t after_ns)
{
	struct ct_update u = a_transition(from, to, CT_NS_UNKNOWN);

	u.ts_ns = BEGAN + after_ns;
	update(f, u);
}

/// Time passes: the table tells of it with a silent update.
static inline void passes(struct fixture *f, uint64_t after_ns)
{
	struct ct_update u = an_update(CT_UPDATE_SILENT);

	u.ts_ns = BEGAN + after_ns;
	update(f, u);
}

static inline void leaves(struct fixture *f)
{
	struct ct_update u = a_close(&f->conn);

	assert_int_equal(ct_selector_update(f->selector, &f->conn, &u), 0);
	assert_int_equal(ct_selector_forget(f->selector, &f->conn), 0);
	assert_null(f->conn.held);
}
