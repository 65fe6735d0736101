/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The file that a recording goes to, from the first look to its last byte. */
#pragma once

#include <stdbool.h>

#include "conntrace/confine.h"
#include "conntrace/pipeline.h"
#include "conntrace/recording.h"
#include "conntrace/session.h"

/// Starts as CT_RECORD_FILE_NONE.
struct ct_record_file {
	const char *path; /// borrowed
	struct ct_recording_file file;
	bool created; /// it was not there before, and nothing is in it yet
	/// Borrowed from the sink that it belongs to; NULL before ct_record_file_begin().
	struct ct_recording_writer *writer;
};

#define CT_RECORD_FILE_NONE                          \
	{                                            \
		.file = {.fd = -1, .folder_fd = -1 } \
	}

/**
 * Opens the recording, before anything else is begun: what is there keeps its contents so far.
 *
 * Returns an exit code; what is wrong is printed.
 */
int ct_record_file_open(struct ct_record_file *file, const char *path, bool force);

/// The same; nothing printed and nothing opened if something is there already, -EEXIST, or the disk
/// is full, ct_recording_is_full().
int ct_record_file_try(struct ct_record_file *file, const char *path, bool force);

/// Why a file could not be opened, in words: an -errno of ct_recording_file_open(). Static, or
/// strerror()'s.
const char *ct_record_file_reason(int error);

/// Says so, and what to do about it; the exit code, ct_exit_of_open().
int ct_record_file_refuse(const char *path, int error);

/// Makes the user its owner. An exit code; what is wrong is printed.
int ct_record_file_give(const struct ct_record_file *file, const struct ct_user *user);

/// Writes the header and makes the recording a sink of the pipeline, which ct_sink_recording_new()
/// gets FULL_IS_NO_ERROR for. An exit code; what is wrong is printed. With FULL_IS_NO_ERROR a disk
/// without room for the header is told to nobody but the caller: -errno, ct_recording_is_full().
int ct_record_file_begin(struct ct_record_file *file, enum ct_recording_sync sync,
			 bool full_is_no_error, const struct ct_session *session,
			 struct ct_pipeline *pipeline);

/// Says that -errno ended the recording, and what it holds; CT_EXIT_FAILED.
int ct_record_file_failed(const struct ct_record_file *file, int error);

/// Takes an empty file away again that was created for nothing, as far as its directory permits it
/// by then.
void ct_record_file_fini(struct ct_record_file *file);
