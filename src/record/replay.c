// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "conntrace/cleanup.h"
#include "conntrace/recording.h"
#include "format.h"
#include "reader.h"

/// Why the reader stands at a place where no block of a recording begins.
enum stretch {
	STRETCH_NONE = 0, /// it does not
	STRETCH_UNKNOWN,  /// nothing there makes sense, or it is not all there
	STRETCH_FRAME,	  /// a frame is all there, but damaged
};

/// One reading of a recording from its first frame to its end.
struct replay {
	struct ct_recording_reader *reader;
	struct ct_recording_info *info;
	ct_record_fn fn;
	void *context;
	uint64_t expected;   /// events in the frames so far, delivered or told to be missing
	uint64_t last_ts_ns; /// of the last event delivered
	uint8_t last_kind;
	bool is_patchy;	    /// some events are missing: owners are told again
	bool is_index_read; /// and whole
	bool is_ended;	    /// by a trailer
	enum stretch stretch;
	uint64_t stretch_offset; /// where it began
	uint32_t stretch_events; /// in the damaged frame
	char refused[128];	 /// the first claim beyond a bound, with its place; "" none
};

static int deliver(struct replay *replay, const struct ct_event *event, size_t len)
{
	return replay->fn(replay->context, event, len);
}

static int deliver_lost(struct replay *replay, uint64_t events, uint64_t ts_ns)
{
	struct ct_event event = {
		.kind = CT_EVENT_LOST,
		.ts_ns = ts_ns,
		.generation = CT_GENERATION_ANY,
		.lost =
			{
				.events = events,
				.since_ns = replay->last_ts_ns,
				.where = CT_LOST_DECODE,
				.uncounted = CT_UNCOUNTED_ALL,
			},
	};

	replay->is_patchy = true;
	if (__builtin_add_overflow(replay->info->unreadable, events, &replay->info->unreadable))
		replay->info->unreadable = UINT64_MAX;
	return deliver(replay, &event, CT_EVENT_SIZE(lost));
}

/// The record that told it may be among the missing ones.
static int deliver_owner(struct replay *replay, const struct ct_decoded *decoded)
{
	struct ct_event event = {};

	memcpy(&event, decoded->event, CT_EVENT_CORE_SIZE);
	event.kind = CT_EVENT_OWNER;
	event.missed = 0;
	event.who = *decoded->owner;
	return deliver(replay, &event, CT_EVENT_SIZE(who));
}

static int deliver_decoded(struct replay *replay, const struct ct_decoded *decoded)
{
	int r = 0;

	replay->last_ts_ns = decoded->event->ts_ns;
	replay->last_kind = decoded->event->kind;
	if (!decoded->len)
		return deliver_lost(replay, 1, decoded->event->ts_ns);
	if (replay->is_patchy && decoded->owner)
		r = deliver_owner(replay, decoded);
	return r ? r : deliver(replay, decoded->event, decoded->len);
}

/// The end of what a frame's head promised is the end of its payload, or the frame is damaged.
static int deliver_payload(struct replay *replay, const struct ct_frame_head *head,
			   const uint8_t *payload)
{
	struct ct_decoder *decoder = replay->reader->decoder;
	struct ct_recording_info *info = replay->info;
	struct ct_decoded decoded;
	uint32_t n = 0;
	int r;

	ct_decoder_start(decoder, payload, head->payload_bytes);
	while ((r = ct_decoder_next(decoder, &decoded)) > 0 && n < head->events) {
		r = deliver_decoded(replay, &decoded);
		if (r)
			return r;
		info->events++;
		n++;
	}
	if (r == 0 && n == head->events) {
		info->frames++;
		return 0;
	}
	info->damaged_frames++;
	return deliver_lost(replay, n < head->events ? head->events - n : 1, replay->last_ts_ns);
}

static void note_frame(struct ct_recording_info *info, const struct ct_frame_head *head)
{
	if (!info->payload_bytes || head->first_ts_ns < info->first_ts_ns)
		info->first_ts_ns = head->first_ts_ns;
	if (head->last_ts_ns > info->last_ts_ns)
		info->last_ts_ns = head->last_ts_ns;
	info->payload_bytes += head->payload_bytes;
}

static void begin_stretch(struct replay *replay, enum stretch stretch, uint64_t offset)
{
	replay->stretch = stretch;
	replay->stretch_offset = offset;
}

/// A block tells how many events stand before it: those that were not there are told as lost, in
/// its place, and the stretch before it, if there is one, is over.
static int catch_up(struct replay *replay, uint64_t events, uint64_t ts_ns)
{
	uint64_t missing = events > replay->expected ? events - replay->expected : 0;

	if (replay->stretch != STRETCH_NONE || missing)
		replay->info->damaged_frames++;
	replay->stretch = STRETCH_NONE;
	if (!missing)
		return 0;
	replay->expected = events;
	return deliver_lost(replay, missing, ts_ns);
}

/// Heads have checksums: a claim beyond a bound is no accident. The first is told.
__attribute__((format(printf, 2, 3))) static void refuse(struct replay *replay, const char *what,
							 ...)
{
	va_list args;

	if (*replay->refused)
		return;
	va_start(args, what);
	vsnprintf(replay->refused, sizeof(replay->refused), what, args);
	va_end(args);
}

