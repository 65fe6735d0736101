// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/conn.h"
#include "conntrace/runs.h"

/* A table of words over an enum, and the accessor that keeps to its bounds. */
#define NAMES(table, max) \
	_Static_assert(CT_COUNT(table) == (max), "a place for every value of the enum")
#define LOOK_UP(table, value) ((value) < CT_COUNT(table) ? (table)[value] : NULL)

static const char *const state_names[] = {
	[CT_STATE_NONE] = NULL,
	[CT_STATE_ESTABLISHED] = "ESTABLISHED",
	[CT_STATE_SYN_SENT] = "SYN_SENT",
	[CT_STATE_SYN_RECV] = "SYN_RECV",
	[CT_STATE_FIN_WAIT1] = "FIN_WAIT1",
	[CT_STATE_FIN_WAIT2] = "FIN_WAIT2",
	[CT_STATE_TIME_WAIT] = "TIME_WAIT",
	[CT_STATE_CLOSE] = "CLOSE",
	[CT_STATE_CLOSE_WAIT] = "CLOSE_WAIT",
	[CT_STATE_LAST_ACK] = "LAST_ACK",
	[CT_STATE_LISTEN] = "LISTEN",
	[CT_STATE_CLOSING] = "CLOSING",
};
NAMES(state_names, _CT_STATE_MAX);

static const char *const role_names[] = {
	[CT_ROLE_UNKNOWN] = NULL,
	[CT_ROLE_ACTIVE] = "active",
	[CT_ROLE_PASSIVE] = "passive",
	[CT_ROLE_LISTENER] = "listener",
};
NAMES(role_names, _CT_ROLE_MAX);

static const char *const owner_names[] = {
	[CT_OWNER_UNKNOWN] = "unknown", [CT_OWNER_CONNECT] = "connect",
	[CT_OWNER_LISTEN] = "listen",	[CT_OWNER_INHERITED] = "inherited",
	[CT_OWNER_ACTOR] = "actor",	[CT_OWNER_IO] = "io",
	[CT_OWNER_SCAN] = "scan",
};
NAMES(owner_names, _CT_OWNER_MAX);

static const char *const how_names[] = {
	[CT_HOW_UNKNOWN] = NULL,	  [CT_HOW_CLOSE] = "close()",
	[CT_HOW_SHUTDOWN] = "shutdown()", [CT_HOW_CONNECT] = "connect()",
	[CT_HOW_EXIT] = "exit",		  [CT_HOW_OTHER] = NULL,
	[CT_HOW_KERNEL] = NULL,
};
NAMES(how_names, _CT_HOW_MAX);

static const char *const retransmit_kind_names[] = {
	[CT_RETRANSMIT_UNKNOWN] = "unknown", [CT_RETRANSMIT_RTO] = "rto",
	[CT_RETRANSMIT_FAST] = "fast",	     [CT_RETRANSMIT_TLP] = "tlp",
	[CT_RETRANSMIT_SYNACK] = "synack",
};
NAMES(retransmit_kind_names, _CT_RETRANSMIT_MAX);

static const char *const segment_names[] = {
	[CT_SEGMENT_UNKNOWN] = NULL, [CT_SEGMENT_SYN] = "syn", [CT_SEGMENT_SYNACK] = "synack",
	[CT_SEGMENT_DATA] = "data",  [CT_SEGMENT_FIN] = "fin",
};
NAMES(segment_names, _CT_SEGMENT_MAX);

static const char *const direction_names[] = {
	[CT_DIRECTION_NONE] = NULL,
	[CT_DIRECTION_SENT] = "sent",
	[CT_DIRECTION_RECEIVED] = "received",
};
NAMES(direction_names, _CT_DIRECTION_MAX);

static const char *const reset_reason_names[] = {[CT_RESET_REASON_NONE] = NULL,
#define X(name) [CT_RESET_REASON_##name] = #name,
						 CT_RESET_REASONS(X)
#undef X
};
NAMES(reset_reason_names, _CT_RESET_REASON_MAX);

