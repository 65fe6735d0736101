/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The timers of full sockets, as both sides name them: ct_event_found.runs. */
#pragma once

/*
 * The timer of a full socket that runs out next but for delayed acknowledgments, by the order in
 * which inet_sk_diag_fill() in net/ipv4/inet_diag.c asks: its write timer, for what that is set, or
 * else that of keepalive. Its ct_event_found.timeouts are icsk_probes_out for _PERSIST and
 * _KEEPALIVE, icsk_retransmits for the other write timers, and 0 for _FIN_WAIT2.
 */
enum ct_runs {
	CT_RUNS_UNKNOWN = 0, /* of listeners, and in recordings made before */
	CT_RUNS_NONE,	     /* none is running */
	CT_RUNS_RTO,	     /* retransmission time-out, RFC 6298 */
	CT_RUNS_TLP,	     /* tail loss probe, RFC 8985 7 */
	CT_RUNS_REORDER,     /* waits for segments that may have been reordered, RFC 8985 6.3 */
	CT_RUNS_PERSIST,     /* probes a window that is closed, RFC 9293 3.8.6.1, or tries again
				what could not be sent for want of memory or of a
				way out */
	CT_RUNS_KEEPALIVE,   /* RFC 9293 3.8.4 */
	CT_RUNS_FIN_WAIT2,   /* the same kernel timer: no process waits for the peer's FIN */
	CT_RUNS_OTHER,	     /* a write timer that has no name here */
	_CT_RUNS_MAX,
};

/*
 * Of CT_RUNS_PERSIST, whether the peer's window has room for the segment that waits: then no window
 * is probed, but the segment is tried again that this host did not let out, or had no memory for.
 */
enum ct_room {
	CT_ROOM_UNKNOWN = 0, /* perhaps; and of the other timers, and in recordings made before */
	CT_ROOM_NONE,	     /* the window is closed */
	CT_ROOM_ENOUGH,
	_CT_ROOM_MAX,
};
