// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "format.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "bytes.h"
#include "codec.h"
#include "frame.h"

/// One of zstd's sixteen magic numbers for frames that its readers skip, RFC 8878 3.1.2.
#define SKIPPABLE_MAGIC 0x184d2a5cu
#define SKIPPABLE_HEAD	8
#define HASH_BYTES	8
#define FILE_MAGIC	"conntrace"
#define VERSION_OFFSET	18
_Static_assert((SKIPPABLE_MAGIC & 0xff) == CT_BLOCK_FIRST_BYTE, "little-endian");
_Static_assert(SKIPPABLE_HEAD + sizeof(FILE_MAGIC) == VERSION_OFFSET, "the NUL counts");

enum header_tag {
	TAG_TOOL_VERSION = 1,
	TAG_KERNEL,
	TAG_MACHINE,
	TAG_HOST,
	TAG_BOOT_ID,
	TAG_COMMAND_LINE,
	TAG_MONO_NS,
	TAG_REAL_NS,
	TAG_NETNS,
	TAG_LOCAL_PORTS,
	TAG_RESERVED_PORTS,
	TAG_PRIVILEGES,
	TAG_RETRIES2,
	TAG_TW_REUSE,
	TAG_TIMESTAMPS,
	TAG_TW_REUSE_DELAY,
	TAG_CAPABILITY = 32, /// and from here on one for each of enum ct_capability_id
};

static const struct {
	uint16_t tag;
	bool is_text; /// else 64 bits
	size_t offset;
	size_t size; /// of a text with its NUL
} header_fields[] = {
#define TEXT(tag_, member)                                                                     \
	{                                                                                      \
		.tag = (tag_), .is_text = true, .offset = offsetof(struct ct_session, member), \
		.size = sizeof(((struct ct_session *)NULL)->member),                           \
	}
#define NUMBER(tag_, member)                                                 \
	{                                                                    \
		.tag = (tag_), .offset = offsetof(struct ct_session, member) \
	}
	TEXT(TAG_TOOL_VERSION, tool_version),
	TEXT(TAG_KERNEL, kernel),
	TEXT(TAG_MACHINE, machine),
	TEXT(TAG_HOST, host),
	TEXT(TAG_BOOT_ID, boot_id),
	TEXT(TAG_COMMAND_LINE, command_line),
	NUMBER(TAG_MONO_NS, mono_ns),
	NUMBER(TAG_REAL_NS, real_ns),
	NUMBER(TAG_NETNS, netns),
	NUMBER(TAG_LOCAL_PORTS, local_ports),
	NUMBER(TAG_RESERVED_PORTS, reserved_ports),
	NUMBER(TAG_PRIVILEGES, privileges),
	NUMBER(TAG_RETRIES2, retries2),
	NUMBER(TAG_TW_REUSE, tw_reuse),
	NUMBER(TAG_TIMESTAMPS, timestamps),
	NUMBER(TAG_TW_REUSE_DELAY, tw_reuse_delay_ms),
#undef TEXT
#undef NUMBER
};

#define N_HEADER_FIELDS (sizeof(header_fields) / sizeof(header_fields[0]))

static uint8_t *put_hash(uint8_t *p, const uint8_t *bytes, size_t len)
{
	return ct_put_le(p, HASH_BYTES, XXH3_64bits(bytes, len));
}

static bool hash_is_right(const uint8_t *bytes, size_t len)
{
	struct ct_cursor c = {.p = bytes + len - HASH_BYTES, .end = bytes + len};
	uint64_t hash;

	return ct_cursor_le(&c, HASH_BYTES, &hash) && hash == XXH3_64bits(bytes, len - HASH_BYTES);
}

static int put_tag(struct ct_buf *b, uint16_t tag, const void *value, size_t len)
{
	uint8_t head[4];

	ct_put_le(ct_put_le(head, 2, tag), 2, len);
	ct_buf_append(b, head, sizeof(head));
	return ct_buf_append(b, value, len);
}

/// One byte, its level; then its detail.
static void put_capability(struct ct_buf *b, unsigned int id,
			   const struct ct_capability *capability)
{
	uint8_t value[1 + sizeof(capability->detail)];
	size_t len = strnlen(capability->detail, sizeof(capability->detail));

	if (capability->level == CT_CAPABILITY_UNKNOWN)
		return;
	value[0] = capability->level;
	memcpy(value + 1, capability->detail, len);
	put_tag(b, (uint16_t)(TAG_CAPABILITY + id), value, 1 + len);
}

