// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Written in place, not beside and renamed: who reads a recording has no privileges any more, and
 * may not make files where it could make one before.
 */
#include "page_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"
#include "record_file.h"

static int refuse(const char *path, int error)
{
	ct_error("cannot create the page '%s': %s", path, ct_record_file_reason(error));
	return ct_exit_of_open(error);
}

/// With --force one might ask for it.
static bool is_same(int fd, const char *path)
{
	struct stat ours, other;

	return fstat(fd, &ours) == 0 && stat(path, &other) == 0 && ours.st_dev == other.st_dev &&
	       ours.st_ino == other.st_ino;
}

int ct_page_file_open(struct ct_page_file *page, const char *path, bool force,
		      const char *recording)
{
	int r = ct_recording_file_open(path, force, &page->file);

	page->path = path;
	if (r)
		return refuse(path, r);
	if (is_same(page->file.fd, recording)) {
		ct_error("cannot create the page '%s': it is the recording itself", path);
		return CT_EXIT_FAILED;
	}
	page->stream = fdopen(page->file.fd, "w");
	if (!page->stream)
		return refuse(path, -errno);
	page->file.fd = -1; /* the stream's */
	/* What it is given comes in large pieces; none of it is to come later than asked for. */
	setvbuf(page->stream, NULL, _IONBF, 0);
	return CT_EXIT_DONE;
}

int ct_page_file_begin(struct ct_page_file *page)
{
	if (!page->stream)
		return CT_EXIT_DONE;
	if (ftruncate(fileno(page->stream), 0) < 0)
		return refuse(page->path, -errno);
	page->begun = true;
	return CT_EXIT_DONE;
}

int ct_page_file_finish(struct ct_page_file *page)
{
	if (!page->stream)
		return 0;
	/* What a file system takes and cannot keep is told no later than here. */
	if (fsync(fileno(page->stream)) < 0)
		return -errno;
	ct_fclosep(&page->stream);
	return 0;
}

int ct_page_file_failed(const struct ct_page_file *page, int error)
{
	ct_error("cannot write the page '%s': %s; nothing is left of it", page->path,
		 strerror(-error));
	return CT_EXIT_FAILED;
}

void ct_page_file_fini(struct ct_page_file *page)
{
	int fd = page->stream ? fileno(page->stream) : page->file.fd;

	if (fd >= 0 && page->begun)
		(void)!ftruncate(fd, 0);
	if (fd >= 0 && page->file.created)
		unlink(page->path);
	ct_fclosep(&page->stream);
	ct_recording_file_close(&page->file);
}
