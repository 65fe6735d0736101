/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Recordings: write, read, look into. The format is doc/FORMAT.md. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/event.h"
#include "conntrace/session.h"
#include "conntrace/sink.h"
#include "conntrace/source.h"

#define CT_RECORDING_ERR_LEN 256

struct ct_recording_writer;

/**
 * Creates a recording at PATH: a regular file, mode 0600, a symbolic link is not followed.
 *
 * The header is written before it returns. An existing regular file is replaced (truncated).
 *
 * @return 0; -errno of open or write, -ENOMEM; -EINVAL: it is there and no regular file; *ret is
 *         unchanged on failure.
 */
int ct_recording_create(const char *path, const struct ct_session *session,
			struct ct_recording_writer **ret);

/**
 * Appends one event, which ct_decode() has found valid.
 *
 * A frame goes out when it is full, and before an event that is a second later than its first.
 *
 * @return 0; -errno of write, the file is cut back to its last whole frame then, and everything
 *         after it fails with the same; -EINVAL: no kind of event.
 */
int ct_recording_write(struct ct_recording_writer *writer, const struct ct_event *event);

/// Writes what is buffered as a frame of its own. 0 or -errno.
int ct_recording_flush(struct ct_recording_writer *writer);

/**
 * Writes the last frame and the index, and closes the file.
 *
 * On failure (disk full) the file is cut back to its last whole frame.
 *
 * @return 0; -errno of the first failure since it was created; -ENOMEM, -EFBIG: it has no index.
 */
int ct_recording_finish(struct ct_recording_writer *writer);

/// Writes what is buffered if it can, closes without an index if not finished, frees; NULL is fine.
void ct_recording_writer_free(struct ct_recording_writer **writer);

/**
 * A sink that writes every update's event to WRITER, silent ones too.
 *
 * Takes the writer over, also on failure. Flushed, it writes out what is buffered only when ten
 * flushes in a row brought no event.
 *
 * @return 0; -ENOMEM, *ret is unchanged.
 */
int ct_sink_recording_new(struct ct_recording_writer *writer, struct ct_sink **ret);

struct ct_recording_reader;

/**
 * Opens a recording and checks its header.
 *
 * @err_text (CT_RECORDING_ERR_LEN) gets, on failure, what is wrong with the file, without its name:
 *           "is no conntrace recording", "has format version 9, this conntrace reads up to 1".
 * @return 0; -errno of open; -EBADMSG no recording or damaged header; -EPROTONOSUPPORT newer
 * version.
 */
int ct_recording_open(const char *path, char *err_text, struct ct_recording_reader **ret);

/// The same from a descriptor, a pipe too, which is read from where it stands. Takes it over, also
/// on failure.
int ct_recording_open_fd(int fd, char *err_text, struct ct_recording_reader **ret);

/// Frees; NULL is fine.
void ct_recording_reader_free(struct ct_recording_reader **reader);

/// The header's session; lives as long as the reader.
const struct ct_session *ct_recording_session(const struct ct_recording_reader *reader);

/// How whole a recording is, known when it was read to its end.
struct ct_recording_info {
	uint16_t version;
	uint64_t file_bytes;
	uint64_t frames;      /// whole ones
	uint64_t events;      /// in whole frames
	uint64_t lost;	      /// told by the recorder, in whole frames
	uint64_t first_ts_ns; /// CLOCK_MONOTONIC; 0 without events
	uint64_t last_ts_ns;
	uint64_t payload_bytes;		    /// uncompressed
	uint64_t damaged_frames;	    /// passed over: checksum or content is wrong
	uint64_t cut_bytes;		    /// at the end, belonging to no whole frame
	bool has_index;			    /// it was finished properly
	bool has_end;			    /// its last event is CT_EVENT_END
	char problem[CT_RECORDING_ERR_LEN]; /// what is wrong with it in words; "" if nothing
};

/**
 * Source: hands every event of every whole frame to FN, in order.
 *
 * A damaged frame is passed over, and CT_EVENT_LOST (where: CT_LOST_DECODE) stands in its place.
 * When the recording was not ended properly and has no CT_EVENT_END, one is made from the last
 * event's time; one that was ended without it (a limit stopped it) goes without. Behind a loss the
 * first event of a connection in a frame may come with a CT_EVENT_OWNER that repeats what was told
 * before.
 *
 * May be called again, and begins at the first frame again, unless it is a pipe: -ESPIPE.
 *
 * @ret_info is filled whenever it returns 0 or what FN returned.
 * @return 0, also for a damaged recording: ret_info->problem says what is missing;
 *         what FN returned if not 0; -errno of read; -ENOMEM.
 */
int ct_recording_read(struct ct_recording_reader *reader, ct_record_fn fn, void *context,
		      struct ct_recording_info *ret_info);
