/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The blocks of a recording between its frames' payloads (doc/FORMAT.md), to bytes and back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/session.h"

#define CT_FORMAT_VERSION 1

/// Whatever the version: the start of the file header, up to and with the version.
#define CT_PREAMBLE_BYTES 20

/// Bytes of a file header at most.
#define CT_FILE_HEADER_MAX (64u << 10)

/// Bytes of a block's head, its checksum included.
#define CT_HEAD_MIN	     24
#define CT_HEAD_MAX	     256
#define CT_FRAME_HEAD_BYTES  80
#define CT_INDEX_HEAD_BYTES  48
#define CT_TRAILER_BYTES     48
#define CT_INDEX_ENTRY_BYTES 32

/// With which every block begins.
#define CT_BLOCK_FIRST_BYTE 0x5c

/// Four letters that say what a block is, as a little-endian integer.
#define CT_BLOCK_FRAME	 0x46525443u /* CTRF */
#define CT_BLOCK_INDEX	 0x49525443u /* CTRI */
#define CT_BLOCK_TRAILER 0x54525443u /* CTRT */

/// What stands at the start of every block behind the file header, checked.
struct ct_block {
	uint32_t type;	     /// CT_BLOCK_*, or one of a later version
	uint32_t head_bytes; /// CT_HEAD_MIN … CT_HEAD_MAX
	uint64_t body_bytes; /// behind the head, in the same skippable frame
};

struct ct_frame_head {
	uint32_t compressed_bytes; /// of the zstd frame that follows
	uint32_t payload_bytes;	   /// what it inflates to
	uint32_t events;
	uint64_t first_event; /// events in the frames before
	uint64_t lost;	      /// sum of what its CT_EVENT_LOST say
	uint64_t first_ts_ns; /// lowest time of its events
	uint64_t last_ts_ns;  /// highest time of its events
	uint64_t hash;	      /// XXH3-64 of the zstd frame
};

struct ct_index_head {
	uint64_t frames; /// entries in the body
	uint64_t hash;	 /// XXH3-64 of the body
};

struct ct_trailer {
	uint64_t index_offset; /// in bytes from the start of the file
	uint64_t frames;
	uint64_t events;
};

/// Appends the whole file header. 0 or -ENOMEM.
int ct_file_header_put(struct ct_buf *b, const struct ct_session *session);

/**
 * Checks the first CT_PREAMBLE_BYTES of a file.
 *
 * @return 0; -EBADMSG: no conntrace recording; -EPROTONOSUPPORT: a newer version, *ret_version is
 *         set then, and *ret_bytes is not; -EFBIG: a header of more than CT_FILE_HEADER_MAX bytes,
 *         both are set.
 */
int ct_preamble_get(const uint8_t *bytes, uint16_t *ret_version, size_t *ret_bytes);

/// Reads a file header of a known version, LEN being what ct_preamble_get() told. 0, or -EBADMSG
/// when it is damaged; *ret is unchanged then.
int ct_file_header_get(const uint8_t *bytes, size_t len, struct ct_session *ret);

/// Each writes its head, CT_*_BYTES long, with its checksum.
void ct_frame_head_put(uint8_t *p, const struct ct_frame_head *head);
void ct_index_head_put(uint8_t *p, const struct ct_index_head *head);
void ct_trailer_put(uint8_t *p, const struct ct_trailer *trailer);

/// The index's entry of a frame which is OFFSET bytes into the file.
void ct_index_entry_put(uint8_t *p, uint64_t offset, const struct ct_frame_head *head);

/// Whether a block begins at the first of LEN bytes: there is a whole head and its checksum is
/// right. *ret is unchanged if not.
bool ct_block_get(const uint8_t *bytes, size_t len, struct ct_block *ret);

/// What a head claims that no writer writes: so much OF what, where at most LIMIT may be.
struct ct_excess {
	const char *of; /// NULL: it claims nothing of the kind
	uint64_t claimed;
	uint64_t limit;
};

/// Read the head of a block of their type. False: it is not what this version can read; *ret_excess
/// is set if that is for a claim, and else unchanged.
bool ct_frame_head_get(const uint8_t *bytes, const struct ct_block *block,
		       struct ct_frame_head *ret, struct ct_excess *ret_excess);
bool ct_index_head_get(const uint8_t *bytes, const struct ct_block *block,
		       struct ct_index_head *ret, struct ct_excess *ret_excess);
bool ct_trailer_get(const uint8_t *bytes, const struct ct_block *block, struct ct_trailer *ret);
