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
	uint8_t sock_flags; /// CT_SOCK_* when it was raised
	bool options_known; /// options hold what was in force when it was raised
	struct ct_event_options options;
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

/// Why a mini-socket, or a request socket without a child, is gone.
enum ct_left_by {
	CT_LEFT_BY_UNKNOWN = 0,
	CT_LEFT_BY_EXPIRED,  /// its time was over
	CT_LEFT_BY_REUSED,   /// connect() took its place: net.ipv4.tcp_tw_reuse
	CT_LEFT_BY_RECYCLED, /// a new SYN took its place, RFC 9293 3.6.1
	CT_LEFT_BY_RST,	     /// the peer reset it: RFC 1337
	CT_LEFT_BY_ANSWERED, /// it answered a segment with a reset
	CT_LEFT_BY_KILLED,   /// from outside: `ss -K`
	CT_LEFT_BY_NETNS,    /// its network namespace was torn down
	_CT_LEFT_BY_MAX,
};

const char *ct_left_by_name(unsigned int value);   /// "expired" …; NULL for unknown
const char *ct_handshake_name(unsigned int value); /// enum ct_handshake; NULL for unknown

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
	CT_PHASE_MINI,	  /// its socket is gone, a mini-socket (FIN_WAIT2, TIME_WAIT) stands for it
	CT_PHASE_CLOSED,  /// gone; waits for events that come late
	CT_PHASE_REQUEST, /// a request socket stands for it: a handshake that is not completed
};

/// A handshake that stands for so long is half-open: its second SYN-ACK, too, has had no answer.
#define CT_HALF_OPEN_NS 3000000000ULL

/// For so long a window is closed in no transfer that goes on.
#define CT_STALL_NS 5000000000ULL

/// What is known of a handshake by its request socket, the last that was told.
struct ct_request {
	uint8_t timeouts;     /// SYN-ACKs that nobody has answered in time
	bool known;	      /// its timer's events came: acked is known
	uint8_t acked;	      /// enum ct_acked, the most that was told
	uint32_t backlog;     /// of the listener: waiting for accept()
	uint32_t backlog_max; /// 0: not known
	uint64_t no_room_ns;  /// when its final ACK found the accept queue full last, 0: not told
};

/// What the stream does not tell of a connection, because the kernel at hand cannot: from its
/// silence nothing follows. Bits of ct_conn.blind.
enum {
	CT_BLIND_RESETS_RECEIVED = 1,
	CT_BLIND_TIME_WAIT = 2,
	CT_BLIND_HALF_OPEN = 4,
	CT_BLIND_PROBES = 8, /// those that were sent
	CT_BLIND_RETRANSMITS = 16,
	CT_BLIND_TIMERS = 32, /// whether it is the write timer that acts
};