int ct_file_header_put(struct ct_buf *b, const struct ct_session *session)
{
	size_t start = b->len;
	uint8_t preamble[CT_PREAMBLE_BYTES] = {};
	uint8_t hash[HASH_BYTES];

	ct_put_le(preamble, 4, SKIPPABLE_MAGIC);
	memcpy(preamble + SKIPPABLE_HEAD, FILE_MAGIC, sizeof(FILE_MAGIC));
	ct_put_le(preamble + VERSION_OFFSET, 2, CT_FORMAT_VERSION);
	ct_buf_append(b, preamble, sizeof(preamble));
	for (size_t i = 0; i < N_HEADER_FIELDS; i++) {
		const char *at = (const char *)session + header_fields[i].offset;
		uint8_t number[8];
		uint64_t value;

		if (header_fields[i].is_text) {
			put_tag(b, header_fields[i].tag, at, strnlen(at, header_fields[i].size));
			continue;
		}
		memcpy(&value, at, sizeof(value));
		ct_put_le(number, sizeof(number), value);
		put_tag(b, header_fields[i].tag, number, sizeof(number));
	}
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++)
		put_capability(b, i, &session->capabilities.of[i]);
	if (b->error)
		return b->error;
	ct_put_le((uint8_t *)b->data + start + 4, 4, b->len + HASH_BYTES - start - SKIPPABLE_HEAD);
	put_hash(hash, (const uint8_t *)b->data + start, b->len - start);
	return ct_buf_append(b, hash, sizeof(hash));
}

int ct_preamble_get(const uint8_t *bytes, uint16_t *ret_version, size_t *ret_bytes)
{
	struct ct_cursor c = {.p = bytes, .end = bytes + CT_PREAMBLE_BYTES};
	const uint8_t *text;
	uint64_t magic, size, version;

	if (!ct_cursor_le(&c, 4, &magic) || !ct_cursor_le(&c, 4, &size) ||
	    !ct_cursor_bytes(&c, sizeof(FILE_MAGIC), &text) || !ct_cursor_le(&c, 2, &version))
		return -EBADMSG;
	if (magic != SKIPPABLE_MAGIC || memcmp(text, FILE_MAGIC, sizeof(FILE_MAGIC)) != 0 ||
	    version == 0)
		return -EBADMSG;
	if (version > CT_FORMAT_VERSION) {
		*ret_version = (uint16_t)version;
		return -EPROTONOSUPPORT;
	}
	if (size + SKIPPABLE_HEAD < CT_PREAMBLE_BYTES + HASH_BYTES)
		return -EBADMSG;
	*ret_version = (uint16_t)version;
	*ret_bytes = size + SKIPPABLE_HEAD;
	return *ret_bytes > CT_FILE_HEADER_MAX ? -EFBIG : 0;
}

/// What a later version says more than this one knows is unknown to it.
static bool take_capability(struct ct_capability *capability, const uint8_t *bytes, size_t len)
{
	size_t room = sizeof(capability->detail) - 1;

	if (!len)
		return false;
	*capability = (struct ct_capability){};
	if (bytes[0] >= _CT_CAPABILITY_LEVEL_MAX)
		return true;
	capability->level = bytes[0];
	memcpy(capability->detail, bytes + 1, len - 1 < room ? len - 1 : room);
	return true;
}

/// Puts one value where it belongs; a tag that this version does not know has no place.
static bool take_tag(struct ct_session *session, uint64_t tag, const uint8_t *bytes, size_t len)
{
	if (tag >= TAG_CAPABILITY && tag < TAG_CAPABILITY + _CT_CAPABILITY_MAX)
		return take_capability(&session->capabilities.of[tag - TAG_CAPABILITY], bytes, len);
	for (size_t i = 0; i < N_HEADER_FIELDS; i++) {
		char *at = (char *)session + header_fields[i].offset;
		struct ct_cursor c = {.p = bytes, .end = bytes + len};
		uint64_t value;

		if (header_fields[i].tag != tag)
			continue;
		if (header_fields[i].is_text) {
			size_t n = len < header_fields[i].size ? len : header_fields[i].size - 1;

			memcpy(at, bytes, n);
			at[n] = '\0';
			return true;
		}
		if (len != sizeof(value) || !ct_cursor_le(&c, len, &value))
			return false;
		memcpy(at, &value, sizeof(value));
	}
	return true;
}

