/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The file that a recording goes to, from the first look to its first byte. */
#pragma once

#include <stdbool.h>

#include "conntrace/pipeline.h"
#include "conntrace/session.h"

/// Starts as {}.
struct ct_record_file {
	const char *path; /// borrowed
	bool created;	  /// it was not there before, and nothing is in it yet
};

/**
 * Finds out whether the recording can be written, before anything else is begun.
 *
 * A file that is there keeps its contents. Returns an exit code; what is wrong is printed.
 */
int ct_record_file_probe(struct ct_record_file *file, const char *path);

/// Writes the header and makes the recording a sink of the pipeline. As above.
int ct_record_file_begin(struct ct_record_file *file, const struct ct_session *session,
			 struct ct_pipeline *pipeline);

/// Takes an empty file away again that was created for nothing.
void ct_record_file_fini(struct ct_record_file *file);
