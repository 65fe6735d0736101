/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel as a source: loads and attaches the programs, reads the ring. Only user of libbpf. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/capability.h"
#include "conntrace/source.h"

#define CT_RING_BYTES_DEFAULT (16u << 20)

struct ct_live_config {
	size_t ring_bytes; /// rounded up to a power of two of pages; 0: the default
	bool io_owner;	   /// the first send or receive tells the owner of accepted connections
	const uint32_t *followed; /// processes whose children are to be told as they are forked
	size_t n_followed;	  /// 0: forks are not traced
	bool snapshot_only; /// nothing is traced: ct_source_live_snapshot() is all that is wanted
	bool no_snapshot;   /// ct_source_live_snapshot() will not be called
	/// Hooks that are left out as if this kernel had none, for tests: names of programs or of
	/// what they hook into; borrowed.
	const char *const *hidden;
	size_t n_hidden;
	const char *btf_path; /// the kernel's types, for tests; NULL: its own; borrowed
	bool idle; /// attached, and told to do nothing: what it costs to be called, for benchmarks
};

struct ct_source_live;

/**
 * Loads and attaches. Once it returns 0 nothing is missed any more.
 *
 * @err_text gets one line that says what could not be done and what to do about it, on failure.
 * @return 0; -EPERM and -ENOTSUP: not permitted or not supported here (exit code 3); other -errno.
 *         *ret is unchanged on failure.
 */
int ct_source_live_open(const struct ct_live_config *config, char *err_text, size_t err_len,
			struct ct_source_live **ret);

/**
 * Hands over what the ring holds; waits for it up to TIMEOUT_MS (a signal ends the wait).
 *
 * When it is DEADLINE_NS or later by CLOCK_MONOTONIC, a CT_EVENT_TICK follows the records.
 *
 * @ret_records how many records were handed over; may be NULL.
 * @return 0; -errno; or what FN returned that was not 0, the rest stays in the ring then.
 */
int ct_source_live_poll(struct ct_source_live *live, int timeout_ms, uint64_t deadline_ns,
			ct_record_fn fn, void *context, uint64_t *ret_records);

/**
 * Hands over what was there before: a CT_EVENT_FOUND, with what belongs to it, for each connection,
 * listener, mini-socket and half-open handshake of each network namespace that a process lives in;
 * among them, in their places, the events that happen meanwhile.
 *
 * Called behind ct_source_live_open(), and again where all is to be told once more: to somebody who
 * knows of nothing, or who wants to know what has been silent since. A namespace that cannot be
 * entered is passed over.
 *
 * @err_text gets one line on failure, and (on success) one that says which namespaces were passed
 *           over and why, or "".
 * @return 0; -errno; or what FN returned that was not 0.
 */
int ct_source_live_snapshot(struct ct_source_live *live, ct_record_fn fn, void *context,
			    char *err_text, size_t err_len);

/**
 * Looks for mini-sockets that went from FIN_WAIT2 to TIME_WAIT without an event, and hands them
 * over as CT_EVENT_FOUND. Does nothing where the hooks tell of them, or when the last time was less
 * than two seconds ago.
 *
 * @return as ct_source_live_poll().
 */
int ct_source_live_sweep(struct ct_source_live *live, ct_record_fn fn, void *context);

/**
 * Tells FN what was lost so far, ends it with a CT_EVENT_END, and stays attached: what the ring
 * holds and what comes is for whoever is given to the next call. Each socket's owner is told to
 * them anew, with its next transition or its row in a snapshot, whichever comes first.
 *
 * @ret_end_ns time of the end, CLOCK_MONOTONIC; unchanged if it was not told.
 * @return as ct_source_live_poll().
 */
int ct_source_live_part(struct ct_source_live *live, ct_record_fn fn, void *context,
			uint64_t *ret_end_ns);

/// Detaches, hands over what is left, what was lost last, and a CT_EVENT_END.
int ct_source_live_finish(struct ct_source_live *live, ct_record_fn fn, void *context);

/// Detaches and frees; NULL is fine.
void ct_source_live_close(struct ct_source_live **live);

/// What the open source can tell: lives as long as it.
const struct ct_capabilities *ct_source_live_capabilities(const struct ct_source_live *live);

struct ct_privilege {
	const char *name;    /// as capabilities(7) has it; static
	const char *purpose; /// what needs it; static
	bool held;
};

/// What this process has of them now, by enum ct_privilege_id.
void ct_live_privileges(struct ct_privilege ret[_CT_PRIVILEGE_MAX]);

/// The same as CT_PRIVILEGE_KNOWN and _HELD; 0: not known.
uint64_t ct_live_privilege_bits(void);

/// Where the tracer would run.
struct ct_surroundings {
	struct ct_privilege privileges[_CT_PRIVILEGE_MAX];
	char lockdown[32]; /// "none", "integrity", "confidentiality"; "" if it cannot be read
	bool has_btf;
};

/**
 * What this kernel and user permit, found out by looking and by loading, nothing stays attached.
 *
 * @given with what is only for tests: hidden, btf_path. The rest is asked for whatever it says.
 * @ret is filled whatever is returned; so is *ret_surroundings.
 * @err_text as in ct_source_live_open(): why tracing is impossible here, "" if it is possible.
 * @return 0: tracing is possible; -EPERM, -ENOTSUP: it is not; -EINVAL: nothing to hide has that
 *         name.
 */
int ct_live_check(const struct ct_live_config *given, struct ct_capabilities *ret,
		  struct ct_surroundings *ret_surroundings, char *err_text, size_t err_len);
