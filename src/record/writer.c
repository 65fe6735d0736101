// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "codec.h"
#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "format.h"
#include "frame.h"

/// A frame is written when its events span so much time.
#define FRAME_NS_MAX UINT64_C(1000000000)

struct ct_recording_writer {
	struct ct_recording_file file;
	enum ct_recording_sync sync;
	int error;     /// 0 or the -errno that ended the recording
	uint64_t size; /// of the file up to its last whole frame
	struct ct_encoder *encoder;
	struct ct_packer *packer;
	struct ct_frame_head head; /// of the frame in hand; events 0: there is none
	uint64_t began_ns;	   /// time of its first event
	uint64_t unwritten;	   /// as in struct ct_recording_progress
	uint64_t frames;
	struct ct_buf index;
};

static int write_at(int fd, const uint8_t *p, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
		offset += (size_t)n;
	}
	return 0;
}

/// Somebody may have done away with the file, and every write would go well all the same.
static int check_file(const struct ct_recording_writer *writer)
{
	struct stat st;

	if (fstat(writer->file.fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -ESTALE;
	return (uint64_t)st.st_size < writer->size ? -ENODATA : 0;
}

/// Appends to the file, all or nothing. The first failure ends the recording.
static int append(struct ct_recording_writer *writer, const uint8_t *p, size_t len)
{
	int r = check_file(writer);

	if (r) {
		writer->error = r;
		return r;
	}
	r = write_at(writer->file.fd, p, len, writer->size);
	if (r) {
		writer->error = r;
		/* If this fails too, the reader finds a frame that is cut. */
		(void)!ftruncate(writer->file.fd, (off_t)writer->size);
		return r;
	}
	writer->size += len;
	return 0;
}

static int sync_data(struct ct_recording_writer *writer)
{
	int r;

	do
		r = fdatasync(writer->file.fd);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		writer->error = -errno;
	return r < 0 ? writer->error : 0;
}

/// Not every file system can do that, and none need: then the name is as safe as it makes it.
static void sync_name(const struct ct_recording_writer *writer)
{
	if (writer->file.folder_fd >= 0)
		(void)!fsync(writer->file.folder_fd);
}

/// Opens nothing, and empties the file last: what fails before leaves it as it was.
static int begin(struct ct_recording_writer *writer, const struct ct_session *session)
{
	_cleanup_(ct_buf_fini) struct ct_buf header = {};
	int r;

	r = ct_file_header_put(&header, session);
	if (!r)
		r = ct_encoder_new(&writer->encoder);
	if (!r)
		r = ct_packer_new(&writer->packer);
	if (r)
		return r;
	if (ftruncate(writer->file.fd, 0) < 0)
		return -errno;
	r = append(writer, (const uint8_t *)header.data, header.len);
	if (r || writer->sync != CT_RECORDING_SYNC_FRAME)
		return r;
	sync_name(writer);
	return sync_data(writer);
}

int ct_recording_create(struct ct_recording_file *file, enum ct_recording_sync sync,
			const struct ct_session *session, struct ct_recording_writer **ret)
{
	struct ct_recording_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer) {
		ct_recording_file_close(file);
		return -ENOMEM;
	}
	writer->file = *file;
	*file = (struct ct_recording_file){.fd = -1, .folder_fd = -1};
	writer->sync = sync;
	r = begin(writer, session);
	if (r) {
		ct_recording_writer_free(&writer);
		return r;
	}
	*ret = writer;
	return 0;
}

static int write_frame(struct ct_recording_writer *writer)
{
	struct ct_frame_head *head = &writer->head;
	uint8_t entry[CT_INDEX_ENTRY_BYTES];
	uint64_t offset = writer->size;
	const uint8_t *bytes;
	size_t len;
	int r;

	r = ct_packer_pack(writer->packer, writer->encoder, head, &bytes, &len);
	if (r) {
		writer->error = r;
		return r;
	}
	r = append(writer, bytes, len);
	if (!r && writer->sync == CT_RECORDING_SYNC_FRAME)
		r = sync_data(writer);
	if (r)
		return r;
	/* Without memory for it the recording goes on: finish() says that it has no index. */
	ct_index_entry_put(entry, offset, head);
	ct_buf_append(&writer->index, entry, sizeof(entry));
	writer->frames++;
	writer->unwritten = 0;
	*head = (struct ct_frame_head){.first_event = head->first_event + head->events};
	ct_encoder_reset(writer->encoder);
	return 0;
}

int ct_recording_flush(struct ct_recording_writer *writer)
{
	if (writer->error)
		return writer->error;
	return writer->head.events ? write_frame(writer) : 0;
}

/// The frame in hand and EVENT would span too much time. Time that runs backwards spans none.
static bool is_too_late(const struct ct_recording_writer *writer, const struct ct_event *event)
{
	return writer->head.events && event->ts_ns > writer->began_ns &&
	       event->ts_ns - writer->began_ns >= FRAME_NS_MAX;
}

static void count(struct ct_recording_writer *writer, const struct ct_event *event)
{
	struct ct_frame_head *head = &writer->head;

	if (!head->events) {
		writer->began_ns = event->ts_ns;
		head->first_ts_ns = event->ts_ns;
		head->last_ts_ns = event->ts_ns;
	}
	if (event->ts_ns < head->first_ts_ns)
		head->first_ts_ns = event->ts_ns;
	if (event->ts_ns > head->last_ts_ns)
		head->last_ts_ns = event->ts_ns;
	if (event->kind == CT_EVENT_LOST &&
	    __builtin_add_overflow(head->lost, event->lost.events, &head->lost))
		head->lost = UINT64_MAX;
	head->events++;
}

/// Puts the event into the frame in hand; one that is over goes out before.
static int add(struct ct_recording_writer *writer, const struct ct_event *event)
{
	int r;

	if (writer->error)
		return writer->error;
	if (is_too_late(writer, event)) {
		r = write_frame(writer);
		if (r)
			return r;
	}
	r = ct_encoder_add(writer->encoder, event);
	if (r == -ENOSPC) {
		r = write_frame(writer);
		if (r)
			return r;
		r = ct_encoder_add(writer->encoder, event);
	}
	if (r)
		return r;
	count(writer, event);
	return 0;
}

/// What is missing when this event is.
static uint64_t weight(const struct ct_event *event)
{
	switch (event->kind) {
	case CT_EVENT_TICK:
	case CT_EVENT_END:
		return 0;
	case CT_EVENT_LOST:
		return event->lost.events;
	default:
		return 1;
	}
}

int ct_recording_write(struct ct_recording_writer *writer, const struct ct_event *event)
{
	int r = add(writer, event);

	if (__builtin_add_overflow(writer->unwritten, weight(event), &writer->unwritten))
		writer->unwritten = UINT64_MAX;
	return r;
}

void ct_recording_progress(const struct ct_recording_writer *writer,
			   struct ct_recording_progress *ret)
{
	size_t in_hand = 0;

	if (writer->head.events)
		(void)ct_encoder_payload(writer->encoder, &in_hand);
	*ret = (struct ct_recording_progress){
		.error = writer->error,
		.bytes = writer->size,
		.events = writer->head.first_event,
		.bytes_in_hand = in_hand,
		.unwritten = writer->unwritten,
		.unwritten_since_ns = writer->head.events ? writer->began_ns : 0,
	};
}

bool ct_recording_is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/// Index and trailer go out in one piece, so that there is no index without a trailer.
static int write_index(struct ct_recording_writer *writer)
{
	_cleanup_(ct_buf_fini) struct ct_buf end = {};
	uint8_t head[CT_INDEX_HEAD_BYTES], trailer[CT_TRAILER_BYTES];

	if (writer->index.error)
		return writer->index.error;
	if (writer->index.len > UINT32_MAX - CT_INDEX_HEAD_BYTES)
		return -EFBIG;
	ct_index_head_put(head, &(struct ct_index_head){
					.frames = writer->frames,
					.hash = XXH3_64bits(writer->index.data, writer->index.len),
				});
	ct_trailer_put(trailer, &(struct ct_trailer){
					.index_offset = writer->size,
					.frames = writer->frames,
					.events = writer->head.first_event,
				});
	ct_buf_append(&end, head, sizeof(head));
	ct_buf_append(&end, writer->index.data, writer->index.len);
	ct_buf_append(&end, trailer, sizeof(trailer));
	if (end.error)
		return end.error;
	return append(writer, (const uint8_t *)end.data, end.len);
}

int ct_recording_finish(struct ct_recording_writer *writer)
{
	int r = ct_recording_flush(writer);

	if (!r)
		r = write_index(writer);
	if (!r && writer->sync != CT_RECORDING_SYNC_NEVER) {
		sync_name(writer);
		r = sync_data(writer);
	}
	if (writer->file.fd >= 0 && close(CT_TAKE_FD(writer->file.fd)) < 0 && !r)
		r = -errno;
	ct_recording_file_close(&writer->file);
	/* What comes behind the end is refused. */
	if (!writer->error)
		writer->error = r ? r : -EBADF;
	return r;
}

void ct_recording_writer_free(struct ct_recording_writer **writer)
{
	struct ct_recording_writer *w = CT_TAKE_PTR(*writer);

	if (!w)
		return;
	/* Nobody asked whether it went well, but what can be saved is. */
	if (w->file.fd >= 0)
		(void)ct_recording_flush(w);
	ct_recording_file_close(&w->file);
	ct_packer_free(&w->packer);
	ct_encoder_free(&w->encoder);
	ct_buf_fini(&w->index);
	free(w);
}
