/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files of one recording, one after the other: -C, -G and -W. Each is ended and begun as if the
 * run were, while the programs stay attached: what is consumed before the seam goes to the one,
 * what is consumed behind it to the other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "conntrace/source_live.h"
#include "file_names.h"
#include "record_file.h"

struct ct_rotate {
	const struct ct_options *options; /// borrowed
	struct ct_record_file file;	  /// starts as CT_RECORD_FILE_NONE
	struct ct_file_names names;
	uint64_t files;		       /// begun so far
	uint64_t due_ns;	       /// when -G asks for the next one, CLOCK_MONOTONIC
	uint64_t found_bytes;	       /// what was there before takes so much of the file at hand
	uint64_t in_vain;	       /// so many files in a row were full before anything happened
	uint64_t freed_bytes;	       /// by the oldest files that made room for these
	struct ct_pipeline_stats past; /// of the files that are finished
	bool told;		       /// what went wrong has been printed
};

/// A run that goes on in another file.
struct ct_seam {
	struct ct_options *options; /// its processes become those of now
	struct ct_source_live *source;
	struct ct_feed *feed;
	struct ct_pipeline **pipeline; /// another takes its place
	struct ct_session *session;    /// begins anew
	struct ct_pipeline_config config;
};

/// Opens the first file, and looks whether others may be written, before anything else is begun.
/// PATH is borrowed. An exit code; what is wrong is printed.
int ct_rotate_open(struct ct_rotate *rotate, const struct ct_options *options, const char *path);

/// As ct_record_file_begin(), of the file that is open.
int ct_rotate_begin(struct ct_rotate *rotate, const struct ct_session *session,
		    struct ct_pipeline *pipeline);

/// What was there before is told: from here on the file is filled by what happens. Writes it out;
/// 0 or -errno. Where a ring has no room for it, the next turn is due, and no error.
int ct_rotate_settle(struct ct_rotate *rotate);

/// True if it is time for another file, or there is no room for more in this one.
bool ct_rotate_is_due(const struct ct_rotate *rotate);

/// True if the file at hand is the last that is wanted.
bool ct_rotate_is_last(const struct ct_rotate *rotate);

/**
 * Ends the file at hand and begins the next one, with a pipeline of its own; what was there before
 * is still to be told to it.
 *
 * @return 0; CT_PIPELINE_STOP; -errno, of the feed if rotate->told is not set.
 */
int ct_rotate_turn(struct ct_rotate *rotate, struct ct_seam *seam);

/// The run is over, and the pipeline finished: 0, or the -errno of what could not be written.
int ct_rotate_end(const struct ct_rotate *rotate);

/// Of all files together, the one that PIPELINE writes included.
void ct_rotate_stats(const struct ct_rotate *rotate, const struct ct_pipeline *pipeline,
		     struct ct_pipeline_stats *ret);

/// Says what the recording holds, in all its files. counts_connections: as in struct ct_recorded.
void ct_rotate_tell(const struct ct_rotate *rotate, const struct ct_pipeline_stats *stats,
		    bool counts_connections);

void ct_rotate_fini(struct ct_rotate *rotate);