/// 0 also for a damaged frame: what follows its head is looked through for the next block then.
static int read_frame(struct replay *replay, const struct ct_block *block,
		      const struct ct_frame_head *head)
{
	struct ct_input *input = &replay->reader->input;
	uint64_t offset = input->offset;
	const uint8_t *payload;
	size_t whole = (size_t)block->head_bytes + head->compressed_bytes;
	bool is_there;
	int r;

	r = catch_up(replay, head->first_event, head->first_ts_ns);
	if (!r)
		r = ct_input_need(input, whole);
	if (r)
		return r;
	is_there = ct_input_left(input) >= whole;
	if (is_there)
		r = ct_unpacker_unpack(replay->reader->unpacker, head,
				       ct_input_bytes(input) + block->head_bytes, &payload);
	if (!is_there || r) {
		if (r == -EFBIG)
			refuse(replay,
			       "the frame at byte %" PRIu64
			       " would unpack to more than the limit of %u bytes",
			       offset, CT_FRAME_PAYLOAD_MAX);
		begin_stretch(replay, is_there ? STRETCH_FRAME : STRETCH_UNKNOWN, offset);
		replay->stretch_events = head->events;
		ct_input_consume(input, block->head_bytes);
		return 0;
	}
	ct_input_consume(input, whole);
	note_frame(replay->info, head);
	if (replay->expected < head->first_event + head->events)
		replay->expected = head->first_event + head->events;
	return deliver_payload(replay, head, payload);
}

/// Passes over the rest of a block. False in *ret_whole: the file ends before it.
static int skip_body(struct replay *replay, uint64_t bytes, XXH3_state_t *hash, bool *ret_whole)
{
	struct ct_input *input = &replay->reader->input;

	while (bytes) {
		size_t n;
		int r = ct_input_need(input, 1);

		if (r)
			return r;
		n = ct_input_left(input) < bytes ? ct_input_left(input) : bytes;
		if (n == 0)
			break;
		if (hash)
			XXH3_64bits_update(hash, ct_input_bytes(input), n);
		ct_input_consume(input, n);
		bytes -= n;
	}
	*ret_whole = bytes == 0;
	return 0;
}

static void free_hash(XXH3_state_t **hash)
{
	XXH3_freeState(*hash);
}

static int read_index(struct replay *replay, const struct ct_block *block,
		      const struct ct_index_head *head)
{
	_cleanup_(free_hash) XXH3_state_t *hash = XXH3_createState();
	struct ct_input *input = &replay->reader->input;
	uint64_t offset = input->offset;
	bool whole;
	int r;

	if (!hash)
		return -ENOMEM;
	XXH3_64bits_reset(hash);
	ct_input_consume(input, block->head_bytes);
	r = skip_body(replay, block->body_bytes, hash, &whole);
	if (r)
		return r;
	replay->is_index_read = whole && XXH3_64bits_digest(hash) == head->hash;
	if (!whole && replay->stretch == STRETCH_NONE)
		begin_stretch(replay, STRETCH_UNKNOWN, offset);
	return 0;
}

/// What could not be read before was the index, if that was not met and no event is missing.
static int read_trailer(struct replay *replay, const struct ct_block *block,
			const struct ct_trailer *trailer)
{
	if (trailer->events == replay->expected && !replay->is_index_read)
		replay->stretch = STRETCH_NONE;
	replay->is_ended = true;
	ct_input_consume(&replay->reader->input, block->head_bytes);
	return catch_up(replay, trailer->events, replay->last_ts_ns);
}

static int read_unknown(struct replay *replay, const struct ct_block *block)
{
	uint64_t offset = replay->reader->input.offset;
	bool whole;
	int r;

	ct_input_consume(&replay->reader->input, block->head_bytes);
	r = skip_body(replay, block->body_bytes, NULL, &whole);
	if (r == 0 && !whole)
		begin_stretch(replay, STRETCH_UNKNOWN, offset);
	return r;
}

/// Goes on to the next byte with which a block may begin.
static void search(struct replay *replay)
{
	struct ct_input *input = &replay->reader->input;
	const uint8_t *next;

	if (replay->stretch == STRETCH_NONE)
		begin_stretch(replay, STRETCH_UNKNOWN, input->offset);
	ct_input_consume(input, 1);
	next = memchr(ct_input_bytes(input), CT_BLOCK_FIRST_BYTE, ct_input_left(input));
	ct_input_consume(input,
			 next ? (size_t)(next - ct_input_bytes(input)) : ct_input_left(input));
}