struct ct_conn {
	struct ct_conn_id id;
	struct ct_history history;
	uint64_t opened_ns;	 /// CT_NS_UNKNOWN: older than the tracer; or see unseen
	uint64_t closed_ns;	 /// CT_NS_UNKNOWN: not gone yet; see ct_conn_gone_ns()
	uint64_t established_ns; /// CT_NS_UNKNOWN: never seen to be
	uint64_t found_ns;   /// it is older than the tracer, and was there by then; CT_NS_UNKNOWN
	uint64_t idle_ns;    /// by then nothing had come or gone for at least so long; 0: not known
	uint64_t silent_ns;  /// the same of the last look at it, which may be a later one
	uint64_t looked_ns;  /// when that look was; 0: no full socket of it was looked at
	uint64_t expires_ns; /// when its mini-socket's or request's timer is due; CT_NS_UNKNOWN
	struct ct_mark *marks; /// owned, in the order of raising
	uint32_t flags;	       /// 1 << enum ct_flag of all that was raised
	uint32_t unshown;      /// of them those that no printed update has told yet
	uint32_t gaps;	       /// places in its history where events are missing
	/* what is known of most that are open; side by side, they are one word: frozen.c */
	uint8_t phase;	    /// enum ct_phase
	uint8_t handshake;  /// enum ct_handshake
	uint8_t sock_flags; /// CT_SOCK_*, as last seen
	bool options_known; /// options hold what was told last
	uint8_t end;	    /// enum ct_end
	uint8_t closed_by;  /// enum ct_closed_by
	uint8_t left_by;    /// enum ct_left_by: why its mini-socket or its request is gone
	bool fin_sent;
	bool fin_received;
	bool half_closed;	   /// our FIN went out by shutdown(SHUT_WR), and no close() since
	bool sent_by_look;	   /// by the last look it had sent since its last transition
	bool untouched;		   /// by it no process had read what had come, nor sent
	bool doubtful;		   /// events may be missing since it entered its last state
	bool counted;		   /// counters hold what the socket counted
	bool keepalive_dead;	   /// the kernel gave it up behind its last keepalive probe
	bool lives_on;		   /// it may, in a mini-socket that nothing tells of
	uint8_t blind;		   /// CT_BLIND_*
	bool killed;		   /// destroyed from outside: `ss -K`
	uint8_t closed_how;	   /// enum ct_how: the call by which our side closed; UNKNOWN: none
	uint8_t closed_context;	   /// enum ct_context of its → CLOSE
	struct ct_request request; /// all 0: none was seen
	uint8_t unheard;	   /// keepalive probes in a row without an answer; at most 255
	uint8_t own_fin;	   /// enum ct_fin, told with its → CLOSE
	uint16_t sk_err;	   /// errno that the socket died with, or the last reported; 0 none
	uint32_t unread;	   /// bytes received and not read, at its last transition
	uint32_t unacked;	   /// bytes queued and not acknowledged, at its last transition
	uint32_t write_seq;	   /// behind the last byte queued, at its last transition
	uint32_t write_seq_at_fin; /// write_seq when the peer's FIN came
	uint32_t retransmits;	   /// seen so far
	uint32_t rto_streak;	   /// time-outs in a row of one segment, by the last of them, or
				   /// by a look: those too that sent nothing
	uint32_t rto_seq;	   /// its sequence number
	/// When the first of them came and the last. Or of those unheard, or of the probes of a
	/// closed window: none is sent while a segment waits for its acknowledgement. Or of the
	/// tries that are unsent
	uint64_t rto_since_ns;
	uint64_t rto_last_ns;
	uint32_t keepalives_sent;
	uint32_t window_probes_sent; /// in its life, of all stalls
	uint32_t stalls;	     /// times that a closed window was probed; 0: not told apart
	uint32_t stall_probes;	     /// sent in the last of them
	uint32_t stall_probes_max;   /// … and in the one with the most
	uint32_t stall_backoff;	     /// behind the last of them
	struct ct_reset reset;	     /// the last one; direction 0: none
	struct ct_event_counters counters;
	struct ct_event_options options; /// as options_known says
	/// From the first probe to the last, or to a look, of the longest of the stalls
	uint32_t stall_ms_max;
	/// Its opening may be among what was lost, or is not told by this kernel: it need not be
	/// older than the tracer
	bool unseen;
	/// Tries in a row that sent nothing, by the last look: this host did not let them out. Of
	/// what the peer's window has room for; or the last of those in rto_streak, of which no
	/// event told
	uint8_t unsent;
	bool tried_by_look : 1;	  /// the last that was known of the tries came from a look, and
				  /// rto_last_ns is when the next is due
	bool streak_sent : 1;	  /// of those in rto_streak one was seen to be sent
	bool sent_again : 1;	  /// since the last look a segment was seen to be sent again
	bool stalled_by_look : 1; /// it was found with a window closed for CT_STALL_NS and more
	uint64_t wants_ns;	  /// when a detector wants to look at it again; CT_NS_UNKNOWN never
	void *held;		  /// select.c's: updates that wait for a filter's decision
};

/// The options that a socket tells together with its counters.
static inline struct ct_event_options ct_options_of_counters(
	const struct ct_event_counters *counters)
{
	return (struct ct_event_options){
		.keepalive_time_s = counters->keepalive_time_s,
		.keepalive_interval_s = counters->keepalive_interval_s,
		.keepalive_probes = counters->keepalive_probes,
		.user_timeout_ms = counters->user_timeout_ms,
		.linger_s = counters->linger_s,
	};
}

