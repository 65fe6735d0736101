// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_model.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conntrace/event.h"

#define NS_PER_S      1000000000LL
#define CLOCK_READS   64
#define MAPPED_PREFIX 12

static const uint8_t mapped[MAPPED_PREFIX] = {[10] = 0xff, [11] = 0xff};

static const struct {
	const char *json;
	const char *ss;
} states[_CT_STATE_MAX] = {
	[CT_STATE_ESTABLISHED] = {"ESTABLISHED", "ESTAB"},
	[CT_STATE_SYN_SENT] = {"SYN_SENT", "SYN-SENT"},
	[CT_STATE_SYN_RECV] = {"SYN_RECV", "SYN-RECV"},
	[CT_STATE_FIN_WAIT1] = {"FIN_WAIT1", "FIN-WAIT-1"},
	[CT_STATE_FIN_WAIT2] = {"FIN_WAIT2", "FIN-WAIT-2"},
	[CT_STATE_TIME_WAIT] = {"TIME_WAIT", "TIME-WAIT"},
	[CT_STATE_CLOSE] = {"CLOSE", "UNCONN"},
	[CT_STATE_CLOSE_WAIT] = {"CLOSE_WAIT", "CLOSE-WAIT"},
	[CT_STATE_LAST_ACK] = {"LAST_ACK", "LAST-ACK"},
	[CT_STATE_LISTEN] = {"LISTEN", "LISTEN"},
	[CT_STATE_CLOSING] = {"CLOSING", "CLOSING"},
};

static const char *const fact_names[] = {
	[ORACLE_FACT_SYN_SENT] = "SYN_SENT",
	[ORACLE_FACT_SYN_RECV] = "SYN_RECV",
	[ORACLE_FACT_ESTABLISHED] = "ESTABLISHED",
	[ORACLE_FACT_FIN_OUT] = "FIN_WAIT1 or LAST_ACK",
	[ORACLE_FACT_FIN_IN] = "CLOSE_WAIT, CLOSING or TIME_WAIT",
	[ORACLE_FACT_SYN_AGAIN] = "SYN retransmitted",
	[ORACLE_FACT_SYNACK_AGAIN] = "SYN-ACK retransmitted",
	[ORACLE_FACT_FIN_AGAIN] = "FIN retransmitted",
	[ORACLE_FACT_RST_SENT] = "RST sent",
	[ORACLE_FACT_RST_RECEIVED] = "RST received",
	[ORACLE_FACT_PROBE_SENT] = "probe sent",
	[ORACLE_FACT_PROBE_RECEIVED] = "probe received",
};
_Static_assert(ORACLE_COUNT(fact_names) == _ORACLE_FACT_MAX, "a name for each kind");

const char *oracle_state_name(uint8_t state)
{
	return state < _CT_STATE_MAX && states[state].json ? states[state].json : "?";
}

const char *oracle_fact_name(unsigned int kind)
{
	return kind < _ORACLE_FACT_MAX ? fact_names[kind] : "?";
}

uint8_t oracle_state_of_json(const char *name)
{
	for (uint8_t state = 0; state < _CT_STATE_MAX; state++)
		if (states[state].json && !strcmp(states[state].json, name))
			return state;
	return CT_STATE_NONE;
}

uint8_t oracle_state_of_ss(const char *name)
{
	for (uint8_t state = 0; state < _CT_STATE_MAX; state++)
		if (states[state].ss && !strcmp(states[state].ss, name))
			return state;
	return CT_STATE_NONE;
}

bool oracle_end_is(const struct oracle_end *a, const struct oracle_end *b)
{
	return !memcmp(a, b, sizeof(*a));
}

struct oracle_end oracle_end_turn(const struct oracle_end *end)
{
	struct oracle_end other = {.lport = end->rport, .rport = end->lport};

	memcpy(other.laddr, end->raddr, sizeof(other.laddr));
	memcpy(other.raddr, end->laddr, sizeof(other.raddr));
	return other;
}

const struct oracle_life *oracle_life_last(const struct oracle_record *record,
					   const struct oracle_end *end, int64_t at_ns)
{
	const struct oracle_life *last = NULL;

	for (size_t i = 0; i < record->n_lives; i++) {
		const struct oracle_life *life = &record->lives[i];

		if (oracle_end_is(&life->end, end) && life->n_steps &&
		    life->steps[0].at_ns <= at_ns &&
		    (!last || life->steps[0].at_ns > last->steps[0].at_ns))
			last = life;
	}
	return last;
}

int64_t oracle_life_until(const struct oracle_life *life)
{
	return life->steps[life->n_steps - 1].until_ns;
}

void oracle_addr_parse(const char *text, uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 16);
	if (!text || inet_pton(AF_INET6, text, ret_addr) == 1)
		return;
	if (inet_pton(AF_INET, text, ret_addr + MAPPED_PREFIX) == 1 &&
	    memcmp(ret_addr + MAPPED_PREFIX, (const uint8_t[4]){0}, 4))
		memcpy(ret_addr, mapped, sizeof(mapped));
}

static void addr_text(const uint8_t addr[16], char ret_text[INET6_ADDRSTRLEN])
{
	bool v4 = !memcmp(addr, mapped, sizeof(mapped));

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + MAPPED_PREFIX : addr, ret_text,
		  INET6_ADDRSTRLEN);
}

char *oracle_end_text(const struct oracle_end *end, char buffer[ORACLE_END_STRLEN])
{
	char laddr[INET6_ADDRSTRLEN], raddr[INET6_ADDRSTRLEN];

	addr_text(end->laddr, laddr);
	addr_text(end->raddr, raddr);
	snprintf(buffer, ORACLE_END_STRLEN, "%s:%u > %s:%u", laddr, end->lport, raddr, end->rport);
	return buffer;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t oracle_clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t oracle_clock_offset_ns(void)
{
	int64_t best_ns = INT64_MAX, offset_ns = 0;

	/* the reading that nothing came in between of is the quickest */
	for (int i = 0; i < CLOCK_READS; i++) {
		int64_t before_ns = clock_ns(CLOCK_MONOTONIC);
		int64_t real_ns = clock_ns(CLOCK_REALTIME);
		int64_t took_ns = clock_ns(CLOCK_MONOTONIC) - before_ns;

		if (took_ns >= best_ns)
			continue;
		best_ns = took_ns;
		offset_ns = real_ns - (before_ns + took_ns / 2);
	}
	return offset_ns;
}

void oracle_record_fini(struct oracle_record *record)
{
	free(record->lives);
	free(record->facts);
	free(record->sightings);
	free(record->segments);
	*record = (struct oracle_record){0};
}
