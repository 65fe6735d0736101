/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loading, shared by the source and by `conntrace check`; the source, shared with the snapshot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/event.h"
#include "conntrace/source_live.h"
#include "kernel.h"

struct conntrace_bpf;
struct ring_buffer;

/**
 * Opens and loads the programs, attaches nothing. Those that this kernel's verifier refuses are
 * left out, and KERNEL says so.
 *
 * @ret_skel is the caller's, freed by conntrace_bpf__destroy().
 * @return 0; -EPERM, -ENOTSUP or other -errno with one line in err_text, *ret_skel unchanged.
 */
int ct_live_load(struct ct_kernel *kernel, const struct ct_live_config *config, char *err_text,
		 size_t err_len, struct conntrace_bpf **ret_skel);

/// What stands in the name of a second program behind that of the first, see bpf/again.bpf.h.
#define CT_SECOND "_again"
bool ct_live_is_second(const char *program);

struct ct_source_live {
	struct conntrace_bpf *skel; /// owned
	struct ring_buffer *ring;   /// owned
	int walks_error;	    /// -errno of ct_live_open_walks()
	int epoll_fd;
	struct ct_capabilities capabilities;
	uint64_t recursion_checked_ns;
	uint64_t newest_ns; /// of the records that were handed over
	uint64_t ticked_ns;
	uint64_t recursion_told; /// events that were missed, told as lost so far
	uint64_t sweep_asked_ns; /// when ct_source_live_sweep() was called last
	uint64_t swept_ns;	 /// nothing that it looks for was missed up to here
	uint64_t polled_ns;	 /// when ct_source_live_poll() returned last; 0 never
	uint64_t stood_ns; /// for so long it did not, since the last sweep: stopped, or starved
	uint64_t stood_until_ns;
	uint64_t sweep_due_ns; /// no sweep before this
	bool lost;	       /// some event was, since the last sweep
	bool idle;	       /// the programs do nothing: what they miss is no loss
	/// of the call that is consuming
	ct_record_fn fn;
	void *context;
	uint64_t records;
	int stopped; /// what fn returned to stop
	bool more;   /// a batch ended before the ring was empty
};

/// The ring, and what a wait for it needs, from LIVE's skeleton. 0; -errno.
int ct_live_open_ring(struct ct_source_live *live);

/// One event to LIVE's fn, of the call that is consuming; what that returns.
int ct_live_hand_over(struct ct_source_live *live, const struct ct_event *event, size_t len);

/// Hands over what the ring holds, a batch at most: LIVE's more says that it holds more. As
/// ct_source_live_poll().
int ct_live_consume(struct ct_source_live *live);

/// Of an empty ring: what could not get a place in it, or in a map. As ct_source_live_poll().
int ct_live_tell_losses(struct ct_source_live *live);

/**
 * Hands over what the ring holds, and what could not get a place in it.
 *
 * LIVE's fn and context are those of the call.
 *
 * @return as ct_source_live_poll().
 */
int ct_live_drain(struct ct_source_live *live);

/**
 * Hands over that EVENTS were lost, the first of them at SINCE_NS (0: not known).
 *
 * @uncounted CT_UNCOUNTED_*: whom they may be of.
 * @return as ct_source_live_poll().
 */
int ct_live_tell_lost(struct ct_source_live *live, uint64_t events, uint64_t since_ns,
		      enum ct_lost_where where, uint8_t uncounted);

/// How often programs were left out so far because they would have run inside themselves, on the
/// same CPU: those whose events are lost then, unless a second one takes over. 0; -errno of bpf(2):
/// nobody knows then what is lost, *ret is unchanged.
int ct_live_count_misses(const struct conntrace_bpf *skel, uint64_t *ret);

/// Opens what walks over what was there before, so that nothing but bpf_iter_create() is needed
/// later. What cannot be opened is told when it is walked over.
void ct_live_open_walks(struct ct_source_live *live);

/// How many of so many misses nobody took over, so far.
uint64_t ct_live_lost_of(const struct conntrace_bpf *skel, uint64_t misses);