/// When it was truly gone; CT_NS_UNKNOWN: it is not yet, or when is not known.
static inline uint64_t ct_conn_gone_ns(const struct ct_conn *conn)
{
	return conn->lives_on ? CT_NS_UNKNOWN : conn->closed_ns;
}

/// From its beginning until it was truly gone; CT_NS_UNKNOWN: one of the two is not known.
static inline uint64_t ct_conn_lifetime_ns(const struct ct_conn *conn)
{
	uint64_t gone_ns = ct_conn_gone_ns(conn);

	if (conn->opened_ns == CT_NS_UNKNOWN || gone_ns == CT_NS_UNKNOWN)
		return CT_NS_UNKNOWN;
	/* two CPUs' clocks */
	return gone_ns > conn->opened_ns ? gone_ns - conn->opened_ns : 0;
}

/// It was there when it was seen first: what is counted by its events is what it has done since.
static inline bool ct_conn_was_met_late(const struct ct_conn *conn)
{
	return conn->opened_ns == CT_NS_UNKNOWN && conn->established_ns == CT_NS_UNKNOWN;
}

/**
 * How often it sent a segment again, as far as is known.
 *
 * The socket counts an attempt that this host itself drops on its way out; no event tells of that
 * one: tcp_retransmit_skb() traces what was sent.
 */
static inline uint32_t ct_conn_sent_again(const struct ct_conn *conn)
{
	uint32_t counted = conn->counted ? conn->counters.retransmits : 0;

	return counted > conn->retransmits ? counted : conn->retransmits;
}

/**
 * Its process gave up a connect() before anything had answered it. enum ct_end has no word for
 * that: it is CT_END_UNKNOWN.
 *
 * A connect() that fails by itself, for want of a port, leaves SYN_SENT within the call, with no
 * error either: tcp_v4_connect(). Whoever calls something else, or sends its SYN again, does not.
 */
static inline bool ct_conn_was_given_up(const struct ct_conn *conn)
{
	bool is_by_other_call = conn->closed_how == CT_HOW_CLOSE ||
				conn->closed_how == CT_HOW_SHUTDOWN ||
				conn->closed_how == CT_HOW_EXIT;
	const struct ct_step *last = ct_history_last(&conn->history);

	return conn->end == CT_END_UNKNOWN && conn->closed_by == CT_CLOSED_BY_LOCAL &&
	       !conn->gaps && conn->history.n_steps == 1 && last &&
	       last->state == CT_STATE_SYN_SENT && (is_by_other_call || ct_conn_sent_again(conn));
}

/// From its SYN to ESTABLISHED; CT_NS_UNKNOWN. Of an accepted connection only where its SYN was
/// seen: a syncookie leaves no trace of it, and where nothing is known of the handshake it may have
/// been one.
static inline uint64_t ct_conn_handshake_ns(const struct ct_conn *conn)
{
	if (conn->id.role != CT_ROLE_ACTIVE && conn->handshake != CT_HANDSHAKE_REQUEST &&
	    conn->handshake != CT_HANDSHAKE_FASTOPEN)
		return CT_NS_UNKNOWN;
	if (conn->opened_ns == CT_NS_UNKNOWN || conn->established_ns == CT_NS_UNKNOWN)
		return CT_NS_UNKNOWN;
	return conn->established_ns > conn->opened_ns ? conn->established_ns - conn->opened_ns : 0;
}

/**
 * Raises a flag with what it rests on; once a flag and connection, a second time does nothing.
 *
 * @return 0; -ENOMEM, nothing is raised then.
 */
int ct_conn_raise(struct ct_conn *conn, enum ct_flag flag, uint64_t at_ns,
		  const struct ct_evidence *evidence, size_t n_evidence);

/// Frees what the connection owns, not the connection.
void ct_conn_fini(struct ct_conn *conn);
