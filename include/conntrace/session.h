/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is said once of a stream of events: where, when and by what it was taken. */
#pragma once

#include <stdint.h>

#include "conntrace/capability.h"

struct ct_session {
	char tool_version[32];
	char kernel[128]; /// uname -r
	char machine[32]; /// uname -m
	char host[256];
	char boot_id[40];		     /// /proc/sys/kernel/random/boot_id
	char command_line[1024];	     /// of the tracer, arguments joined by spaces
	struct ct_capabilities capabilities; /// of the run
	uint64_t privileges; /// CT_PRIVILEGE_* of the process that attached; 0 unknown
	uint64_t mono_ns;    /// CLOCK_MONOTONIC and …
	int64_t real_ns;     /// … CLOCK_REALTIME, taken together when tracing began
	uint64_t netns;	     /// inode number of the tracer's network namespace; 0 unknown
	/// How many net.ipv4.ip_local_port_range gives there; 0 unknown
	uint64_t local_ports;
	/// How many of those net.ipv4.ip_local_reserved_ports keeps from connect(); 0 none, or
	/// unknown
	uint64_t reserved_ports;
	uint64_t retries2;   /// net.ipv4.tcp_retries2 there; 0 unknown
	uint64_t tw_reuse;   /// 1 + net.ipv4.tcp_tw_reuse there; 0 unknown
	uint64_t timestamps; /// 1 + net.ipv4.tcp_timestamps there; 0 unknown
	/// net.ipv4.tcp_tw_reuse_delay there, which kernels before 6.14 have not; 0 unknown
	uint64_t tw_reuse_delay_ms;
};

/// CLOCK_REALTIME of an event's CLOCK_MONOTONIC time.
static inline int64_t ct_session_real_ns(const struct ct_session *session, uint64_t ts_ns)
{
	/* unsigned: a damaged recording may hold any number */
	return (int64_t)((uint64_t)session->real_ns + (ts_ns - session->mono_ns));
}

/// How long the stream lasts: from mono_ns, when tracing began, to the last event, which is
/// CT_EVENT_END unless the stream was cut. 0: not known, nothing came behind its beginning.
static inline uint64_t ct_session_span_ns(const struct ct_session *session, uint64_t last_ts_ns)
{
	return last_ts_ns > session->mono_ns ? last_ts_ns - session->mono_ns : 0;
}