static const char *const lost_where_names[] = {
	[CT_LOST_NONE] = NULL,	 [CT_LOST_RING] = "ring",   [CT_LOST_RECURSION] = "recursion",
	[CT_LOST_HOLD] = "hold", [CT_LOST_TABLE] = "table", [CT_LOST_DECODE] = "decode",
	[CT_LOST_DISK] = "disk", [CT_LOST_MAP] = "map",	    [CT_LOST_SWEEP] = "sweep",
};
NAMES(lost_where_names, _CT_LOST_MAX);

static const char *const runs_names[] = {
	[CT_RUNS_UNKNOWN] = NULL,
	[CT_RUNS_NONE] = "none",
	[CT_RUNS_RTO] = "rto",
	[CT_RUNS_TLP] = "tlp",
	[CT_RUNS_REORDER] = "reorder",
	[CT_RUNS_PERSIST] = "persist",
	[CT_RUNS_KEEPALIVE] = "keepalive",
	[CT_RUNS_FIN_WAIT2] = "fin-wait2",
	[CT_RUNS_OTHER] = "other",
};
NAMES(runs_names, _CT_RUNS_MAX);

static const char *const basis_names[] = {
	[CT_BASIS_SEEN] = "seen",
	[CT_BASIS_INFERRED] = "inferred",
	[CT_BASIS_FOUND] = "found",
};
NAMES(basis_names, _CT_BASIS_MAX);

static const char *const flag_names[] = {
	[CT_FLAG_HALF_CLOSE_LOCAL] = "half-close-local",
	[CT_FLAG_HALF_CLOSE_REMOTE] = "half-close-remote",
	[CT_FLAG_HALF_OPEN] = "half-open",
	[CT_FLAG_RST_SENT] = "rst-sent",
	[CT_FLAG_RST_RECEIVED] = "rst-received",
	[CT_FLAG_KEEPALIVE_PROBE] = "keepalive-probe",
	[CT_FLAG_KEEPALIVE_DEAD] = "keepalive-dead",
	[CT_FLAG_ZERO_WINDOW] = "zero-window",
	[CT_FLAG_RETRANSMIT] = "retransmit",
	[CT_FLAG_SIMULTANEOUS_OPEN] = "simultaneous-open",
	[CT_FLAG_SIMULTANEOUS_CLOSE] = "simultaneous-close",
	[CT_FLAG_TIME_WAIT_KILLED] = "time-wait-killed",
	[CT_FLAG_CLOSE_WAIT_STUCK] = "close-wait-stuck",
	[CT_FLAG_FIN_WAIT2_STUCK] = "fin-wait2-stuck",
	[CT_FLAG_REFUSED] = "refused",
	[CT_FLAG_TIMEOUT] = "timeout",
	[CT_FLAG_GAP] = "gap",
};
NAMES(flag_names, _CT_FLAG_MAX);

static const char *const end_names[] = {
	[CT_END_OPEN] = "open",
	[CT_END_FIN] = "fin",
	[CT_END_RST_SENT] = "rst-sent",
	[CT_END_RST_RECEIVED] = "rst-received",
	[CT_END_REFUSED] = "refused",
	[CT_END_TIMEOUT] = "timeout",
	[CT_END_KEEPALIVE_DEAD] = "keepalive-dead",
	[CT_END_KILLED] = "killed",
	[CT_END_UNREACHABLE] = "unreachable",
	[CT_END_UNKNOWN] = "unknown",
};
NAMES(end_names, _CT_END_MAX);

static const char *const closed_by_names[] = {
	[CT_CLOSED_BY_UNKNOWN] = NULL,
	[CT_CLOSED_BY_LOCAL] = "local",
	[CT_CLOSED_BY_REMOTE] = "remote",
	[CT_CLOSED_BY_BOTH] = "both",
};
NAMES(closed_by_names, _CT_CLOSED_BY_MAX);

