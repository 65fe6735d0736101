/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The events of one frame to its payload and back (doc/FORMAT.md, "Payload"). No input or output.
 *
 * Both sides keep the same model of the frame: the connections met so far with the last event of
 * each. A record holds what differs from what the model expects.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/event.h"

/// Bounds of one frame. A reader refuses what is beyond them.
#define CT_FRAME_PAYLOAD_MAX (256u << 10)
#define CT_FRAME_CONNS_MAX   8192
#define CT_FRAME_OWNERS_MAX  64

struct ct_encoder;

/// 0; -ENOMEM, *ret is unchanged.
int ct_encoder_new(struct ct_encoder **ret);

/// Frees; NULL is fine.
void ct_encoder_free(struct ct_encoder **encoder);

/**
 * Appends one valid event (see ct_decode()) to the payload.
 *
 * @return 0; -ENOSPC: the frame is full, nothing was appended; -EINVAL: there is no such kind.
 */
int ct_encoder_add(struct ct_encoder *encoder, const struct ct_event *event);

/// The payload so far; valid until the next call with this encoder.
const uint8_t *ct_encoder_payload(const struct ct_encoder *encoder, size_t *ret_len);

/// Begins a new frame. What is known of owners is kept.
void ct_encoder_reset(struct ct_encoder *encoder);

struct ct_decoder;

/// 0; -ENOMEM, *ret is unchanged.
int ct_decoder_new(struct ct_decoder **ret);

/// Frees; NULL is fine.
void ct_decoder_free(struct ct_decoder **decoder);

/// Begins a frame; the payload is borrowed until it is read to its end.
void ct_decoder_start(struct ct_decoder *decoder, const uint8_t *payload, size_t len);

struct ct_decoded {
	/// Aligned, all zero behind len; valid until the next call with this decoder.
	const struct ct_event *event;
	size_t len; /// of the record in bytes; 0: a kind of a later version, only its core is known
	/// What an earlier frame told about the owner of this event's connection, on the
	/// connection's first event of the frame; NULL: nothing. Valid as long as event.
	const struct ct_event_owner *owner;
};

/**
 * Takes the next event out of the payload. It fits its fields, but nothing says that it is valid:
 * that is for ct_decode().
 *
 * @return 1; 0 at the end; -EBADMSG: no payload of this format, and nothing more can be read of it.
 *         *ret is unchanged unless it is 1.
 */
int ct_decoder_next(struct ct_decoder *decoder, struct ct_decoded *ret);
