/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What encoder and decoder both know of the frame in hand: the codec's own, see codec.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "conntrace/decode.h"
#include "conntrace/event.h"

/// The first byte of a record: the kind, and what follows.
#define CT_RECORD_KIND 0x1f
#define CT_RECORD_NEW  0x20 /// defines a connection, and is its first event
#define CT_RECORD_SAME 0x40 /// is of the same connection as the record before
#define CT_RECORD_CORE 0x80 /// the core differs from that of the connection's last event

/// Bits of the core's mask are places in ct_core_fields, then:
#define CT_CORE_LADDR_BIT 13
#define CT_CORE_RADDR_BIT 14

/// Order and number of a core's integers in the mask: the format's, whatever struct ct_event does.
/// ts_ns and kind have a place of their own. Those that change most often come first.
extern const struct ct_event_field ct_core_fields[CT_CORE_LADDR_BIT];

/// The connection that a record is of has no number yet.
#define CT_NO_CONN UINT32_MAX

struct ct_model {
	/// Of each connection the core of its last event, and in `to` what is expected of its next
	/// transition.
	struct ct_event conns[CT_FRAME_CONNS_MAX];
	/// Payload of the last event of each kind.
	struct ct_event last_of[_CT_EVENT_MAX];
	struct ct_event_owner owners[CT_FRAME_OWNERS_MAX];
	uint64_t ts_ns; /// of the last event
	uint32_t n_conns;
	uint32_t n_owners;
	uint32_t current; /// connection of the last event; CT_NO_CONN before the first
};

void ct_model_reset(struct ct_model *model);

/// Numbers a new connection, which is expected to look like the one of the last event.
uint32_t ct_model_define(struct ct_model *model);

/// The event whose payload is nearest to that of a KIND of this connection. KIND is a known one.
const struct ct_event *ct_model_expected(const struct ct_model *model, uint32_t conn, uint8_t kind);

/// Notes EVENT as the last one, of the connection numbered CONN. SIZE is that of its record; 0
/// when its kind is not known.
void ct_model_update(struct ct_model *model, uint32_t conn, const struct ct_event *event,
		     size_t size);