static const char *const reset_by_names[] = {
	[CT_RESET_BY_UNKNOWN] = NULL,
	[CT_RESET_BY_APP] = "app",
	[CT_RESET_BY_STACK] = "stack",
	[CT_RESET_BY_PEER] = "peer",
};
NAMES(reset_by_names, _CT_RESET_BY_MAX);

static const char *const reset_cause_names[] = {
	[CT_RESET_CAUSE_UNKNOWN] = "unknown",
	[CT_RESET_CAUSE_LINGER0] = "linger0",
	[CT_RESET_CAUSE_UNREAD_DATA] = "unread-data",
	[CT_RESET_CAUSE_ABORT] = "abort",
	[CT_RESET_CAUSE_KEEPALIVE_TIMEOUT] = "keepalive-timeout",
	[CT_RESET_CAUSE_REFUSED] = "refused",
	[CT_RESET_CAUSE_DATA_TO_CLOSED] = "data-to-closed",
	[CT_RESET_CAUSE_DATA_TO_TIME_WAIT] = "data-to-time-wait",
	[CT_RESET_CAUSE_BACKLOG_OVERFLOW] = "backlog-overflow",
	[CT_RESET_CAUSE_KILLED] = "killed",
	[CT_RESET_CAUSE_PEER] = "peer",
};
NAMES(reset_cause_names, _CT_RESET_CAUSE_MAX);

static const char *const left_by_names[] = {
	[CT_LEFT_BY_UNKNOWN] = NULL,	[CT_LEFT_BY_EXPIRED] = "expired",
	[CT_LEFT_BY_REUSED] = "reused", [CT_LEFT_BY_RECYCLED] = "recycled",
	[CT_LEFT_BY_RST] = "rst",	[CT_LEFT_BY_ANSWERED] = "answered",
	[CT_LEFT_BY_KILLED] = "killed", [CT_LEFT_BY_NETNS] = "netns",
};
NAMES(left_by_names, _CT_LEFT_BY_MAX);

static const char *const handshake_names[] = {
	[CT_HANDSHAKE_UNKNOWN] = NULL,
	[CT_HANDSHAKE_REQUEST] = "request",
	[CT_HANDSHAKE_SYNCOOKIE] = "syncookie",
	[CT_HANDSHAKE_FASTOPEN] = "fastopen",
};
NAMES(handshake_names, _CT_HANDSHAKE_MAX);

#define ACCESSOR(thing)                                   \
	const char *ct_##thing##_name(unsigned int value) \
	{                                                 \
		return LOOK_UP(thing##_names, value);     \
	}

ACCESSOR(state)
ACCESSOR(role)
ACCESSOR(owner)
ACCESSOR(how)
ACCESSOR(retransmit_kind)
ACCESSOR(segment)
ACCESSOR(direction)
ACCESSOR(reset_reason)
ACCESSOR(lost_where)
ACCESSOR(runs)
ACCESSOR(basis)
ACCESSOR(flag)
ACCESSOR(end)
ACCESSOR(closed_by)
ACCESSOR(reset_by)
ACCESSOR(reset_cause)
ACCESSOR(left_by)
ACCESSOR(handshake)

const char *ct_errno_name(unsigned int err)
{
	return err ? strerrorname_np((int)err) : NULL;
}

/* Letters in any case, '-' and '_' alike: time-wait, TIME_WAIT. */
static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = (char)(*a == '-' ? '_' : toupper((unsigned char)*a));
		char y = (char)(*b == '-' ? '_' : toupper((unsigned char)*b));

		if (x != y)
			return false;
	}
	return *a == *b;
}

static int find_word(const char *const *names, size_t n, const char *word, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i] && same_word(names[i], word)) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

int ct_state_from_name(const char *name, uint8_t *ret)
{
	return find_word(state_names, CT_COUNT(state_names), name, ret);
}

int ct_role_from_name(const char *name, uint8_t *ret)
{
	return find_word(role_names, CT_COUNT(role_names), name, ret);
}

int ct_flag_from_name(const char *name, uint8_t *ret)
{
	return find_word(flag_names, CT_COUNT(flag_names), name, ret);
}