int ct_file_header_get(const uint8_t *bytes, size_t len, struct ct_session *ret)
{
	struct ct_session session = {};
	struct ct_cursor c;

	if (len < CT_PREAMBLE_BYTES + HASH_BYTES || !hash_is_right(bytes, len))
		return -EBADMSG;
	c = (struct ct_cursor){.p = bytes + CT_PREAMBLE_BYTES, .end = bytes + len - HASH_BYTES};
	while (c.p < c.end) {
		const uint8_t *value;
		uint64_t tag, n;

		if (!ct_cursor_le(&c, 2, &tag) || !ct_cursor_le(&c, 2, &n) ||
		    !ct_cursor_bytes(&c, n, &value) || !take_tag(&session, tag, value, n))
			return -EBADMSG;
	}
	*ret = session;
	return 0;
}

/// Begins a head of LEN bytes in a block with a body of BODY_BYTES.
static uint8_t *put_block(uint8_t *p, uint32_t type, size_t len, uint64_t body_bytes)
{
	p = ct_put_le(p, 4, SKIPPABLE_MAGIC);
	p = ct_put_le(p, 4, len - SKIPPABLE_HEAD + body_bytes);
	p = ct_put_le(p, 4, type);
	return ct_put_le(p, 4, len);
}

void ct_frame_head_put(uint8_t *p, const struct ct_frame_head *head)
{
	uint8_t *start = p;

	p = put_block(p, CT_BLOCK_FRAME, CT_FRAME_HEAD_BYTES, 0);
	p = ct_put_le(p, 4, head->compressed_bytes);
	p = ct_put_le(p, 4, head->payload_bytes);
	p = ct_put_le(p, 4, head->events);
	p = ct_put_le(p, 4, 0);
	p = ct_put_le(p, 8, head->first_event);
	p = ct_put_le(p, 8, head->lost);
	p = ct_put_le(p, 8, head->first_ts_ns);
	p = ct_put_le(p, 8, head->last_ts_ns);
	p = ct_put_le(p, 8, head->hash);
	put_hash(p, start, CT_FRAME_HEAD_BYTES - HASH_BYTES);
}

void ct_index_head_put(uint8_t *p, const struct ct_index_head *head)
{
	uint8_t *start = p;

	p = put_block(p, CT_BLOCK_INDEX, CT_INDEX_HEAD_BYTES, head->frames * CT_INDEX_ENTRY_BYTES);
	p = ct_put_le(p, 4, CT_INDEX_ENTRY_BYTES);
	p = ct_put_le(p, 4, 0);
	p = ct_put_le(p, 8, head->frames);
	p = ct_put_le(p, 8, head->hash);
	put_hash(p, start, CT_INDEX_HEAD_BYTES - HASH_BYTES);
}

void ct_trailer_put(uint8_t *p, const struct ct_trailer *trailer)
{
	uint8_t *start = p;

	p = put_block(p, CT_BLOCK_TRAILER, CT_TRAILER_BYTES, 0);
	p = ct_put_le(p, 8, trailer->index_offset);
	p = ct_put_le(p, 8, trailer->frames);
	p = ct_put_le(p, 8, trailer->events);
	put_hash(p, start, CT_TRAILER_BYTES - HASH_BYTES);
}

void ct_index_entry_put(uint8_t *p, uint64_t offset, const struct ct_frame_head *head)
{
	p = ct_put_le(p, 8, offset);
	p = ct_put_le(p, 8, head->first_ts_ns);
	p = ct_put_le(p, 8, head->first_event);
	p = ct_put_le(p, 4, head->events);
	ct_put_le(p, 4, head->lost < UINT32_MAX ? head->lost : UINT32_MAX);
}

