/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a shell can complete the value of an option to. */
#pragma once

#include <stdbool.h>

#include "conntrace/buf.h"
#include "option_table.h"

enum ct_offer {
	CT_OFFER_NOTHING, /// whatever it is, only who types it knows
	CT_OFFER_WORDS,
	CT_OFFER_FILES,
	CT_OFFER_FOLDERS,
	CT_OFFER_PIDS,
	CT_OFFER_USERS,
	_CT_OFFER_MAX,
};

/**
 * What it is for an option that takes a value.
 *
 * Words are those of the enum, or those that the help names and the parser takes: an option whose
 * help lists what it may be ("table, wide, json or csv") needs nothing here.
 *
 * @words gets those of CT_OFFER_WORDS, a blank between two; it is left as it is otherwise.
 */
enum ct_offer ct_offer(const struct ct_option_spec *spec, struct ct_buf *words);

/// Whether it takes several of them, with commas between.
bool ct_offer_is_list(const struct ct_option_spec *spec);
