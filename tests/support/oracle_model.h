// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the oracle test compares: what conntrace told of connections (lives and facts), what ss saw
// (sightings), what went over the wire (segments). Plain data; times are CLOCK_REALTIME in
// nanoseconds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_NEVER  INT64_MIN /// before everything: since before the tracer
#define ORACLE_ALWAYS INT64_MAX /// behind everything: it lasts still

#define ORACLE_STEPS_MAX 16 /// as many as a history keeps

#define ORACLE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/// One end of a connection: which socket it is, as that socket sees it. IPv4 is v4-mapped. Without
/// padding, so that memcmp() compares.
struct oracle_end {
	uint8_t laddr[16];
	uint8_t raddr[16];
	uint16_t lport;
	uint16_t rport;
};

/// A state that a connection was in; from at_ns to until_ns.
struct oracle_step {
	int64_t at_ns;
	int64_t until_ns;
	uint8_t state; /// enum ct_state
};

/// A connection as `report --json` tells it; a listener as `replay --json` does.
struct oracle_life {
	uint64_t cookie; /// 0: it never had one
	struct oracle_end end;
	unsigned long netns;
	bool older; /// than the tracer: it was found
	size_t n_steps;
	struct oracle_step steps[ORACLE_STEPS_MAX];
};

/// What conntrace told that stands for a segment. A life's steps are among them.
enum oracle_fact_kind {
	ORACLE_FACT_SYN_SENT,
	ORACLE_FACT_SYN_RECV,
	ORACLE_FACT_ESTABLISHED,
	ORACLE_FACT_FIN_OUT, /// FIN_WAIT1 or LAST_ACK
	ORACLE_FACT_FIN_IN,  /// CLOSE_WAIT, CLOSING, or TIME_WAIT behind FIN_WAIT1 or FIN_WAIT2
	ORACLE_FACT_SYN_AGAIN,
	ORACLE_FACT_SYNACK_AGAIN,
	ORACLE_FACT_FIN_AGAIN,
	ORACLE_FACT_RST_SENT,
	ORACLE_FACT_RST_RECEIVED,
	ORACLE_FACT_PROBE_SENT, /// keepalive or window probe
	ORACLE_FACT_PROBE_RECEIVED,
	_ORACLE_FACT_MAX,
};

struct oracle_fact {
	int64_t at_ns;
	struct oracle_end end;
	uint64_t cookie;
	uint8_t kind; /// enum oracle_fact_kind
	bool used_sent;
	bool used_received;
};

/// A socket in one poll of ss, which lasted from began_ns to ended_ns. The first of each poll is
/// none (state CT_STATE_NONE), so that polls without any are known too.
struct oracle_sighting {
	int64_t began_ns;
	int64_t ended_ns;
	uint64_t cookie;
	struct oracle_end end;
	uint32_t poll; /// which one: sightings of a poll stand together
	uint8_t state; /// enum ct_state
	bool far;      /// in the far namespace
};

#define ORACLE_TCP_FIN 0x01
#define ORACLE_TCP_SYN 0x02
#define ORACLE_TCP_RST 0x04
#define ORACLE_TCP_ACK 0x10

/// A TCP segment as it passed the home end of the veth pair, whether or not it was taken then.
struct oracle_segment {
	int64_t at_ns;
	struct oracle_end from; /// its sender
	uint32_t seq;
	uint32_t ack;
	uint32_t length; /// of its payload
	uint8_t flags;	 /// ORACLE_TCP_*
	uint8_t dscp;	 /// RFC 2474
	bool outgoing;	 /// sent by home
	bool lost;	 /// a rule of the test dropped it at input, behind the capture
};

/// The arrays of a whole run.
struct oracle_record {
	struct oracle_life *lives;
	size_t n_lives;
	struct oracle_fact *facts;
	size_t n_facts;
	struct oracle_sighting *sightings;
	size_t n_sightings;
	struct oracle_segment *segments;
	size_t n_segments;
};

const char *oracle_state_name(uint8_t state);	 /// as JSON has it; "?" for unknown
const char *oracle_fact_name(unsigned int kind); /// "?" for unknown
uint8_t oracle_state_of_json(const char *name);	 /// CT_STATE_NONE for unknown
uint8_t oracle_state_of_ss(const char *name);	 /// the same for the words of ss
bool oracle_end_is(const struct oracle_end *a, const struct oracle_end *b);

/// The other end of the same connection.
struct oracle_end oracle_end_turn(const struct oracle_end *end);

/// The last life of an end that had begun by then, or NULL.
const struct oracle_life *oracle_life_last(const struct oracle_record *record,
					   const struct oracle_end *end, int64_t at_ns);

/// When it was over, ORACLE_ALWAYS where it is not. It has a step.
int64_t oracle_life_until(const struct oracle_life *life);

/// Reads an IPv4 or IPv6 literal; NULL, "*" and what is none become "any".
void oracle_addr_parse(const char *text, uint8_t ret_addr[16]);

#define ORACLE_END_STRLEN 128

/// "10.99.0.1:40000 > 10.99.0.2:80". Returns buffer.
char *oracle_end_text(const struct oracle_end *end, char buffer[ORACLE_END_STRLEN]);

/// CLOCK_REALTIME minus CLOCK_MONOTONIC, read so that both belong together to the microsecond.
int64_t oracle_clock_offset_ns(void);

int64_t oracle_clock_monotonic_ns(void);

/// Frees the arrays.
void oracle_record_fini(struct oracle_record *record);
