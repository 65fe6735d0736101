/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the table tells of one event, and what sinks print: nothing in it needs the table any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/conn.h"
#include "conntrace/event.h"
#include "conntrace/runs.h"

enum ct_update_kind {
	CT_UPDATE_SILENT = 0, /// nothing to print; the recording keeps its event
	CT_UPDATE_FOUND,
	CT_UPDATE_STATE,
	CT_UPDATE_RETRANSMIT,
	CT_UPDATE_RESET,
	CT_UPDATE_PROBE,
	CT_UPDATE_ERROR,
	CT_UPDATE_FLAG,	 /// time alone raised a flag
	CT_UPDATE_CLOSE, /// the summary: conn is set; never that of a listener
	CT_UPDATE_LOST,
	_CT_UPDATE_MAX,
};

struct ct_update {
	uint8_t kind; /// enum ct_update_kind
	bool has_id;  /// id is that of a connection, or (cookie 0) of a packet without one
	uint64_t ts_ns;
	struct ct_conn_id id; /// as it was known at this moment
	uint32_t raised;      /// 1 << enum ct_flag of what was raised here
	/// The event behind it, whole: valid during the call; a CT_EVENT_TICK when time alone
	/// brought it. NULL when an update behind this one has it: each is there once, with the
	/// last of its updates, in the order in which a recording has to keep them.
	const struct ct_event *event;
	/// CT_UPDATE_CLOSE: the connection, valid during the call. NULL for all other kinds.
	const struct ct_conn *conn;
	union {
		struct {
			uint8_t from; /// enum ct_state
			uint8_t to;
			uint8_t basis;	   /// enum ct_basis
			uint8_t how;	   /// enum ct_how: the call that did it, if one did
			uint8_t left_by;   /// enum ct_left_by, when a mini-socket or a request was
					   /// left
			uint8_t handshake; /// enum ct_handshake, at SYN_RECV → ESTABLISHED
			uint32_t
				by_pid; /// tgid of who took the mini-socket's place or killed it; 0
			uint64_t by_cookie;   /// of the connection that took its place; 0 unknown
			uint64_t in_state_ns; /// time in `from`; CT_NS_UNKNOWN
		} state;
		struct {
			uint8_t state;
			uint8_t sock_flags; /// CT_SOCK_*
			bool full;	    /// a full socket: its counters and options are known
			struct ct_event_found what;
			struct ct_event_counters counters;
			/// by then it was in this state already, CLOCK_MONOTONIC; 0: not known. Of
			/// the rounds of `list --watch`; nothing else knows it
			uint64_t since_ns;
		} found;
		struct {
			uint8_t state;	      /// enum ct_state that it is in
			uint64_t in_state_ns; /// for so long by now; CT_NS_UNKNOWN
		} flag;
		struct {
			uint8_t state;
			uint8_t kind;	 /// enum ct_retransmit_kind
			uint8_t segment; /// enum ct_segment
			uint32_t count;
		} retransmit;
		struct ct_reset reset;
		struct {
			uint8_t type;	 /// enum ct_probe_type
			uint8_t outcome; /// enum ct_probe_outcome
			uint32_t unanswered;
			uint64_t answer_ns; /// CT_NS_UNKNOWN
		} probe;
		struct {
			uint16_t err;	   /// errno, positive
			bool of_own_abort; /// tcp_disconnect() has set it, no segment of the peer's
		} error;
		struct {
			uint64_t events;
			uint64_t since_ns; /// CT_NS_UNKNOWN
			uint8_t where;	   /// enum ct_lost_where
		} lost;
	};
};

/// A listener comes into sight. It has no end that is told, no CT_UPDATE_CLOSE: whoever counts
/// listeners counts these.
static inline bool ct_update_shows_listener(const struct ct_update *update)
{
	return (update->kind == CT_UPDATE_STATE && update->state.to == CT_STATE_LISTEN) ||
	       (update->kind == CT_UPDATE_FOUND && update->found.state == CT_STATE_LISTEN);
}

/// A timer of what was found is known to run: found.what.timeout_ns is what it has left.
/// @update a CT_UPDATE_FOUND.
static inline bool ct_found_has_timer(const struct ct_update *update)
{
	const struct ct_event_found *what = &update->found.what;

	return what->mini || what->request || what->runs > CT_RUNS_NONE;
}

/**
 * For how long at least a connection that was found has been in its state; CT_NS_UNKNOWN: nobody
 * knows. The kernel keeps no such time, but a mini-socket in TIME_WAIT has a timer of a known
 * length, which a segment may only have begun anew; and what took a socket into CLOSE_WAIT or
 * FIN_WAIT2 was a segment, behind which its silence began.
 *
 * @update a CT_UPDATE_FOUND.
 */
static inline uint64_t ct_found_in_state_ns(const struct ct_update *update)
{
	const struct ct_event_found *what = &update->found.what;
	uint64_t since_ns = update->found.since_ns, seen_ns = 0, ran_ns = 0;

	if (since_ns && since_ns < update->ts_ns)
		seen_ns = update->ts_ns - since_ns;
	if (what->mini && update->found.state == CT_STATE_TIME_WAIT &&
	    what->timeout_ns < CT_TIME_WAIT_NS)
		ran_ns = CT_TIME_WAIT_NS - what->timeout_ns;
	if (!what->mini && (update->found.state == CT_STATE_CLOSE_WAIT ||
			    update->found.state == CT_STATE_FIN_WAIT2))
		ran_ns = what->idle_ns;
	if (!seen_ns && !ran_ns)
		return CT_NS_UNKNOWN;
	return seen_ns > ran_ns ? seen_ns : ran_ns;
}