bool ct_block_get(const uint8_t *bytes, size_t len, struct ct_block *ret)
{
	struct ct_cursor c = {.p = bytes, .end = bytes + len};
	uint64_t magic, size, type, head;

	if (!ct_cursor_le(&c, 4, &magic) || !ct_cursor_le(&c, 4, &size) ||
	    !ct_cursor_le(&c, 4, &type) || !ct_cursor_le(&c, 4, &head))
		return false;
	if (magic != SKIPPABLE_MAGIC || head < CT_HEAD_MIN || head > CT_HEAD_MAX || head > len ||
	    size + SKIPPABLE_HEAD < head || !hash_is_right(bytes, head))
		return false;
	ret->type = (uint32_t)type;
	ret->head_bytes = (uint32_t)head;
	ret->body_bytes = size + SKIPPABLE_HEAD - head;
	return true;
}

/// The fields of a head, if it is long enough to have those that this version knows.
static bool fields_of(const uint8_t *bytes, const struct ct_block *block, uint32_t known_bytes,
		      struct ct_cursor *ret)
{
	if (block->head_bytes < known_bytes)
		return false;
	*ret = (struct ct_cursor){.p = bytes + CT_HEAD_MIN - HASH_BYTES,
				  .end = bytes + block->head_bytes - HASH_BYTES};
	return true;
}

static bool is_within(uint64_t claimed, uint64_t limit, const char *of,
		      struct ct_excess *ret_excess)
{
	if (claimed <= limit)
		return true;
	*ret_excess = (struct ct_excess){.of = of, .claimed = claimed, .limit = limit};
	return false;
}

bool ct_frame_head_get(const uint8_t *bytes, const struct ct_block *block,
		       struct ct_frame_head *ret, struct ct_excess *ret_excess)
{
	uint64_t compressed, payload, events, reserved;
	struct ct_frame_head head;
	struct ct_cursor c;

	if (!fields_of(bytes, block, CT_FRAME_HEAD_BYTES, &c) ||
	    !ct_cursor_le(&c, 4, &compressed) || !ct_cursor_le(&c, 4, &payload) ||
	    !ct_cursor_le(&c, 4, &events) || !ct_cursor_le(&c, 4, &reserved) ||
	    !ct_cursor_le(&c, 8, &head.first_event) || !ct_cursor_le(&c, 8, &head.lost) ||
	    !ct_cursor_le(&c, 8, &head.first_ts_ns) || !ct_cursor_le(&c, 8, &head.last_ts_ns) ||
	    !ct_cursor_le(&c, 8, &head.hash))
		return false;
	if (block->body_bytes || events > UINT64_MAX - head.first_event ||
	    !is_within(compressed, CT_FRAME_COMPRESSED_MAX, "bytes packed", ret_excess) ||
	    !is_within(payload, CT_FRAME_PAYLOAD_MAX, "bytes unpacked", ret_excess) ||
	    !is_within(events, payload, "events", ret_excess))
		return false;
	head.compressed_bytes = (uint32_t)compressed;
	head.payload_bytes = (uint32_t)payload;
	head.events = (uint32_t)events;
	*ret = head;
	return true;
}

bool ct_index_head_get(const uint8_t *bytes, const struct ct_block *block,
		       struct ct_index_head *ret, struct ct_excess *ret_excess)
{
	uint64_t entry_bytes, reserved;
	struct ct_index_head head;
	struct ct_cursor c;

	if (!fields_of(bytes, block, CT_INDEX_HEAD_BYTES, &c) ||
	    !ct_cursor_le(&c, 4, &entry_bytes) || !ct_cursor_le(&c, 4, &reserved) ||
	    !ct_cursor_le(&c, 8, &head.frames) || !ct_cursor_le(&c, 8, &head.hash))
		return false;
	if (entry_bytes < CT_INDEX_ENTRY_BYTES ||
	    !is_within(head.frames, block->body_bytes / entry_bytes, "frames", ret_excess) ||
	    block->body_bytes / entry_bytes != head.frames || block->body_bytes % entry_bytes)
		return false;
	*ret = head;
	return true;
}

bool ct_trailer_get(const uint8_t *bytes, const struct ct_block *block, struct ct_trailer *ret)
{
	struct ct_trailer trailer;
	struct ct_cursor c;

	if (!fields_of(bytes, block, CT_TRAILER_BYTES, &c) || block->body_bytes ||
	    !ct_cursor_le(&c, 8, &trailer.index_offset) || !ct_cursor_le(&c, 8, &trailer.frames) ||
	    !ct_cursor_le(&c, 8, &trailer.events))
		return false;
	*ret = trailer;
	return true;
}
