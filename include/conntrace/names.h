/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Enums to the words that users and other programs see, and back.
 *
 * Every ct_*_name() returns static storage: the word, or NULL for a value that has none (not known,
 * or out of range). Every ct_*_from_name() returns 0 and sets *ret, or -EINVAL and leaves it.
 */
#pragma once

#include <stdint.h>

#include "conntrace/event.h"

const char *ct_state_name(unsigned int value);		/// Linux spelling: FIN_WAIT1, SYN_RECV …
int ct_state_from_name(const char *name, uint8_t *ret); /// in any case of letters, with _ or -
const char *ct_role_name(unsigned int value);
int ct_role_from_name(const char *name, uint8_t *ret);
const char *ct_owner_name(unsigned int value);		 /// "unknown" for CT_OWNER_UNKNOWN
const char *ct_how_name(unsigned int value);		 /// "close()" … NULL when unknown
const char *ct_retransmit_kind_name(unsigned int value); /// "unknown" for CT_RETRANSMIT_UNKNOWN
const char *ct_segment_name(unsigned int value);
const char *ct_direction_name(unsigned int value);
const char *ct_reset_reason_name(unsigned int value); /// the kernel's, without SK_RST_REASON_
const char *ct_lost_where_name(unsigned int value);
const char *ct_runs_name(unsigned int value); /// of a timer: "rto" … NULL for CT_RUNS_UNKNOWN
const char *ct_errno_name(unsigned int err);  /// "ETIMEDOUT"; NULL for 0 and unknown ones
