/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One connection as it is known: who, the states it lived in, what was raised, how it ended.
 *
 * Plain data, written by conn_table.c and what it calls (history.c, verdict.c, detect/), read by
 * everybody behind. Times are CLOCK_MONOTONIC nanoseconds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/event.h"
#include "conntrace/history.h"

/// What identifies a connection and what is printed with each of its lines: small, copied freely.
struct ct_conn_id {
	uint64_t cookie; /// 0: no socket answers for it
	uint16_t generation;
	uint8_t family; /// AF_INET or AF_INET6; v4-mapped addresses are AF_INET here
	uint8_t role;	/// enum ct_role
	uint8_t owner;	/// enum ct_owner: where pid and comm come from
	bool uid_known;
	uint16_t lport; /// host order; 0 not known yet
	uint16_t rport; /// host order; 0 for a listener
	uint32_t netns; /// inode number
	uint32_t pid;	/// 0 unknown
	uint32_t uid;
	uint64_t cgroup;   /// cgroup v2 id; 0 unknown
	uint8_t laddr[16]; /// network order, IPv4 in the first four bytes
	uint8_t raddr[16];
	char comm[CT_COMM_LEN + 1]; /// NUL-terminated, any bytes; "" unknown
};

/// Flags, named in flag_names of names.c. Bit numbers of ct_conn.flags.
enum ct_flag {
	CT_FLAG_HALF_CLOSE_LOCAL,
	CT_FLAG_HALF_CLOSE_REMOTE,
	CT_FLAG_HALF_OPEN,
	CT_FLAG_RST_SENT,
	CT_FLAG_RST_RECEIVED,
	CT_FLAG_KEEPALIVE_PROBE,
	CT_FLAG_KEEPALIVE_DEAD,
	CT_FLAG_ZERO_WINDOW,
	CT_FLAG_RETRANSMIT,
	CT_FLAG_SIMULTANEOUS_OPEN,
	CT_FLAG_SIMULTANEOUS_CLOSE,
	CT_FLAG_TIME_WAIT_KILLED,
	CT_FLAG_CLOSE_WAIT_STUCK,
	CT_FLAG_FIN_WAIT2_STUCK,
	CT_FLAG_REFUSED,
	CT_FLAG_TIMEOUT,
	CT_FLAG_GAP,
	_CT_FLAG_MAX,
};

/// "rst-sent" …; NULL out of range. Static storage.
const char *ct_flag_name(unsigned int value);
/// 0, or -EINVAL and *ret unchanged.
int ct_flag_from_name(const char *name, uint8_t *ret);

/// One fact that a flag rests on: a number, or a word if text is set.
struct ct_evidence {
	const char *key;  /// static storage, unit in its name: "close_wait_ns", "bytes_after_fin"
	const char *text; /// static storage, or NULL for a number
	uint64_t number;
};

#define CT_EVIDENCE_MAX 5

/// A flag that was raised, once a flag and connection.
struct ct_mark {
	struct ct_mark *next; /// in the order of raising
	uint8_t flag;	      /// enum ct_flag
	uint8_t n_evidence;
	uint64_t at_ns;
	struct ct_evidence evidence[CT_EVIDENCE_MAX];
};

enum ct_end {
	CT_END_OPEN = 0, /// still exchanging
	CT_END_FIN,
	CT_END_RST_SENT,
	CT_END_RST_RECEIVED,
	CT_END_REFUSED,
	CT_END_TIMEOUT,
	CT_END_KEEPALIVE_DEAD,
	CT_END_KILLED,
	CT_END_UNREACHABLE,
	CT_END_UNKNOWN,
	_CT_END_MAX,
};

enum ct_closed_by {
	CT_CLOSED_BY_UNKNOWN = 0,
	CT_CLOSED_BY_LOCAL,
	CT_CLOSED_BY_REMOTE,
	CT_CLOSED_BY_BOTH,
	_CT_CLOSED_BY_MAX,
};

const char *ct_end_name(unsigned int value);	   /// "rst-sent" …
const char *ct_closed_by_name(unsigned int value); /// NULL for unknown

enum ct_reset_by {
	CT_RESET_BY_UNKNOWN = 0,
	CT_RESET_BY_APP,
	CT_RESET_BY_STACK,
	CT_RESET_BY_PEER,
	_CT_RESET_BY_MAX,
};

