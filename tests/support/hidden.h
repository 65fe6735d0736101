// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What may be missing or differ in the output of a tracer that has to do without some hooks, and
// the comparison of what it told with what a whole one did beside it.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define E2E_LOSS_HOOKS_MAX   2
#define E2E_LOSS_ABSENT_MAX  7
#define E2E_LOSS_PARTIAL_MAX 2
#define E2E_LOSS_BARE_MAX    4
#define E2E_LOSS_MISSING_MAX 4
#define E2E_LOSS_ALLOWED_MAX 16

/// Everything that is not named here must be as with the hooks.
struct e2e_loss {
	const char *hooks[E2E_LOSS_HOOKS_MAX];
	const char *absent[E2E_LOSS_ABSENT_MAX]; /// capabilities that `check` calls absent then
	const char *or_absent; /// one more, where it is partial and rests on these hooks
	const char *partial[E2E_LOSS_PARTIAL_MAX]; /// that it calls partial
	const char *missing[E2E_LOSS_MISSING_MAX]; /// kinds of events; KIND=WORD: with that
						   /// direction, segment or new state
	const char *missing_of; /// comm: all that is told of its connections
	/// A reset that no socket answers for, where the kernel gives no reasons: it is told from
	/// the segment that it answers then.
	bool nobodys_resets;
	/// Keys that are null or not there; KEY=WORD: that say this instead.
	const char *allowed[E2E_LOSS_ALLOWED_MAX];
	/// More of both where the kernel gives no reasons of resets.
	const char *bare_allowed[E2E_LOSS_BARE_MAX];
	const char *bare_flags;
	bool tells_all;	   /// in these lives: another hook stands in
	const char *flags; /// that are not raised
	const char *moved; /// of them those that another event may raise, by other evidence
};

/// Rows for one way to run the tracer, in whose lives they can be told apart.
struct e2e_loss_table {
	const struct e2e_loss *losses;
	size_t n;
};

extern const struct e2e_loss_table e2e_losses_plain;
extern const struct e2e_loss_table e2e_losses_synack;
extern const struct e2e_loss_table e2e_losses_io;     /// with --io-owner
extern const struct e2e_loss_table e2e_losses_follow; /// with --follow

/// "kfree_skb", "kfree_skb, iter/tcp": into a buffer that the next call uses again. Borrowed.
const char *e2e_loss_name(const struct e2e_loss *loss);

/// The kernel gives what the loss takes, by what `check --json` told of it with every hook.
bool e2e_loss_is_given(const struct e2e_loss *loss, const json_t *told);

/// What was found when two tracers were compared.
struct e2e_loss_tally {
	unsigned wrong; /// and printed
	unsigned less;	/// differences that the loss explains
};

/// What one tracer told is what the whole one did, but for what was to be lost. gives_reasons: the
/// kernel gives those of resets.
struct e2e_loss_tally e2e_loss_compare(const struct e2e_loss *loss, bool gives_reasons,
				       const json_t *whole, const json_t *less);

/// Capabilities are as they are with every hook, but for those that the loss takes. Returns how
/// many are not, each printed.
unsigned e2e_loss_compare_levels(const struct e2e_loss *loss, const json_t *whole,
				 const json_t *less);
