/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sink behind `conntrace report`: connections, not events. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conntrace/sink.h"

/// By what connections are counted together: ct_output_options.by.
enum ct_report_by {
	CT_REPORT_BY_NONE = 0, /// nobody asked: the largest by peer, by process and by port
	CT_REPORT_BY_PEER,     /// the address of the other end
	CT_REPORT_BY_PROCESS,  /// its owner; one that is not certain stands apart
	CT_REPORT_BY_COMM,     /// its owner's name
	CT_REPORT_BY_PORT,     /// of the end that was asked, and which of the two that is
	CT_REPORT_BY_SERVICE,  /// the same with its address
	CT_REPORT_BY_CGROUP,
	CT_REPORT_BY_NETNS,
	_CT_REPORT_BY_MAX,
};

/// "peer" …; NULL for none and out of range. Static storage.
const char *ct_report_by_name(unsigned int value);
/// 0; -EINVAL, *ret unchanged.
int ct_report_by_from_name(const char *name, uint8_t *ret);

/**
 * Makes the sink that reports connections: each by its CT_UPDATE_CLOSE.
 *
 * JSON and CSV print each summary as it comes, and nothing else: all other updates pass. Table
 * prints a text at finish(): what was recorded, what the doctor finds, the connections counted by
 * what options->by says, how long they took, the worst as timelines, the flagged connections with
 * their evidence, the others in two lines each, the totals; wide shows all groups, and all
 * connections with everything that is known. Of the other updates the text takes CT_UPDATE_LOST,
 * those in which a listener comes into sight, which are counted, and the time of each: how long was
 * watched. A long report waits in a temporary file, not in memory.
 *
 * @session and @out are borrowed and outlive the sink. Nothing but the sink writes to @out.
 * @ret_bad_field as in ct_sink_output_new(). The text has no columns: every field is unknown there.
 * @return 0; -ENOMEM; -EINVAL; *ret_sink is unchanged on failure.
 */
int ct_sink_report_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);

/*
 * Lives in a page, and bytes of their JSON. A browser takes it as one string, and Chromium's may be
 * of 512 MiB (V8 on 64 bits; others take more): what is longer it cannot read at all, and at the
 * usual 600 bytes a life that is some 800,000. Long before that it becomes slow: read, a life takes
 * a browser some kilobytes of memory. The bytes are for lives with many states, flags and events.
 */
#define CT_REPORT_PAGE_LIVES ((size_t)200000)
#define CT_REPORT_PAGE_BYTES (UINT64_C(256) << 20)

/**
 * Makes the sink that prints a page of HTML at finish(), and nothing before: what was recorded and
 * lost, findings, how many connections were in which state when, each life with its events. It
 * needs nothing beside itself, and asks for nothing.
 *
 * Of more lives than a page has room for it has the examples of findings, then those of most bad
 * flags (a gap is none), of as many those of most flags, of as many those that came into sight
 * first, and says so; all are counted. Meanwhile it takes three times that room at most in
 * temporary files, and some 20 MB of memory, beside the events of lives that go on and what
 * findings may come to name.
 *
 * Texts from outside are data of the page, never part of it, and what would act on a screen is
 * spelled out as in the other outputs. A page that was cut says so.
 *
 * @options of these time and utc are what the page begins with, page_lives and page_bytes are its
 * room, and problem is told; fields there are none, format, color and utf8 are not asked.
 * Arguments and results otherwise as above.
 */
int ct_sink_html_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);
