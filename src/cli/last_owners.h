/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who has the connections that are known by their listener alone when a trace ends. The programs
 * that trace keep such an owner until its process acts; a walk over the descriptors tells it, by
 * programs that know of nothing: they are loaded beside the others, and walk when those are gone.
 */
#pragma once

#include <stddef.h>

#include "cli.h"
#include "conntrace/source_live.h"

struct ct_last_owners;

/**
 * Loads what walks; to be done while that is permitted.
 *
 * @config that of the trace.
 * @feed whom ct_last_owners_record() hands on to; borrowed.
 * @return NULL: it cannot be loaded, or there is no memory: those owners stay what they are, and
 *	   are shown so.
 */
struct ct_last_owners *ct_last_owners_new(const struct ct_live_config *config,
					  struct ct_feed *feed);

/**
 * A ct_record_fn, its context a struct ct_last_owners: for the last look at all that is there, and
 * for what comes behind it. Hands on what comes; before the end of the stream a CT_EVENT_OWNER,
 * CT_OWNER_SCAN, for each connection whose owner is inherited by then and that a process has.
 */
int ct_last_owners_record(void *context, const void *bytes, size_t len);

/// NULL is fine.
void ct_last_owners_free(struct ct_last_owners **owners);
