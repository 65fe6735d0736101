/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Wires the stages: decode → table and history → detectors → selection → sinks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/capability.h"
#include "conntrace/select.h"
#include "conntrace/session.h"
#include "conntrace/sink.h"

/// What ct_pipeline_feed() returns when the number of updates asked for has been printed.
#define CT_PIPELINE_STOP 1

struct ct_pipeline_config {
	const struct ct_select *select;		    /// borrowed
	const struct ct_capabilities *capabilities; /// of the stream; borrowed; NULL: all
	size_t max_conns;			    /// bound of the table; 0: the default
	size_t max_awake;     /// ct_conn_table_keep_awake(); 0: few, as a trace of days wants it
	uint64_t max_updates; /// stop behind so many printed updates; 0: never
	/// Events go to the sinks as they come, with ticks in between, and nothing is made of them:
	/// for a recording of everything. SELECT and MAX_UPDATES are not asked then.
	bool verbatim;
};

struct ct_pipeline_stats {
	uint64_t records; /// taken
	/// Events that sinks were given, silent ones too: what is recorded. Without a recording
	/// those that were silent while a connection was undecided are not among them.
	uint64_t selected;
	uint64_t printed;		/// updates that sinks were given, silent ones left out
	uint64_t lost;			/// events that the stream says are missing
	uint64_t lost_at[_CT_LOST_MAX]; /// the same by enum ct_lost_where
	uint64_t malformed;		/// records that did not decode
	uint64_t connections;		/// of which sinks were given the summary; 0 if verbatim
	uint64_t evicted;		/// connections that left because the table was full
	uint64_t unknown_ages;		/// ct_selector_unknown_ages()
};

struct ct_pipeline;

/// @return 0; -ENOMEM, *ret is unchanged.
int ct_pipeline_new(const struct ct_pipeline_config *config, struct ct_pipeline **ret);

/// Frees the pipeline and its sinks; NULL is fine.
void ct_pipeline_free(struct ct_pipeline **pipeline);

/// Takes the sink over, also on failure. 0 or -ENOMEM.
int ct_pipeline_add_sink(struct ct_pipeline *pipeline, struct ct_sink *sink);

/**
 * A ct_record_fn: one record through all stages of the pipeline that CONTEXT is.
 *
 * @return 0; CT_PIPELINE_STOP; -errno of a sink (-EPIPE: the reader is gone) or -ENOMEM.
 */
int ct_pipeline_feed(void *context, const void *bytes, size_t len);

/// When the table wants a CT_EVENT_TICK next, CLOCK_MONOTONIC; CT_NS_UNKNOWN: not at all.
uint64_t ct_pipeline_deadline_ns(const struct ct_pipeline *pipeline);

/// As ct_selector_pids().
int ct_pipeline_pids(const struct ct_pipeline *pipeline, struct ct_u32_list *list);

/// As ct_conn_table_fin_wait2_minis(); if verbatim 1 for as long as there may be any.
size_t ct_pipeline_fin_wait2_minis(const struct ct_pipeline *pipeline);

/// What is printed so far becomes visible. 0 or -errno of a sink.
int ct_pipeline_flush(struct ct_pipeline *pipeline);

/**
 * The stream is over: sinks say their last and are flushed.
 *
 * The summaries of what is still open came with CT_EVENT_END; a stream cut short ends without them
 * unless its source makes one.
 */
int ct_pipeline_finish(struct ct_pipeline *pipeline);

void ct_pipeline_stats(const struct ct_pipeline *pipeline, struct ct_pipeline_stats *ret);
