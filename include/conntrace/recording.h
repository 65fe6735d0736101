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

/// The file that is to become a recording. Starts as {.fd = -1, .folder_fd = -1}.
struct ct_recording_file {
	int fd;
	int folder_fd; /// of the folder it is in, so that its name can be put on the disk; -1:
		       /// unknown
	bool created; /// it was not there before
};

/**
 * Opens a regular file for a recording, and changes nothing of one that is there.
 *
 * A new one has mode 0600. A symbolic link is not followed. What is there already is taken if
 * OVERWRITE says so, or if it is empty, belongs to us, and nobody else may read or write it: so
 * does mktemp(1) make it, and nothing is lost.
 *
 * @return 0; -EEXIST: something is there, and it is not taken; -EINVAL, -ENXIO: it is no regular
 *         file; -ELOOP: it is a symbolic link; -errno of open; *ret is unchanged on failure.
 */
int ct_recording_file_open(const char *path, bool overwrite, struct ct_recording_file *ret);

/// As ct_recording_file_open() would judge without OVERWRITE, but for what cannot be opened: 0 if
/// nothing is there or nothing is lost; -EEXIST; -errno.
int ct_recording_file_check(const char *path);

/// Closes what is open, and leaves it as it starts.
void ct_recording_file_close(struct ct_recording_file *file);

/// When what was written is put on the disk, and not only handed to the kernel.
enum ct_recording_sync {
	CT_RECORDING_SYNC_END = 0, /// when it is finished: its data, and its name in its folder
	CT_RECORDING_SYNC_NEVER,
	CT_RECORDING_SYNC_FRAME, /// its name when it begins, its data behind each frame
};

struct ct_recording_writer;

/**
 * Begins a recording in FILE: what that held is gone, and the header is written.
 *
 * Takes FILE over, also on failure, and leaves it as it starts.
 *
 * @return 0; -errno of ftruncate or write, -ENOMEM; *ret is unchanged on failure.
 */
int ct_recording_create(struct ct_recording_file *file, enum ct_recording_sync sync,
			const struct ct_session *session, struct ct_recording_writer **ret);

/**
 * Appends one event, which ct_decode() has found valid.
 *
 * A frame goes out when it is full, and before an event that is a second later than its first.
 *
 * @return 0; -errno of write or fdatasync, the file is cut back to its last whole frame then;
 *         -ESTALE: the file was deleted meanwhile; -ENODATA: somebody else has cut it; everything
 *         after one of these fails with the same; -EINVAL: no kind of event.
 */
int ct_recording_write(struct ct_recording_writer *writer, const struct ct_event *event);

/// Writes what is buffered as a frame of its own. 0 or -errno, as above.
int ct_recording_flush(struct ct_recording_writer *writer);

/// What a recording holds so far, and what it does not.
struct ct_recording_progress {
	int error;		/// 0 or the -errno that ended it
	uint64_t bytes;		/// of the file up to its last whole frame
	uint64_t events;	/// in whole frames
	uint64_t bytes_in_hand; /// of the frame that is not written yet, before it is compressed
	/// Events that were to be written and are in no whole frame: those that tell of time alone
	/// left out, those that an event says are lost counted in its place.
	uint64_t unwritten;
	uint64_t unwritten_since_ns; /// time of the first event in hand; 0: none is
};

void ct_recording_progress(const struct ct_recording_writer *writer,
			   struct ct_recording_progress *ret);

/// True for an error that says: no room on the disk, or none for this user.
bool ct_recording_is_full(int error);

/**
 * Writes the last frame and the index, puts them on the disk if asked to, and closes the file.
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
 * Takes the writer over, also on failure. What is buffered it writes out with the tenth flush since
 * the first event of that, or sooner.
 *
 * @full_is_no_error A full disk does not end the stream: what comes behind is dropped, and
 *		     ct_recording_progress() counts it as unwritten.
 * @return 0; -ENOMEM, *ret is unchanged.
 */
int ct_sink_recording_new(struct ct_recording_writer *writer, bool full_is_no_error,
			  struct ct_sink **ret);

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

/// How far it has been read, in bytes, and how large the file is by now; *ret_size_bytes is 0 if
/// that is not known, since it is a pipe.
void ct_recording_position(const struct ct_recording_reader *reader, uint64_t *ret_done_bytes,
			   uint64_t *ret_size_bytes);

/// How whole a recording is, known when it was read to its end.
struct ct_recording_info {
	uint16_t version;
	uint64_t file_bytes;
	uint64_t frames;      /// whole ones
	uint64_t events;      /// in whole frames
	uint64_t unreadable;  /// told in place of what is damaged or not known, as CT_LOST_DECODE
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
