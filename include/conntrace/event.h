/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The events that cross from the kernel to user space. Both sides include this, and moment.h.
 *
 * A record is one struct ct_event, cut behind the payload of its kind: its length is
 * CT_EVENT_SIZE(kind's payload). In the ring it may be two, moment.h. Integers are in host order
 * unless a line says otherwise; addresses are in network order, IPv4 in the first four bytes. What
 * the kernel at hand cannot tell is 0 or the enum's NONE/UNKNOWN.
 *
 * Nothing in here is trusted in user space before ct_decode() has checked it.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#endif

enum ct_event_kind {
	CT_EVENT_NONE = 0, /* never sent: a zeroed record is not an event */
	CT_EVENT_STATE,	   /* a transition of a full socket */
	CT_EVENT_OWNER, /* owner, comm, uid, cgroup: comes before the event that made them known */
	CT_EVENT_TIMEWAIT, /* a mini-socket's timer: started, re-armed, expired, cancelled */
	CT_EVENT_REQUEST,  /* a request socket's timer: a handshake not completed yet */
	CT_EVENT_RETRANSMIT,
	CT_EVENT_RESET,
	CT_EVENT_ERROR,
	CT_EVENT_PROBE,	   /* keepalive or zero-window probe */
	CT_EVENT_COUNTERS, /* what the socket counted in its life; comes before its → CLOSE */
	CT_EVENT_FOUND,	   /* a connection older than the tracer */
	CT_EVENT_FORK,	   /* a followed process forked, or its pid went to a stranger */
	CT_EVENT_LOST,	   /* so many events are missing here */
	CT_EVENT_TICK,	   /* made in user space: time passed without an event */
	CT_EVENT_END,	   /* made in user space: the tracer stopped here */
	CT_EVENT_OPTIONS,  /* options of the socket that are not the default, when they changed */
	_CT_EVENT_MAX,
};

/* Numbered as the kernel does, include/net/tcp_states.h; the names are those of RFC 9293 3.3.2. */
enum ct_state {
	CT_STATE_NONE = 0,
	CT_STATE_ESTABLISHED = 1,
	CT_STATE_SYN_SENT = 2,
	CT_STATE_SYN_RECV = 3,
	CT_STATE_FIN_WAIT1 = 4,
	CT_STATE_FIN_WAIT2 = 5,
	CT_STATE_TIME_WAIT = 6,
	CT_STATE_CLOSE = 7,
	CT_STATE_CLOSE_WAIT = 8,
	CT_STATE_LAST_ACK = 9,
	CT_STATE_LISTEN = 10,
	CT_STATE_CLOSING = 11,
	_CT_STATE_MAX,
};

enum ct_role {
	CT_ROLE_UNKNOWN = 0,
	CT_ROLE_ACTIVE,
	CT_ROLE_PASSIVE,
	CT_ROLE_LISTENER,
	_CT_ROLE_MAX,
};

/* Where the pid of an event comes from. */
enum ct_owner {
	CT_OWNER_UNKNOWN = 0,
	CT_OWNER_CONNECT,   /* called connect() */
	CT_OWNER_LISTEN,    /* called listen() */
	CT_OWNER_INHERITED, /* is the listener's: who accepts may be another process */
	CT_OWNER_ACTOR,	    /* held the socket's lock in one of its transitions */
	CT_OWNER_IO,	    /* was the first to send or receive on it */
	CT_OWNER_SCAN,	    /* had a descriptor of it when it was found */
	_CT_OWNER_MAX,
};

/* On whose behalf the kernel was running when the event happened. */
enum ct_context {
	CT_CONTEXT_NONE = 0,   /* a packet, or not known */
	CT_CONTEXT_PROCESS,    /* sk_lock.owned == 1: `current` acted on this very socket */
	CT_CONTEXT_KEEPALIVE,  /* inside this socket's keepalive timer */
	CT_CONTEXT_RETRANSMIT, /* inside its write timer, for a retransmission time-out */
	CT_CONTEXT_WINDOW,     /* inside its write timer, for a zero-window probe */
	CT_CONTEXT_TLP,	       /* inside its write timer, for a tail loss probe, RFC 8985 */
	_CT_CONTEXT_MAX,
};

/* The system call (or the exit) by which a process acted; known only in CT_CONTEXT_PROCESS. */
enum ct_how {
	CT_HOW_UNKNOWN = 0,
	CT_HOW_CLOSE,	 /* close() */
	CT_HOW_SHUTDOWN, /* shutdown() */
	CT_HOW_CONNECT,	 /* connect(), to AF_UNSPEC too */
	CT_HOW_EXIT,	 /* the process was exiting: no call of its own */
	CT_HOW_OTHER,
	CT_HOW_KERNEL, /* a kernel thread; of a mini-socket or a request: its namespace's end */
	_CT_HOW_MAX,
};

/* ct_event.sock_flags */
#define CT_SOCK_LINGER	  0x01 /* SO_LINGER is on */
#define CT_SOCK_LINGER0	  0x02 /* … with a time of 0: close() sends a reset */
#define CT_SOCK_KEEPALIVE 0x04 /* SO_KEEPALIVE is on */
#define CT_SOCK_ORPHAN	  0x08 /* SOCK_DEAD: no process holds it any more */
#define CT_SOCK_NODELAY	  0x10 /* TCP_NODELAY is on */
#define CT_SOCK_COUNTED	  0x20 /* `missed` is exact: this socket counts its own losses */
#define CT_SOCK_MPTCP	  0x40 /* a subflow of an MPTCP connection, RFC 8684 */
#define CT_SOCK_FLAGS	  0x7f

/* ct_event_state.shutdown and ct_event_reset.shutdown: sk_shutdown, include/net/sock.h */
#define CT_SHUTDOWN_RCV	 1
#define CT_SHUTDOWN_SEND 2

/* What an accepted connection came from; told with SYN_RECV → ESTABLISHED. */
enum ct_handshake {
	CT_HANDSHAKE_UNKNOWN = 0,
	CT_HANDSHAKE_REQUEST,	/* a request socket: CT_EVENT_REQUEST told of it */
	CT_HANDSHAKE_SYNCOOKIE, /* none: the final ACK carried a cookie, RFC 4987 3.6 */
	CT_HANDSHAKE_FASTOPEN,	/* none: the SYN carried data, RFC 7413 */
	_CT_HANDSHAKE_MAX,
};

/* CLOSING and LAST_ACK end when our FIN is acknowledged, RFC 9293 3.10.7.4, or is given up. */
enum ct_fin {
	CT_FIN_UNKNOWN = 0, /* in recordings made before, and of all other transitions */
	CT_FIN_UNACKED,
	CT_FIN_ACKED,
	_CT_FIN_MAX,
};

/* A transition. Comes from inet_sock_set_state. */
struct ct_event_state {
	__u8 old_state;
	__u8 shutdown;	/* CT_SHUTDOWN_* */
	__u8 how;	/* enum ct_how */
	__u8 handshake; /* enum ct_handshake */
	__u16 sk_err;	/* errno, positive; 0 none */
	__u8 own_fin;	/* enum ct_fin: CLOSING → CLOSE, LAST_ACK → CLOSE */
	__u8 reserved2;
	__u32 actor_pid; /* tgid of who acted, CT_CONTEXT_PROCESS only; `ss -K` owns nothing */
	__u32 write_seq; /* sequence number behind the last byte that the application has queued */
	__u32 unread;	 /* bytes received and not read by the application */
	__u32 unacked;	 /* bytes queued and not acknowledged by the peer */
};

#define CT_COMM_LEN 16

struct ct_event_owner {
	__u8 comm[CT_COMM_LEN]; /* NUL-padded, may lack a NUL, any bytes: untrusted */
	__u32 uid;		/* of the socket, initial user namespace */
	__u32 reserved;
	__u64 cgroup; /* cgroup v2 id of the socket; 0 unknown */
};

enum ct_timer_op {
	CT_TIMER_NONE = 0,
	CT_TIMER_START,	 /* armed: new, or again behind a CANCEL */
	CT_TIMER_CANCEL, /* taken off: START follows = re-armed, EXPIRE = expired, neither = gone */
	CT_TIMER_EXPIRE, /* of a request: START follows = SYN-ACK sent again, nothing = given up */
	CT_TIMER_UNTOUCHED, /* a segment came: of a mini-socket a FIN, which may have re-armed the
			       timer within its bucket; of a request the final ACK, not taken */
	CT_TIMER_RECYCLED,  /* made in user space, of a mini-socket whose timer was taken off: a new
			       SYN has taken its place */
	_CT_TIMER_MAX,
};

/*
 * A mini-socket's timer. ct_event.state is FIN_WAIT2 or TIME_WAIT, its substate; ct_event.context
 * is CT_CONTEXT_PROCESS when a process took it off, and not a segment or the timer.
 */
struct ct_event_timewait {
	__u8 op;  /* enum ct_timer_op */
	__u8 how; /* enum ct_how, CANCEL by a process: connect() took its place, or `ss -K` */
	__u8 reserved[2];
	__u32 actor_pid;  /* tgid, CANCEL by a process */
	__u64 timeout_ns; /* START: time until it expires */
	__u64 successor;  /* CANCEL by connect(), RECYCLED: cookie of what took its place, or 0 */
};

/* How long a mini-socket stays in TIME_WAIT: TCP_TIMEWAIT_LEN, include/net/tcp.h. */
#define CT_TIME_WAIT_NS 60000000000ULL

/* What became of a handshake's final ACK. */
enum ct_acked {
	CT_ACKED_NOT = 0,
	/* it was dropped: the listener waits for data (TCP_DEFER_ACCEPT), or its accept queue is
	 * full; include/net/inet_sock.h has one bit for both */
	CT_ACKED_DROPPED,
	CT_ACKED_NO_ROOM, /* the accept queue was full */
	_CT_ACKED_MAX,
};

/*
 * A request socket's timer. ct_event.state is SYN_RECV. Its cookie is 0 until somebody has asked
 * for it: the addresses tell which one it is, and its child will have the cookie, if it has one. A
 * CANCEL because the child is there is not told.
 */
struct ct_event_request {
	__u8 op;       /* enum ct_timer_op */
	__u8 timeouts; /* so often has its timer expired */
	__u8 acked;    /* enum ct_acked */
	__u8 how;      /* enum ct_how, CANCEL by a process */
	__u32 backlog; /* of the listener, sk_ack_backlog: waiting for accept() */
	__u32 backlog_max;
	__u32 actor_pid;  /* tgid, CANCEL by a process */
	__u64 listener;	  /* its cookie; 0 unknown */
	__u64 timeout_ns; /* START: time until it expires */
	__u8 listening;	  /* 1: the listener is one still */
	__u8 reserved[7];
};

enum ct_retransmit_kind {
	CT_RETRANSMIT_UNKNOWN = 0,
	CT_RETRANSMIT_RTO,
	CT_RETRANSMIT_FAST,
	CT_RETRANSMIT_TLP,
	CT_RETRANSMIT_SYNACK,
	_CT_RETRANSMIT_MAX,
};

enum ct_segment {
	CT_SEGMENT_UNKNOWN = 0,
	CT_SEGMENT_SYN,
	CT_SEGMENT_SYNACK,
	CT_SEGMENT_DATA,
	CT_SEGMENT_FIN,
	_CT_SEGMENT_MAX,
};

struct ct_event_retransmit {
	__u8 kind;    /* enum ct_retransmit_kind */
	__u8 segment; /* enum ct_segment */
	__u16 reserved;
	__u32 count;  /* of segments retransmitted in this life, this one included */
	__u32 seq;    /* its sequence number */
	__u32 length; /* its payload in bytes */
};

enum ct_direction {
	CT_DIRECTION_NONE = 0,
	CT_DIRECTION_SENT,
	CT_DIRECTION_RECEIVED,
	_CT_DIRECTION_MAX,
};

/*
 * The kernel's enum sk_rst_reason, include/net/rstreason.h, in numbers of our own: the kernel's
 * differ from version to version and are mapped by name, through its BTF, before loading.
 */
#define CT_RESET_REASONS(X)         \
	X(NOT_SPECIFIED)            \
	X(NO_SOCKET)                \
	X(TCP_INVALID_ACK_SEQUENCE) \
	X(TCP_RFC7323_PAWS)         \
	X(TCP_TOO_OLD_ACK)          \
	X(TCP_ACK_UNSENT_DATA)      \
	X(TCP_FLAGS)                \
	X(TCP_OLD_ACK)              \
	X(TCP_ABORT_ON_DATA)        \
	X(TCP_TIMEWAIT_SOCKET)      \
	X(INVALID_SYN)              \
	X(TCP_ABORT_ON_CLOSE)       \
	X(TCP_ABORT_ON_LINGER)      \
	X(TCP_ABORT_ON_MEMORY)      \
	X(TCP_STATE)                \
	X(TCP_KEEPALIVE_TIMEOUT)    \
	X(TCP_DISCONNECT_WITH_DATA) \
	X(MPTCP_RST_EUNSPEC)        \
	X(MPTCP_RST_EMPTCP)         \
	X(MPTCP_RST_ERESOURCE)      \
	X(MPTCP_RST_EPROHIBIT)      \
	X(MPTCP_RST_EWQ2BIG)        \
	X(MPTCP_RST_EBADPERF)       \
	X(MPTCP_RST_EMIDDLEBOX)     \
	X(ERROR)

enum ct_reset_reason {
	CT_RESET_REASON_NONE = 0, /* this kernel gives none, or one that has no name here */
#define X(name) CT_RESET_REASON_##name,
	CT_RESET_REASONS(X)
#undef X
		_CT_RESET_REASON_MAX,
};

/* How many of the kernel's reset reasons can be mapped, a power of two; a larger one is _NONE. */
#define CT_RESET_REASON_MAP_LEN 64

/* ct_event_reset.packet: what a reset answered. Flag bits as in the TCP header, RFC 9293 3.1. */
#define CT_PACKET_FIN 0x01
#define CT_PACKET_SYN 0x02
#define CT_PACKET_RST 0x04
#define CT_PACKET_PSH 0x08
#define CT_PACKET_ACK 0x10

/* A socket may not answer for it: cookie is 0 then, and the addresses come from the packet. */
struct ct_event_reset {
	__u8 direction; /* enum ct_direction */
	__u8 reason;	/* enum ct_reset_reason */
	__u8 how;	/* enum ct_how */
	__u8 answered;	/* 1: it answers a packet; 0: it was sent of our own accord */
	__u8 packet;	/* CT_PACKET_* of the packet answered */
	__u8 mini;	/* 1: the socket is a mini-socket, ct_event.state its substate */
	__u8 shutdown;	/* CT_SHUTDOWN_* */
	__u8 reserved;
	__u16 sk_err;
	__u16 reserved2;
	__u32 actor_pid; /* as in ct_event_state */
	__u32 unread;
	__u32 unacked;
};

struct ct_event_error {
	__u16 sk_err;	   /* errno, positive */
	__u16 sk_err_soft; /* what ICMP or a time-out noted before */
	__u32 reserved;
};

enum ct_probe_type {
	CT_PROBE_NONE = 0,
	CT_PROBE_KEEPALIVE,
	CT_PROBE_WINDOW,
	_CT_PROBE_MAX,
};

enum ct_probe_outcome {
	CT_PROBE_OUTCOME_NONE = 0,
	CT_PROBE_SENT,
	CT_PROBE_ANSWERED,
	CT_PROBE_DEAD, /* the last one went unanswered: the socket is given up */
	CT_PROBE_RECEIVED,
	_CT_PROBE_OUTCOME_MAX,
};

struct ct_event_probe {
	__u8 type;    /* enum ct_probe_type */
	__u8 outcome; /* enum ct_probe_outcome */
	__u16 reserved;
	__u32 unanswered; /* probes without an answer, this one included: icsk_probes_out */
	__u32 total;	  /* sent of this type in this life */
	__u32 backoff;	  /* SENT, window: icsk_backoff behind it; 0 unknown */
	__u64 answer_ns;  /* ANSWERED: from probe to answer, at most; 0 unknown */
};

struct ct_event_counters {
	__u64 bytes_sent; /* with retransmissions */
	__u64 bytes_acked;
	__u64 bytes_received;
	__u64 bytes_retransmitted;
	__u32 segments_out;
	__u32 segments_in;
	__u32 retransmits;
	__u32 srtt_us;
	__u32 min_rtt_us; /* ~0: no sample */
	__u32 keepalive_time_s;
	__u32 keepalive_interval_s;
	__u32 keepalive_probes;
	__u32 user_timeout_ms; /* TCP_USER_TIMEOUT, RFC 5482; 0 off */
	__u32 linger_s;
};

/* A CT_EVENT_OWNER and, of a full socket, a CT_EVENT_COUNTERS come before it. */
struct ct_event_found {
	__u32 unread;
	__u32 unacked;
	__u32 write_seq;
	__u8 mini;     /* 1: a mini-socket, ct_event.state its substate */
	__u8 request;  /* 1: a request socket */
	__u8 shutdown; /* CT_SHUTDOWN_* */
	__u8 timeouts; /* of a request; of the timer that RUNS: what nobody has answered */
	__u32 backlog; /* of a listener, or of a request's */
	__u32 backlog_max;
	__u64 timeout_ns; /* time until it expires: a mini-socket, a request, the timer that RUNS */
	__u64 listener;	  /* of a request: the cookie of its listener */
	__u64 idle_ns;	  /* of a full socket: silent for at least so long; 0 unknown */
	__u8 runs, room, reserved[2]; /* of a full socket: enum ct_runs and CT_ROOM_*, runs.h */
	__u32 unanswered_ms; /* _RTO, _PERSIST: since the first try of the timeouts; 0 unknown */
};

/* What setsockopt() has changed, and the namespace's defaults where it has not. */
struct ct_event_options {
	__u32 keepalive_time_s;
	__u32 keepalive_interval_s;
	__u32 keepalive_probes;
	__u32 user_timeout_ms; /* TCP_USER_TIMEOUT, RFC 5482; 0 off */
	__u32 linger_s, reserved;
};

struct ct_event_fork {
	__u32 parent_pid;
	__u32 child_pid;
	__u8 followed; /* 1: the child is followed too; 0: its pid is not followed any more */
	__u8 reserved[7];
};

enum ct_lost_where {
	CT_LOST_NONE = 0,
	CT_LOST_RING,	   /* the ring buffer was full */
	CT_LOST_RECURSION, /* the kernel skipped a program that was already running on that CPU */
	CT_LOST_HOLD,	   /* held back while a filter was undecided, and too many of them */
	CT_LOST_TABLE,	   /* a connection left the table before its end */
	CT_LOST_DECODE,	   /* a record that is not understood */
	CT_LOST_DISK,	   /* the disk had no room for the end of the file before this one */
	CT_LOST_MAP,	   /* the kernel had no room for what the programs keep of a socket */
	CT_LOST_SWEEP,	   /* TIME_WAIT may have begun and ended unseen: the sweep came late */
	_CT_LOST_MAX,
};

/* Of whom events are missing that nobody counted: any of these may be touched. */
#define CT_UNCOUNTED_SOCKETS 1 /* full sockets, and the beginnings of mini-sockets */
#define CT_UNCOUNTED_MINIS   2 /* mini-sockets after their beginning */
#define CT_UNCOUNTED_ALL     3

struct ct_event_lost {
	__u64 events;
	__u64 since_ns; /* when the first of them was lost, CLOCK_MONOTONIC; 0 unknown */
	__u8 where;	/* enum ct_lost_where */
	__u8 uncounted; /* CT_UNCOUNTED_*: some are of sockets that do not count their own losses */
	__u8 reserved[6];
};

/* The hook saw the cookie alone (a timer, a mini-socket): the addresses tell which life it is. */
#define CT_GENERATION_ANY 0xffff

struct ct_event {
	__u64 ts_ns;	  /* CLOCK_MONOTONIC */
	__u64 cookie;	  /* bpf_get_socket_cookie(); 0: no socket */
	__u8 laddr[16];	  /* network order */
	__u8 raddr[16];	  /* network order */
	__u16 lport;	  /* host order; 0 not known yet */
	__u16 rport;	  /* host order */
	__u32 netns;	  /* inode number of the network namespace */
	__u32 pid;	  /* tgid of the owner, initial pid namespace; 0 unknown */
	__u16 generation; /* of the cookie, which a reconnect keeps; or CT_GENERATION_ANY */
	__u8 kind;	  /* enum ct_event_kind */
	__u8 family;	  /* AF_INET or AF_INET6; v4-mapped comes as AF_INET6 */
	__u8 state;	  /* enum ct_state after the event */
	__u8 role;	  /* enum ct_role */
	__u8 owner;	  /* enum ct_owner: where `pid` comes from */
	__u8 context;	  /* enum ct_context */
	__u8 sock_flags;  /* CT_SOCK_* */
	__u8 missed;	  /* events of this socket lost just before this one; 255: at least 255 */
	__u8 with;	  /* in the ring alone: enum ct_event_kind, see moment.h */
	__u8 reserved;
	union {
		struct ct_event_state to;
		struct ct_event_owner who;
		struct ct_event_timewait timewait;
		struct ct_event_request request;
		struct ct_event_retransmit retransmit;
		struct ct_event_reset reset;
		struct ct_event_error error;
		struct ct_event_probe probe;
		struct ct_event_counters counters;
		struct ct_event_found found;
		struct ct_event_options options;
		struct ct_event_fork fork;
		struct ct_event_lost lost;
	};
};

/* Length of a record whose payload is the union's MEMBER. */
#define CT_EVENT_CORE_SIZE    __builtin_offsetof(struct ct_event, to)
#define CT_EVENT_SIZE(member) (CT_EVENT_CORE_SIZE + sizeof(((struct ct_event *)0)->member))

/*
 * A call of whoever holds the socket's lock makes these transitions. What a segment makes comes
 * about in the time of anybody who held the lock while it arrived, a tool that looks at the socket
 * too; it, or a timer, leaves SK_ERR. net/ipv4/tcp.c: tcp_close_state(), tcp_disconnect().
 */
static inline bool ct_is_by_call(__u8 from, __u8 to, __u16 sk_err)
{
	switch (to) {
	case CT_STATE_SYN_SENT:
	case CT_STATE_LISTEN:
	case CT_STATE_FIN_WAIT1:
	case CT_STATE_LAST_ACK:
		return true;
	case CT_STATE_CLOSE:
		return !sk_err && (from == CT_STATE_LISTEN || from == CT_STATE_SYN_SENT ||
				   from == CT_STATE_ESTABLISHED || from == CT_STATE_CLOSE_WAIT);
	default:
		return false;
	}
}

_Static_assert(CT_EVENT_CORE_SIZE == 72, "the core is 72 bytes");
_Static_assert(sizeof(struct ct_event_state) == 24, "layout");
_Static_assert(sizeof(struct ct_event_owner) == 32, "layout");
_Static_assert(sizeof(struct ct_event_timewait) == 24, "layout");
_Static_assert(sizeof(struct ct_event_request) == 40, "layout");
_Static_assert(sizeof(struct ct_event_retransmit) == 16, "layout");
_Static_assert(sizeof(struct ct_event_reset) == 24, "layout");
_Static_assert(sizeof(struct ct_event_error) == 8, "layout");
_Static_assert(sizeof(struct ct_event_probe) == 24, "layout");
_Static_assert(sizeof(struct ct_event_counters) == 72, "layout");
_Static_assert(sizeof(struct ct_event_found) == 56, "layout");
_Static_assert(sizeof(struct ct_event_options) == 24, "layout");
_Static_assert(sizeof(struct ct_event_fork) == 16, "layout");
_Static_assert(sizeof(struct ct_event_lost) == 24, "layout");
_Static_assert(sizeof(struct ct_event) == 72 + 72, "the longest payload is that of the counters");