enum ct_reset_cause {
	CT_RESET_CAUSE_UNKNOWN = 0,
	CT_RESET_CAUSE_LINGER0,
	CT_RESET_CAUSE_UNREAD_DATA,
	CT_RESET_CAUSE_ABORT,
	CT_RESET_CAUSE_KEEPALIVE_TIMEOUT,
	CT_RESET_CAUSE_REFUSED,
	CT_RESET_CAUSE_DATA_TO_CLOSED,
	CT_RESET_CAUSE_DATA_TO_TIME_WAIT,
	CT_RESET_CAUSE_BACKLOG_OVERFLOW,
	CT_RESET_CAUSE_KILLED,
	CT_RESET_CAUSE_PEER,
	_CT_RESET_CAUSE_MAX,
};

const char *ct_reset_by_name(unsigned int value);    /// NULL for unknown
const char *ct_reset_cause_name(unsigned int value); /// "unknown" for unknown

/// A reset, judged.
struct ct_reset {
	uint8_t direction; /// enum ct_direction
	uint8_t by;	   /// enum ct_reset_by
	uint8_t cause;	   /// enum ct_reset_cause
	uint8_t reason;	   /// enum ct_reset_reason, the kernel's word
	uint8_t state;	   /// enum ct_state that the connection was in; 0 without a connection
	uint32_t unread;   /// bytes received and never read
	uint32_t unacked;  /// bytes queued and never acknowledged
};

/// Where a connection stands in its leaving.
enum ct_phase {
	CT_PHASE_LIVE = 0,
	CT_PHASE_MINI,	 /// its socket is gone, a mini-socket (FIN_WAIT2, TIME_WAIT) stands for it
	CT_PHASE_CLOSED, /// gone; waits for events that come late
};

struct ct_conn {
	struct ct_conn_id id;
	struct ct_history history;
	uint64_t opened_ns;	 /// CT_NS_UNKNOWN: older than the tracer
	uint64_t closed_ns;	 /// CT_NS_UNKNOWN: not gone yet
	uint64_t established_ns; /// CT_NS_UNKNOWN: never seen to be
	struct ct_mark *marks;	 /// owned, in the order of raising
	uint32_t flags;		 /// 1 << enum ct_flag of all that was raised
	uint32_t unshown;	 /// of them those that no printed update has told yet
	uint32_t gaps;		 /// places in its history where events are missing
	uint8_t phase;		 /// enum ct_phase
	uint8_t end;		 /// enum ct_end
	uint8_t closed_by;	 /// enum ct_closed_by
	uint8_t sock_flags;	 /// CT_SOCK_*, as last seen
	bool fin_sent;
	bool fin_received;
	bool half_closed;	   /// our FIN went out by shutdown(SHUT_WR), and no close() since
	bool counted;		   /// counters hold what the socket counted
	bool keepalive_dead;	   /// the kernel gave it up behind its last keepalive probe
	bool killed;		   /// destroyed from outside: `ss -K`
	bool expired;		   /// its mini-socket stood until its time was over
	uint16_t sk_err;	   /// errno that the socket died with, or the last reported; 0 none
	uint32_t unread;	   /// bytes received and not read, at its last transition
	uint32_t unacked;	   /// bytes queued and not acknowledged, at its last transition
	uint32_t write_seq;	   /// behind the last byte queued, at its last transition
	uint32_t write_seq_at_fin; /// write_seq when the peer's FIN came
	uint32_t retransmits;	   /// seen so far
	uint32_t keepalives_sent;
	uint32_t window_probes_sent;
	struct ct_reset reset; /// the last one; direction 0: none
	struct ct_event_counters counters;
	uint64_t wants_ns; /// when a detector wants to look at it again; CT_NS_UNKNOWN never
	void *held;	   /// select.c's: updates that wait for a filter's decision
};

/**
 * Raises a flag with what it rests on; once a flag and connection, a second time does nothing.
 *
 * @return 0; -ENOMEM, nothing is raised then.
 */
int ct_conn_raise(struct ct_conn *conn, enum ct_flag flag, uint64_t at_ns,
		  const struct ct_evidence *evidence, size_t n_evidence);

/// Frees what the connection owns, not the connection.
void ct_conn_fini(struct ct_conn *conn);