static int read_block(struct replay *replay)
{
	const uint8_t *bytes = ct_input_bytes(&replay->reader->input);
	struct ct_block block;
	union {
		struct ct_frame_head frame;
		struct ct_index_head index;
		struct ct_trailer trailer;
	} head;
	struct ct_excess excess = {};

	if (ct_block_get(bytes, ct_input_left(&replay->reader->input), &block)) {
		switch (block.type) {
		case CT_BLOCK_FRAME:
			if (ct_frame_head_get(bytes, &block, &head.frame, &excess))
				return read_frame(replay, &block, &head.frame);
			break;
		case CT_BLOCK_INDEX:
			if (ct_index_head_get(bytes, &block, &head.index, &excess))
				return read_index(replay, &block, &head.index);
			break;
		case CT_BLOCK_TRAILER:
			if (ct_trailer_get(bytes, &block, &head.trailer))
				return read_trailer(replay, &block, &head.trailer);
			break;
		default:
			return read_unknown(replay, &block);
		}
	}
	if (excess.of)
		refuse(replay,
		       "the %s at byte %" PRIu64 " claims %" PRIu64 " %s, the limit is %" PRIu64,
		       block.type == CT_BLOCK_FRAME ? "frame" : "index",
		       replay->reader->input.offset, excess.claimed, excess.of, excess.limit);
	search(replay);
	return 0;
}

static int read_blocks(struct replay *replay)
{
	struct ct_input *input = &replay->reader->input;
	int r = ct_input_need(input, CT_HEAD_MAX);

	while (r == 0 && ct_input_left(input) && !replay->is_ended) {
		r = read_block(replay);
		if (r == 0)
			r = ct_input_need(input, CT_HEAD_MAX);
	}
	return r;
}

/// Passes over what no block claims, to the end of the file wherever it is, and counts it.
static int count_rest(struct replay *replay)
{
	struct ct_input *input = &replay->reader->input;
	bool whole;
	int r;

	if (replay->is_ended)
		begin_stretch(replay, STRETCH_UNKNOWN, input->offset);
	r = skip_body(replay, UINT64_MAX, NULL, &whole);
	if (r == 0 && replay->stretch == STRETCH_UNKNOWN)
		replay->info->cut_bytes = input->offset - replay->stretch_offset;
	return r;
}

/// Brings a stream that was cut short to its end.
static int finish(struct replay *replay)
{
	struct ct_recording_info *info = replay->info;
	struct ct_event end = {
		.kind = CT_EVENT_END,
		.ts_ns = replay->last_ts_ns,
		.generation = CT_GENERATION_ANY,
	};
	int r = count_rest(replay);

	info->has_index = replay->is_ended && replay->is_index_read;
	info->has_end = replay->last_kind == CT_EVENT_END;
	if (r == 0 && replay->stretch == STRETCH_FRAME) {
		info->damaged_frames++;
		r = deliver_lost(replay, replay->stretch_events, replay->last_ts_ns);
	}
	/* whole and without one: a limit stopped it before its stream was over */
	if (r || info->has_end || (info->has_index && !info->damaged_frames))
		return r;
	return deliver(replay, &end, CT_EVENT_CORE_SIZE);
}

/// Adds to what is wrong with a recording; what does not fit is cut.
__attribute__((format(printf, 2, 3))) static void tell(struct ct_recording_info *info,
						       const char *what, ...)
{
	size_t len = strlen(info->problem);
	va_list args;

	if (len) {
		snprintf(info->problem + len, sizeof(info->problem) - len, "; ");
		len = strlen(info->problem);
	}
	va_start(args, what);
	vsnprintf(info->problem + len, sizeof(info->problem) - len, what, args);
	va_end(args);
}

static void describe(const struct replay *replay, bool is_read_to_end)
{
	struct ct_recording_info *info = replay->info;

	if (*replay->refused)
		tell(info, "%s", replay->refused);
	if (info->damaged_frames)
		tell(info, "%" PRIu64 " damaged frame%s passed over", info->damaged_frames,
		     info->damaged_frames > 1 ? "s" : "");
	if (!is_read_to_end)
		return;
	if (info->cut_bytes && replay->is_ended)
		tell(info, "%" PRIu64 " bytes behind its end do not belong to it", info->cut_bytes);
	else if (info->cut_bytes)
		tell(info,
		     "ends in the middle of a frame: %" PRIu64
		     " bytes after the last whole frame are not readable",
		     info->cut_bytes);
	if (!replay->is_ended)
		tell(info, "no index: the recorder was not ended properly");
	else if (!info->has_index)
		tell(info, "its index is damaged");
}

static uint64_t size_of(const struct ct_input *input)
{
	struct stat st;

	if (fstat(input->fd, &st) == 0 && S_ISREG(st.st_mode))
		return (uint64_t)st.st_size;
	return input->offset;
}

int ct_recording_read(struct ct_recording_reader *reader, ct_record_fn fn, void *context,
		      struct ct_recording_info *ret_info)
{
	struct ct_recording_info info = {.version = reader->version};
	struct replay replay = {
		.reader = reader,
		.info = &info,
		.fn = fn,
		.context = context,
		.last_ts_ns = reader->session.mono_ns,
	};
	bool is_read_to_end;
	int r;

	r = ct_input_rewind(&reader->input, reader->frames_offset);
	if (r)
		return r;
	r = read_blocks(&replay);
	is_read_to_end = r == 0;
	if (r == 0)
		r = finish(&replay);
	info.file_bytes = size_of(&reader->input);
	describe(&replay, is_read_to_end);
	*ret_info = info;
	return r;
}
