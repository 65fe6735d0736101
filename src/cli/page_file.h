/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* OUT of `report --html`: a regular file that becomes a whole page, or is left empty or away. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "conntrace/recording.h"

/// Starts as CT_PAGE_FILE_NONE, which stands for no page or one on stdout.
struct ct_page_file {
	const char *path; /// borrowed; NULL: none
	struct ct_recording_file file;
	FILE *stream; /// owned; NULL: none, or it is finished
	bool begun;   /// what it held is gone
};

#define CT_PAGE_FILE_NONE                            \
	{                                            \
		.file = {.fd = -1, .folder_fd = -1 } \
	}

/**
 * Opens the page as a recording is opened, ct_recording_file_open(), and changes nothing of one
 * that is there.
 *
 * @recording which must not be that file.
 * @return an exit code; what is wrong is printed.
 */
int ct_page_file_open(struct ct_page_file *page, const char *path, bool force,
		      const char *recording);

/// What it held is gone from here on. Nothing if there is none. An exit code; what is wrong is
/// printed.
int ct_page_file_begin(struct ct_page_file *page);

/// Its last byte was written: puts it on the disk and closes it. 0; -errno, for
/// ct_page_file_failed().
int ct_page_file_finish(struct ct_page_file *page);

/// Says that -errno ended it; CT_EXIT_FAILED.
int ct_page_file_failed(const struct ct_page_file *page, int error);

/// Takes away what was not finished: a file that was there before is empty then.
void ct_page_file_fini(struct ct_page_file *page);
