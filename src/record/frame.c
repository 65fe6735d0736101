// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frame.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "conntrace/cleanup.h"

/// Of a churn on loopback level 3 makes a file that is 5 % smaller, in twice the time.
#define COMPRESSION_LEVEL 1

_Static_assert(ZSTD_COMPRESSBOUND(CT_FRAME_PAYLOAD_MAX) == CT_FRAME_COMPRESSED_MAX, "zstd's bound");

struct ct_packer {
	ZSTD_CCtx *zstd;
	uint8_t bytes[CT_FRAME_HEAD_BYTES + CT_FRAME_COMPRESSED_MAX];
};

struct ct_unpacker {
	ZSTD_DCtx *zstd;
	uint8_t payload[CT_FRAME_PAYLOAD_MAX];
};

int ct_packer_new(struct ct_packer **ret)
{
	struct ct_packer *packer = calloc(1, sizeof(*packer));

	if (packer)
		packer->zstd = ZSTD_createCCtx();
	if (!packer || !packer->zstd) {
		ct_packer_free(&packer);
		return -ENOMEM;
	}
	*ret = packer;
	return 0;
}

void ct_packer_free(struct ct_packer **packer)
{
	if (*packer)
		ZSTD_freeCCtx((*packer)->zstd);
	free(CT_TAKE_PTR(*packer));
}

int ct_packer_pack(struct ct_packer *packer, const struct ct_encoder *encoder,
		   struct ct_frame_head *head, const uint8_t **ret_bytes, size_t *ret_len)
{
	uint8_t *body = packer->bytes + CT_FRAME_HEAD_BYTES;
	size_t len, compressed;
	const uint8_t *payload = ct_encoder_payload(encoder, &len);

	compressed = ZSTD_compressCCtx(packer->zstd, body, CT_FRAME_COMPRESSED_MAX, payload, len,
				       COMPRESSION_LEVEL);
	if (ZSTD_isError(compressed))
		return -EIO;
	head->compressed_bytes = (uint32_t)compressed;
	head->payload_bytes = (uint32_t)len;
	head->hash = XXH3_64bits(body, compressed);
	ct_frame_head_put(packer->bytes, head);
	*ret_bytes = packer->bytes;
	*ret_len = CT_FRAME_HEAD_BYTES + compressed;
	return 0;
}

int ct_unpacker_new(struct ct_unpacker **ret)
{
	struct ct_unpacker *unpacker = calloc(1, sizeof(*unpacker));

	if (unpacker)
		unpacker->zstd = ZSTD_createDCtx();
	if (!unpacker || !unpacker->zstd) {
		ct_unpacker_free(&unpacker);
		return -ENOMEM;
	}
	*ret = unpacker;
	return 0;
}

void ct_unpacker_free(struct ct_unpacker **unpacker)
{
	if (*unpacker)
		ZSTD_freeDCtx((*unpacker)->zstd);
	free(CT_TAKE_PTR(*unpacker));
}

/// By its own word; many a frame says nothing of it.
static bool claims_too_much(const uint8_t *compressed, size_t len)
{
	unsigned long long claimed = ZSTD_getFrameContentSize(compressed, len);

	return claimed > CT_FRAME_PAYLOAD_MAX && claimed != ZSTD_CONTENTSIZE_UNKNOWN &&
	       claimed != ZSTD_CONTENTSIZE_ERROR;
}

int ct_unpacker_unpack(struct ct_unpacker *unpacker, const struct ct_frame_head *head,
		       const uint8_t *compressed, const uint8_t **ret_payload)
{
	size_t len;

	if (XXH3_64bits(compressed, head->compressed_bytes) != head->hash)
		return -EBADMSG;
	if (claims_too_much(compressed, head->compressed_bytes))
		return -EFBIG;
	/* The room for it is the bound: whatever inflates beyond it is an error. */
	len = ZSTD_decompressDCtx(unpacker->zstd, unpacker->payload, sizeof(unpacker->payload),
				  compressed, head->compressed_bytes);
	if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_dstSize_tooSmall)
		return -EFBIG;
	if (ZSTD_isError(len) || len != head->payload_bytes)
		return -EBADMSG;
	*ret_payload = unpacker->payload;
	return 0;
}
