// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/recording.h"

#include <errno.h>
#include <fcntl.h>
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
	int fd;
	int error;     /// 0 or the -errno that ended the recording
	uint64_t size; /// of the file up to its last whole frame
	struct ct_encoder *encoder;
	struct ct_packer *packer;
	struct ct_frame_head head; /// of the frame in hand; events 0: there is none
	uint64_t began_ns;	   /// time of its first event
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

/// Appends to the file, all or nothing. The first failure ends the recording.
static int append(struct ct_recording_writer *writer, const uint8_t *p, size_t len)
{
	int r = write_at(writer->fd, p, len, writer->size);

	if (r) {
		writer->error = r;
		/* If this fails too, the reader finds a frame that is cut. */
		(void)!ftruncate(writer->fd, (off_t)writer->size);
		return r;
	}
	writer->size += len;
	return 0;
}

static int open_file(const char *path)
{
	/* O_NONBLOCK: a FIFO must not stop us before it is found to be no regular file. */
	_cleanup_(ct_closep) int fd = open(
		path, O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return CT_TAKE_FD(fd);
}

/// Opens the file last: what fails before leaves one that is there as it was.
static int begin(struct ct_recording_writer *writer, const char *path,
		 const struct ct_session *session)
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
	writer->fd = open_file(path);
	if (writer->fd < 0)
		return writer->fd;
	return append(writer, (const uint8_t *)header.data, header.len);
}

int ct_recording_create(const char *path, const struct ct_session *session,
			struct ct_recording_writer **ret)
{
	struct ct_recording_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->fd = -1;
	r = begin(writer, path, session);
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
	if (r)
		return r;
	/* Without memory for it the recording goes on: finish() says that it has no index. */
	ct_index_entry_put(entry, offset, head);
	ct_buf_append(&writer->index, entry, sizeof(entry));
	writer->frames++;
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

int ct_recording_write(struct ct_recording_writer *writer, const struct ct_event *event)
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
	if (writer->fd >= 0 && close(writer->fd) < 0 && !r)
		r = -errno;
	writer->fd = -1;
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
	if (w->fd >= 0)
		(void)ct_recording_flush(w);
	ct_closep(&w->fd);
	ct_packer_free(&w->packer);
	ct_encoder_free(&w->encoder);
	ct_buf_fini(&w->index);
	free(w);
}
