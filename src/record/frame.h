/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A frame: head and compressed payload, in memory. No input or output. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "format.h"

/// What zstd makes of a payload that it cannot compress, ZSTD_COMPRESSBOUND() of zstd.h.
#define CT_FRAME_COMPRESSED_MAX (CT_FRAME_PAYLOAD_MAX + (CT_FRAME_PAYLOAD_MAX >> 8))

struct ct_packer;

/// 0; -ENOMEM, *ret is unchanged.
int ct_packer_new(struct ct_packer **ret);

/// Frees; NULL is fine.
void ct_packer_free(struct ct_packer **packer);

/**
 * Makes a frame of the encoder's payload.
 *
 * @head counts and times are the caller's; sizes and hash are filled in.
 * @ret_bytes head and zstd frame, valid until the next call.
 * @return 0; -EIO: zstd failed, which it does only without memory.
 */
int ct_packer_pack(struct ct_packer *packer, const struct ct_encoder *encoder,
		   struct ct_frame_head *head, const uint8_t **ret_bytes, size_t *ret_len);

struct ct_unpacker;

/// 0; -ENOMEM, *ret is unchanged.
int ct_unpacker_new(struct ct_unpacker **ret);

/// Frees; NULL is fine.
void ct_unpacker_free(struct ct_unpacker **unpacker);

/**
 * Checks and inflates the HEAD->compressed_bytes at COMPRESSED.
 *
 * @ret_payload HEAD->payload_bytes of it, valid until the next call; unchanged on failure.
 * @return 0; -EBADMSG: damaged, or it inflates to anything but what its head says; -EFBIG: to more
 *         than CT_FRAME_PAYLOAD_MAX.
 */
int ct_unpacker_unpack(struct ct_unpacker *unpacker, const struct ct_frame_head *head,
		       const uint8_t *compressed, const uint8_t **ret_payload);
