/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Remembers updates as a line of words each, for tests to compare: what a stage told, in order.
 *
 *	SYN_SENT>ESTABLISHED 1ms	a transition, with the time in the state before
 *	ESTABLISHED>FIN_WAIT1 5ms +half-close-local
 *	FIN_WAIT2>TIME_WAIT ? inferred
 *	TIME_WAIT>CLOSE 60000ms (expired)
 *	TIME_WAIT>CLOSE 60000ms (reused by 4711 for 3c4d)	pid and cookie of the successor
 *	found ESTABLISHED with counters
 *	retransmit rto data 2
 *	rst sent app linger0 in ESTABLISHED
 *	probe keepalive answered 0
 *	error ETIMEDOUT
 *	lost 3 ring
 *	fin by local: SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT [gap]
 *
 * The last is a summary: end, who closed, the states lived in, all flags ever raised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/update.h"

struct told {
	bool with_conn;	 /// begin each line with the connection: "1a2b.0 "
	size_t silent;	 /// updates that print nothing, which have no line
	size_t n_events; /// updates with an event behind them
	size_t len;
	char text[16384];
};

void told_add(struct told *told, const struct ct_update *update);

/// Exactly these lines have been told since the last comparison.
#define assert_told(told, ...) \
	told_compare(told, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

/// Nothing has been told since the last comparison but silent updates.
#define assert_silence(told) told_compare(told, (const char *const[]){NULL}, __FILE__, __LINE__)

void told_compare(struct told *told, const char *const lines[], const char *file, int line);

/// Forgets what has been told so far.
void told_forget(struct told *told);
