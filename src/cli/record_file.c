// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"

static int refuse(const char *path, int r)
{
	const char *reason = strerror(-r);

	if (r == -ELOOP)
		reason = "it is a symbolic link, and those are not followed";
	else if (r == -EISDIR)
		reason = "it is a directory";
	ct_error("cannot create the recording '%s': %s", path, reason);
	return CT_EXIT_FAILED;
}

/// Opens for writing without changing what is there. A FIFO or a device must not make it wait.
static int open_unchanged(const char *path, bool *ret_created)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*ret_created = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

int ct_record_file_probe(struct ct_record_file *file, const char *path)
{
	struct stat st;
	bool created;
	_cleanup_(ct_closep) int fd = open_unchanged(path, &created);

	/* ENXIO: a FIFO without a reader. */
	if (fd < 0 && fd != -ENXIO)
		return refuse(path, fd);
	file->path = path;
	file->created = created;
	if (fd == -ENXIO || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ct_error("cannot create the recording '%s': it is no regular file", path);
		return CT_EXIT_FAILED;
	}
	return CT_EXIT_DONE;
}

int ct_record_file_begin(struct ct_record_file *file, const struct ct_session *session,
			 struct ct_pipeline *pipeline)
{
	struct ct_recording_writer *writer = NULL;
	struct ct_sink *sink;
	int r = ct_recording_create(file->path, session, &writer);

	if (r)
		return refuse(file->path, r);
	file->created = false;
	r = ct_sink_recording_new(writer, &sink);
	if (r == 0)
		r = ct_pipeline_add_sink(pipeline, sink);
	return r ? refuse(file->path, r) : CT_EXIT_DONE;
}

void ct_record_file_fini(struct ct_record_file *file)
{
	if (file->created)
		unlink(file->path);
	file->created = false;
}
